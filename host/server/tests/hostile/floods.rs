//! Connections that do nothing, by the hundred, beside one that asks.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use netmarks_server::{CloseReason, ConnectionState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{Running, ask};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// More than there are places for one client, and than there are places.
pub(super) const FLOOD: usize = 700;

/// The scheduler's connection, kept while others come, and one that it opens beside them.
pub(super) async fn is_served_beside(running: &Running, scheduler: &mut TcpStream, flood: &[TcpStream]) {
    assert!(ask(scheduler, GET, "here\n").await, "it lost its place to {} others", flood.len());
    let mut newcomer = running.connect().await;
    assert!(ask(&mut newcomer, GET, "here\n").await, "{} others keep it out", flood.len());
    assert!(running.all_open() <= 512);
}

/// A connection on which this was sent.
pub(super) async fn member(running: &Running, sends: &str) -> TcpStream {
    let mut stream = running.connect().await;
    // It may have been closed for the next already.
    drop(stream.write_all(sends.as_bytes()).await);
    stream
}

pub(super) async fn flood(running: &Running, sends: &str) -> Vec<TcpStream> {
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        flood.push(member(running, sends).await);
    }
    flood
}

pub(super) async fn scheduler(running: &Running) -> TcpStream {
    let mut scheduler = running.connect().await;
    assert!(ask(&mut scheduler, GET, "here\n").await);
    scheduler
}

#[tokio::test]
async fn idle_connections_keep_nobody_out() {
    let running = Running::start().await;
    let mut scheduler = scheduler(&running).await;
    let flood = flood(&running, "").await;
    is_served_beside(&running, &mut scheduler, &flood).await;
    assert!(running.closed(CloseReason::Displaced) >= (FLOOD - 256) as u64);
}

#[tokio::test]
async fn nor_do_connections_that_were_served_once() {
    let running = Running::start().await;
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        let mut stream = running.connect().await;
        assert!(ask(&mut stream, GET, "here\n").await);
        flood.push(stream);
    }
    let mut newcomer = running.connect().await;
    assert!(ask(&mut newcomer, GET, "here\n").await);
}

#[tokio::test]
async fn nor_do_half_sent_heads() {
    let running = Running::start().await;
    let mut scheduler = scheduler(&running).await;
    let flood = flood(&running, "GET / HTTP/1.1\r\nHost: ").await;
    is_served_beside(&running, &mut scheduler, &flood).await;
}

#[tokio::test]
async fn nor_do_half_sent_bodies() {
    let running = Running::start().await;
    let mut scheduler = scheduler(&running).await;
    let flood =
        flood(&running, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n0123").await;
    is_served_beside(&running, &mut scheduler, &flood).await;
}

#[tokio::test]
async fn nor_do_clients_that_read_no_answer() {
    let running = Running::start().await;
    let mut scheduler = scheduler(&running).await;
    let flood = flood(&running, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    is_served_beside(&running, &mut scheduler, &flood).await;
}

#[tokio::test]
async fn nor_do_handshakes_that_are_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start_tls(folder.path()).await;
    // As far as the first bytes of a record.
    let _flood = flood(&running, "\u{16}\u{3}\u{1}").await;
    let newcomer = running.connect().await;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(anybody()));
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut newcomer = connector.connect(name, newcomer).await.unwrap();
    newcomer.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    newcomer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// A client that takes any certificate.
fn anybody() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous();
    builder
        .with_custom_certificate_verifier(std::sync::Arc::new(any_certificate::Verifier(provider)))
        .with_no_client_auth()
}

mod any_certificate {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::CryptoProvider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub(super) struct Verifier(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for Verifier {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

/// Closed by the server, not by its client.
async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    drop(stream.read_to_end(&mut rest).await);
}

/// The clock stands still except where everybody waits, so the deadlines pass at once.
#[tokio::test(start_paused = true)]
async fn whoever_begins_and_does_not_go_on_is_closed_in_seconds() {
    let running = Running::start().await;
    let begun = tokio::time::Instant::now();
    for sends in ["", "GET / HTTP/1.1\r\nHost: ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut silent = running.connect().await;
        silent.write_all(sends.as_bytes()).await.unwrap();
        is_closed(&mut silent).await;
    }
    assert!(begun.elapsed().as_secs() <= 20, "{:?}", begun.elapsed());
    assert_eq!(running.closed(CloseReason::RequestTimeout), 3);
    let mut unread = running.connect().await;
    unread.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    while running.closed(CloseReason::Unread) == 0 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(running.open(ConnectionState::Sending), 0);
}
