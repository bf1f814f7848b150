//! A listener on a thread of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use netmarks_server::{Listener, Peer, Stop, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::hostile::support::ask;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Far beyond the test: whatever ends, ends before.
const PATIENT: Duration = Duration::from_secs(3_600);

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn serve(
    listener: Listener,
    router: impl Fn(Peer) -> Router + Clone + Send + 'static,
    stop: &CancellationToken,
) -> (SocketAddr, JoinHandle<()>) {
    let address = listener.address();
    let end = Stop { begun: stop.clone(), closing: stop.clone(), drain: PATIENT };
    (address, tokio::spawn(listener.serve_on_own_thread(router, end)))
}

async fn plain() -> Listener {
    Listener::bind_plain("test", loopback()).await.unwrap()
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let (gate, (begun, mut begins)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let held = gate.clone();
    let answer = move || {
        let (held, begun) = (held.clone(), begun.clone());
        async move {
            begun.send(()).unwrap();
            drop(held.acquire().await);
            "here\n"
        }
    };
    let (router, stop) = (Router::new().route("/", get(answer)), CancellationToken::new());
    let (address, serving) = serve(plain().await, move |_| router.clone(), &stop);
    let mut client = TcpStream::connect(address).await.unwrap();
    let asking = tokio::spawn(async move { ask(&mut client, REQUEST, "here\n").await });
    begins.recv().await.unwrap();
    stop.cancel();
    assert!(!serving.is_finished());
    gate.add_permits(1);
    assert!(asking.await.unwrap());
    serving.await.unwrap();
}

/// Cannot be cloned for a connection.
struct Fails;

impl Clone for Fails {
    fn clone(&self) -> Self {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn a_panic_of_its_thread_ends_it() {
    let fails = Fails;
    let router = move |_| {
        let _held = &fails;
        Router::new()
    };
    let (address, serving) = serve(plain().await, router, &CancellationToken::new());
    let _client = TcpStream::connect(address).await.unwrap();
    serving.await.unwrap();
}

/// Writes another certificate with its key, the certificate last.
fn install(folder: &Path) -> (Tls, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let [certificate, key] = [folder.join("tls.crt"), folder.join("tls.key")];
    for (path, content) in [(&key, made.signing_key.serialize_pem()), (&certificate, made.cert.pem())] {
        let next = path.with_extension("next");
        std::fs::write(&next, content).unwrap();
        std::fs::rename(next, path).unwrap();
    }
    let files = Tls { cert_file: Some(certificate), key_file: Some(key), client_ca_file: None };
    (files, made.cert.der().clone())
}

/// The certificate that is presented to a client that trusts these.
async fn presented(address: SocketAddr, trusted: &[CertificateDer<'static>]) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap().first().unwrap().clone().into_owned()
}

#[tokio::test]
async fn certificates_that_change_are_presented() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (files, first) = install(folder.path());
    let listener = Listener::bind("server", "test", loopback(), &files).await.unwrap();
    let stop = CancellationToken::new();
    let (address, serving) = serve(listener, |_| Router::new(), &stop);
    assert_eq!(presented(address, std::slice::from_ref(&first)).await, first);
    let (_, second) = install(folder.path());
    let known = [first, second.clone()];
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let reloaded = async {
        while presented(address, &known).await != second {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reloaded).await.unwrap();
    stop.cancel();
    serving.await.unwrap();
}

mod hostile {
    use super::*;

    /// As with a volume that hangs: the work cannot be stopped, and the listener ends all the same.
    #[tokio::test]
    async fn the_end_does_not_wait_for_work_that_hangs() {
        let (_release, held) = std::sync::mpsc::channel::<()>();
        let (held, (begun, mut begins)) = (Arc::new(Mutex::new(held)), mpsc::unbounded_channel());
        let answer = move || {
            let (held, begun) = (held.clone(), begun.clone());
            async move {
                drop(tokio::task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    held.lock().unwrap().recv()
                }));
                "begun\n"
            }
        };
        let (router, stop) = (Router::new().route("/", get(answer)), CancellationToken::new());
        let (address, serving) = serve(plain().await, move |_| router.clone(), &stop);
        let mut client = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut client, REQUEST, "begun\n").await);
        begins.recv().await.unwrap();
        stop.cancel();
        serving.await.unwrap();
    }
}
