//! The one HTTP client of this crate: kube's, also used for the health endpoints of programs that are not an API server.

use anyhow::{Context as _, Result};
use kube::Client;
use serde_json::Value;

/// A client for `url` that accepts any certificate. The components make their own, and only loopback is reached.
pub(crate) fn client(url: &str) -> Result<Client> {
    let mut config = kube::Config::new(url.parse().with_context(|| format!("{url:?} is not a URL"))?);
    config.accept_invalid_certs = true;
    // Not the environment's: a proxy between a test and its own loopback would be wrong.
    config.proxy_url = None;
    Client::try_from(config).with_context(|| format!("failed to make an HTTP client for {url}"))
}

/// GETs a path and returns the body, or fails if the status is not 2xx.
pub(crate) async fn get(client: &Client, path: &str) -> Result<String> {
    let request =
        ::http::Request::get(path).body(Vec::new()).with_context(|| format!("{path:?} is not a URL path"))?;
    client.request_text(request).await.with_context(|| format!("GET {path} failed"))
}

/// POSTs JSON to a path and returns the answer, which must be JSON, or fails if the status is not 2xx.
pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> Result<Value> {
    let request = ::http::Request::post(path).header("content-type", "application/json");
    let request = request.body(body.to_string().into_bytes());
    let request = request.with_context(|| format!("{path:?} is not a URL path"))?;
    let answer = client.request_text(request).await.with_context(|| format!("POST {path} failed"))?;
    serde_json::from_str(&answer).with_context(|| format!("the answer to {path} is not JSON"))
}
