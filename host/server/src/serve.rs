//! The accept loop: plain or TLS, HTTP/1.1 and HTTP/2, bounded, and drained at shutdown.
//!
//! Our own rather than `axum::serve` for what it leaves out: handshakes that do not hold up others, deadlines and places
//! against clients that never send (see [`crate::places`]), and an end that takes no request from a client (see [`Stop`]).
//!
//! There is no maximum age of a connection. It would spread clients over replicas again after a rolling upgrade, but the
//! client is one kube-scheduler, which asks for one pod after the other: wherever it is, one replica has all the work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::browser::{Names, Pages};
use crate::connection::connection;
use crate::peer::Peer;
use crate::places::{Place, Places};
use crate::seldom::Seldom;
use crate::stop::Stop;
use crate::tls::Certificates;
use crate::tracked::TrackedStream;

/// Pause after a failed accept: out of file descriptors is an error that comes at once and in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often is looked for connections whose time is over.
const SWEEP: Duration = Duration::from_secs(1);

/// What all connections of a listener share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) names: Names,
    pub(crate) pages: Pages,
    pub(crate) places: Arc<Places>,
    pub(crate) stop: Stop,
}

/// Serves until `shared.stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Shared,
    router: impl Fn(Peer) -> Router + Clone + Send + 'static,
) {
    let Shared { places, stop, .. } = &shared;
    let mut connections = JoinSet::new();
    let accept_line = Seldom::default();
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            () = stop.closing.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            _ = sweep.tick() => {
                places.sweep();
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                // Dropped, and so closed, if there is no place for it.
                if let Some(place) = places.take(address.ip(), shared.certificates.is_some()) {
                    connections.spawn(client(stream, address, place, shared.clone(), router.clone()));
                }
            }
            Err(error) => {
                if accept_line.is_due() {
                    tracing::warn!(%error, "failed to accept a connection");
                }
                places.shed();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(stop.drain, ended).await.is_err() {
        let drain = stop.drain;
        tracing::warn!(?drain, "connections were still busy at the end of the drain and are closed");
    }
    connections.shutdown().await;
}

async fn client(
    stream: TcpStream,
    address: SocketAddr,
    place: Place,
    shared: Shared,
    router: impl Fn(Peer) -> Router,
) {
    let Shared { certificates, names, pages, places: _, stop } = shared;
    let answered = (names, pages);
    // Answers are small and awaited: never hold one back to fill a packet.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY not set");
    }
    let stream = TrackedStream::new(stream, place.activity.clone());
    let Some(certificates) = certificates else {
        connection(stream, router(Peer::plain(address)), answered, &place, &stop).await;
        return;
    };
    let handshake = TlsAcceptor::from(certificates.current()).accept(stream);
    let stream = tokio::select! {
        stream = handshake => stream,
        () = place.closed.cancelled() => {
            tracing::debug!(%address, "TLS handshake given up");
            return;
        }
    };
    match stream {
        Ok(stream) => {
            place.activity.secured();
            let peer = Peer::tls(address, &stream);
            connection(stream, router(peer), answered, &place, &stop).await;
        }
        Err(error) if place.handshake_failed() => tracing::info!(%address, %error, "TLS handshake failed"),
        Err(error) => tracing::debug!(%address, %error, "TLS handshake failed"),
    }
}
