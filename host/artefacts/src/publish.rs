//! Putting components and signatures into a registry.
//!
//! Which documents are uploaded is decided here; how, by the session.

use std::collections::BTreeMap;

use bytes::Bytes;
use netmarks_core::digest::Digest;
use reqwest::Url;
use serde_json::json;

use crate::error::Reason;
use crate::keys::SigningKey;
use crate::layout::Bundle;
use crate::manifest::{Descriptor, IMAGE_CONFIG_MEDIA_TYPE, Manifest};
use crate::reference::OciReference;
use crate::registry::Session;
use crate::signature;
use crate::signature_error::{ANNOTATION, PAYLOAD_MEDIA_TYPE};

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

/// Adds a signature of `manifest` to those it has, as `cosign sign --key` does.
pub(crate) async fn sign(
    session: &mut Session,
    reference: &OciReference,
    manifest: Digest,
    key: &SigningKey,
) -> Result<(), Reason> {
    let tagged = reference.tagged(signature::tag(manifest));
    let mut layers = match session.manifest(&tagged).await {
        Ok((bytes, _)) => Manifest::parse(&bytes)?.layers,
        Err(reason) if reason.is_not_found() => Vec::new(),
        Err(reason) => return Err(reason),
    };
    let repository = format!("{}/{}", reference.registry(), reference.repository());
    let written = |source| Reason::Document { source };
    let (document, text) = signature::sign(key, &repository, manifest).map_err(written)?;
    let mut layer = Descriptor::new(PAYLOAD_MEDIA_TYPE, &document);
    layer.annotations = Some(BTreeMap::from([(ANNOTATION.to_owned(), text)]));
    let known = |known: &Descriptor| known.digest == layer.digest && known.annotations == layer.annotations;
    if layers.iter().any(known) {
        return Ok(());
    }
    layers.push(layer);
    // As cosign writes it: an image without anything that runs.
    let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let config = serde_json::to_vec(&json!({
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": vec![json!({"created": "0001-01-01T00:00:00Z"}); layers.len()],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": digests},
    }))
    .map_err(written)?;
    let image = Manifest::new(Descriptor::new(IMAGE_CONFIG_MEDIA_TYPE, &config), layers, None);
    let image = serde_json::to_vec(&image).map_err(written)?;
    let bundle = Bundle { manifest: image.into(), blobs: [document, config].map(with_digest) };
    session.upload(&tagged, bundle).await
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
            problem: "only manifests of a registry are signed there; sign a file with `cosign sign-blob --key`, and put the \
                      signature beside it with `.sig` added to the name",
        }),
    }
}

/// The address of a URL's signature: `.sig` after the path.
pub(crate) fn signature_url(url: &Url) -> Url {
    let mut url = url.clone();
    let path = format!("{}.sig", url.path());
    url.set_path(&path);
    url
}

fn with_digest(blob: Vec<u8>) -> (Bytes, Digest) {
    let digest = Digest::of(&blob);
    (blob.into(), digest)
}
