//! Why a signature does not hold.

use netmarks_core::digest::Digest;

use crate::authority_error::CertificateError;

/// The predicate of the statement with which cosign signs a manifest.
pub(crate) const SIGNATURE_STATEMENT: &str = "https://sigstore.dev/cosign/sign/v1";

/// The media type of a document that cosign signs.
pub(crate) const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of its layer that holds the signature.
pub(crate) const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// Most signatures of one manifest that are looked at, of each form.
pub(crate) const MOST: usize = 32;

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// No signature was found.
    #[error("it is not signed: there is no {place}; sign it with `{command}`")]
    Missing {
        /// Where it should be.
        place: String,
        /// What makes it.
        command: String,
    },
    /// In none of the forms.
    #[error("this is not a signature; expected a Sigstore bundle, as `cosign sign-blob --bundle` writes it")]
    Unknown,
    /// Not a signature.
    #[error("this is not a signature with ECDSA P-256 in DER, as cosign makes it")]
    Malformed,
    /// More bytes than a bundle has.
    #[error("the signature has {bytes} bytes, more than a bundle may have")]
    TooLarge { bytes: usize },
    /// A form that is refused unless the operator accepts it.
    #[error(
        "{what} is a legacy signature, which is refused; sign with cosign 3 (`{command}`), or accept the legacy form with \
         `policies.legacy_signatures: true`"
    )]
    Legacy {
        what: String,
        /// What makes the bundle.
        command: String,
    },
    /// Not a bundle.
    #[error("this is not a Sigstore bundle, as `cosign sign-blob --bundle` writes it")]
    Bundle { source: serde_json::Error },
    /// A bundle of another version.
    #[error(
        "the signature is of the type `{found}`; Sigstore bundles of version 0.3 are verified, as cosign 3 makes them"
    )]
    BundleVersion { found: String },
    /// A bundle with something missing, or too much.
    #[error("the Sigstore bundle holds {problem}")]
    Content { problem: &'static str },
    /// Signed with a key where only certificates count.
    #[error("it is signed with a key, and no keys are trusted; list the key in `policies.trusted_keys`")]
    NoKeysTrusted,
    /// Signed with a certificate where only keys count.
    #[error(
        "it is signed with a certificate, and no authority is trusted; list its authority and the signer in \
         `policies.trusted_authorities`, or sign with a key"
    )]
    NoAuthorityTrusted,
    /// A certificate that does not count.
    #[error("its certificate does not count")]
    Certificate {
        #[from]
        source: CertificateError,
    },
    /// A wrong signature beside a good certificate.
    #[error("the signature does not hold: the content is not what was signed with the certificate's key")]
    NotByCertificate,
    /// A wrong signature.
    #[error(
        "the signature does not hold: the content is not what was signed, or none of the configured keys ({keys}) signed it"
    )]
    NoKey {
        /// The ids of the configured keys.
        keys: String,
    },
    /// A signature of something else.
    #[error("the signature is for {signed} and not for {actual}; sign this one too")]
    OtherDigest {
        /// What was signed.
        signed: String,
        /// What was pulled.
        actual: Digest,
    },
    /// A signed document that says something else.
    #[error(
        "what was signed says it is `{kind}`, which is not a signature of a policy; expected one as `cosign sign` makes it"
    )]
    OtherKind {
        /// Its type.
        kind: String,
    },
    /// A signed document that cannot be read.
    #[error("what was signed is not cosign's document about a digest")]
    Document { source: serde_json::Error },
    /// No signature within the manifest of signatures.
    #[error("what is attached to the manifest holds no signature of cosign's")]
    Empty,
    /// More signatures than are looked at.
    #[error("it has {found} signatures and none of the first {MOST} holds; remove those that are not needed")]
    TooMany { found: usize },
}

impl SignatureError {
    /// The more telling of two: who signed something else is nearer to the mistake than who signed nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    fn weight(&self) -> u8 {
        match self {
            Self::OtherDigest { .. } => 5,
            Self::OtherKind { .. } | Self::Document { .. } => 4,
            Self::Certificate { source } => 1 + source.weight(),
            Self::NoKey { .. } | Self::NotByCertificate => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_reasons_the_most_telling_is_kept() {
        let no_key = || SignatureError::NoKey { keys: String::new() };
        let other = || SignatureError::OtherDigest { signed: String::new(), actual: Digest::of(b"") };
        assert!(matches!(SignatureError::Malformed.or(no_key()), SignatureError::NoKey { .. }));
        assert!(matches!(other().or(no_key()), SignatureError::OtherDigest { .. }));
        assert!(matches!(no_key().or(other()), SignatureError::OtherDigest { .. }));
    }
}
