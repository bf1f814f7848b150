//! Verifying the signatures of a manifest in a registry, in both places where cosign keeps them.
//!
//! cosign 3 attaches Sigstore bundles to the manifest. Before it kept documents of its own under the tag `sha256-<hex>.sig`; those
//! are looked at where no bundle holds, so that the error can say that there is a signature, and of which form.

use netmarks_core::digest::Digest;

use crate::error::Reason;
use crate::manifest::{Blob, Descriptor, Manifest};
use crate::reference::OciReference;
use crate::registry::Session;
use crate::signature_error::{self, SignatureError};
use crate::sigstore_bundle::{BUNDLE_BYTES, BUNDLE_MEDIA_TYPE};
use crate::simple_signing;
use crate::verifier::Verifier;

impl Session {
    /// Checks that somebody trusted signed `manifest`, and returns who.
    pub(crate) async fn verify(
        &mut self,
        reference: &OciReference,
        manifest: Digest,
        verifier: &Verifier,
    ) -> Result<String, Reason> {
        let attached = self.referrers(reference, manifest, BUNDLE_MEDIA_TYPE).await?;
        let mut failed = None;
        for descriptor in attached.iter().take(signature_error::MOST) {
            match self.verify_bundle(reference, descriptor, manifest, verifier).await? {
                Ok(signer) => return Ok(signer),
                Err(error) => failed = Some(error.or(failed.unwrap_or(SignatureError::Empty))),
            }
        }
        if attached.len() > signature_error::MOST {
            failed = Some(SignatureError::TooMany { found: attached.len() });
        }
        let tagged = reference.tagged(simple_signing::tag(manifest));
        let legacy = match self.manifest(&tagged).await {
            Ok((legacy, _)) => legacy,
            Err(reason) if reason.is_not_found() => {
                return Err(failed.unwrap_or_else(|| missing(reference, manifest)).into());
            }
            Err(reason) => return Err(reason),
        };
        if let Err(refused) = verifier.require_legacy(&tagged.to_string(), &command(reference, manifest)) {
            // A bundle that does not hold says more than that there is an older signature, too.
            return Err(failed.unwrap_or(refused).into());
        }
        self.verify_simple_signing(&Manifest::parse(&legacy)?, manifest, verifier).await
    }

    /// Checks one bundle that is attached to the manifest.
    async fn verify_bundle(
        &mut self,
        reference: &OciReference,
        descriptor: &Descriptor,
        manifest: Digest,
        verifier: &Verifier,
    ) -> Result<Result<String, SignatureError>, Reason> {
        let attached = Blob::try_from(descriptor)?;
        let (attached, _) = self.manifest(&reference.pinned(attached.digest)).await?;
        let Ok(attached) = Manifest::parse(&attached) else { return Ok(Err(SignatureError::Empty)) };
        let is_bundle = |layer: &&Descriptor| layer.media_type == BUNDLE_MEDIA_TYPE;
        let Some(layer) = attached.layers.iter().find(is_bundle) else {
            return Ok(Err(SignatureError::Empty));
        };
        let bundle = self.blob(&Blob::try_from(layer)?, BUNDLE_BYTES, "a Sigstore bundle").await?;
        let Ok(bundle) = String::from_utf8(bundle) else { return Ok(Err(SignatureError::Unknown)) };
        Ok(verifier.verify(manifest, &bundle))
    }

    /// Checks the legacy signatures of the manifest.
    async fn verify_simple_signing(
        &mut self,
        signatures: &Manifest,
        manifest: Digest,
        verifier: &Verifier,
    ) -> Result<String, Reason> {
        let signed: Vec<_> = signatures
            .layers
            .iter()
            .filter(|layer| layer.media_type == signature_error::PAYLOAD_MEDIA_TYPE)
            .filter_map(|layer| Some((layer, layer.annotations.as_ref()?.get(signature_error::ANNOTATION)?)))
            .collect();
        let mut failed = SignatureError::Empty;
        for (layer, signature) in signed.iter().take(signature_error::MOST) {
            let blob = Blob::try_from(*layer)?;
            let document = self.blob(&blob, simple_signing::PAYLOAD_BYTES, "a signed document").await?;
            match verifier.verify_simple_signing(&document, signature, manifest) {
                Ok(signer) => return Ok(signer),
                Err(error) => failed = error.or(failed),
            }
        }
        if signed.len() > signature_error::MOST {
            failed = SignatureError::TooMany { found: signed.len() };
        }
        Err(failed.into())
    }
}

fn missing(reference: &OciReference, manifest: Digest) -> SignatureError {
    let pinned = reference.pinned(manifest);
    SignatureError::Missing {
        place: format!("Sigstore bundle attached to {pinned}"),
        command: command(reference, manifest),
    }
}

/// What signs the manifest.
fn command(reference: &OciReference, manifest: Digest) -> String {
    format!("cosign sign --key cosign.key {}", reference.pinned(manifest))
}
