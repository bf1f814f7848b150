//! The accept loop: plain or TLS, HTTP/1.1 and HTTP/2, bounded, and drained at shutdown.
//!
//! Our own rather than `axum::serve` for three things that it leaves out: handshakes that do not hold up others,
//! timeouts against clients that never send, and a limit on connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::tls::Certificates;

/// Most connections at once. kube-scheduler opens a handful; a flood must not exhaust file descriptors.
const CONNECTIONS: usize = 512;

/// A TLS handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An idle connection is closed after this. Go's client closes its own after 90 s; if we were first, a request could
/// cross our close on the wire and its pod would be placed without scores.
const IDLE: Duration = Duration::from_secs(120);

/// Pause after a failed accept: out of file descriptors is an error that comes at once and in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// SHA-256 of the client certificate that the handshake verified, as `sha256:...`; none over plain HTTP, or where
    /// no certificate is asked for.
    pub certificate: Option<String>,
}

fn certificate<S>(stream: &TlsStream<S>) -> Option<String> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    Some(
        Sha256::digest(certificate)
            .iter()
            .fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    )
}

/// Serves until `shutdown`, then finishes the requests under way for at most `drain`.
pub async fn serve(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    router: impl Fn(Peer) -> Router + Clone + Send + 'static,
    shutdown: CancellationToken,
    drain: Duration,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, address, permit)) = accepted else { continue };
        let (router, watcher) = (router.clone(), graceful.watcher());
        let acceptor = certificates.as_ref().map(|certificates| TlsAcceptor::from(certificates.current()));
        connections.spawn(async move {
            let _permit = permit;
            match acceptor {
                None => {
                    let peer = Peer { address, certificate: None };
                    connection(stream, router(peer), watcher).await;
                }
                Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let peer = Peer { address, certificate: certificate(&stream) };
                        connection(stream, router(peer), watcher).await;
                    }
                    Ok(Err(error)) => tracing::info!(%error, "TLS handshake failed"),
                    Err(_) => tracing::info!("TLS handshake timed out"),
                },
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(?drain, "connections were still busy at the end of the drain and are closed");
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are small and awaited: never hold one back to fill a packet.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY not set");
            }
            Some((stream, address, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "failed to accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(IDLE).keep_alive_timeout(IDLE);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(error, "connection ended");
    }
}
