//! A listener on a free port, and clients by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use netmarks_server::{Census, CloseReason, ConnectionState, Connections, Listener, Stop, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Far more than a socket buffers.
pub(crate) const LARGE: usize = 32 << 20;

/// A listener that answers `GET /`, echoes the length of what `POST /` brings, and has much to say at `/large`.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    connections: Connections,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::serve(Listener::bind_plain("test", loopback()).await.unwrap())
    }

    /// With a certificate of its own in `folder`.
    pub(crate) async fn start_tls(folder: &Path) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let [certificate, key] = [folder.join("tls.crt"), folder.join("tls.key")];
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let files = Tls { cert_file: Some(certificate), key_file: Some(key), client_ca_file: None };
        Self::serve(Listener::bind("server", "test", loopback(), &files).await.unwrap())
    }

    fn serve(listener: Listener) -> Self {
        let (address, connections) = (listener.address(), Connections::default());
        connections.follow("test", &listener);
        let large = Bytes::from(vec![b'x'; LARGE]);
        let router = Router::new()
            .route("/", get(|| async { "here\n" }))
            .route("/", post(|body: Bytes| async move { body.len().to_string() }))
            .route("/large", get(move || async move { Body::from(large) }));
        let stop = CancellationToken::new();
        let end = Stop { begun: stop.clone(), closing: stop.clone(), ..Stop::default() };
        tokio::spawn(listener.serve(move |_| router.clone(), end));
        Self { address, connections, stop }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn census(&self) -> Census {
        self.connections.census().pop().unwrap().1
    }

    pub(crate) fn open(&self, state: ConnectionState) -> usize {
        self.census().open.into_iter().find(|(known, _)| *known == state).unwrap().1
    }

    pub(crate) fn closed(&self, reason: CloseReason) -> u64 {
        self.census().closed.into_iter().find(|(known, _)| *known == reason).unwrap().1
    }

    pub(crate) fn all_open(&self) -> usize {
        self.census().open.into_iter().map(|(_, count)| count).sum()
    }
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Asks on a connection and reads the answer, which `ends` with this; whether it was answered.
pub(crate) async fn ask(stream: &mut TcpStream, request: &str, ends: &str) -> bool {
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while !answer.ends_with(ends.as_bytes()) {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => answer.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
    true
}
