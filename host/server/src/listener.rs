//! A bound address, plain or TLS, and serving routes on it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use crate::browser::{Names, Pages};
use crate::peer::Peer;
use crate::places::Places;
use crate::serve::{Shared, serve};
use crate::stop::Stop;
use crate::tls::{Certificates, Tls, TlsError};

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
        let shared = Shared { certificates: certificates.clone(), names, pages, places, stop: stop.clone() };
        tokio::join!(serve(tcp, shared, router), reload);
    }
}
