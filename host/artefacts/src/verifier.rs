//! Whether a signature holds: whose keys and certificates count, and in which forms.
//!
//! One verification for every door: a file's signature beside it, an upload's header, a ConfigMap's key, a bundle of a registry.
//! Three forms reach it as text.
//!
//! | Form | Made by | Accepted |
//! |---|---|---|
//! | Sigstore bundle 0.3 | `cosign sign`, `cosign sign-blob --bundle`, `netmarks policy push --key` | yes |
//! | base64 of a signature alone | `cosign sign-blob --output-signature`, OpenSSL | [`LegacySignatures::Accepted`] |
//! | cosign's own JSON, with `base64Signature` | `cosign sign-blob --bundle` before 3 | [`LegacySignatures::Accepted`], with a trusted key alone |
//!
//! The last may hold a certificate or a key of its own. They are never looked at: a verifier that takes the key out of what it
//! verifies accepts everything (GHSA-fx35-mq7g-6g98 was that in cosign).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use netmarks_core::digest::Digest;
use rustls::pki_types::UnixTime;
use serde::Deserialize;

use crate::authority::{self, Authority, Chain};
use crate::keys::{self, Keys};
use crate::signature_error::SignatureError;
use crate::sigstore_bundle::{BUNDLE_BYTES, Bundle, Material};
use crate::simple_signing;

/// What makes the signature of a file.
pub(crate) const SIGN_BLOB: &str = "cosign sign-blob --key cosign.key --bundle FILE.sigstore.json FILE";

/// Whether signatures in forms that cosign 3 no longer makes by default count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegacySignatures {
    #[default]
    Refused,
    Accepted,
}

/// Holds whose signatures are accepted: those of any key, and of any listed identity of an authority.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Option<Keys>,
    authorities: Vec<Authority>,
    legacy: LegacySignatures,
}

/// cosign's own bundle, before it took Sigstore's. Only what is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyBundle {
    base64_signature: String,
}

impl Verifier {
    /// Nothing if neither keys nor authorities are trusted: then no signature is required.
    #[must_use]
    pub fn new(keys: Option<Keys>, authorities: Vec<Authority>, legacy: LegacySignatures) -> Option<Self> {
        (keys.is_some() || !authorities.is_empty()).then_some(Self { keys, authorities, legacy })
    }

    /// Whether legacy signatures count.
    #[must_use]
    pub fn legacy(&self) -> LegacySignatures {
        self.legacy
    }

    /// Checks a signature, in any of the forms, over the content with this digest. Returns who made it: the id of a key, or the
    /// identity of a certificate.
    ///
    /// # Errors
    /// If this is not a signature, does not hold, or is of a form that is refused.
    pub fn verify(&self, content: Digest, signature: &str) -> Result<String, SignatureError> {
        self.verify_at(content, signature, authority::now())
    }

    fn verify_at(&self, content: Digest, signature: &str, now: UnixTime) -> Result<String, SignatureError> {
        if signature.len() as u64 > BUNDLE_BYTES {
            return Err(SignatureError::TooLarge { bytes: signature.len() });
        }
        let signature = signature.trim();
        if !signature.starts_with('{') {
            return self.verify_legacy("base64 without a bundle", content, signature);
        }
        // Sigstore's has a media type, whatever its version.
        if let Ok(LegacyBundle { base64_signature }) = serde_json::from_str(signature) {
            return self.verify_legacy("a bundle of cosign before 3", content, &base64_signature);
        }
        let bundle = Bundle::parse(signature.as_bytes())?;
        let message = bundle.message(content);
        let signer = match &bundle.material {
            Material::Key => self.verify_by_key(message, &bundle.signature),
            Material::Certificate(chain) => {
                self.verify_by_certificate(chain, message, &bundle.signature, now)
            }
        };
        let signer = signer.map_err(|error| match bundle.claims_other_than(content) {
            Some(signed) => error.or(SignatureError::OtherDigest { signed, actual: content }),
            None => error,
        })?;
        bundle.check_subject(content)?;
        Ok(signer)
    }

    fn verify_by_key(&self, message: Digest, signature: &[u8]) -> Result<String, SignatureError> {
        let keys = self.keys.as_ref().ok_or(SignatureError::NoKeysTrusted)?;
        Ok(keys.verify(message, signature)?.to_owned())
    }

    fn verify_by_certificate(
        &self,
        chain: &Chain,
        message: Digest,
        signature: &[u8],
        now: UnixTime,
    ) -> Result<String, SignatureError> {
        let mut failed = SignatureError::NoAuthorityTrusted;
        for authority in &self.authorities {
            match authority.holder(chain, now) {
                Ok(holder) => {
                    keys::verify_with(&holder.key, message, signature)?;
                    return Ok(holder.identity);
                }
                Err(error) => failed = SignatureError::from(error).or(failed),
            }
        }
        Err(failed)
    }

    /// Checks a signature that stands alone: by a trusted key, whatever else came with it.
    fn verify_legacy(&self, what: &str, content: Digest, signature: &str) -> Result<String, SignatureError> {
        let signature = STANDARD.decode(signature).map_err(|_| SignatureError::Unknown)?;
        self.require_legacy(what, SIGN_BLOB)?;
        self.verify_by_key(content, &signature)
    }

    /// Refuses a legacy signature unless those are accepted.
    pub(crate) fn require_legacy(&self, what: &str, command: &str) -> Result<(), SignatureError> {
        match self.legacy {
            LegacySignatures::Accepted => Ok(()),
            LegacySignatures::Refused => {
                Err(SignatureError::Legacy { what: what.to_owned(), command: command.to_owned() })
            }
        }
    }

    /// Checks a legacy signature of a manifest, which its caller knows to be accepted.
    pub(crate) fn verify_simple_signing(
        &self,
        document: &[u8],
        signature: &str,
        manifest: Digest,
    ) -> Result<String, SignatureError> {
        let keys = self.keys.as_ref().ok_or(SignatureError::NoKeysTrusted)?;
        simple_signing::verify(keys, document, signature, manifest).map(str::to_owned)
    }
}
