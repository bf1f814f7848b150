//! A bound address, plain or TLS, and serving routes on it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::browser::{Names, Pages};
use crate::peer::Peer;
use crate::places::Places;
use crate::serve::{Shared, serve};
use crate::stop::Stop;
use crate::tls::{Certificates, Tls, TlsError};

/// Blocking work at once of a listener on its own thread: answers that are written in parts, eight lists of decisions among them, for as
/// long as their clients read; and beside them the metrics page and certificates that are read again.
const BLOCKING_THREADS: usize = 16;

/// An address that is bound and not served yet, so that a taken one is known before anything starts.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    places: Arc<Places>,
    has_page: bool,
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not this machine's.
    #[error("failed to listen on {address}; choose another with {flag}, port 0 takes any free one")]
    Bind {
        /// The flag or key that says where to listen.
        flag: &'static str,
        address: SocketAddr,
        #[source]
        error: std::io::Error,
    },
    /// The files of its TLS section cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Listener {
    /// Binds `address`, which `flag` chooses, for the section `section` of the configuration (`server`, `admin`), whose `tls`
    /// these files are.
    ///
    /// # Errors
    /// If the address cannot be bound, or the files cannot be used.
    pub async fn bind(
        section: &'static str,
        flag: &'static str,
        address: SocketAddr,
        tls: &Tls,
    ) -> Result<Self, ListenError> {
        let certificates = Certificates::load(section, tls.clone())?;
        Self::with(flag, address, certificates).await
    }

    /// Binds `address`, which `flag` chooses, plain.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind_plain(flag: &'static str, address: SocketAddr) -> Result<Self, ListenError> {
        Self::with(flag, address, None).await
    }

    async fn with(
        flag: &'static str,
        address: SocketAddr,
        certificates: Option<Arc<Certificates>>,
    ) -> Result<Self, ListenError> {
        let bound = async {
            let tcp = TcpListener::bind(address).await?;
            let address = tcp.local_addr()?;
            Ok((tcp, address))
        };
        let (tcp, address) = bound.await.map_err(|error| ListenError::Bind { flag, address, error })?;
        Ok(Self { tcp, address, certificates, places: Arc::default(), has_page: false })
    }

    /// What its routes have at `/` is a page, which may ask the others and be opened by a link from elsewhere.
    #[must_use]
    pub fn with_page(self) -> Self {
        Self { has_page: true, ..self }
    }

    /// Where it listens: the port that was free, if any was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificates.is_some() { "https" } else { "http" }
    }

    pub(crate) fn places(&self) -> Arc<Places> {
        self.places.clone()
    }

    /// The same as [`Self::serve`] on a thread and a runtime of its own. Where one client asks one thing after the other, an answer
    /// costs less CPU if no request and no part of it goes from one thread to another. What may take long has to be spawned
    /// elsewhere: nothing else is answered here meanwhile.
    ///
    /// Cancel safe: the thread goes on until `stop`.
    pub async fn serve_on_own_thread(
        self,
        router: impl Fn(Peer) -> Router + Clone + Send + 'static,
        stop: Stop,
    ) {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let work = move || {
            // Held to the end, a panic's too.
            let _end = end;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS)
                .build();
            match runtime {
                Ok(runtime) => OwnRuntime(Some(runtime)).block_on(self.serve(router, stop)),
                Err(error) => tracing::error!(%error, "failed to start the runtime of a listener"),
            }
        };
        match std::thread::Builder::new().name("listener".into()).spawn(work) {
            // Nothing is sent: the end of the thread drops the other side.
            Ok(_) => drop(ended.await),
            Err(error) => tracing::error!(%error, "failed to start the thread of a listener"),
        }
    }

    /// Serves what `router` makes for each connection, until `stop`; certificates that change are read again.
    pub async fn serve(self, router: impl Fn(Peer) -> Router + Clone + Send + 'static, stop: Stop) {
        let Self { tcp, address, certificates, places, has_page } = self;
        // With TLS, a page would need a certificate for the name that it uses for us.
        let open_to_pages = certificates.is_none() && address.ip().is_loopback();
        let names = if open_to_pages { Names::Loopback } else { Names::Any };
        let secure = certificates.is_some();
        let pages = if has_page { Pages::Own { secure } } else { Pages::None };
        let reload = async {
            if let Some(certificates) = &certificates {
                certificates.reload(&stop.closing).await;
            }
        };
        // To be woken by the runtime that it is served on, which may not be the one that it was bound on.
        let tcp = match tcp.into_std().and_then(TcpListener::from_std) {
            Ok(tcp) => tcp,
            Err(error) => {
                tracing::error!(%error, %address, "failed to serve what was bound");
                return;
            }
        };
        let shared = Shared { certificates: certificates.clone(), names, pages, places, stop: stop.clone() };
        tokio::join!(serve(tcp, shared, router), reload);
    }
}

/// A runtime whose end, a panic's too, does not wait for its blocking threads: one that reads from a volume that hangs must not keep the
/// process.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn block_on(&self, work: impl Future<Output = ()>) {
        if let Some(runtime) = &self.0 {
            runtime.block_on(work);
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
