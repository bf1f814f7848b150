//! Registries that no program of good will is: endless answers, lies about digests, tokens for the wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{any, get};
use netmarks_artefacts::{Credentials, Digest, FetchConfig, Fetcher, Reason, SignatureError, Step};
use serde_json::json;

use crate::support::plain_client::IMAGE;
use crate::support::{COMPONENT, anonymous, chain, endless, key_pair, reference, requiring, serve, sign};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn manifest(digest: Digest, size: usize) -> Vec<u8> {
    let config =
        json!({"mediaType": "application/vnd.wasm.config.v0+json", "digest": Digest::of(b"{}"), "size": 2});
    let layer = json!({"mediaType": "application/wasm", "digest": digest, "size": size});
    serde_json::to_vec(&json!({"schemaVersion": 2, "config": config, "layers": [layer]})).unwrap()
}

fn api() -> Router {
    Router::new().route("/v2/", get(|| async { "{}" }))
}

#[tokio::test]
async fn a_manifest_without_end_is_given_up() -> Result<()> {
    let address = serve(api().route("/v2/zone/manifests/v1", get(|| async { endless() }))).await?;
    let error = anonymous().fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    assert_eq!(error.step, Step::Manifest);
    assert!(matches!(&*error.source, Reason::TooLarge { limit: 1_048_576, .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_component_larger_than_its_manifest_says_is_given_up() -> Result<()> {
    let manifest = manifest(Digest::of(COMPONENT), COMPONENT.len());
    let router = api()
        .route("/v2/zone/manifests/v1", get(async || manifest))
        .route("/v2/zone/blobs/{digest}", get(|| async { endless() }));
    let address = serve(router).await?;
    let error = anonymous().fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    assert_eq!(error.step, Step::Component);
    let Reason::Length { announced, sent, .. } = &*error.source else { panic!("{error:?}") };
    assert_eq!((*announced, sent.as_str()), (COMPONENT.len() as u64, "more"));
    Ok(())
}

#[tokio::test]
async fn a_shorter_component_and_a_wrong_one_are_refused() -> Result<()> {
    for (sent, is_length) in [(&b"short"[..], true), (&COMPONENT.to_ascii_uppercase(), false)] {
        let (manifest, sent) = (manifest(Digest::of(COMPONENT), COMPONENT.len()), sent.to_vec());
        let router = api()
            .route("/v2/zone/manifests/v1", get(async || manifest))
            .route("/v2/zone/blobs/{digest}", get(async || sent));
        let address = serve(router).await?;
        let error = anonymous().fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
        assert_eq!(matches!(&*error.source, Reason::Length { .. }), is_length, "{error:?}");
        assert_eq!(matches!(&*error.source, Reason::Digest { .. }), !is_length, "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_error_without_end_is_cut() -> Result<()> {
    let refuse = || async { (StatusCode::INTERNAL_SERVER_ERROR, endless()) };
    let address = serve(api().route("/v2/zone/manifests/v1", get(refuse))).await?;
    let error = anonymous().fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Status { status, .. } if status.as_u16() == 500), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn the_registrys_word_for_a_digest_is_not_believed() -> Result<()> {
    let bytes = manifest(Digest::of(COMPONENT), COMPONENT.len());
    let claimed = Digest::of(b"another manifest");
    let router = api().route(
        "/v2/zone/manifests/{name}",
        get(async move || ([("docker-content-digest", claimed.to_string())], bytes)),
    );
    let address = serve(router).await?;
    let tag = reference(&format!("{address}/zone:v1"));
    assert_eq!(anonymous().resolve(&tag).await?, claimed);
    let error = anonymous().fetch(&tag.pinned(claimed)).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Digest { expected, .. } if *expected == claimed), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_digest_that_is_not_in_the_headers_is_computed() -> Result<()> {
    let bytes = manifest(Digest::of(COMPONENT), COMPONENT.len());
    let digest = Digest::of(&bytes);
    let address = serve(api().route("/v2/zone/manifests/v1", get(async || bytes))).await?;
    assert_eq!(anonymous().resolve(&reference(&format!("{address}/zone:v1"))).await?, digest);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() -> Result<()> {
    let silent = || async { std::future::pending::<&'static str>().await };
    let address = serve(api().route("/v2/zone/manifests/v1", get(silent))).await?;
    let timeout = Duration::from_millis(500);
    let fetcher = Fetcher::new(FetchConfig { timeout, ..FetchConfig::default() });
    let error = fetcher.fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Timeout { seconds: 0.5, .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn more_signatures_than_are_looked_at_are_not_enough() -> Result<()> {
    let (keys, stranger) = (key_pair().0, key_pair().1);
    let component = manifest(Digest::of(COMPONENT), COMPONENT.len());
    let bundle = sign(&stranger, &component);
    let layer = json!({"mediaType": BUNDLE, "digest": Digest::of(bundle.as_bytes()), "size": bundle.len()});
    let config =
        json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2});
    let attached = json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string();
    let digest = Digest::of(attached.as_bytes());
    let entry = json!({"mediaType": IMAGE, "digest": digest, "size": attached.len(), "artifactType": BUNDLE});
    let list = json!({"schemaVersion": 2, "manifests": vec![entry; 40]}).to_string();
    let looked = Arc::new(Mutex::new(0));
    let count = looked.clone();
    let router = api()
        .route(&format!("/v2/zone/referrers/{}", Digest::of(&component)), get(async || list))
        .route("/v2/zone/manifests/v1", get(async || component))
        .route(&format!("/v2/zone/manifests/{digest}"), get(async || attached))
        .route(
            "/v2/zone/blobs/{digest}",
            get(async move || {
                *count.lock().unwrap() += 1;
                bundle
            }),
        );
    let address = serve(router).await?;
    let error = requiring(keys).fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    let Reason::Signature { source: SignatureError::TooMany { found: 40 } } = &*error.source else {
        panic!("{error:?}")
    };
    assert_eq!(*looked.lock().unwrap(), 32);
    Ok(())
}

/// A registry that asks for a token of `/token`, which records how it was asked.
async fn with_token_service(realm: Option<&str>) -> Result<(String, Arc<Mutex<Vec<String>>>)> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = asked.clone();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    let realm = realm.map_or_else(|| format!("http://{address}/token"), str::to_owned);
    let manifest = manifest(Digest::of(COMPONENT), COMPONENT.len());
    let guarded = move |headers: HeaderMap, request: Request| async move {
        if headers.get("authorization").is_some_and(|value| value == "Bearer opaque") {
            let path = request.uri().path();
            let body = if path.contains("/blobs/") { COMPONENT.to_vec() } else { manifest };
            Response::new(Body::from(body))
        } else {
            let challenge = format!(r#"Bearer realm="{realm}",service="tests",scope="other""#);
            let response = Response::builder().status(StatusCode::UNAUTHORIZED);
            response.header("www-authenticate", challenge).body(Body::empty()).unwrap()
        }
    };
    let token = move |headers: HeaderMap, request: Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        let query = parts.uri.query().unwrap_or_default();
        let line = format!("{} {query} {authorization} {}", parts.method, String::from_utf8_lossy(&body));
        record.lock().unwrap().push(line);
        r#"{"access_token": "opaque"}"#
    };
    let router = Router::new().route("/token", any(token)).fallback(guarded);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, asked))
}

#[tokio::test]
async fn a_token_is_asked_for_with_what_the_credentials_are() -> Result<()> {
    for (entry, expected) in [
        (None, "GET service=tests&scope=repository%3Ateam%2Fzone%3Apull  "),
        (
            Some(r#"{"username": "user", "password": "hunter2"}"#),
            "GET service=tests&scope=repository%3Ateam%2Fzone%3Apull Basic dXNlcjpodW50ZXIy ",
        ),
        (
            Some(r#"{"identitytoken": "refresh"}"#),
            "POST   grant_type=refresh_token&client_id=netmarks&service=tests&scope=repository%3Ateam%2Fzone%3Apull&refresh_token=refresh",
        ),
    ] {
        let (address, asked) = with_token_service(None).await?;
        let credentials = entry.map_or(Credentials::Anonymous, |entry| {
            Credentials::Config(format!(r#"{{"auths": {{"{address}": {entry}}}}}"#).into_bytes())
        });
        let fetcher = Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() });
        let fetched = fetcher.fetch(&reference(&format!("{address}/team/zone:v1"))).await?;
        assert_eq!(fetched.bytes, COMPONENT);
        // Once for the manifest and the component together.
        assert_eq!(*asked.lock().unwrap(), [expected]);
    }
    Ok(())
}

#[tokio::test]
async fn a_registry_token_is_sent_as_it_is() -> Result<()> {
    let (address, asked) = with_token_service(None).await?;
    let config = format!(r#"{{"auths": {{"{address}": {{"registrytoken": "opaque"}}}}}}"#);
    let credentials = Credentials::Config(config.into_bytes());
    let fetcher = Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() });
    assert_eq!(fetcher.fetch(&reference(&format!("{address}/zone:v1"))).await?.bytes, COMPONENT);
    assert_eq!(asked.lock().unwrap().len(), 0);
    Ok(())
}

#[tokio::test]
async fn credentials_are_not_sent_to_a_plain_realm_elsewhere() -> Result<()> {
    let (address, _) = with_token_service(Some("http://auth.example/token")).await?;
    let error = anonymous().fetch(&reference(&format!("{address}/zone:v1"))).await.unwrap_err();
    assert!(
        matches!(&*error.source, Reason::Realm { realm } if realm == "http://auth.example/token"),
        "{error:?}"
    );
    assert!(chain(error).contains("expected https"));
    Ok(())
}
