//! The page: files that are built in, under a policy that lets nothing else run.

use std::sync::{LazyLock, OnceLock};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;

use super::openapi::description;
use crate::content::{Coding, Content, Effort};

/// Scripts, styles and pictures come from here and nowhere else, and no other page may frame this one.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// What goes with every file.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Path, type and content of each file.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("/", "text/html; charset=utf-8", include_bytes!("../../../../console/dist/index.html")),
    ("/console.js", "text/javascript; charset=utf-8", include_bytes!("../../../../console/dist/console.js")),
    ("/console.css", "text/css; charset=utf-8", include_bytes!("../../../../console/dist/console.css")),
    ("/icon.svg", "image/svg+xml", include_bytes!("../../../../console/dist/icon.svg")),
];

/// One file in the codings that were asked for, each compressed when the first one asks.
#[derive(Default)]
struct Forms {
    brotli: OnceLock<Content>,
    gzip: OnceLock<Content>,
    plain: OnceLock<Content>,
}

static FORMS: LazyLock<[Forms; FILES.len()]> = LazyLock::new(Default::default);

/// The description of the API, made when the first one asks.
static DESCRIPTION: LazyLock<(Vec<u8>, Forms)> = LazyLock::new(|| {
    // It is plain data, which can always be written.
    (description().to_json().unwrap_or_default().into_bytes(), Forms::default())
});

/// The page's files, and the description of what it reads. Whoever reaches the listener may read them: they are the same everywhere and
/// hold nothing of a cluster.
pub(super) fn router() -> Router {
    let described = async |headers: HeaderMap| {
        let (bytes, forms) = &*DESCRIPTION;
        file("application/json", bytes, forms, &headers)
    };
    let described = Router::new().route("/openapi.json", get(described));
    FILES.iter().zip(FORMS.iter()).fold(described, |router, ((path, kind, bytes), forms)| {
        router.route(path, get(async move |headers: HeaderMap| file(kind, bytes, forms, &headers)))
    })
}

fn file(kind: &'static str, bytes: &[u8], forms: &Forms, headers: &HeaderMap) -> Response {
    let coding = Coding::of(headers);
    let form = match coding {
        Coding::Brotli => &forms.brotli,
        Coding::Gzip => &forms.gzip,
        Coding::Plain => &forms.plain,
    };
    let content = form.get_or_init(|| Content::new(kind, bytes.to_vec(), coding, Effort::Size));
    let mut answer = content.answer(headers);
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
