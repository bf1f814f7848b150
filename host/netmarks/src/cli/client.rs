//! How commands reach a running extender over TLS.

use std::path::PathBuf;

use anyhow::{Context as _, Error, Result, anyhow};
use netmarks_sources::transport::answers_without_tls;

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
            client = client.add_root_certificate(
                reqwest::Certificate::from_pem(&pem)
                    .with_context(|| format!("{} is not a certificate", file.display()))?,
            );
        }
        if let Some(file) = &self.client_identity {
            let pem = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
            client = client.identity(
                reqwest::Identity::from_pem(&pem)
                    .with_context(|| format!("{} does not hold a certificate and a key", file.display()))?,
            );
        }
        Ok(client)
    }
}

/// Why a server did not answer, with what to look at.
pub(super) fn unreachable(url: &str, error: reqwest::Error, hint: &str) -> Error {
    if answers_without_tls(&error) {
        return anyhow!(
            "failed to reach {url}: what listens there does not speak TLS; write http:// instead of https://"
        );
    }
    // A server that wants TLS hangs up, or answers with what is no HTTP.
    let hung_up = url.starts_with("http://") && !error.is_connect() && !error.is_timeout();
    let tls = if hung_up { "; if it serves HTTPS, write https:// and give --ca-file" } else { "" };
    // The chain names the URL once already.
    Error::new(error.without_url()).context(format!("failed to reach {url}; {hint}{tls}"))
}
