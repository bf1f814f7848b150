//! What the tests of this crate share: Debian's registry as a process, keys, certificates.
#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use netmarks_artefacts::{FetchConfig, FetchError, Fetcher, Keys, Reference, SigningKey};
use netmarks_test_cluster::process::{Process, Program};
use netmarks_test_cluster::until;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Long beside anything here, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// `user` with the password `hunter2`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

/// What a registry asks of its clients.
#[derive(Default)]
pub struct Options<'a> {
    pub password: bool,
    pub tls: Option<&'a Authority>,
}

/// A registry of Debian's package `docker-registry` on loopback.
pub struct Registry {
    folder: tempfile::TempDir,
    process: Process,
    address: String,
}

impl Registry {
    pub async fn start(options: Options<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        // It listens on a port of its own choice, and logs which: no other process can have taken it.
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: 127.0.0.1:0\n",
            path("data").display()
        );
        if let Some(authority) = options.tls {
            let (certificate, key) = authority.issue()?;
            std::fs::write(path("tls.crt"), certificate)?;
            std::fs::write(path("tls.key"), key)?;
            config += &format!(
                "  tls: {{certificate: {}, key: {}}}\n",
                path("tls.crt").display(),
                path("tls.key").display()
            );
        }
        if options.password {
            std::fs::write(path("htpasswd"), HTPASSWD)?;
            config +=
                &format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", path("htpasswd").display());
        }
        std::fs::write(path("config.yml"), config)?;
        let arguments = vec!["serve".to_owned(), path("config.yml").display().to_string()];
        let mut process = Program::new("docker-registry", "docker-registry", arguments, folder.path())
            .start()
            .context("is Debian's package docker-registry installed?")?;
        let address = until("the registry's address", LIMIT, async || {
            process.check_alive()?;
            let log = std::fs::read_to_string(&process.program().log)?;
            let address =
                log.split("listening on ").nth(1).and_then(|rest| rest.split(['"', ',', ' ']).next());
            Ok(address.map(str::to_owned))
        })
        .await?;
        Ok(Self { folder, process, address })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A reference to this registry.
    pub fn reference(&self, rest: &str) -> Reference {
        reference(&format!("{}/{rest}", self.address))
    }

    /// Where it keeps the bytes of a blob.
    pub fn blob(&self, digest: netmarks_artefacts::Digest) -> PathBuf {
        let hex = digest.hex();
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// How many requests of its log are as this says, such as `"GET /v2/zone/blobs/`.
    pub fn requests(&self, beginning: &str) -> Result<usize> {
        Ok(std::fs::read_to_string(&self.process.program().log)?.matches(beginning).count())
    }
}

pub fn reference(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A fetcher without credentials, keys or certificates.
pub fn anonymous() -> Fetcher {
    Fetcher::new(FetchConfig::default())
}

pub fn requiring(keys: Keys) -> Fetcher {
    Fetcher::new(FetchConfig { keys: Some(keys), ..FetchConfig::default() })
}

/// A key pair.
pub fn key_pair() -> (Keys, SigningKey) {
    let pair = KeyPair::generate().unwrap();
    (Keys::from_pem(&pair.public_key_pem()).unwrap(), SigningKey::from_pem(&pair.serialize_pem()).unwrap())
}

/// An error with all its causes, in one line.
pub fn chain(error: FetchError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// A certificate authority of nobody's.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(DnType::CommonName, "tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, self.pem())?)
    }

    /// Certificate and key for loopback.
    pub fn issue(&self) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        Ok((parameters.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }

    /// What a TLS server needs.
    pub fn server(&self) -> Result<Arc<tokio_rustls::rustls::ServerConfig>> {
        use tokio_rustls::rustls::pki_types::pem::PemObject as _;
        use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (certificate, key) = self.issue()?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let config = tokio_rustls::rustls::ServerConfig::builder().with_no_client_auth();
        Ok(Arc::new(config.with_single_cert(vec![certificate], key)?))
    }
}

/// Serves HTTP on loopback until the test ends; returns host and port.
pub async fn serve(router: axum::Router) -> Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
