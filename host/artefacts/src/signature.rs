//! Signatures of manifests, in the layout that cosign keeps in a registry ("simple signing").
//!
//! What a signature must say is decided in one pure function, [`verify`]. The signature of manifest
//! `sha256:<hex>` is a manifest with the tag `sha256-<hex>.sig` in the same repository; each of its layers is a small JSON
//! document that names the digest, signed over its bytes as they are.
//!
//! `critical.identity.docker-reference` is signed too but not compared with the repository that is pulled from: a mirror
//! keeps the signatures of what it mirrors, and the digest alone names the content. cosign compares it no more by default.
//! Who needs the same key to mean different things in two repositories should use two keys.

use netmarks_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::keys::{Keys, SigningKey};
use crate::signature_error::SignatureError;

/// Largest signed document, in bytes; one of cosign has about 250.
pub(crate) const PAYLOAD_BYTES: u64 = 64 << 10;

/// What `critical.type` says.
const TYPE: &str = "cosign container image signature";

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
    let key = keys.verify(Digest::of(document), signature)?;
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
}
