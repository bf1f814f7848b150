//! The documents of a registry: image manifests and the descriptors in them (OCI image specification 1.1).
//!
//! Only what is used here has a field of its own; what else a descriptor says is kept as it is, so that a manifest that is
//! written again with one more layer says the same of the others.

use std::collections::BTreeMap;

use netmarks_core::digest::{Digest, DigestError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An image manifest.
pub(crate) const IMAGE_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A list of manifests.
pub(crate) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// The config of what needs none, and its bytes.
pub(crate) const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
pub(crate) const EMPTY: &[u8] = b"{}";

pub(crate) const LAYER_MEDIA_TYPE: &str = "application/wasm";

/// A manifest that is not that of a policy.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Not a manifest at all.
    #[error("what the registry has there is not an OCI image manifest")]
    Parse { source: serde_json::Error },
    /// Not a list of what is attached.
    #[error("what the registry has there is not a list of what is attached to the manifest")]
    ParseIndex { source: serde_json::Error },
    /// A manifest for several platforms.
    #[error(
        "it is an index of several manifests; a component has no platform, so name the manifest of the component by its \
         digest"
    )]
    Index,
    /// Not one component.
    #[error(
        "expected one layer of type {LAYER_MEDIA_TYPE}, but it has {found}; push the component with `netmarks policy push` \
         or `wkg oci push`"
    )]
    Layers {
        /// The media types of its layers.
        found: String,
    },
    /// Another kind of digest.
    #[error("the manifest names its layer by another digest than SHA-256")]
    Digest {
        #[from]
        source: DigestError,
    },
    /// A negative size.
    #[error("the manifest says that a layer has {size} bytes")]
    Size { size: i64 },
}

/// An image manifest.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// What it is, if that is not said by the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    /// The manifest that it is attached to.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

/// A list of manifests: of what is attached to one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    schema_version: u8,
    media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What a manifest says of a blob, unchecked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    size: i64,
    /// What the manifest that it names is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A blob that a manifest names, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl TryFrom<&Descriptor> for Blob {
    type Error = LayoutError;

    fn try_from(descriptor: &Descriptor) -> Result<Self, LayoutError> {
        let size = u64::try_from(descriptor.size).map_err(|_| LayoutError::Size { size: descriptor.size })?;
        Ok(Self { digest: descriptor.digest.parse()?, size })
    }
}

impl Manifest {
    /// A manifest of ours.
    pub(crate) fn new(
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: Option<BTreeMap<String, String>>,
    ) -> Self {
        let media_type = Some(IMAGE_MEDIA_TYPE.to_owned());
        let (artifact_type, subject) = (None, None);
        Self { schema_version: 2, media_type, artifact_type, config, layers, subject, annotations }
    }

    /// A manifest that attaches one layer to another manifest.
    pub(crate) fn attached(
        artifact_type: &str,
        layer: Descriptor,
        subject: Descriptor,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        Self {
            artifact_type: Some(artifact_type.to_owned()),
            subject: Some(subject),
            ..Self::new(Descriptor::new(EMPTY_MEDIA_TYPE, EMPTY), vec![layer], Some(annotations))
        }
    }

    /// What it says it is, among manifests.
    pub(crate) fn media_type(&self) -> &str {
        self.media_type.as_deref().unwrap_or(IMAGE_MEDIA_TYPE)
    }

    /// Reads an image manifest.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, LayoutError> {
        /// What tells an index: docker's has another media type, but the same field.
        #[derive(Deserialize)]
        struct SeveralPlatforms {
            #[serde(rename = "manifests")]
            _manifests: Vec<serde::de::IgnoredAny>,
        }
        serde_json::from_slice(text).map_err(|source| {
            match serde_json::from_slice::<SeveralPlatforms>(text) {
                Ok(_) => LayoutError::Index,
                Err(_) => LayoutError::Parse { source },
            }
        })
    }
}

impl Index {
    /// A list of nothing yet.
    pub(crate) fn empty() -> Self {
        let media_type = Some(INDEX_MEDIA_TYPE.to_owned());
        Self { schema_version: 2, media_type, manifests: Vec::new(), others: Map::new() }
    }

    /// Reads a list.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, LayoutError> {
        serde_json::from_slice(text).map_err(|source| LayoutError::ParseIndex { source })
    }
}

impl Descriptor {
    /// Names a blob.
    pub(crate) fn new(media_type: &str, bytes: &[u8]) -> Self {
        Self::of(media_type, bytes.len(), Digest::of(bytes))
    }

    /// Names a blob of this size and digest.
    pub(crate) fn of(media_type: &str, size: usize, digest: Digest) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest.to_string(),
            // No blob of ours comes near the end of the range.
            size: i64::try_from(size).unwrap_or(i64::MAX),
            artifact_type: None,
            annotations: None,
            others: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_understood_of_a_descriptor_is_kept() {
        let layer = json!({
            "mediaType": "text/plain", "digest": "sha512:00", "size": 1, "urls": ["https://files.example"],
            "data": "eA=="
        });
        let config = json!({"mediaType": EMPTY_MEDIA_TYPE, "digest": Digest::of(b"{}"), "size": 2});
        let text = json!({
            "schemaVersion": 2, "mediaType": IMAGE_MEDIA_TYPE, "config": config, "layers": [layer]
        });
        let manifest = Manifest::parse(text.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(manifest).unwrap(), text);
    }
}
