//! Repositories that other programs filled, as `tests/tools/registry-fixtures/renew.py` keeps them.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Registry;
use super::plain_client::PlainClient;

/// The manifests and blobs of a repository, in the order in which a registry takes them.
#[derive(Deserialize)]
pub struct Dump {
    pub manifests: Vec<DumpedManifest>,
    pub blobs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DumpedManifest {
    pub name: String,
    pub media_type: String,
    pub text: String,
}

/// Puts a repository back into a registry.
pub async fn restore(registry: &Registry, repository: &str, dump: &str) -> Result<PlainClient> {
    let dump: Dump = serde_json::from_str(dump)?;
    let client = PlainClient::new(registry, repository)?;
    for blob in dump.blobs {
        client.upload("application/octet-stream", &STANDARD.decode(blob)?).await?;
    }
    for DumpedManifest { name, media_type, text } in dump.manifests {
        client.put_manifest(&name, &media_type, &text).await?;
    }
    Ok(client)
}
