//! Putting components and signatures into a registry.
//!
//! Apart from reading: uploading is `oci-client`'s, with its sessions, chunks and work-arounds for registries, and needs the
//! right to push.

use std::collections::BTreeMap;

use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::digest::Digest;
use crate::error::Reason;
use crate::keys::SigningKey;
use crate::layout::{self, Bundle};
use crate::reference::OciReference;
use crate::registry::Session;
use crate::token::Authorization;
use crate::{pem, signature, transport};

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the component.
    pub digest: Digest,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// A reference that names this manifest for ever.
    pub resolved: String,
}

/// Uploads the blobs, then the manifest under the tag of `reference`.
pub(crate) async fn upload(
    session: &mut Session,
    reference: &OciReference,
    bundle: Bundle,
    ca: Option<&[u8]>,
) -> Result<(), Reason> {
    let auth = match session.authorize().await? {
        None => RegistryAuth::Anonymous,
        Some(Authorization::Basic { username, password }) => RegistryAuth::Basic(username, password),
        Some(Authorization::Bearer(token)) => RegistryAuth::Bearer(token),
    };
    let failed = |source| Reason::Push { source };
    let client = oci_client::Client::try_from(config(session, ca)).map_err(failed)?;
    let work = async {
        client.store_auth_if_needed(session.registry(), &auth).await;
        let target = reference.as_client();
        for blob in bundle.blobs {
            let digest = Digest::of(&blob).to_string();
            client.push_blob(target, blob, &digest).await?;
        }
        let media_type = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        client.push_manifest_raw(target, bundle.manifest, media_type).await
    };
    let deadline = session.deadline();
    match tokio::time::timeout_at(deadline.at, work).await {
        Ok(outcome) => outcome.map(|_| ()).map_err(failed),
        Err(_) => {
            let url = format!("https://{}", session.registry());
            Err(Reason::Timeout { url, seconds: deadline.seconds })
        }
    }
}

fn config(session: &Session, ca: Option<&[u8]>) -> ClientConfig {
    let text = String::from_utf8_lossy(ca.unwrap_or_default());
    let certificates = pem::blocks(&text, "CERTIFICATE")
        .map(|block| Certificate { encoding: CertificateEncoding::Pem, data: block.as_bytes().to_vec() });
    ClientConfig {
        protocol: if session.is_plain() { ClientProtocol::Http } else { ClientProtocol::Https },
        extra_root_certificates: certificates.collect(),
        connect_timeout: Some(transport::CONNECT_TIMEOUT),
        user_agent: transport::USER_AGENT,
        ..ClientConfig::default()
    }
}

/// Adds a signature of `manifest` to those it has, as `cosign sign --key` does.
pub(crate) async fn sign(
    session: &mut Session,
    reference: &OciReference,
    manifest: Digest,
    key: &SigningKey,
    ca: Option<&[u8]>,
) -> Result<(), Reason> {
    let tagged = reference.tagged(signature::tag(manifest));
    let mut layers = match session.manifest(&tagged).await {
        Ok((bytes, _)) => layout::parse(&bytes)?.layers,
        Err(reason) if reason.is_not_found() => Vec::new(),
        Err(reason) => return Err(reason),
    };
    let repository = format!("{}/{}", reference.registry(), reference.repository());
    let written = |source| Reason::Document { source };
    let (document, text) = signature::sign(key, &repository, manifest).map_err(written)?;
    let mut layer = layout::descriptor(signature::PAYLOAD_MEDIA_TYPE, &document);
    layer.annotations = Some(BTreeMap::from([(signature::ANNOTATION.to_owned(), text)]));
    let known = |known: &oci_client::manifest::OciDescriptor| {
        known.digest == layer.digest && known.annotations == layer.annotations
    };
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
    let image: OciImageManifest =
        layout::image(layout::descriptor(IMAGE_CONFIG_MEDIA_TYPE, &config), layers, None);
    let bundle =
        Bundle { manifest: serde_json::to_vec(&image).map_err(written)?, blobs: vec![document, config] };
    upload(session, &tagged, bundle, ca).await
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
