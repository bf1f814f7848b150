//! Putting components and signatures into a registry.
//!
//! Which documents are uploaded is decided here; how, by the session.

use std::collections::BTreeMap;

use netmarks_core::digest::Digest;

use crate::error::Reason;
use crate::keys::SigningKey;
use crate::reference::OciReference;
use crate::registry::Session;
use crate::signature_error::SIGNATURE_STATEMENT;
use crate::sigstore_bundle::{self, BUNDLE_MEDIA_TYPE};

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// A reference that names this manifest forever.
    pub resolved: String,
}

/// Attaches a signature of `manifest`, given as bytes, as `cosign sign --key` does.
pub(crate) async fn sign(
    session: &mut Session,
    reference: &OciReference,
    manifest: &[u8],
    key: &SigningKey,
) -> Result<(), Reason> {
    let bundle = sigstore_bundle::sign_manifest(key, Digest::of(manifest));
    let bundle = bundle.map_err(|source| Reason::Document { source })?;
    // As cosign writes them, but without a time: the same key signs the same manifest once.
    let annotations = BTreeMap::from([
        ("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType".to_owned(), SIGNATURE_STATEMENT.to_owned()),
    ]);
    session.attach(reference, manifest, BUNDLE_MEDIA_TYPE, bundle.into_bytes(), annotations).await
}

/// What a reference that names something else than a tag of a registry is told.
pub(crate) fn only_tags(reference: &crate::Reference) -> Result<&OciReference, Reason> {
    match reference {
        crate::Reference::Oci(oci) if oci.digest().is_none() => Ok(oci),
        _ => Err(Reason::Unsupported {
            problem: "only a tag of a registry can be pushed to; expected `registry.example/repository:tag`",
        }),
    }
}

/// The same for signing, where a digest will do.
pub(crate) fn only_registries(reference: &crate::Reference) -> Result<&OciReference, Reason> {
    match reference {
        crate::Reference::Oci(oci) => Ok(oci),
        _ => Err(Reason::Unsupported {
            problem: "only manifests of a registry are signed there; sign a file with `cosign sign-blob --bundle`, and put \
                      the bundle beside it with `.sigstore.json` added to the name",
        }),
    }
}
