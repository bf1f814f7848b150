//! How commands reach a running extender over TLS.

use std::path::PathBuf;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use netmarks_core::errors::chain;
use netmarks_transport::answers_without_tls;

use super::exit::Ended;

/// Flags for servers that serve HTTPS.
#[derive(Debug, clap::Args)]
pub(super) struct ClientTls {
    /// A CA certificate (PEM) to trust, for a server that serves HTTPS
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A client certificate with its private key (PEM, one file), for a server that asks for one
    #[arg(long, value_name = "FILE")]
    client_identity: Option<PathBuf>,
}

impl ClientTls {
    /// A client that trusts, and shows, what the flags say.
    ///
    /// # Errors
    /// If a file cannot be read or holds something else.
    pub(super) fn client(&self) -> Result<reqwest::ClientBuilder> {
        let mut client = reqwest::Client::builder();
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| {
                Ended::refused(format!("{} is not a certificate: {}", file.display(), chain(&error)))
            })?;
            // A file without any would silently add no authority.
            if certificates.is_empty() {
                bail!(Ended::refused(format!("{} holds no PEM certificate", file.display())));
            }
            client = client.tls_certs_merge(certificates);
        }
        if let Some(file) = &self.client_identity {
            let pem = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
            let identity = reqwest::Identity::from_pem(&pem).map_err(|error| {
                let what = "does not hold a certificate and a key";
                Ended::refused(format!("{} {what}: {}", file.display(), chain(&error)))
            })?;
            client = client.identity(identity);
        }
        Ok(client)
    }
}

/// The base URL of a server, as a flag takes it.
///
/// # Errors
/// If it is not one that can be asked.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let like = "write it like http://127.0.0.1:9820";
    let url = reqwest::Url::parse(text).map_err(|error| format!("{error}; {like}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("it is not http or https; {like}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user, who would be shown in messages; leave it out".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// What a running extender answers for a path.
///
/// # Errors
/// If it does not answer, or refuses.
pub(super) async fn text(server: &str, path: &str, tls: &ClientTls) -> Result<String> {
    let url = format!("{server}{path}");
    let hint = "is `netmarks serve` running there? (--server)";
    let response = tls.client()?.build()?.get(&url).send().await;
    let response = response.map_err(|error| unreachable(&url, error, hint))?;
    let status = response.status();
    let text = response.text().await.with_context(|| format!("{url} ended its answer early"))?;
    if !status.is_success() {
        bail!("{url} answered {status}: {}", text.lines().next().unwrap_or_default());
    }
    Ok(text)
}

/// Why a server did not answer, with what to look at.
pub(super) fn unreachable(url: &str, error: reqwest::Error, hint: &str) -> Error {
    if answers_without_tls(&error) {
        return anyhow!(
            "failed to reach {url}: what listens there does not speak TLS; write http:// instead of https://"
        );
    }
    // A server that wants TLS hangs up, or answers with what is not HTTP.
    let hung_up = url.starts_with("http://") && !error.is_connect() && !error.is_timeout();
    let tls = if hung_up { "; if it serves HTTPS, write https:// and give --ca-file" } else { "" };
    // The chain names the URL once already.
    Error::new(error.without_url()).context(format!("failed to reach {url}; {hint}{tls}"))
}
