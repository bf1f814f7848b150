//! The page: files that are built in, under a policy that lets nothing else run.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use flate2::Compression;

use super::answers::Content;

/// Scripts, styles and pictures come from here and nowhere else, and no other page may frame this one.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// What goes with every file.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Path, type and content of each file; compressed when the first one is asked for.
static FILES: LazyLock<[(&str, Content); 4]> = LazyLock::new(|| {
    let file = |path, kind, bytes: &[u8]| (path, Content::new(kind, bytes.to_vec(), Compression::best()));
    [
        file("/", "text/html; charset=utf-8", include_bytes!("../../../../console/dist/index.html")),
        file(
            "/console.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../../../console/dist/console.js"),
        ),
        file(
            "/console.css",
            "text/css; charset=utf-8",
            include_bytes!("../../../../console/dist/console.css"),
        ),
        file("/icon.svg", "image/svg+xml", include_bytes!("../../../../console/dist/icon.svg")),
    ]
});

/// The page's files. Whoever reaches the listener may read them: they are the same everywhere and hold nothing of a cluster.
pub(super) fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, (path, content)| {
        router.route(path, get(async move |headers: HeaderMap| file(content, &headers)))
    })
}

fn file(content: &Content, headers: &HeaderMap) -> Response {
    let mut answer = content.answer(headers);
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
