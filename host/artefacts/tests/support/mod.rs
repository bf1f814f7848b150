//! What the tests of this crate share: a registry, keys, certificates.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

pub mod dump;
pub mod plain_client;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use netmarks_artefacts::{
    Description, FetchConfig, FetchError, Fetcher, Keys, LegacySignatures, Reference, SigningKey, Verifier,
};
use netmarks_test_cluster::{Authority, OciOptions, OciRegistry};
use rcgen::KeyPair;

/// Long beside anything here, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What is pushed.
pub const COMPONENT: &[u8] = b"\0asm the bytes of a component";

/// What is said of it.
pub fn nothing() -> Description {
    Description::default()
}

/// The name of its file alone.
pub fn named(title: &str) -> Description {
    Description { title: Some(title.to_owned()), ..nothing() }
}

/// What a registry asks of its clients.
#[derive(Default)]
pub struct Options<'a> {
    pub password: bool,
    pub tls: Option<&'a Authority>,
}

/// A registry, and references to it.
pub struct Registry(OciRegistry);

impl Registry {
    pub async fn start(options: Options<'_>) -> Result<Self> {
        let Options { password, tls } = options;
        let certificate = tls.map(Authority::issue).transpose()?;
        Ok(Self(OciRegistry::start(OciOptions { password, certificate }).await?))
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.0.address()
    }

    /// A reference to this registry.
    pub fn reference(&self, rest: &str) -> Reference {
        reference(&format!("{}/{rest}", self.address()))
    }

    /// Where it keeps the bytes of a blob.
    pub fn blob(&self, digest: netmarks_artefacts::Digest) -> PathBuf {
        self.0.blob(&digest.hex())
    }

    /// How many requests of its log are as this says, such as `"GET /v2/zone/blobs/`.
    pub fn requests(&self, beginning: &str) -> Result<usize> {
        self.0.requests(beginning)
    }
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A fetcher without credentials, keys or certificates.
pub fn anonymous() -> Fetcher {
    Fetcher::new(FetchConfig::default())
}

/// Accepts signatures by these keys.
pub fn trusting(keys: Keys, legacy: LegacySignatures) -> Option<Verifier> {
    Verifier::new(Some(keys), Vec::new(), legacy)
}

pub fn requiring(keys: Keys) -> Fetcher {
    let verifier = trusting(keys, LegacySignatures::Refused);
    Fetcher::new(FetchConfig { verifier, ..FetchConfig::default() })
}

/// A key pair.
pub fn key_pair() -> (Keys, SigningKey) {
    let pair = KeyPair::generate().unwrap();
    (Keys::from_pem(&pair.public_key_pem()).unwrap(), SigningKey::from_pem(&pair.serialize_pem()).unwrap())
}

/// A bundle of this key over `bytes`.
pub fn sign(key: &SigningKey, bytes: &[u8]) -> String {
    netmarks_artefacts::sign_blob(key, bytes).unwrap()
}

/// An error with all its causes, in one line.
pub fn chain(error: FetchError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// What a TLS server on loopback needs, with a certificate of this authority.
pub fn tls_server(authority: &Authority) -> Result<Arc<tokio_rustls::rustls::ServerConfig>> {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (certificate, key) = authority.issue()?;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let config = tokio_rustls::rustls::ServerConfig::builder().with_no_client_auth();
    Ok(Arc::new(config.with_single_cert(vec![certificate], key)?))
}

/// Serves HTTP on loopback until the test ends; returns host and port.
pub async fn serve(router: axum::Router) -> Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// A body that never ends.
pub fn endless() -> axum::body::Body {
    let chunks = std::iter::repeat_with(|| Ok::<_, std::convert::Infallible>(vec![b' '; 16 << 10]));
    axum::body::Body::from_stream(futures::stream::iter(chunks))
}
