//! The accept loop: plain or TLS, HTTP/1.1 and HTTP/2, bounded, and drained at shutdown.
//!
//! Our own rather than `axum::serve` for what it leaves out: handshakes that do not hold up others, timeouts against
//! clients that never send, a limit on connections, and an end that takes no request from a client (see [`Stop`]).
//!
//! There is no maximum age of a connection. It would spread clients over replicas again after a rolling upgrade, but the
//! client is one kube-scheduler, which asks for one pod after the other: wherever it is, one replica has all the work.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;

use netmarks_core::digest::Digest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::tls::Certificates;

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
    pub address: SocketAddr,
    /// SHA-256 of the client certificate that the handshake verified, as `sha256:...`; none over plain HTTP, or where
    /// no certificate is asked for.
    pub certificate: Option<String>,
}

fn certificate<S>(stream: &TlsStream<S>) -> Option<String> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    Some(Digest::of(certificate).to_string())
}

/// When and how a server ends. Two steps, since those who send clients here learn of the first one only after a while.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Clients are asked to leave, each at a moment when it has nothing under way: HTTP/1.1 by `Connection: close` with
    /// its next answer, HTTP/2 by GOAWAY. Whoever connects is still served.
    pub begun: CancellationToken,
    /// Nobody is accepted any more, and connections that were idle all the time are closed.
    pub closing: CancellationToken,
    /// How long the requests under way may take after that.
    pub drain: Duration,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    router: impl Fn(Peer) -> Router + Clone + Send + 'static,
    stop: Stop,
) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.closing.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, address, permit)) = accepted else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        let acceptor = certificates.as_ref().map(|certificates| TlsAcceptor::from(certificates.current()));
        connections.spawn(async move {
            let _permit = permit;
            match acceptor {
                None => {
                    let peer = Peer { address, certificate: None };
                    connection(stream, router(peer), &stop).await;
                }
                Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let peer = Peer { address, certificate: certificate(&stream) };
                        connection(stream, router(peer), &stop).await;
                    }
                    Ok(Err(error)) => tracing::info!(%error, "TLS handshake failed"),
                    Err(_) => tracing::info!("TLS handshake timed out"),
                },
            }
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(stop.drain, ended).await.is_err() {
        let drain = stop.drain;
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
    stop: &Stop,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(IDLE).keep_alive_timeout(IDLE);
    let router = TowerToHyperService::new(router);
    let http_2_asked = CancellationToken::new();
    let service = service_fn(|request: Request<Incoming>| {
        let http_2 = request.version() == Version::HTTP_2;
        if http_2 {
            http_2_asked.cancel();
        }
        let (answer, begun) = (router.call(request), stop.begun.clone());
        async move {
            let mut answer = answer.await?;
            if !http_2 && begun.is_cancelled() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // hyper's graceful end closes an idle HTTP/1.1 connection at once, and a request that crosses it on the wire is
    // lost; so there it waits for the second step. HTTP/2 has no such race, but a connection that is told to go away
    // before its first request was made for nothing, and the client may give up after a few: so not before that.
    let leave = async {
        tokio::select! {
            () = stop.closing.cancelled() => {}
            () = async { tokio::join!(stop.begun.cancelled(), http_2_asked.cancelled()); } => {}
        }
    };
    let ended = tokio::select! {
        // What has arrived is read before an idle connection is closed.
        biased;
        ended = connection.as_mut() => ended,
        () = leave => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}
