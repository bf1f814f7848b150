//! Signatures of manifests, in the layout that cosign keeps in a registry ("simple signing").
//!
//! Apart from the registry so that what a signature must say is decided in one pure function. The signature of manifest
//! `sha256:<hex>` is a manifest with the tag `sha256-<hex>.sig` in the same repository; each of its layers is a small JSON
//! document that names the digest, signed over its bytes as they are.
//!
//! `critical.identity.docker-reference` is signed too but not compared with the repository that is pulled from: a mirror
//! keeps the signatures of what it mirrors, and the digest alone names the content. cosign compares it no more by default.
//! Who needs the same key to mean different things in two repositories should use two keys.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::keys::{Keys, SigningKey};

/// The media type of a signed document.
pub(crate) const PAYLOAD_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of its layer that holds the signature.
pub(crate) const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// Most signatures of one manifest that are looked at.
pub(crate) const MOST: usize = 32;

/// Largest signed document, in bytes; one of cosign has about 250.
pub(crate) const PAYLOAD_BYTES: u64 = 64 << 10;

/// What `critical.type` says.
const TYPE: &str = "cosign container image signature";

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed: there is no {place}; sign it with `{command}`")]
    Missing {
        /// Where it should be.
        place: String,
        /// What makes it.
        command: String,
    },
    /// Not a signature.
    #[error(
        "what should be a signature is none; expected base64 of a DER signature with ECDSA P-256, as `cosign sign-blob \
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
    Document {
        /// Why.
        source: serde_json::Error,
    },
    /// No signature within the manifest of signatures.
    #[error(
        "the manifest of signatures holds none of cosign's ({PAYLOAD_MEDIA_TYPE}, annotation {ANNOTATION})"
    )]
    Empty,
    /// More signatures than are looked at.
    #[error("it has {found} signatures and none of the first {MOST} holds; remove those that are not needed")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A file with a signature that cannot be read.
    #[error("failed to read the signature in {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
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

#[derive(Serialize, Deserialize)]
struct Document {
    critical: Critical,
    /// Whatever the signer added; nothing here is used.
    #[serde(default)]
    optional: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    docker_manifest_digest: String,
}

/// The tag of the signatures of a manifest.
pub(crate) fn tag(manifest: Digest) -> String {
    format!("sha256-{}.sig", manifest.hex())
}

/// Checks one signed document for `manifest` and returns the id of the key.
///
/// # Errors
/// If it was not signed by one of the keys, or says something else.
pub(crate) fn verify<'a>(
    keys: &'a Keys,
    document: &[u8],
    signature: &str,
    manifest: Digest,
) -> Result<&'a str, SignatureError> {
    // The signature first: what nobody signed is not even parsed.
    let key = keys.verify_blob(document, signature)?;
    let Document { critical, .. } =
        serde_json::from_slice(document).map_err(|source| SignatureError::Document { source })?;
    if critical.kind != TYPE {
        return Err(SignatureError::OtherKind { kind: critical.kind });
    }
    let signed = critical.image.docker_manifest_digest;
    if signed == manifest.to_string() {
        Ok(key)
    } else {
        Err(SignatureError::OtherDigest { signed, actual: manifest })
    }
}

/// The document that says that `manifest` of `repository` is meant, and its signature.
///
/// # Errors
/// Never in practice: the document is made of texts.
pub(crate) fn sign(
    key: &SigningKey,
    repository: &str,
    manifest: Digest,
) -> Result<(Vec<u8>, String), serde_json::Error> {
    let document = serde_json::to_vec(&Document {
        critical: Critical {
            identity: Identity { docker_reference: repository.to_owned() },
            image: Image { docker_manifest_digest: manifest.to_string() },
            kind: TYPE.to_owned(),
        },
        optional: None,
    })?;
    let signature = key.sign_blob(&document);
    Ok((document, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (Keys, SigningKey) {
        let pair = rcgen::KeyPair::generate().unwrap();
        (
            Keys::from_pem(&pair.public_key_pem()).unwrap(),
            SigningKey::from_pem(&pair.serialize_pem()).unwrap(),
        )
    }

    #[test]
    fn the_document_is_cosigns() {
        let (keys, key) = keys();
        let manifest = Digest::of(b"manifest");
        let (document, signature) = sign(&key, "registry.example/zone", manifest).unwrap();
        assert_eq!(
            String::from_utf8(document.clone()).unwrap(),
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/zone"}},"image":{{"docker-manifest-digest":"{manifest}"}},"type":"cosign container image signature"}},"optional":null}}"#
            )
        );
        verify(&keys, &document, &signature, manifest).unwrap();
        assert_eq!(tag(manifest), format!("sha256-{}.sig", manifest.hex()));
    }

    #[test]
    fn a_document_about_something_else_is_refused() {
        let (keys, key) = keys();
        let (manifest, other) = (Digest::of(b"manifest"), Digest::of(b"other"));
        let (document, signature) = sign(&key, "registry.example/zone", other).unwrap();
        let error = verify(&keys, &document, &signature, manifest).unwrap_err();
        assert!(matches!(&error, SignatureError::OtherDigest { signed, .. } if *signed == other.to_string()));
        for (text, expected) in [
            (
                format!(
                    r#"{{"critical":{{"identity":{{"docker-reference":""}},"image":{{"docker-manifest-digest":"{manifest}"}},"type":"atomic"}}}}"#
                ),
                "says it is `atomic`",
            ),
            ("a policy".to_owned(), "not cosign's document"),
        ] {
            let signature = key.sign_blob(text.as_bytes());
            let error = verify(&keys, text.as_bytes(), &signature, manifest).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn an_altered_document_is_refused_before_it_is_read() {
        let (keys, key) = keys();
        let manifest = Digest::of(b"manifest");
        let (mut document, signature) = sign(&key, "registry.example/zone", manifest).unwrap();
        document.push(b' ');
        let error = verify(&keys, &document, &signature, manifest).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
    }

    #[test]
    fn of_several_reasons_the_most_telling_is_kept() {
        let no_key = || SignatureError::NoKey { keys: String::new() };
        let other = || SignatureError::OtherDigest { signed: String::new(), actual: Digest::of(b"") };
        assert!(matches!(SignatureError::Malformed.or(no_key()), SignatureError::NoKey { .. }));
        assert!(matches!(other().or(no_key()), SignatureError::OtherDigest { .. }));
        assert!(matches!(no_key().or(other()), SignatureError::OtherDigest { .. }));
    }
}
