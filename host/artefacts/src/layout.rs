//! How a component lies in a registry: the CNCF's "Wasm OCI artifact", as `wkg` and other tools write it.
//!
//! Only documents, no requests. The manifest is an OCI image manifest whose config has the media
//! type `application/vnd.wasm.config.v0+json` and whose one layer has `application/wasm`
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>). Read are also artefacts with the older layer
//! type `application/vnd.wasm.content.layer.v1+wasm`, and any type of config: it is never looked at, and `oras push` writes
//! another.

use std::collections::BTreeMap;

use bytes::Bytes;
use netmarks_core::digest::Digest;
use serde::Serialize;

use crate::manifest::{Blob, Descriptor, LAYER_MEDIA_TYPE, LayoutError, Manifest};

/// The config of a component.
const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// A component, before the CNCF agreed on a type.
const OLD_LAYER_MEDIA_TYPE: &str = "application/vnd.wasm.content.layer.v1+wasm";

/// The annotation whose value becomes the config's time of creation.
const CREATED_ANNOTATION: &str = "org.opencontainers.image.created";

/// The annotation of the layer that names its file.
const TITLE_ANNOTATION: &str = "org.opencontainers.image.title";

/// The time of creation of what names none: a fixed one, so that the same component makes the same manifest.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What is said of a component when it is pushed. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Annotations of the manifest, such as `org.opencontainers.image.source`. With `org.opencontainers.image.created` (RFC
    /// 3339) it gets that time of creation, else the Unix epoch: then the same component has the same manifest digest.
    pub annotations: BTreeMap<String, String>,
    /// The name of the file, without which `oras pull` skips it.
    pub title: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// The interfaces that the component imports, such as `netmarks:policy/log`. For catalogues; nothing here reads them.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}

/// Finds the component of a manifest.
pub(crate) fn component(manifest: &[u8]) -> Result<Blob, LayoutError> {
    let manifest = Manifest::parse(manifest)?;
    match manifest.layers.as_slice() {
        [layer] if [LAYER_MEDIA_TYPE, OLD_LAYER_MEDIA_TYPE].contains(&layer.media_type.as_str()) => {
            layer.try_into()
        }
        layers => {
            let mut found: Vec<&str> = layers.iter().map(|layer| layer.media_type.as_str()).take(8).collect();
            if found.is_empty() {
                found.push("none");
            }
            Err(LayoutError::Layers { found: found.join(", ") })
        }
    }
}

/// The config as `wkg` writes it; the names are of that format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    author: Option<&'a str>,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [Digest; 1],
    component: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<&'a str>,
}

/// A manifest with the blobs it names, ready to be pushed. The manifest last: it is what makes the others visible.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) blobs: [(Bytes, Digest); 2],
    pub(crate) manifest: Bytes,
}

/// Describes `bytes`, whose digest is known.
pub(crate) fn package(
    bytes: Vec<u8>,
    digest: Digest,
    about: &Description,
) -> Result<Package, serde_json::Error> {
    let config = serde_json::to_vec(&Config {
        created: about.annotations.get(CREATED_ANNOTATION).map_or(EPOCH, String::as_str),
        author: about.author.as_deref(),
        architecture: "wasm",
        // What the format calls a component.
        os: "wasip2",
        layer_digests: [digest],
        component: Component { exports: &about.exports, imports: &about.imports, target: None },
    })?;
    let mut layer = Descriptor::of(LAYER_MEDIA_TYPE, bytes.len(), digest);
    layer.annotations = about.title.clone().map(|title| [(TITLE_ANNOTATION.to_owned(), title)].into());
    let annotations = (!about.annotations.is_empty()).then(|| about.annotations.clone());
    let config_digest = Digest::of(&config);
    let described = Descriptor::of(CONFIG_MEDIA_TYPE, config.len(), config_digest);
    let manifest = Manifest::new(described, vec![layer], annotations);
    Ok(Package {
        blobs: [(bytes.into(), digest), (config.into(), config_digest)],
        manifest: serde_json::to_vec(&manifest)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(layers: &serde_json::Value) -> Vec<u8> {
        let config = json!({"mediaType": CONFIG_MEDIA_TYPE, "digest": Digest::of(b"{}"), "size": 2});
        serde_json::to_vec(&json!({"schemaVersion": 2, "mediaType": crate::manifest::IMAGE_MEDIA_TYPE, "config": config, "layers": layers}))
            .unwrap()
    }

    fn layer(media_type: &str) -> serde_json::Value {
        json!({"mediaType": media_type, "digest": Digest::of(b"abc"), "size": 3})
    }

    #[test]
    fn what_is_pushed_is_the_layout_of_wkg() {
        let about = Description {
            annotations: [("org.opencontainers.image.source".to_owned(), "https://git.example".to_owned())]
                .into(),
            title: Some("zone.wasm".to_owned()),
            author: Some("us".to_owned()),
            imports: vec!["netmarks:policy/log".to_owned()],
            exports: vec!["netmarks:policy/scoring".to_owned()],
        };
        let package = package(b"abc".to_vec(), Digest::of(b"abc"), &about).unwrap();
        let [(component, _), (config, digest)] = &package.blobs;
        assert_eq!((component.as_ref(), *digest), (&b"abc"[..], Digest::of(config)));
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(config).unwrap(),
            json!({
                "created": "1970-01-01T00:00:00Z",
                "author": "us",
                "architecture": "wasm",
                "os": "wasip2",
                "layerDigests": [Digest::of(b"abc")],
                "component": {
                    "exports": ["netmarks:policy/scoring"],
                    "imports": ["netmarks:policy/log"],
                    "target": null
                }
            })
        );
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&package.manifest).unwrap(),
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.wasm.config.v0+json",
                    "digest": Digest::of(config),
                    "size": config.len()
                },
                "layers": [{
                    "mediaType": "application/wasm",
                    "digest": Digest::of(b"abc"),
                    "size": 3,
                    "annotations": {"org.opencontainers.image.title": "zone.wasm"}
                }],
                "annotations": {"org.opencontainers.image.source": "https://git.example"}
            })
        );
    }

    #[test]
    fn the_same_component_makes_the_same_manifest() {
        let once = package(b"abc".to_vec(), Digest::of(b"abc"), &Description::default()).unwrap().manifest;
        let again = package(b"abc".to_vec(), Digest::of(b"abc"), &Description::default()).unwrap().manifest;
        assert_eq!(once, again);
    }

    #[test]
    fn both_types_of_layer_are_read() {
        for media_type in ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"] {
            let found = component(&manifest(&json!([layer(media_type)]))).unwrap();
            assert_eq!(found, Blob { digest: Digest::of(b"abc"), size: 3 });
        }
    }

    #[test]
    fn anything_else_is_said_to_be_what_it_is() {
        let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
        let index = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": []})).unwrap();
        let mut sha512 = layer(LAYER_MEDIA_TYPE);
        sha512["digest"] = json!("sha512:00");
        let mut negative = layer(LAYER_MEDIA_TYPE);
        negative["size"] = json!(-1);
        for (bytes, expected) in [
            (manifest(&json!([layer(tar)])), tar),
            (
                manifest(&json!([layer(LAYER_MEDIA_TYPE), layer(LAYER_MEDIA_TYPE)])),
                "application/wasm, application/wasm",
            ),
            (manifest(&json!([])), "but it has none"),
            (manifest(&json!([sha512])), "SHA-256"),
            (manifest(&json!([negative])), "-1 bytes"),
            (index, "index"),
            (b"<html>".to_vec(), "not an OCI image manifest"),
        ] {
            let error = component(&bytes).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
