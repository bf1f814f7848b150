//! What the real wkg and oras pushed, and what they pulled of ours: see `data/README.md` for how the files are renewed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use anyhow::Result;
use netmarks_artefacts::{FetchConfig, Fetcher};
use serde_json::Value;

use crate::support::dump::{Dump, restore};
use crate::support::plain_client::PlainClient;
use crate::support::{Options, Registry, anonymous, named};

/// The smallest component, which both pushed as `component.wasm`.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

const OF_WKG: &str = include_str!("data/wkg/wkg.registry.json");
const OF_ORAS: &str = include_str!("data/oras/oras.registry.json");
/// `netmarks policy push`, pulled by both.
const PULLED_BY_WKG: &str = include_str!("data/wkg/ours.registry.json");
const PULLED_BY_ORAS: &str = include_str!("data/oras/ours.registry.json");

#[tokio::test]
async fn components_that_wkg_and_oras_pushed_are_fetched() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    for (repository, dump) in [("wkg", OF_WKG), ("oras", OF_ORAS)] {
        restore(&registry, repository, dump).await?;
        let fetched = anonymous().fetch(&registry.reference(&format!("{repository}:v1"))).await?;
        assert_eq!(fetched.bytes, COMPONENT, "{repository}");
    }
    Ok(())
}

#[tokio::test]
async fn what_we_push_is_what_wkg_and_oras_pulled() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let fetcher = Fetcher::new(FetchConfig::default());
    fetcher.push(&registry.reference("ours:v1"), COMPONENT.to_vec(), &named("component.wasm")).await?;
    let (_, pushed) = PlainClient::new(&registry, "ours")?.manifest("v1").await?;
    for pulled in [PULLED_BY_WKG, PULLED_BY_ORAS] {
        let pulled: Dump = serde_json::from_str(pulled)?;
        assert_eq!(pulled.manifests[0].text, pushed);
    }
    Ok(())
}

/// What wkg says of a component and we do not: when it was made, since the same component should have the same digest.
#[tokio::test]
async fn our_manifest_and_config_differ_from_those_of_wkg_in_the_time_alone() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let theirs = restore(&registry, "wkg", OF_WKG).await?;
    let ours = restore(&registry, "ours", PULLED_BY_WKG).await?;
    let mut documents = Vec::new();
    for client in [theirs, ours] {
        let mut manifest: Value = serde_json::from_str(&client.manifest("v1").await?.1)?;
        let mut config: Value = serde_json::from_slice(&client.blob(&manifest["config"]).await?)?;
        assert!(config.as_object_mut().unwrap().remove("created").is_some());
        for changed in ["digest", "size"] {
            assert!(manifest["config"].as_object_mut().unwrap().remove(changed).is_some());
        }
        documents.push((manifest, config));
    }
    assert_eq!(documents[0], documents[1]);
    Ok(())
}
