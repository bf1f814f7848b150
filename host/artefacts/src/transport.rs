//! One HTTP request within bounds, and where plain HTTP may be used.
//!
//! Registries and URLs share the bounds: a deadline that covers the body, at most so many
//! bytes, few redirects and none that leaves `https`.

use std::time::Duration;

use netmarks_transport::{AnswerError, answers_without_tls};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use tokio::time::Instant;

use crate::error::Reason;
use crate::reference::is_loopback;

/// What names us to servers.
pub(crate) const USER_AGENT: &str = concat!("netmarks/", env!("CARGO_PKG_VERSION"));

/// Most redirects of one request: a registry sends to its storage in one, a site to a mirror in two or three.
const REDIRECTS: usize = 5;

/// Largest body of an error and largest answer with a token, in bytes.
pub(crate) const ANSWER_BYTES: u64 = 64 << 10;

/// Largest manifest, in bytes: one of a policy has under a thousand.
pub(crate) const MANIFEST_BYTES: u64 = 1 << 20;

/// How much of an unexpected body an error shows, in bytes.
const SHOWN_BYTES: usize = 300;

/// Longest time for a connection: a registry that does not answer should not use up the time for the download.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The hosts to which plain HTTP is spoken: this machine, and what the operator lists.
#[derive(Clone, Debug)]
pub(crate) struct Plain(pub(crate) std::sync::Arc<[String]>);

impl Plain {
    /// Whether a registry, as `host` or `host:port`, may be spoken to without TLS.
    pub(crate) fn allows_registry(&self, registry: &str) -> bool {
        self.0.iter().any(|listed| listed == registry)
            || Url::parse(&format!("http://{registry}")).is_ok_and(|url| is_loopback(&url))
    }

    /// Whether this URL may be asked, if it began with a plain one.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        is_loopback(url)
            || self.0.iter().any(|listed| listed == host || Some(listed.as_str()) == with_port.as_deref())
    }
}

#[derive(Debug, thiserror::Error)]
enum RedirectError {
    #[error("more than {REDIRECTS} redirects")]
    TooMany,
    #[error("to plain HTTP, at {0}")]
    Plain(String),
}

/// A client that trusts the system's certificates and those of `ca`.
pub(crate) fn client(ca: Option<&[u8]>, plain: Plain) -> Result<Client, reqwest::Error> {
    // An error means that the program chose a provider already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirects = Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(RedirectError::TooMany);
        }
        let began_plain = attempt.previous().iter().all(|url| url.scheme() == "http");
        if attempt.url().scheme() == "https" || began_plain && plain.allows(attempt.url()) {
            attempt.follow()
        } else {
            let host = attempt.url().host_str().unwrap_or_default().to_owned();
            attempt.error(RedirectError::Plain(host))
        }
    });
    let mut builder =
        Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).redirect(redirects);
    if let Some(ca) = ca {
        builder = builder.tls_certs_merge(Certificate::from_pem_bundle(ca)?);
    }
    builder.build()
}

/// When everything must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) seconds: f64,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, seconds: timeout.as_secs_f64() }
    }

    fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub(crate) fn passed(self, url: &Url) -> Reason {
        Reason::Timeout { url: url.to_string(), seconds: self.seconds }
    }

    fn failed(self, url: &Url, source: reqwest::Error) -> Reason {
        let source = source.without_url();
        // A connection that takes too long is a network's fault, not that of a large download.
        if source.is_timeout() && !(source.is_connect() && self.remaining() > Duration::ZERO) {
            self.passed(url)
        } else if source.is_redirect() {
            Reason::Redirect { url: url.to_string(), source }
        } else if answers_without_tls(&source) {
            Reason::NoTls { url: url.to_string() }
        } else {
            Reason::Unreachable { url: url.to_string(), source }
        }
    }
}

/// Sends a request to `url`, whatever the status of the answer.
pub(crate) async fn send(request: RequestBuilder, url: &Url, deadline: Deadline) -> Result<Response, Reason> {
    let request = request.timeout(deadline.remaining());
    request.send().await.map_err(|source| deadline.failed(url, source))
}

/// The answer, if its status is a success.
pub(crate) async fn success(response: Response, url: &Url, deadline: Deadline) -> Result<Response, Reason> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = body(response, url, ANSWER_BYTES, "an error", deadline).await.unwrap_or_default();
    Err(Reason::Status { url: url.to_string(), status, body: beginning(&body) })
}

/// The body as it streams in, given up once it is larger than `limit`.
pub(crate) async fn body(
    response: Response,
    url: &Url,
    limit: u64,
    what: &'static str,
    deadline: Deadline,
) -> Result<Vec<u8>, Reason> {
    netmarks_transport::body(response, limit).await.map_err(|error| match error {
        AnswerError::TooLarge => Reason::TooLarge { what, limit },
        AnswerError::Broken(source) => deadline.failed(url, source),
    })
}

/// What `url` holds.
pub(crate) async fn download(
    client: &Client,
    url: &Url,
    limit: u64,
    what: &'static str,
    deadline: Deadline,
) -> Result<Vec<u8>, Reason> {
    let response = send(client.get(url.clone()), url, deadline).await?;
    let response = success(response, url, deadline).await?;
    body(response, url, limit, what, deadline).await
}

/// How a body begins, for an error: one line, a few words.
fn beginning(body: &[u8]) -> String {
    let shown = String::from_utf8_lossy(body.get(..SHOWN_BYTES).unwrap_or(body));
    let words: Vec<&str> = shown.split_whitespace().collect();
    if words.is_empty() { "(nothing)".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_and_what_is_listed() {
        let plain = Plain(["registry.lan:5000".to_owned(), "old.lan".to_owned()].into());
        for registry in
            ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "registry.lan:5000", "old.lan"]
        {
            assert!(plain.allows_registry(registry), "{registry}");
            assert!(plain.allows(&Url::parse(&format!("http://{registry}/v2/")).unwrap()), "{registry}");
        }
        for registry in
            ["registry.lan", "registry.lan:5001", "localhost.example", "10.0.0.1:5000", "127.0.0.1.example"]
        {
            assert!(!plain.allows_registry(registry), "{registry}");
            assert!(!plain.allows(&Url::parse(&format!("http://{registry}/v2/")).unwrap()), "{registry}");
        }
    }

    #[test]
    fn a_body_is_shown_in_one_line_and_cut() {
        assert_eq!(beginning(b" a\n  b "), "a b");
        assert_eq!(beginning(b""), "(nothing)");
        assert_eq!(beginning(&[b'x'; 1000]).len(), SHOWN_BYTES);
    }
}
