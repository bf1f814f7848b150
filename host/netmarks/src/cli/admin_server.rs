//! Calls of the admin listener, the same for every command that makes one.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{ClientTls, base_url, unreachable};
use super::exit::Ended;

/// Which admin listener, and who is calling.
#[derive(Debug, clap::Args)]
pub(super) struct AdminServer {
    /// Base URL of the admin listener (`admin.listen`)
    #[arg(long, env = "NETMARKS_ADMIN_SERVER", default_value = DEFAULT, value_name = "URL", value_parser = base_url)]
    server: String,
    /// A file with the token to present
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: ClientTls,
}

/// Where `netmarks demo` listens, and the documentation's examples.
pub(super) const DEFAULT: &str = "http://127.0.0.1:9822";

impl AdminServer {
    /// Makes one call and reads its answer.
    ///
    /// # Errors
    /// If nobody answers, or the answer is a refusal: then with the server's reason.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.ask(method, path, prepare))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let url = format!("{}{path}", self.server);
        let response = self.send(method, path, prepare).await?;
        let text = response.text().await.with_context(|| format!("{url} ended its answer early"))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{url} answered something else; is it an admin listener?"))
    }

    /// Sends one request; what comes back is the beginning of an answer of success.
    ///
    /// # Errors
    /// If nobody answers, or the answer is a refusal: then with the server's reason.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        let url = format!("{}{path}", self.server);
        let mut request = self.tls.client()?.build()?.request(method, &url);
        if let Some(file) = &self.token_file {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("failed to read the token in {}", file.display()))?;
            request = request.bearer_auth(token.trim());
        }
        let hint = "is `admin.listen` set for `netmarks serve`? (--server)";
        let response = prepare(request).send().await.map_err(|error| unreachable(&url, error, hint))?;
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.with_context(|| format!("{url} ended its answer early"))?;
            let said: Option<Value> = serde_json::from_str(&text).ok();
            let reason = said.as_ref().and_then(|said| said.get("error")?.as_str()).map(str::to_owned);
            let known = reason.is_some();
            let reason = reason.unwrap_or_else(|| {
                format!("{url} answered {status}: {}", text.lines().next().unwrap_or_default())
            });
            match status {
                // Without a reason of its own it is not an admin listener.
                StatusCode::NOT_FOUND if known => bail!(Ended::not_found(reason)),
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => bail!("{reason}"),
                status if status.is_client_error() && known => bail!(Ended::refused(reason)),
                _ => bail!("{reason}"),
            }
        }
        Ok(response)
    }
}
