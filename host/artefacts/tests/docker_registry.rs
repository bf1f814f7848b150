//! Pushing to the registry that people run, and pulling from it: Debian's package `docker-registry` (CNCF distribution).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use anyhow::Result;
use netmarks_artefacts::{Description, Digest, FetchConfig, Fetcher, LayoutError, Reason, Step};
use serde_json::{Value, json};

use crate::support::plain_client::{IMAGE, PlainClient};
use crate::support::{COMPONENT, Options, Registry, anonymous, chain, nothing};

#[tokio::test]
async fn what_is_pushed_is_pulled_by_tag_and_by_digest() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let (fetcher, tag) = (anonymous(), registry.reference("policies/zone:v1"));
    let pushed = fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    assert_eq!(pushed.digest, Digest::of(COMPONENT));
    assert_eq!(fetcher.resolve(&tag).await?, pushed.manifest);

    for reference in [tag.clone(), crate::support::reference(&pushed.resolved)] {
        let fetched = fetcher.fetch(&reference).await?;
        assert_eq!(fetched.bytes, COMPONENT);
        assert_eq!(fetched.digest, pushed.digest);
        assert_eq!(fetched.resolved, format!("{}/policies/zone@{}", registry.address(), pushed.manifest));
        assert_eq!(fetched.signed_by, None);
    }

    // Pushed again it is the same manifest, so that nobody who polls sees a change.
    assert_eq!(fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?, pushed);
    Ok(())
}

#[tokio::test]
async fn the_layout_is_that_of_wkg() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let annotations = BTreeMap::from([
        ("org.opencontainers.image.source".to_owned(), "https://git.example/zone".to_owned()),
        ("org.opencontainers.image.created".to_owned(), "2026-01-02T03:04:05Z".to_owned()),
    ]);
    let about = Description { annotations: annotations.clone(), ..nothing() };
    let pushed = anonymous().push(&registry.reference("zone:v1"), COMPONENT.to_vec(), &about).await?;

    // As a client sees it that asks for one type only, with the checks that `wkg` makes.
    let client = PlainClient::new(&registry, "zone")?;
    let (media_type, text) = client.manifest("v1").await?;
    assert_eq!((media_type.as_str(), Digest::of(text.as_bytes())), (IMAGE, pushed.manifest));
    let manifest: Value = serde_json::from_str(&text)?;
    assert_eq!((&manifest["schemaVersion"], &manifest["mediaType"]), (&json!(2), &json!(IMAGE)));
    assert_eq!(manifest.get("artifactType"), None);
    assert_eq!(manifest["annotations"], json!(annotations));
    let layer = json!({"mediaType": "application/wasm", "digest": pushed.digest, "size": COMPONENT.len()});
    assert_eq!(manifest["layers"], json!([layer]));
    assert_eq!(client.blob(&manifest["layers"][0]).await?, COMPONENT);
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    let config: Value = serde_json::from_slice(&client.blob(&manifest["config"]).await?)?;
    assert_eq!(config["created"], "2026-01-02T03:04:05Z");
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(config["os"], "wasip2");
    assert_eq!(config["layerDigests"], json!([Digest::of(COMPONENT)]));
    Ok(())
}

#[tokio::test]
async fn the_older_type_of_layer_is_read_and_others_are_named() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let client = PlainClient::new(&registry, "zone")?;
    client.push("old", "application/vnd.wasm.content.layer.v1+wasm", COMPONENT).await?;
    assert_eq!(anonymous().fetch(&registry.reference("zone:old")).await?.bytes, COMPONENT);

    let tar = "application/vnd.oci.image.layer.v1.tar";
    client.push("image", tar, b"an image").await?;
    let error = anonymous().fetch(&registry.reference("zone:image")).await.unwrap_err();
    assert_eq!(error.step, Step::Manifest);
    assert!(
        matches!(&*error.source, Reason::Layout { source: LayoutError::Layers { found } } if found == tar)
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let missing = registry.reference("zone:v1");
    let error = chain(anonymous().fetch(&missing).await.unwrap_err());
    assert!(error.starts_with(&format!("failed to read the manifest of {missing}: ")), "{error}");
    assert!(error.contains("404") && error.contains("check the repository and the tag"), "{error}");
    let error = chain(anonymous().resolve(&missing).await.unwrap_err());
    assert!(error.starts_with(&format!("failed to look up {missing}: ")), "{error}");

    let pinned = missing.pinned(Digest::of(b"nothing"));
    let error = chain(anonymous().push(&pinned, COMPONENT.to_vec(), &nothing()).await.unwrap_err());
    assert!(error.contains("only a tag of a registry can be pushed to"), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_was_altered_on_the_registrys_disk_is_refused() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let tag = registry.reference("zone:v1");
    let pushed = anonymous().push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    let mut altered = COMPONENT.to_vec();
    altered[5] ^= 1;
    std::fs::write(registry.blob(pushed.digest), &altered)?;
    let error = anonymous().fetch(&tag).await.unwrap_err();
    assert_eq!(error.step, Step::Component);
    let Reason::Digest { expected, actual, .. } = &*error.source else { panic!("{error:?}") };
    assert_eq!((*expected, *actual), (Digest::of(COMPONENT), Digest::of(&altered)));

    // Of another size it is refused before it is whole.
    std::fs::write(registry.blob(pushed.digest), [COMPONENT, b"and more"].concat())?;
    let error = anonymous().fetch(&tag).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Length { .. } | Reason::Unreachable { .. }), "{error:?}");

    // The manifest too, when it is asked for by its digest.
    let manifest = std::fs::read_to_string(registry.blob(pushed.manifest))?;
    std::fs::write(registry.blob(pushed.manifest), manifest.replace("application/wasm", "application/wesm"))?;
    let error = anonymous().fetch(&crate::support::reference(&pushed.resolved)).await.unwrap_err();
    assert_eq!(error.step, Step::Manifest);
    Ok(())
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_downloaded() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let tag = registry.reference("zone:v1");
    anonymous().push(&tag, vec![7; 1000], &nothing()).await?;
    let with_limit = |max_bytes| Fetcher::new(FetchConfig { max_bytes, ..FetchConfig::default() });
    assert_eq!(with_limit(1000).fetch(&tag).await?.bytes.len(), 1000);

    let before = registry.requests("\"GET /v2/zone/blobs/")?;
    let error = with_limit(999).fetch(&tag).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::TooLarge { limit: 999, .. }), "{error:?}");
    assert_eq!(registry.requests("\"GET /v2/zone/blobs/")?, before);
    let error = with_limit(999).push(&tag, vec![7; 1000], &nothing()).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::TooLarge { limit: 999, .. }), "{error:?}");
    Ok(())
}
