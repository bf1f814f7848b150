//! Why an authority cannot be used, or a certificate does not count.

use std::path::PathBuf;

use rustls::pki_types::pem;

/// An authority that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("failed to read the certificates in {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// In this file.
    #[error("failed to use the certificates in {path}")]
    InFile { path: PathBuf, source: Box<AuthorityError> },
    /// Nothing that looks like a certificate.
    #[error("there is no `-----BEGIN CERTIFICATE-----`; expected the authority's certificates as PEM")]
    None,
    /// Nobody who may sign.
    #[error(
        "no identity is listed; an authority has many customers, so list the emails, URIs or DNS names that may sign policies"
    )]
    Identities,
    /// A block that is cut off or damaged.
    #[error("certificate {number} is not a whole PEM block")]
    Pem {
        /// Which of the file, from 1.
        number: usize,
        source: pem::Error,
    },
    /// A block that is not a certificate.
    #[error("certificate {number} cannot be read")]
    Certificate {
        /// Which of the file, from 1.
        number: usize,
        source: webpki::Error,
    },
}

/// Why a certificate that came with a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate of the signature cannot be read")]
    Malformed { source: x509_cert::der::Error },
    #[error(
        "the certificate of the signature does not lead to a trusted authority, is not valid now, or is not for code signing"
    )]
    Untrusted { source: webpki::Error },
    #[error("the certificate of the signature was issued to {found}; trusted are only {expected}")]
    Identity {
        /// Its names.
        found: String,
        /// Those that the operator listed.
        expected: String,
    },
    #[error("the key of the certificate is not of ECDSA P-256")]
    Key { source: p256::pkcs8::spki::Error },
}

impl CertificateError {
    /// How near it is to what would have counted, for choosing the error to show.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Self::Malformed { .. } => 0,
            Self::Untrusted { .. } => 1,
            Self::Identity { .. } | Self::Key { .. } => 2,
        }
    }
}
