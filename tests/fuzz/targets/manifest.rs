//! What a registry answers where a manifest, a list of signatures or a token is asked for, over HTTP. Nothing is taken but the component
//! that the manifest names, and nothing at all where signatures are required.
#![no_main]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use libfuzzer_sys::fuzz_target;
use netmarks_artefacts::{Authority, FetchConfig, Fetcher, Keys, LegacySignatures, Reference, Verifier};
use tokio::runtime::Runtime;

const COMPONENT: &[u8] = b"\0asm the bytes of a component";

/// What the registry answers now.
type Said = Arc<Mutex<Vec<u8>>>;

struct World {
    runtime: Runtime,
    said: Said,
    reference: Reference,
    trusting: Fetcher,
    requiring: Fetcher,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let said = Said::default();
        let router = Router::new().fallback(answer).with_state(said.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("loopback");
        let address = listener.local_addr().expect("it is bound");
        runtime.spawn(async move { axum::serve(listener, router).await });
        let keys =
            Keys::from_pem(include_str!("../../../host/artefacts/tests/data/cosign/key.pub")).expect("a key");
        let authority = include_str!("../../../host/artefacts/tests/data/cosign/authority.pem");
        let authority = Authority::from_pem(authority, vec!["*".to_owned()]).expect("an authority");
        let verifier = Verifier::new(Some(keys), vec![authority], LegacySignatures::Accepted);
        let requiring = FetchConfig { verifier, ..FetchConfig::default() };
        Self {
            runtime,
            said,
            reference: format!("{address}/zone:v1").parse().expect("a reference"),
            trusting: Fetcher::new(FetchConfig::default()),
            requiring: Fetcher::new(requiring),
        }
    }
}

/// The first line is the status and the type, the rest the body; of blobs there is one.
async fn answer(State(said): State<Said>, uri: Uri) -> Response {
    if uri.path() == "/v2/" {
        return "{}".into_response();
    }
    if uri.path().contains("/blobs/") {
        return COMPONENT.into_response();
    }
    let said = said.lock().expect("nobody panics with it").clone();
    let end = said.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (head, body) = said.split_at(end);
    let head = String::from_utf8_lossy(head);
    let (status, kind) = head.split_once(' ').unwrap_or(("", ""));
    let status = status
        .parse()
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())
        .filter(|code| code.as_u16() >= 200);
    let kind =
        header::HeaderValue::from_str(kind).unwrap_or(header::HeaderValue::from_static("application/json"));
    let mut response = (status.unwrap_or(StatusCode::OK), body.to_vec()).into_response();
    let authenticate =
        header::HeaderValue::from_bytes(body.split(|byte| *byte == b'\n').next_back().unwrap_or_default());
    if response.status() == StatusCode::UNAUTHORIZED
        && let Ok(authenticate) = authenticate
    {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, authenticate);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fuzz_target!(|bytes: &[u8]| {
    WORLD.with(|world| {
        bytes.clone_into(&mut world.said.lock().expect("nobody panics with it"));
        match world.runtime.block_on(world.trusting.fetch(&world.reference)) {
            Ok(fetched) => assert_eq!(fetched.bytes, COMPONENT),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        assert!(world.runtime.block_on(world.requiring.fetch(&world.reference)).is_err(), "nobody signed it");
    });
});
