//! Certificates: read from files, read again when they change.
//!
//! Apart from the accept loop, which takes whatever configuration is current for each new connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use arc_swap::ArcSwap;
use netmarks_files::FileWatch;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::config::Tls;

/// The certificates in use.
#[derive(Debug)]
pub struct Certificates {
    files: Tls,
    current: ArcSwap<ServerConfig>,
    /// Since before the files were first read; taken by [`Self::reload`].
    watch: Mutex<Option<FileWatch>>,
}

impl Certificates {
    /// Reads the files named in `files`.
    ///
    /// # Errors
    /// If a file is missing or holds nothing usable, or the key does not belong to the certificate.
    pub fn load(files: Tls) -> Result<Option<Arc<Self>>> {
        let watch = Mutex::new(Some(FileWatch::new(paths(&files))));
        let config = server_config(&files)?;
        Ok(config.map(|config| Arc::new(Self { current: ArcSwap::from_pointee(config), files, watch })))
    }

    /// What a new connection uses.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again whenever their content changes, until cancelled. Certificates that cannot be read
    /// leave the old ones in use.
    pub async fn reload(self: Arc<Self>, shutdown: tokio_util::sync::CancellationToken) {
        let begun = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut watch = begun.unwrap_or_else(|| FileWatch::new(paths(&self.files)));
        while watch.changed(&shutdown).await {
            match server_config(&self.files) {
                Ok(Some(config)) => {
                    self.current.store(Arc::new(config));
                    tracing::info!("TLS certificates reloaded");
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "changed TLS files not taken over");
                }
            }
        }
    }
}

fn paths(files: &Tls) -> Vec<PathBuf> {
    let Tls { cert_file, key_file, client_ca_file } = files;
    [cert_file, key_file, client_ca_file].into_iter().flatten().cloned().collect()
}

fn server_config(files: &Tls) -> Result<Option<ServerConfig>> {
    let (cert_file, key_file) = match (&files.cert_file, &files.key_file) {
        (Some(cert), Some(key)) => (cert, key),
        (None, None) if files.client_ca_file.is_none() => return Ok(None),
        _ => bail!("TLS needs both `server.tls.cert_file` and `server.tls.key_file`"),
    };
    let chain = certificates(cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file)
        .with_context(|| format!("failed to read the private key in {}", key_file.display()))?;
    let builder = ServerConfig::builder();
    let builder = match &files.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(ca_file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca_file)? {
                roots
                    .add(certificate)
                    .with_context(|| format!("{} holds an unusable CA certificate", ca_file.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder(roots.into())
                .build()
                .with_context(|| format!("{} holds no usable CA certificate", ca_file.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).with_context(|| {
        format!("the key in {} does not fit the certificate in {}", key_file.display(), cert_file.display())
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("failed to read certificates in {}", file.display()))?;
    if certificates.is_empty() {
        bail!("{} holds no PEM certificate", file.display());
    }
    Ok(certificates)
}
