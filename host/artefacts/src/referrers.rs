//! What is attached to a manifest of a registry: the referrers of the OCI distribution specification 1.1.
//!
//! A registry of version 1.1 lists them itself. For an older one, whoever attaches something adds it to a list with the tag
//! `sha256-<hex>`; two who do so at the same moment may lose one of the two, which the specification accepts.

use std::collections::BTreeMap;

use bytes::Bytes;
use netmarks_core::digest::Digest;
use reqwest::StatusCode;

use crate::error::Reason;
use crate::manifest::{Descriptor, EMPTY, IMAGE_MEDIA_TYPE, INDEX_MEDIA_TYPE, Index, Manifest};
use crate::reference::OciReference;
use crate::registry::Session;
use crate::transport::{self, MANIFEST_BYTES};

/// By this header a registry says that it lists what was attached.
const SUBJECT_HEADER: &str = "oci-subject";

impl Session {
    /// What of this type is attached to `manifest`.
    pub(crate) async fn referrers(
        &mut self,
        reference: &OciReference,
        manifest: Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, Reason> {
        let mut url = self.url(&format!("referrers/{manifest}"));
        url.query_pairs_mut().append_pair("artifactType", artifact_type);
        let index = match self.get(&url).await {
            Ok(response) => {
                let list =
                    transport::body(response, &url, MANIFEST_BYTES, "the list of signatures", self.deadline);
                Index::parse(&list.await?)?
            }
            Err(reason) if is_unknown_to_the_registry(&reason) => {
                self.tagged_referrers(reference, manifest).await?
            }
            Err(reason) => return Err(reason),
        };
        // A registry need not filter, and a list by tag does not. Some clients name no type.
        let wanted = |found: &Descriptor| {
            found.artifact_type.as_deref().is_none_or(|found| found.is_empty() || found == artifact_type)
        };
        Ok(index.manifests.into_iter().filter(wanted).collect())
    }

    /// Attaches a blob to a manifest, given as bytes. The same blob again changes nothing.
    pub(crate) async fn attach(
        &mut self,
        reference: &OciReference,
        manifest: &[u8],
        artifact_type: &str,
        blob: Vec<u8>,
        annotations: BTreeMap<String, String>,
    ) -> Result<(), Reason> {
        let subject = Descriptor::new(Manifest::parse(manifest)?.media_type(), manifest);
        let layer = Descriptor::new(artifact_type, &blob);
        let attached = Manifest::attached(artifact_type, layer, subject, annotations.clone());
        let attached = serde_json::to_vec(&attached).map_err(|source| Reason::Document { source })?;
        for blob in [blob.into(), Bytes::from_static(EMPTY)] {
            let digest = Digest::of(&blob);
            self.upload_blob(blob, digest).await?;
        }
        let mut descriptor = Descriptor::new(IMAGE_MEDIA_TYPE, &attached);
        let pinned = reference.pinned(Digest::of(&attached));
        let answer = self.upload_manifest(&pinned, IMAGE_MEDIA_TYPE, attached.into()).await?;
        if answer.headers().contains_key(SUBJECT_HEADER) {
            return Ok(());
        }
        let manifest = Digest::of(manifest);
        let mut index = self.tagged_referrers(reference, manifest).await?;
        if index.manifests.iter().any(|known| known.digest == descriptor.digest) {
            return Ok(());
        }
        descriptor.artifact_type = Some(artifact_type.to_owned());
        descriptor.annotations = Some(annotations);
        index.manifests.push(descriptor);
        let index = serde_json::to_vec(&index).map_err(|source| Reason::Document { source })?;
        self.upload_manifest(&reference.tagged(tag(manifest)), INDEX_MEDIA_TYPE, index.into()).await?;
        Ok(())
    }

    /// The list that clients keep where the registry keeps none.
    async fn tagged_referrers(
        &mut self,
        reference: &OciReference,
        manifest: Digest,
    ) -> Result<Index, Reason> {
        match self.manifest(&reference.tagged(tag(manifest))).await {
            Ok((list, _)) => Ok(Index::parse(&list)?),
            Err(reason) if reason.is_not_found() => Ok(Index::empty()),
            Err(reason) => Err(reason),
        }
    }
}

/// The tag of the list of what is attached to a manifest.
fn tag(manifest: Digest) -> String {
    format!("sha256-{}", manifest.hex())
}

/// Whether the registry does not know the request, as those before version 1.1.
fn is_unknown_to_the_registry(reason: &Reason) -> bool {
    let unknown = [
        StatusCode::NOT_FOUND,
        StatusCode::BAD_REQUEST,
        StatusCode::NOT_ACCEPTABLE,
        StatusCode::METHOD_NOT_ALLOWED,
    ];
    matches!(reason, Reason::Status { status, .. } if unknown.contains(status))
}
