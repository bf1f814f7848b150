//! Why a signature does not hold: one over bytes, or one of cosign's in a registry.

use netmarks_core::digest::Digest;

/// The media type of a document that cosign signs.
pub(crate) const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of its layer that holds the signature.
pub(crate) const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// Most signatures of one manifest that are looked at.
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
    /// Not a signature.
    #[error(
        "this is not a signature; expected base64 of a DER signature with ECDSA P-256, as `cosign sign-blob \
         --key` makes it"
    )]
    Malformed,
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
    #[error("what was signed is not the signature of a manifest, but says it is `{kind}`")]
    OtherKind {
        /// Its `critical.type`.
        kind: String,
    },
    /// A signed document that cannot be read.
    #[error("what was signed is not cosign's document about a manifest")]
    Document { source: serde_json::Error },
    /// No signature within the manifest of signatures.
    #[error(
        "the manifest of signatures holds none of cosign's ({PAYLOAD_MEDIA_TYPE}, annotation {ANNOTATION})"
    )]
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
            Self::OtherDigest { .. } => 3,
            Self::OtherKind { .. } | Self::Document { .. } => 2,
            Self::NoKey { .. } => 1,
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
