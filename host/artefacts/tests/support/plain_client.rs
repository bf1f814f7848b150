//! Another client of registries, which knows nothing of ours: requests as the specification has them, and no checks.

use anyhow::{Context as _, Result};
use netmarks_artefacts::Digest;
use reqwest::Client;
use serde_json::{Value, json};

use super::Registry;

/// The media type of an image manifest.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The media type of a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Speaks to one repository, without TLS.
pub struct PlainClient {
    client: Client,
    base: String,
}

impl PlainClient {
    pub fn new(registry: &Registry, repository: &str) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build()?;
        Ok(Self { client, base: format!("http://{}/v2/{repository}", registry.address()) })
    }

    /// A manifest as it is, after its media type.
    pub async fn manifest(&self, name: &str) -> Result<(String, String)> {
        let accept = format!("{IMAGE}, {INDEX}");
        let request = self.client.get(format!("{}/manifests/{name}", self.base)).header("accept", accept);
        let response = request.send().await?.error_for_status()?;
        let media_type = response.headers()["content-type"].to_str()?.to_owned();
        Ok((media_type, response.text().await?))
    }

    pub async fn put_manifest(&self, name: &str, media_type: &str, text: &str) -> Result<()> {
        let request =
            self.client.put(format!("{}/manifests/{name}", self.base)).header("content-type", media_type);
        request.body(text.to_owned()).send().await?.error_for_status()?;
        Ok(())
    }

    /// What a descriptor names.
    pub async fn blob(&self, descriptor: &Value) -> Result<Vec<u8>> {
        let digest = descriptor["digest"].as_str().context("a descriptor has a digest")?;
        let response = self.client.get(format!("{}/blobs/{digest}", self.base)).send().await?;
        Ok(response.error_for_status()?.bytes().await?.to_vec())
    }

    /// Uploads a manifest with one layer.
    pub async fn push(&self, tag: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
        let layer = self.upload(media_type, bytes).await?;
        let config = self.upload("application/vnd.wasm.config.v1+json", b"{}").await?;
        let manifest = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer]});
        self.put_manifest(tag, IMAGE, &manifest.to_string()).await
    }

    pub async fn upload(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        let digest = Digest::of(bytes).to_string();
        let response = self.client.post(format!("{}/blobs/uploads/", self.base)).send().await?;
        let location = response.error_for_status()?.headers()["location"].to_str()?.to_owned();
        let mut location = reqwest::Url::parse(&location)?;
        location.query_pairs_mut().append_pair("digest", &digest);
        let request = self.client.put(location);
        request.body(bytes.to_vec()).send().await?.error_for_status()?;
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    }
}
