//! Certificates: read from files, read again when they change. The accept loop takes whatever is current for each new
//! connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use netmarks_core::errors::chain;
use netmarks_files::FileWatch;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// A section `tls` of the configuration: PEM files, which are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The server's certificate with its chain.
    pub cert_file: Option<PathBuf>,
    /// The private key of the certificate.
    pub key_file: Option<PathBuf>,
    /// If set, clients must present a certificate that one of these authorities signed.
    pub client_ca_file: Option<PathBuf>,
}

/// Why the files of a section `tls` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two files is missing from the configuration.
    #[error("TLS needs both `{section}.tls.cert_file` and `{section}.tls.key_file`")]
    Half {
        /// `server` or `admin`.
        section: &'static str,
    },
    /// A file cannot be read, or is not PEM.
    #[error("failed to read {what} in {} (`{section}.tls.{key}`)", path.display())]
    Read {
        /// `server` or `admin`.
        section: &'static str,
        /// The last part of the key that names the file.
        key: &'static str,
        /// What was looked for.
        what: &'static str,
        path: PathBuf,
        #[source]
        error: pem::Error,
    },
    /// A file holds no certificate.
    #[error("{} (`{section}.tls.{key}`) holds no PEM certificate", path.display())]
    NoCertificate {
        /// `server` or `admin`.
        section: &'static str,
        /// The last part of the key that names the file.
        key: &'static str,
        path: PathBuf,
    },
    /// A certificate of an authority cannot be used as one.
    #[error("{} (`{section}.tls.client_ca_file`) holds an unusable CA certificate", path.display())]
    Authority {
        /// `server` or `admin`.
        section: &'static str,
        path: PathBuf,
        #[source]
        error: rustls::Error,
    },
    /// No client could be verified by the authorities.
    #[error("{} (`{section}.tls.client_ca_file`) holds no usable CA certificate", path.display())]
    NoAuthority {
        /// `server` or `admin`.
        section: &'static str,
        path: PathBuf,
        #[source]
        error: VerifierBuilderError,
    },
    /// Key and certificate are not of one another.
    #[error("the key in {} does not fit the certificate in {} (`{section}.tls`)", key.display(), certificate.display())]
    Mismatch {
        /// `server` or `admin`.
        section: &'static str,
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        #[source]
        error: Box<rustls::Error>,
    },
}

impl TlsError {
    /// The key that names the file, or the section where it is about several.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Half { section } | Self::Mismatch { section, .. } => format!("{section}.tls"),
            Self::Read { section, key, .. } | Self::NoCertificate { section, key, .. } => {
                format!("{section}.tls.{key}")
            }
            Self::Authority { section, .. } | Self::NoAuthority { section, .. } => {
                format!("{section}.tls.client_ca_file")
            }
        }
    }
}

impl Tls {
    /// Checks that the keys of the section `section` fit together. No file is read.
    ///
    /// # Errors
    /// If a certificate is without its key, a key without its certificate, or authorities are without both.
    pub fn validate(&self, section: &'static str) -> Result<(), TlsError> {
        self.pair(section).map(drop)
    }

    /// The files of certificate and key, if TLS is set.
    fn pair(&self, section: &'static str) -> Result<Option<(&Path, &Path)>, TlsError> {
        let Self { cert_file, key_file, client_ca_file } = self;
        match (cert_file, key_file) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) if client_ca_file.is_none() => Ok(None),
            _ => Err(TlsError::Half { section }),
        }
    }

    /// Checks that the files can be used, as a listener of the section `section` would.
    ///
    /// # Errors
    /// For each file that is missing or holds nothing usable, or else if the key does not belong to the certificate.
    pub fn check(&self, section: &'static str) -> Result<(), Vec<TlsError>> {
        let Some((cert_file, key_file)) = self.pair(section).map_err(|error| vec![error])? else {
            return Ok(());
        };
        let authorities = self.client_ca_file.as_deref();
        let unreadable: Vec<TlsError> = [
            certificates(section, "cert_file", cert_file).err(),
            private_key(section, key_file).err(),
            authorities.and_then(|path| certificates(section, "client_ca_file", path).err()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !unreadable.is_empty() {
            return Err(unreadable);
        }
        server_config(section, self).map(drop).map_err(|error| vec![error])
    }

    fn paths(&self) -> Vec<PathBuf> {
        let Self { cert_file, key_file, client_ca_file } = self;
        [cert_file, key_file, client_ca_file].into_iter().flatten().cloned().collect()
    }
}

/// The certificates in use.
#[derive(Debug)]
pub(crate) struct Certificates {
    section: &'static str,
    files: Tls,
    current: ArcSwap<ServerConfig>,
    /// Since before the files were first read; taken by [`Self::reload`].
    watch: Mutex<Option<FileWatch>>,
}

impl Certificates {
    /// Reads the files, if any is named.
    pub(crate) fn load(section: &'static str, files: Tls) -> Result<Option<Arc<Self>>, TlsError> {
        let watch = Mutex::new(Some(FileWatch::new(files.paths())));
        let config = server_config(section, &files)?;
        Ok(config
            .map(|config| Arc::new(Self { section, current: ArcSwap::from_pointee(config), files, watch })))
    }

    /// What a new connection uses.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again whenever they change, until cancelled. Certificates that cannot be read leave the old ones
    /// in use.
    pub(crate) async fn reload(&self, shutdown: &CancellationToken) {
        let begun = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut watch = begun.unwrap_or_else(|| FileWatch::new(self.files.paths()));
        while watch.changed(shutdown).await {
            let (section, files) = (self.section, self.files.clone());
            // The files can be on a volume that hangs, and a worker that waits for it answers nobody.
            let reading = tokio::task::spawn_blocking(move || server_config(section, &files));
            let Some(read) = shutdown.run_until_cancelled(reading).await else { return };
            // The task ends early only with the runtime, or by a panic, which standard error shows.
            let Ok(read) = read else { continue };
            match read {
                Ok(Some(config)) => {
                    self.current.store(Arc::new(config));
                    tracing::info!(section, "TLS certificates reloaded");
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(section, error = chain(&error), "changed TLS files not taken over");
                }
            }
        }
    }
}

fn server_config(section: &'static str, files: &Tls) -> Result<Option<ServerConfig>, TlsError> {
    let Some((cert_file, key_file)) = files.pair(section)? else { return Ok(None) };
    let chain = certificates(section, "cert_file", cert_file)?;
    let key = private_key(section, key_file)?;
    let builder = ServerConfig::builder();
    let builder = match &files.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(section, "client_ca_file", path)? {
                let added = roots.add(certificate);
                added.map_err(|error| TlsError::Authority { section, path: path.clone(), error })?;
            }
            let verifier = WebPkiClientVerifier::builder(roots.into()).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| TlsError::NoAuthority {
                section,
                path: path.clone(),
                error,
            })?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| TlsError::Mismatch {
        section,
        key: key_file.to_owned(),
        certificate: cert_file.to_owned(),
        error: Box::new(error),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(config))
}

fn private_key(section: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::Read {
        section,
        key: "key_file",
        what: "the private key",
        path: path.to_owned(),
        error,
    })
}

fn certificates(
    section: &'static str,
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| TlsError::Read {
        section,
        key,
        what: "certificates",
        path: path.to_owned(),
        error,
    })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { section, key, path: path.to_owned() });
    }
    Ok(certificates)
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
