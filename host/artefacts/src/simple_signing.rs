//! The legacy signatures of manifests: what cosign before 3 keeps in a registry ("simple signing").
//!
//! The signature of manifest `sha256:<hex>` is a manifest with the tag `sha256-<hex>.sig` in the same repository; each of its
//! layers is a small JSON document that names the digest, signed over its bytes as they are. They are verified where the operator
//! accepts them, and no longer made.
//!
//! `critical.identity.docker-reference` is signed too but not compared with the repository that is pulled from: a mirror
//! keeps the signatures of what it mirrors, and the digest alone names the content. cosign compares it no more by default.
//! Who needs the same key to mean different things in two repositories should use two keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_core::digest::Digest;
use serde::Deserialize;

use crate::keys::Keys;
use crate::signature_error::SignatureError;

/// Largest signed document, in bytes; one of cosign has about 250.
pub(crate) const PAYLOAD_BYTES: u64 = 64 << 10;

/// What `critical.type` says.
const TYPE: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Document {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
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
    let signature = STANDARD.decode(signature.trim()).map_err(|_| SignatureError::Malformed)?;
    let key = keys.verify(Digest::of(document), &signature)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;

    fn keys() -> (Keys, SigningKey) {
        let pair = rcgen::KeyPair::generate().unwrap();
        (
            Keys::from_pem(&pair.public_key_pem()).unwrap(),
            SigningKey::from_pem(&pair.serialize_pem()).unwrap(),
        )
    }

    fn sign(key: &SigningKey, kind: &str, manifest: Digest) -> (Vec<u8>, String) {
        let document = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/zone"}},"image":{{"docker-manifest-digest":"{manifest}"}},"type":"{kind}"}},"optional":null}}"#
        );
        let signature = STANDARD.encode(key.sign(document.as_bytes()));
        (document.into_bytes(), signature)
    }

    #[test]
    fn a_document_about_the_manifest_holds() {
        let (keys, key) = keys();
        let manifest = Digest::of(b"manifest");
        let (document, signature) = sign(&key, TYPE, manifest);
        assert_eq!(verify(&keys, &document, &signature, manifest).unwrap(), keys.ids().next().unwrap());
        assert_eq!(tag(manifest), format!("sha256-{}.sig", manifest.hex()));
    }

    #[test]
    fn a_document_about_something_else_is_refused() {
        let (keys, key) = keys();
        let (manifest, other) = (Digest::of(b"manifest"), Digest::of(b"other"));
        let (document, signature) = sign(&key, TYPE, other);
        let error = verify(&keys, &document, &signature, manifest).unwrap_err();
        assert!(matches!(&error, SignatureError::OtherDigest { signed, .. } if *signed == other.to_string()));
        let (document, signature) = sign(&key, "atomic", manifest);
        let error = verify(&keys, &document, &signature, manifest).unwrap_err();
        assert!(matches!(&error, SignatureError::OtherKind { kind } if kind == "atomic"), "{error}");
        let signature = STANDARD.encode(key.sign(b"a policy"));
        let error = verify(&keys, b"a policy", &signature, manifest).unwrap_err();
        assert!(matches!(&error, SignatureError::Document { .. }), "{error}");
    }

    #[test]
    fn an_altered_document_is_refused_before_it_is_read() {
        let (keys, key) = keys();
        let manifest = Digest::of(b"manifest");
        let (mut document, signature) = sign(&key, TYPE, manifest);
        document.push(b' ');
        let error = verify(&keys, &document, &signature, manifest).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
    }
}
