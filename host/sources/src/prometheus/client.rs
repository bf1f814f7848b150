//! One request to the query API, with everything that a store may ask of its callers. It knows nothing of flows; every way in
//! which a request fails is one kind of [`QueryError`] that says what to do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use netmarks_core::bounded::{REASON, shortened};
use netmarks_core::clock::unix_now;
use netmarks_transport::{AnswerError, answers_without_tls};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::address::{address, query_url};
use super::config::{ConfigError, MetricsConfig, Secret};
use super::decode::ApiError;
use super::store_clock::{StoreClock, sent_at};

/// How much of an unexpected body an error shows, in bytes.
const SHOWN_BYTES: usize = 300;

/// How much of the body of an error is read: enough for any message.
const ERROR_BYTES: usize = 64 << 10;

/// Why a refresh failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A file with a token, password or certificate.
    #[error("failed to read {path}, which `{key}` names")]
    File { key: &'static str, path: PathBuf, source: std::io::Error },
    /// A token that cannot be sent.
    #[error(
        "the token in `auth` holds characters that a header cannot carry; look for line breaks within it"
    )]
    Token,
    /// Certificates or keys that cannot be used.
    #[error(
        "failed to set up TLS; `tls.ca_file`, `tls.client_certificate_file` and `tls.client_key_file` must be PEM"
    )]
    Tls { source: reqwest::Error },
    #[error("failed to reach {url}; check `url`, the network policies and, for https, `tls.ca_file`")]
    Unreachable {
        /// The address asked.
        url: String,
        source: reqwest::Error,
    },
    /// `https` and a plain port.
    #[error("what listens at {url} does not speak TLS; write http:// in `url`")]
    NoTls {
        /// The address asked.
        url: String,
    },
    /// No answer in time.
    #[error(
        "no complete answer from {url} within {seconds} s; raise `timeout_seconds` or shorten `window_seconds`"
    )]
    Timeout {
        /// The address asked.
        url: String,
        seconds: f64,
    },
    /// An HTTP status other than success, with a body that is not the API's own.
    #[error("{url} answered with status {status}{}: {body}", hint(*status))]
    Status {
        /// The address asked.
        url: String,
        status: StatusCode,
        /// How the body begins.
        body: String,
    },
    /// The API's own error.
    #[error("{url} refused the query ({}){}: {}", error.kind, hint(*status), error.message)]
    Api {
        /// The address asked.
        url: String,
        status: StatusCode,
        /// What it said.
        error: ApiError,
    },
    /// An answer that is too large.
    #[error(
        "the answer of {url} is larger than {limit} bytes; raise `max_response_bytes`, or have the preset `custom` \
         ask for less"
    )]
    TooLarge {
        /// The address asked.
        url: String,
        limit: u64,
    },
    /// A body that is not an answer of the API.
    #[error("{url} did not answer like the Prometheus HTTP API; check the path in `url`. It began: {body}")]
    Decode {
        /// The address asked.
        url: String,
        /// How the body begins.
        body: String,
        source: serde_json::Error,
    },
    /// No series, where there should be some.
    #[error(
        "{url} answered without a single series, where there were {flows} flows before{}; they stay as last measured. See that the store has the \
         mesh's metrics, or whether all traffic ended",
        warned(warnings)
    )]
    Empty {
        /// The address asked.
        url: String,
        /// How many are known.
        flows: usize,
        warnings: Vec<String>,
    },
    /// Not a vector.
    #[error("the query gives a {found}; only an instant vector has flows. It was: {query}")]
    ResultType {
        /// The type of the answer.
        found: String,
        query: String,
    },
    /// The thread that decodes answers died.
    #[error("failed to decode an answer: its thread panicked; report what standard error says of it")]
    Panicked,
    /// The task that decodes answers died.
    #[error("failed to decode an answer: the task ended early")]
    Ended { source: tokio::task::JoinError },
}

impl QueryError {
    /// Whether a GET could be answered: the Kubernetes API server's proxy says 403 where an account may only `get`.
    fn may_be_the_method(&self) -> bool {
        let (Self::Status { status, .. } | Self::Api { status, .. }) = self else { return false };
        matches!(
            *status,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED | StatusCode::FORBIDDEN
        )
    }
}

fn warned(warnings: &[String]) -> String {
    if warnings.is_empty() { String::new() } else { format!(", and warned: {}", warnings.join("; ")) }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => " (check `auth` and `headers`)",
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => " (to POST and to GET)",
        // Routers of tenants, vmauth among them, say so where no tenant is named.
        StatusCode::BAD_REQUEST => " (check the path in `url`, and the tenant in `headers` or in that path)",
        StatusCode::NOT_FOUND => " (check the path in `url`)",
        _ if status.is_redirection() => " (redirects are not followed; set `url` to where it points)",
        _ => "",
    }
}

/// Holds the connection to one metrics store.
#[derive(Debug)]
pub struct Client {
    config: MetricsConfig,
    url: Url,
    /// The URL as it may be shown: its parameters can hold a tenant's key.
    address: String,
    /// POST, until the store refuses it and answers a GET.
    method: Method,
    headers: HeaderMap,
    connected: Option<(TlsFiles, reqwest::Client)>,
    clock: StoreClock,
    /// Whether it is another time there than was thought.
    was_wrong: bool,
}

/// The contents of the TLS files that a connection was made with.
#[derive(Clone, Debug, Default, PartialEq)]
struct TlsFiles {
    ca: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl Client {
    /// Checks the settings; connects to nothing and reads no file yet.
    ///
    /// # Errors
    /// For a URL or header that cannot be one.
    pub fn new(config: &MetricsConfig) -> Result<Self, ConfigError> {
        let url = query_url(&config.url)?;
        let headers = config.headers.iter().map(|(name, value)| {
            let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value.reveal()).ok());
            header
                .map(|(name, mut value)| {
                    value.set_sensitive(true);
                    (name, value)
                })
                .ok_or_else(|| ConfigError::Header { name: name.clone() })
        });
        Ok(Self {
            headers: headers.collect::<Result<_, _>>()?,
            config: config.clone(),
            address: address(&url),
            url,
            method: Method::POST,
            connected: None,
            clock: StoreClock::default(),
            was_wrong: false,
        })
    }

    /// Where it asks, without the parameters of its URL.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Now, by the store's clock, in seconds since the Unix epoch; by ours until it has answered.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.clock.at(Instant::now(), unix_now())
    }

    /// Whether an answer since this was last asked said that [`Self::now`] had been wrong.
    pub(super) fn now_was_wrong(&mut self) -> bool {
        std::mem::take(&mut self.was_wrong)
    }

    /// Asks `query` for the instant `at` (seconds since the Unix epoch) and reads the whole answer.
    ///
    /// Cancel safe: a dropped request is simply not answered.
    ///
    /// # Errors
    /// For everything that can go wrong up to a complete body with a status of success.
    pub async fn query(&mut self, query: &str, at: f64) -> Result<Bytes, QueryError> {
        match self.ask(query, at).await {
            Err(refused) if self.method == Method::POST && refused.may_be_the_method() => {
                // A proxy may let through what only reads. An answer shows that it was the method; else it was not.
                self.method = Method::GET;
                self.ask(query, at).await.map_err(|_| {
                    self.method = Method::POST;
                    refused
                })
            }
            asked => asked,
        }
    }

    async fn ask(&mut self, query: &str, at: f64) -> Result<Bytes, QueryError> {
        let client = self.connect().await?;
        let time = format!("{at:.3}");
        let timeout = format!("{}ms", (self.config.timeout_seconds * 1_000.0).round());
        let parameters = [("query", query), ("time", &time), ("timeout", &timeout)];
        let request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        let mut request = match self.method {
            Method::GET => request.query(&parameters),
            _ => request.form(&parameters),
        };
        let auth = &self.config.auth;
        let token = self.secret(
            auth.bearer_token.as_ref(),
            auth.bearer_token_file.as_ref(),
            "auth.bearer_token_file",
        );
        if let Some(token) = token.await? {
            let mut value =
                HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| QueryError::Token)?;
            value.set_sensitive(true);
            request = request.header(reqwest::header::AUTHORIZATION, value);
        } else if let Some(username) = &auth.username {
            let password =
                self.secret(auth.password.as_ref(), auth.password_file.as_ref(), "auth.password_file");
            request = request.basic_auth(username, password.await?);
        }
        let response = request.send().await.map_err(|source| self.failed(source))?;
        let status = response.status();
        if status.is_success() {
            self.hear(response.headers());
            return self.body(response, self.config.max_response_bytes).await;
        }
        let body = first_bytes(response).await;
        let url = self.address.clone();
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error_type, error }) => {
                let short = |text: &str| shortened(text, REASON).into_owned();
                let error = ApiError { kind: short(&error_type), message: short(&error) };
                QueryError::Api { url, status, error }
            }
            Err(_) => QueryError::Status { url, status, body: beginning(&body) },
        })
    }

    fn hear(&mut self, headers: &HeaderMap) {
        let Some(said) = sent_at(headers) else { return };
        let ours = unix_now();
        if self.clock.hear(said, Instant::now(), ours) {
            self.was_wrong = true;
            let seconds_ahead = (ours - said).round();
            tracing::warn!(
                url = self.address,
                seconds_ahead,
                "the clock here is not that of the metrics store, which is asked by its own; see that both machines keep time"
            );
        }
    }

    /// The body as it streams in, given up once it is larger than `limit`.
    async fn body(&self, response: Response, limit: u64) -> Result<Bytes, QueryError> {
        match netmarks_transport::body(response, limit).await {
            Ok(body) => Ok(body.into()),
            Err(AnswerError::TooLarge) => Err(QueryError::TooLarge { url: self.address.clone(), limit }),
            Err(AnswerError::Broken(source)) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: reqwest::Error) -> QueryError {
        let url = self.address.clone();
        if source.is_timeout() {
            QueryError::Timeout { url, seconds: self.config.timeout_seconds }
        } else if answers_without_tls(&source) {
            QueryError::NoTls { url }
        } else {
            QueryError::Unreachable { url, source: source.without_url() }
        }
    }

    /// The client for the TLS files as they are now.
    async fn connect(&mut self) -> Result<reqwest::Client, QueryError> {
        let tls = &self.config.tls;
        let files = TlsFiles {
            ca: read("tls.ca_file", tls.ca_file.as_ref()).await?,
            certificate: read("tls.client_certificate_file", tls.client_certificate_file.as_ref()).await?,
            key: read("tls.client_key_file", tls.client_key_file.as_ref()).await?,
        };
        if let Some((made_with, client)) = &self.connected
            && *made_with == files
        {
            return Ok(client.clone());
        }
        let client = self.build(&files).map_err(|source| QueryError::Tls { source })?;
        self.connected = Some((files, client.clone()));
        Ok(client)
    }

    fn build(&self, files: &TlsFiles) -> Result<reqwest::Client, reqwest::Error> {
        // An error means that the program chose a provider already, which is just as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("netmarks/", env!("CARGO_PKG_VERSION")))
            // A redirect would turn the POST into a GET and could carry the headers elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs_f64(self.config.timeout_seconds));
        if let Some(ca) = &files.ca {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(ca)?);
        }
        if let (Some(certificate), Some(key)) = (&files.certificate, &files.key) {
            builder = builder.identity(Identity::from_pem(&[certificate.as_slice(), b"\n", key].concat())?);
        }
        builder.build()
    }

    async fn secret(
        &self,
        given: Option<&Secret>,
        file: Option<&PathBuf>,
        key: &'static str,
    ) -> Result<Option<String>, QueryError> {
        if let Some(given) = given {
            return Ok(Some(given.reveal().to_owned()));
        }
        // Editors and `kubectl create secret` end a file with a line break that is not part of the secret.
        Ok(read(key, file).await?.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "errorType", default)]
    error_type: String,
    error: String,
}

/// The body of an error, or its first [`ERROR_BYTES`]; as much as came, where it breaks off.
async fn first_bytes(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ERROR_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(chunk.get(..ERROR_BYTES - body.len()).unwrap_or(&chunk));
    }
    body
}

async fn read(key: &'static str, path: Option<&PathBuf>) -> Result<Option<Vec<u8>>, QueryError> {
    let Some(path) = path else { return Ok(None) };
    match netmarks_files::read_small(path).await {
        Ok(content) => Ok(Some(content)),
        Err(source) => Err(QueryError::File { key, path: path.clone(), source }),
    }
}

/// How a body begins, for an error: one line, a few words.
#[must_use]
pub(crate) fn beginning(body: &[u8]) -> String {
    let shown = String::from_utf8_lossy(body.get(..SHOWN_BYTES).unwrap_or(body));
    let words: Vec<&str> = shown.split_whitespace().collect();
    if words.is_empty() { "(nothing)".to_owned() } else { words.join(" ") }
}
