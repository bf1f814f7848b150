//! Registries that send an upload to the wrong place, or answer it without end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::routing::{any, get};
use netmarks_artefacts::{Credentials, Digest, FetchConfig, Fetcher, Reason, Step};

use crate::support::{COMPONENT, anonymous, chain, endless, nothing, reference, serve};

/// What was asked: method, path, query, authorization and number of bytes.
type Asked = Arc<Mutex<Vec<String>>>;

/// Takes everything, and writes down what was asked.
fn recording(asked: &Asked, status: StatusCode) -> Router {
    let asked = asked.clone();
    Router::new().fallback(any(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, 10_000).await.unwrap();
        let authorization = parts.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        let line = format!("{} {} {authorization} {}", parts.method, parts.uri, bytes.len());
        asked.lock().unwrap().push(line);
        status
    }))
}

/// A registry that sends uploads to `location`; with a password, if asked for.
fn sending_to(location: Option<&str>, password: bool) -> Router {
    let location = location.map(str::to_owned);
    let begin = async move |request: Request| {
        if password && !request.headers().contains_key("authorization") {
            let response = Response::builder().status(StatusCode::UNAUTHORIZED);
            return response.header("www-authenticate", "Basic realm=\"tests\"").body(Body::empty()).unwrap();
        }
        let response = Response::builder().status(StatusCode::ACCEPTED);
        match location {
            Some(location) => response.header("location", location),
            None => response,
        }
        .body(Body::empty())
        .unwrap()
    };
    Router::new().route("/v2/", get(|| async { "{}" })).route("/v2/zone/blobs/uploads/", any(begin))
}

#[tokio::test]
async fn an_upload_does_not_go_where_we_do_not_follow() -> Result<()> {
    for location in
        [Some("http://files.example/upload?secret"), Some("ftp://127.0.0.1/"), Some("https://"), None]
    {
        let address = serve(sending_to(location, false)).await?;
        let tag = reference(&format!("{address}/zone:v1"));
        let error = anonymous().push(&tag, COMPONENT.to_vec(), &nothing()).await.unwrap_err();
        assert_eq!(error.step, Step::Push);
        let Reason::Location { location: found, .. } = &*error.source else { panic!("{error:?}") };
        assert_eq!(found, location.unwrap_or_default());
        assert!(chain(error).contains("expected an https URL"));
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_password_and_keeps_its_query() -> Result<()> {
    let asked = Asked::default();
    let storage = serve(recording(&asked, StatusCode::CREATED)).await?;
    let router = sending_to(Some(&format!("http://{storage}/upload?state=secret")), true)
        .route("/v2/zone/manifests/v1", any(|| async { StatusCode::CREATED }));
    let address = serve(router).await?;
    let config = format!(r#"{{"auths": {{"{address}": {{"username": "user", "password": "hunter2"}}}}}}"#);
    let credentials = Credentials::Config(config.into_bytes());
    let fetcher = Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() });
    fetcher.push(&reference(&format!("{address}/zone:v1")), COMPONENT.to_vec(), &nothing()).await?;
    let digest = Digest::of(COMPONENT).to_string().replace(':', "%3A");
    let first = asked.lock().unwrap().first().cloned().unwrap();
    assert_eq!(first, format!("PUT /upload?state=secret&digest={digest}  {}", COMPONENT.len()));
    Ok(())
}

#[tokio::test]
async fn what_lets_others_continue_an_upload_is_not_shown() -> Result<()> {
    let asked = Asked::default();
    let storage = serve(recording(&asked, StatusCode::INTERNAL_SERVER_ERROR)).await?;
    let address = serve(sending_to(Some(&format!("http://{storage}/upload?state=secret")), false)).await?;
    let tag = reference(&format!("{address}/zone:v1"));
    let error = chain(anonymous().push(&tag, COMPONENT.to_vec(), &nothing()).await.unwrap_err());
    assert!(error.contains("/upload answered with status 500") && !error.contains("secret"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_answer_to_an_upload_without_end_is_cut() -> Result<()> {
    let refuse = || async { (StatusCode::INTERNAL_SERVER_ERROR, endless()) };
    let router = sending_to(Some("/upload"), false).route("/upload", any(refuse));
    let tag = reference(&format!("{}/zone:v1", serve(router).await?));
    let error = anonymous().push(&tag, COMPONENT.to_vec(), &nothing()).await.unwrap_err();
    assert!(matches!(&*error.source, Reason::Status { status, .. } if status.as_u16() == 500), "{error:?}");
    // A success is not read at all.
    let router = sending_to(Some("/upload"), false)
        .route("/upload", any(|| async { (StatusCode::CREATED, endless()) }))
        .route("/v2/zone/manifests/v1", any(|| async { (StatusCode::CREATED, endless()) }));
    let tag = reference(&format!("{}/zone:v1", serve(router).await?));
    anonymous().push(&tag, COMPONENT.to_vec(), &nothing()).await?;
    Ok(())
}
