//! Public keys whose signatures are accepted, and the private key that makes them.
//!
//! In which document a signature is kept does not matter here: a signature over bytes is the same in every one.
//! Keys are ECDSA P-256, signatures DER over SHA-256, as cosign makes them.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_core::digest::Digest;
use netmarks_files::Content;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{self, Signature, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use crate::signature_error::SignatureError;

/// Longest signature in DER: one of P-256 has at most 72 bytes.
const SIGNATURE_BYTES: usize = 256;

/// Public keys, at least one: a signature by any of them is accepted, so that keys can be rotated.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: String,
    key: VerifyingKey,
}

/// Keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("failed to read the keys in {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// In this file.
    #[error("failed to use the keys in {path}")]
    InFile { path: PathBuf, source: Box<KeyError> },
    /// Nothing that looks like a public key.
    #[error(
        "there is no `-----BEGIN PUBLIC KEY-----`; expected the cosign.pub of `cosign generate-key-pair`"
    )]
    None,
    /// A block that is cut off or damaged.
    #[error("public key {number} is not a whole PEM block")]
    Pem {
        /// Which of the file, from 1.
        number: usize,
        source: pem::Error,
    },
    /// A public key of another kind.
    #[error("public key {number} is not of ECDSA P-256, as `cosign generate-key-pair` makes them")]
    Public {
        /// Which of the file, from 1.
        number: usize,
        source: p256::pkcs8::spki::Error,
    },
    /// A private key of another kind.
    #[error(
        "expected an unencrypted PKCS#8 private key of ECDSA P-256 (`-----BEGIN PRIVATE KEY-----`), as `openssl genpkey \
         -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes them; cosign's encrypted keys are for cosign only"
    )]
    Private { source: Box<dyn std::error::Error + Send + Sync> },
}

impl Keys {
    /// Reads every public key of a text with one or more PEM blocks.
    ///
    /// # Errors
    /// If the text holds no key, or one is not of P-256: a key left out silently would refuse policies later.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes());
        let keys = blocks.zip(1..).map(|(block, number)| {
            let block = block.map_err(|source| KeyError::Pem { number, source })?;
            let key = VerifyingKey::from_public_key_der(&block).and_then(|key| Ok((id(&key)?, key)));
            let (id, key) = key.map_err(|source| KeyError::Public { number, source })?;
            Ok(Key { id, key })
        });
        let keys: Vec<Key> = keys.collect::<Result<_, KeyError>>()?;
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self(keys)) }
    }

    /// Reads the public keys of some files, each with one or more PEM blocks.
    ///
    /// # Errors
    /// If a file cannot be read, is larger than 1 MiB, or as for [`Keys::from_pem`].
    pub fn read<P: AsRef<Path>>(files: &[P]) -> Result<Self, KeyError> {
        let mut all = Vec::new();
        for path in files {
            let path = path.as_ref();
            let text = read_text(path)?;
            let keys = Self::from_pem(&text);
            all.extend(keys.map_err(|source| in_file(path, source))?.0);
        }
        if all.is_empty() { Err(KeyError::None) } else { Ok(Self(all)) }
    }

    /// Their ids: the first 16 hexadecimal digits of the SHA-256 of each key's `SubjectPublicKeyInfo`.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Checks a signature (DER) over the bytes that have this digest, and returns the id of the key that made it. The digest
    /// is what is signed, so the bytes are hashed once, however many keys there are.
    pub(crate) fn verify(&self, digest: Digest, signature: &[u8]) -> Result<&str, SignatureError> {
        let signature = parse(signature)?;
        let made_by = self.0.iter().find(|key| key.key.verify_prehash(digest.as_bytes(), &signature).is_ok());
        made_by
            .map(|key| key.id.as_str())
            .ok_or_else(|| SignatureError::NoKey { keys: self.ids().collect::<Vec<_>>().join(", ") })
    }
}

/// Reads a signature, in DER.
fn parse(signature: &[u8]) -> Result<Signature, SignatureError> {
    if signature.len() > SIGNATURE_BYTES {
        return Err(SignatureError::Malformed);
    }
    Signature::from_der(signature).map_err(|_| SignatureError::Malformed)
}

/// Whether this key, that of a certificate, made the signature (DER) over the bytes that have this digest.
pub(crate) fn verify_with(
    key: &VerifyingKey,
    digest: Digest,
    signature: &[u8],
) -> Result<(), SignatureError> {
    let signature = parse(signature)?;
    key.verify_prehash(digest.as_bytes(), &signature).map_err(|_| SignatureError::NotByCertificate)
}

/// A private key to sign with.
#[derive(Clone, Debug)]
pub struct SigningKey {
    key: ecdsa::SigningKey,
    hint: String,
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 key.
    ///
    /// # Errors
    /// For anything else.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes());
        let block = block.map_err(|source| KeyError::Private { source: source.into() })?;
        let key = ecdsa::SigningKey::from_pkcs8_der(block.secret_pkcs8_der());
        let key = key.map_err(|source| KeyError::Private { source: source.into() })?;
        let public = key.verifying_key().to_public_key_der();
        let public = public.map_err(|source| KeyError::Private { source: source.into() })?;
        let hint = STANDARD.encode(Digest::of(public.as_bytes()).as_bytes());
        Ok(Self { key, hint })
    }

    /// Reads a file with an unencrypted PKCS#8 key.
    ///
    /// # Errors
    /// If it cannot be read, is larger than 1 MiB, or holds anything else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::from_pem(&read_text(path)?).map_err(|source| in_file(path, source))
    }

    /// The signature over `bytes`, in DER. The same bytes give the same signature (RFC 6979).
    #[must_use]
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign(bytes);
        signature.to_der().as_bytes().to_vec()
    }

    /// How cosign names the key in a bundle: base64 of the SHA-256 of its `SubjectPublicKeyInfo`.
    pub(crate) fn hint(&self) -> &str {
        &self.hint
    }
}

fn id(key: &VerifyingKey) -> Result<String, p256::pkcs8::spki::Error> {
    let mut id = Digest::of(key.to_public_key_der()?.as_bytes()).hex();
    id.truncate(16);
    Ok(id)
}

fn read_text(path: &Path) -> Result<String, KeyError> {
    let fail = |source| KeyError::File { path: path.to_owned(), source };
    match netmarks_files::read(path, netmarks_files::SMALL).map_err(fail)? {
        Content::Whole(bytes) => String::from_utf8(bytes).map_err(|error| fail(std::io::Error::other(error))),
        Content::TooLarge => Err(fail(std::io::ErrorKind::FileTooLarge.into())),
    }
}

fn in_file(path: &Path, source: KeyError) -> KeyError {
    KeyError::InFile { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by OpenSSL, so that both sides are not ours: `openssl genpkey`, `openssl pkey -pubout`, and
    /// `printf 'a policy' | openssl dgst -sha256 -sign key.pem | base64 -w0`.
    const OPENSSL_PUBLIC: &str = include_str!("../tests/data/openssl.pub");
    const OPENSSL_SIGNATURE: &str = include_str!("../tests/data/a-policy.sig");

    fn other() -> rcgen::KeyPair {
        rcgen::KeyPair::generate().unwrap()
    }

    #[test]
    fn what_openssl_signed_is_accepted() {
        let keys = Keys::from_pem(OPENSSL_PUBLIC).unwrap();
        let signature = STANDARD.decode(OPENSSL_SIGNATURE.trim()).unwrap();
        assert_eq!(keys.verify(Digest::of(b"a policy"), &signature).unwrap(), keys.ids().next().unwrap());
        let error = keys.verify(Digest::of(b"b policy"), &signature).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
    }

    #[test]
    fn what_we_sign_is_accepted_by_its_own_key_only() {
        let own = other();
        let signature = SigningKey::from_pem(&own.serialize_pem()).unwrap().sign(b"bytes");
        let (own, stranger) = (own.public_key_pem(), other().public_key_pem());
        Keys::from_pem(&own).unwrap().verify(Digest::of(b"bytes"), &signature).unwrap();
        let error = Keys::from_pem(&stranger).unwrap().verify(Digest::of(b"bytes"), &signature).unwrap_err();
        assert!(matches!(error, SignatureError::NoKey { .. }), "{error}");
        // Rotation: the old and the new key side by side.
        let both = Keys::from_pem(&format!("{stranger}\n{own}")).unwrap();
        assert_eq!(both.verify(Digest::of(b"bytes"), &signature).unwrap(), both.ids().nth(1).unwrap());
    }

    #[test]
    fn what_is_no_signature_is_named_so() {
        let keys = Keys::from_pem(OPENSSL_PUBLIC).unwrap();
        for wrong in [&[][..], &[1; 64], &[0x30; 4096]] {
            let error = keys.verify(Digest::of(b"a policy"), wrong).unwrap_err();
            assert!(matches!(error, SignatureError::Malformed), "{error}");
        }
    }

    #[test]
    fn keys_of_another_kind_are_refused_with_what_is_expected() {
        assert!(matches!(Keys::from_pem("").unwrap_err(), KeyError::None));
        assert!(matches!(Keys::from_pem(&other().serialize_pem()).unwrap_err(), KeyError::None));
        let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mixed = format!("{OPENSSL_PUBLIC}{}", ed25519.public_key_pem());
        let error = Keys::from_pem(&mixed).unwrap_err();
        assert!(error.to_string().starts_with("public key 2 is not of ECDSA P-256"), "{error}");
        for text in ["", &ed25519.serialize_pem(), OPENSSL_PUBLIC] {
            let error = SigningKey::from_pem(text).unwrap_err();
            assert!(error.to_string().contains("PKCS#8"), "{error}");
        }
        let cut_off = format!("{OPENSSL_PUBLIC}-----BEGIN PUBLIC KEY-----\nMFkw");
        let error = Keys::from_pem(&cut_off).unwrap_err();
        assert_eq!(error.to_string(), "public key 2 is not a whole PEM block");
    }

    #[test]
    fn files_are_named_in_errors() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("cosign.pub");
        let empty = folder.path().join("empty.pub");
        std::fs::write(&good, OPENSSL_PUBLIC).unwrap();
        std::fs::write(&empty, "").unwrap();
        assert_eq!(Keys::read(&[&good]).unwrap().ids().count(), 1);
        let error = Keys::read(&[&good, &empty]).unwrap_err();
        assert!(error.to_string().contains("empty.pub"), "{error}");
        let error = Keys::read(&[folder.path().join("missing.pub")]).unwrap_err();
        assert!(error.to_string().contains("missing.pub"), "{error}");
        assert!(matches!(Keys::read::<&Path>(&[]).unwrap_err(), KeyError::None));
    }
}
