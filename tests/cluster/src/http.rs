//! The one HTTP client of this crate: kube's, also used for the health endpoints of programs that are not an API server.

use anyhow::{Context as _, Result};
use kube::Client;

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
