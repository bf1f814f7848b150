//! Lists that are read a page ahead: while one page is decoded, the next is on its way.
//!
//! kube's watcher asks for a page when it has handed out the one before. So in turn the API server waits for this program and this
//! program for the API server, three hundred times in a large cluster. A client made here passes on every request; when it has a
//! page of a list, it asks for the page that the watcher will want next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::api::ListParams;
use kube::client::Body;
use kube::core::{ListMeta, Request as ApiRequest};
use kube::runtime::watcher;
use memchr::memmem;
use serde::Deserialize;
use tokio_util::task::AbortOnDropHandle;

use super::managed_fields;

/// What comes after all that is said of a list as a whole. Within a text the quotes would be escaped.
const ITEMS: &[u8] = br#""items":["#;

/// A client for one watcher of these settings, which reads its lists a page ahead. The API server hears the same requests as without
/// it, and each only once.
///
/// Must be called within a tokio runtime.
pub(super) fn ahead(client: Client, config: &watcher::Config) -> Client {
    let namespace = client.default_namespace().to_owned();
    // What the watcher asks by, from the second page on.
    let list = ListParams {
        label_selector: config.label_selector.clone(),
        field_selector: config.field_selector.clone(),
        limit: config.page_size,
        ..ListParams::default()
    };
    let fetcher = Fetcher { client, size: Arc::default() };
    let pages = Arc::new(Pages { fetcher, list, next: Mutex::new(None) });
    let service = tower::service_fn(move |request: Request<Body>| {
        let pages = pages.clone();
        async move { pages.answer(request).await }
    });
    Client::new(service, namespace)
}

/// A page of a list, or the answer that came in its place.
struct Page {
    response: Response<Body>,
    /// What the next page is asked for by, if there is one.
    next: Option<String>,
}

type Asked = AbortOnDropHandle<Result<Page, kube::Error>>;

struct Pages {
    fetcher: Fetcher,
    list: ListParams,
    /// The page that was asked for ahead.
    next: Mutex<Option<(Uri, Asked)>>,
}

impl Pages {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        if !is_page(request.uri()) {
            return self.fetcher.client.send(request).await;
        }
        let path = request.uri().path().to_owned();
        let page = match self.asked(request.uri()) {
            Some(asked) => asked.await.map_err(|error| kube::Error::Service(error.into()))?,
            None => self.fetcher.clone().page(request).await,
        };
        let Page { response, next } = page?;
        if let Some(token) = next {
            self.ask(&path, token);
            // Whoever reads this answer decodes it at once and on this thread, on which the request above would wait for the end of that.
            tokio::task::yield_now().await;
        }
        Ok(response)
    }

    /// What was asked for ahead, if it is this page. Of another list than was thought nothing is wanted any more.
    fn asked(&self, page: &Uri) -> Option<Asked> {
        let (of, asked) = self.next.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (of == *page).then_some(asked)
    }

    fn ask(&self, path: &str, token: String) {
        let list = ListParams { continue_token: Some(token), ..self.list.clone() };
        // The watcher, which asks by the same, will say why that is not a request.
        let Ok(request) = ApiRequest::new(path).list(&list) else { return };
        let page = request.uri().clone();
        let asked = tokio::spawn(self.fetcher.clone().page(request.map(Body::from)));
        let next = Some((page, AbortOnDropHandle::new(asked)));
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

#[derive(Clone)]
struct Fetcher {
    client: Client,
    /// Of the last page, in bytes.
    size: Arc<AtomicUsize>,
}

impl Fetcher {
    /// Asks for a page and reads all of it.
    async fn page(self, request: Request<Body>) -> Result<Page, kube::Error> {
        let response = self.client.send(request).await?;
        if response.status() != StatusCode::OK {
            return Ok(Page { response, next: None });
        }
        let (mut head, mut body) = response.into_parts();
        let size = self.size.load(Ordering::Relaxed);
        let mut page = Vec::with_capacity(size + size / 8);
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                page.extend_from_slice(&data);
            }
        }
        self.size.store(page.len(), Ordering::Relaxed);
        let next = continue_token(&page);
        managed_fields::cut(&mut page);
        // It was of the whole.
        head.headers.remove(header::CONTENT_LENGTH);
        Ok(Page { response: Response::from_parts(head, Body::from(page)), next })
    }
}

/// Whether a request is for a page of a list.
fn is_page(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    has("limit=") && !has("watch=")
}

/// What the next page is asked for by. Only what comes before the items is read, as the API server writes it; `None` in any other
/// list, of which nothing is asked ahead.
fn continue_token(page: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        metadata: ListMeta,
    }

    let head = page.get(..memmem::find(page, ITEMS)?)?;
    let head: Head = serde_json::from_slice(&[head, ITEMS, b"]}"].concat()).ok()?;
    head.metadata.continue_.filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
