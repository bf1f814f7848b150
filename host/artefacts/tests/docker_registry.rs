//! Against the registry that people run: Debian's package `docker-registry` (CNCF distribution).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Authority, LIMIT, Options, Registry, anonymous, chain, key_pair, requiring};
use anyhow::Result;
use netmarks_artefacts::{
    Credentials, Description, Digest, FetchConfig, FetchError, Fetcher, Keys, LayoutError, Poll, PollConfig,
    Reason, Reference, SignatureError, Step,
};
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;
use tokio_util::sync::CancellationToken;

const COMPONENT: &[u8] = b"\0asm the bytes of a component";

fn nothing() -> Description {
    Description::default()
}

fn signature_error(error: &FetchError) -> &SignatureError {
    match &*error.source {
        Reason::Signature { source } => source,
        other => panic!("not about the signature: {other}"),
    }
}

/// Another client, which knows nothing of ours.
fn other_client() -> oci_client::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    oci_client::Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() })
}

/// Pushes one layer with the other client.
async fn push_with_other(registry: &Registry, rest: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
    let layer = ImageLayer::new(bytes.to_vec(), media_type.to_owned(), None);
    let config = Config::new(b"{}".to_vec(), "application/vnd.wasm.config.v1+json".to_owned(), None);
    let image = format!("{}/{rest}", registry.address()).parse()?;
    other_client().push(&image, &[layer], config, &RegistryAuth::Anonymous, None).await?;
    Ok(())
}

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

    // As another client sees it, with the checks that `wkg` makes.
    let image = pushed.resolved.parse()?;
    let client = other_client();
    let found = client.pull(&image, &RegistryAuth::Anonymous, vec!["application/wasm"]).await?;
    assert_eq!(found.layers.len(), 1);
    assert_eq!(found.layers[0].data, COMPONENT);
    assert_eq!(found.config.media_type, "application/vnd.wasm.config.v0+json");
    let manifest = found.manifest.unwrap();
    assert_eq!(manifest.media_type.as_deref(), Some("application/vnd.oci.image.manifest.v1+json"));
    assert_eq!(manifest.artifact_type, None);
    assert_eq!(manifest.annotations, Some(annotations));
    let config: serde_json::Value = serde_json::from_slice(&found.config.data)?;
    assert_eq!(config["created"], "2026-01-02T03:04:05Z");
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(config["os"], "wasip2");
    assert_eq!(config["layerDigests"], serde_json::json!([Digest::of(COMPONENT)]));

    // And the registry serves it as what it is.
    let url = format!("http://{}/v2/zone/manifests/v1", registry.address());
    let accept = "application/vnd.oci.image.manifest.v1+json";
    let answer = reqwest::Client::new().get(url).header("accept", accept).send().await?;
    assert_eq!(answer.headers()["content-type"], accept);
    Ok(())
}

#[tokio::test]
async fn the_older_type_of_layer_is_read_and_others_are_named() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    push_with_other(&registry, "zone:old", "application/vnd.wasm.content.layer.v1+wasm", COMPONENT).await?;
    assert_eq!(anonymous().fetch(&registry.reference("zone:old")).await?.bytes, COMPONENT);

    let tar = "application/vnd.oci.image.layer.v1.tar";
    push_with_other(&registry, "zone:image", tar, b"an image").await?;
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
async fn a_poll_sees_a_tag_that_moves_and_downloads_only_then() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let (fetcher, tag) = (Arc::new(anonymous()), registry.reference("zone:latest"));
    let shutdown = CancellationToken::new();
    let config = PollConfig { interval: Duration::from_millis(20), max_backoff: Duration::from_millis(20) };
    let mut poll = Poll::new(fetcher.clone(), tag.clone(), config);

    // Before there is anything it fails, and tries again.
    let first = tokio::time::timeout(LIMIT, poll.next(&shutdown)).await?.unwrap();
    assert!(chain(first.unwrap_err()).contains("404"));
    fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    let mut next = async || {
        // A look at a tag that is just being written can fail in any way; the poll tries again.
        let found = async {
            loop {
                if let Ok(fetched) = poll.next(&shutdown).await.unwrap() {
                    return fetched;
                }
            }
        };
        anyhow::Ok(tokio::time::timeout(LIMIT, found).await?)
    };
    assert_eq!(next().await?.bytes, COMPONENT);

    let heads = || registry.requests("\"HEAD /v2/zone/manifests/latest");
    let blobs = || registry.requests("\"GET /v2/zone/blobs/");
    let (heads_before, blobs_before) = (heads()?, blobs()?);
    let moving = async {
        netmarks_test_cluster::until("some looks", LIMIT, async || {
            Ok((heads()? > heads_before + 5).then_some(()))
        })
        .await?;
        assert_eq!(blobs()?, blobs_before);
        anyhow::Ok(fetcher.push(&tag, b"another component".to_vec(), &nothing()).await?)
    };
    let (moved, fetched) = tokio::join!(moving, next());
    let (moved, fetched) = (moved?, fetched?);
    assert_eq!(fetched.bytes, b"another component");
    assert_eq!(fetched.resolved, moved.resolved);
    assert_eq!(blobs()?, blobs_before + 1);

    // Back to what it was, by moving the tag alone.
    fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    assert_eq!(next().await?.bytes, COMPONENT);

    shutdown.cancel();
    assert!(poll.next(&shutdown).await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_pinned_reference_is_fetched_once() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let fetcher = Arc::new(anonymous());
    let pushed = fetcher.push(&registry.reference("zone:v1"), COMPONENT.to_vec(), &nothing()).await?;
    let mut poll = Poll::new(fetcher, crate::support::reference(&pushed.resolved), PollConfig::default());
    let shutdown = CancellationToken::new();
    assert_eq!(poll.next(&shutdown).await.unwrap()?.bytes, COMPONENT);
    assert!(tokio::time::timeout(LIMIT, poll.next(&shutdown)).await?.is_none());
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

#[tokio::test]
async fn with_keys_only_what_one_of_them_signed_is_handed_over() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let ((keys, key), (stranger_keys, stranger)) = (key_pair(), key_pair());
    let (fetcher, tag) = (requiring(keys.clone()), registry.reference("zone:v1"));
    let pushed = fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;

    let unsigned = fetcher.fetch(&tag).await.unwrap_err();
    assert_eq!(unsigned.step, Step::Verify);
    assert!(matches!(signature_error(&unsigned), SignatureError::Missing { .. }), "{unsigned:?}");
    assert!(
        chain(unsigned)
            .contains(&format!("cosign sign --key cosign.key --tlog-upload=false {}", pushed.resolved))
    );

    assert_eq!(fetcher.sign(&tag, &stranger).await?, pushed.manifest);
    let strange = fetcher.fetch(&tag).await.unwrap_err();
    assert!(matches!(signature_error(&strange), SignatureError::NoKey { .. }), "{strange:?}");

    // A second signature beside the first; signed once more, nothing is added.
    fetcher.sign(&crate::support::reference(&pushed.resolved), &key).await?;
    fetcher.sign(&tag, &key).await?;
    let fetched = fetcher.fetch(&tag).await?;
    assert_eq!((fetched.bytes.as_slice(), fetched.signed_by.as_deref()), (COMPONENT, keys.ids().next()));
    assert_eq!(requiring(stranger_keys).fetch(&tag).await?.bytes, COMPONENT);
    let signatures = format!("{}/zone:sha256-{}.sig", registry.address(), pushed.manifest.hex()).parse()?;
    let (manifest, _) = other_client().pull_image_manifest(&signatures, &RegistryAuth::Anonymous).await?;
    assert_eq!(manifest.layers.len(), 2);
    for layer in manifest.layers {
        assert_eq!(layer.media_type, "application/vnd.dev.cosign.simplesigning.v1+json");
        assert!(layer.annotations.unwrap().contains_key("dev.cosignproject.cosign/signature"));
    }
    Ok(())
}

#[tokio::test]
async fn a_signature_of_something_else_is_refused() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let (keys, key) = key_pair();
    let fetcher = requiring(keys);
    let (good, bad) = (registry.reference("zone:good"), registry.reference("zone:bad"));
    let signed = fetcher.push(&good, COMPONENT.to_vec(), &nothing()).await?;
    fetcher.sign(&good, &key).await?;
    let unsigned = fetcher.push(&bad, b"not what was signed".to_vec(), &nothing()).await?;

    // The registry's owner copies the signature of one to the other.
    let client = other_client();
    let signatures =
        |digest: Digest| format!("{}/zone:sha256-{}.sig", registry.address(), digest.hex()).parse();
    let types = &["application/vnd.oci.image.manifest.v1+json"];
    let source = signatures(signed.manifest)?;
    let (manifest, _) = client.pull_manifest_raw(&source, &RegistryAuth::Anonymous, types).await?;
    let target = signatures(unsigned.manifest)?;
    client
        .push_manifest_raw(&target, manifest.to_vec(), reqwest::header::HeaderValue::from_static(types[0]))
        .await?;
    let error = fetcher.fetch(&bad).await.unwrap_err();
    let SignatureError::OtherDigest { signed: of, actual } = signature_error(&error) else {
        panic!("{error:?}")
    };
    assert_eq!((of.as_str(), *actual), (signed.manifest.to_string().as_str(), unsigned.manifest));

    // Or alters the signature of the right one.
    let text = String::from_utf8(manifest.to_vec())?;
    let start = text.find("cosign/signature\":\"").unwrap() + 30;
    let letter = if &text[start..=start] == "A" { "B" } else { "A" };
    let altered = format!("{}{letter}{}", &text[..start], &text[start + 1..]);
    client.push_manifest_raw(&source, altered, reqwest::header::HeaderValue::from_static(types[0])).await?;
    let error = fetcher.fetch(&good).await.unwrap_err();
    let wrong = signature_error(&error);
    assert!(matches!(wrong, SignatureError::NoKey { .. } | SignatureError::Malformed), "{wrong}");
    Ok(())
}

#[tokio::test]
async fn a_tag_that_moves_before_its_signature_arrives_is_taken_once_it_did() -> Result<()> {
    let registry = Registry::start(Options::default()).await?;
    let (keys, key) = key_pair();
    let (fetcher, tag) = (Arc::new(requiring(keys)), registry.reference("zone:latest"));
    fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    let config = PollConfig { interval: Duration::from_millis(20), max_backoff: Duration::from_millis(20) };
    let (mut poll, shutdown) = (Poll::new(fetcher.clone(), tag.clone(), config), CancellationToken::new());
    let refused = tokio::time::timeout(LIMIT, poll.next(&shutdown)).await?.unwrap().unwrap_err();
    assert!(matches!(signature_error(&refused), SignatureError::Missing { .. }));
    fetcher.sign(&tag, &key).await?;
    let fetched = tokio::time::timeout(LIMIT, poll.next(&shutdown)).await?.unwrap()?;
    assert_eq!(fetched.bytes, COMPONENT);
    Ok(())
}

#[tokio::test]
async fn a_password_is_asked_for_and_taken_from_docker_config() -> Result<()> {
    let registry = Registry::start(Options { password: true, ..Options::default() }).await?;
    let tag = registry.reference("zone:v1");
    // `printf user:hunter2 | base64`, and with another password.
    let config = |auth: &str| format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, registry.address());
    let (right, wrong) = (config("dXNlcjpodW50ZXIy"), config("dXNlcjp3cm9uZw=="));
    let with = |credentials| Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() });
    let pusher = with(Credentials::Config(right.clone().into_bytes()));
    let pushed = pusher.push(&tag, COMPONENT.to_vec(), &nothing()).await?;

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("config.json");
    std::fs::write(&file, &wrong)?;
    let from_file = with(Credentials::File(file.clone()));
    for fetcher in [&anonymous(), &from_file] {
        for error in [
            fetcher.fetch(&tag).await.unwrap_err(),
            fetcher.resolve(&tag).await.unwrap_err(),
            fetcher.push(&tag, COMPONENT.to_vec(), &nothing()).await.unwrap_err(),
        ] {
            let error = chain(error);
            assert!(error.contains("401") && !error.contains("hunter2"), "{error}");
        }
    }
    // A rotated secret is used at once.
    std::fs::write(&file, &right)?;
    assert_eq!(from_file.fetch(&tag).await?.bytes, COMPONENT);
    assert_eq!(from_file.resolve(&tag).await?, pushed.manifest);
    let (keys, key) = key_pair();
    from_file.sign(&tag, &key).await?;
    let verifying = Fetcher::new(FetchConfig { keys: Some(keys), ..from_file.config().clone() });
    assert_eq!(verifying.fetch(&tag).await?.bytes, COMPONENT);

    std::fs::remove_file(&file)?;
    let error = from_file.fetch(&tag).await.unwrap_err();
    assert_eq!(error.step, Step::Connect);
    assert!(chain(error).contains("config.json"));
    Ok(())
}

#[tokio::test]
async fn a_private_authority_is_trusted_if_it_is_named() -> Result<()> {
    let (authority, stranger) = (Authority::new()?, Authority::new()?);
    let registry = Registry::start(Options { tls: Some(&authority), ..Options::default() }).await?;
    let tag = registry.reference("zone:v1");
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("ca.crt");
    let trusting = Fetcher::new(FetchConfig { ca_file: Some(ca_file.clone()), ..FetchConfig::default() });

    // Loopback may be spoken to without TLS, but this one speaks it: the certificate is what is complained about.
    stranger.write(&ca_file)?;
    for fetcher in [&anonymous(), &trusting] {
        let error = chain(fetcher.fetch(&tag).await.unwrap_err());
        assert!(error.contains("certificate"), "{error}");
    }
    // Two in one file, for rotation; the file is read again.
    std::fs::write(&ca_file, [stranger.pem(), authority.pem()].concat())?;
    trusting.push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    assert_eq!(trusting.fetch(&tag).await?.bytes, COMPONENT);

    std::fs::write(&ca_file, "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")?;
    let error = chain(trusting.fetch(&tag).await.unwrap_err());
    assert!(error.contains("must be PEM"), "{error}");
    Ok(())
}

#[test]
fn settings_do_not_show_secrets() {
    let credentials = Credentials::Config(b"hunter2".to_vec());
    let keys: Option<Keys> = Some(key_pair().0);
    let config = FetchConfig { credentials, keys, ..FetchConfig::default() };
    assert!(!format!("{:?}", Fetcher::new(config)).contains("hunter2"));
    assert!(matches!("/zone.wasm".parse(), Ok(Reference::File(_))));
}
