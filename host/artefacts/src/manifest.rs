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

/// The config of an image that can be run, or of signatures.
pub(crate) const IMAGE_CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";

pub(crate) const LAYER_MEDIA_TYPE: &str = "application/wasm";

/// A manifest that is not that of a policy.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Not a manifest at all.
    #[error("what the registry has there is not an OCI image manifest")]
    Parse { source: serde_json::Error },
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
    config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

/// What a manifest says of a blob, unchecked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    size: i64,
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
        Self { schema_version: 2, media_type, config, layers, annotations }
    }

    /// Reads an image manifest.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, LayoutError> {
        /// What tells an index: docker's has another media type, but the same field.
        #[derive(Deserialize)]
        struct Index {
            #[serde(rename = "manifests")]
            _manifests: Vec<serde::de::IgnoredAny>,
        }
        serde_json::from_slice(text).map_err(|source| match serde_json::from_slice::<Index>(text) {
            Ok(_) => LayoutError::Index,
            Err(_) => LayoutError::Parse { source },
        })
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
        let config = json!({"mediaType": IMAGE_CONFIG_MEDIA_TYPE, "digest": Digest::of(b"{}"), "size": 2});
        let text = json!({
            "schemaVersion": 2, "mediaType": IMAGE_MEDIA_TYPE, "config": config, "layers": [layer]
        });
        let manifest = Manifest::parse(text.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(manifest).unwrap(), text);
    }
}
