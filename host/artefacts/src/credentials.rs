//! Who we are to a registry, as docker and Kubernetes write it down.
//!
//! Picking the entry for a registry is pure; authenticating with it is elsewhere. Supported is docker's `config.json`, which is
//! also what a Kubernetes Secret of type `kubernetes.io/dockerconfigjson` holds: entries below `auths` with `auth`,
//! `username` and `password`, `identitytoken` or `registrytoken`. As in Kubernetes, a key may go down to a repository, and
//! the longest that fits is taken; patterns with `*` are not supported.
//!
//! Credential helpers (`credsStore`, `credHelpers`) are programs of a desktop; a server runs none. Where one is responsible
//! for a registry, that is an error rather than an anonymous request with a puzzling refusal.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

/// Where credentials for registries come from.
#[derive(Clone, Default)]
pub enum Credentials {
    /// None: anonymous.
    #[default]
    Anonymous,
    /// A docker `config.json`, read again for every fetch, so that a rotated pull secret is used at once.
    File(PathBuf),
    /// The content of one.
    Config(Vec<u8>),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Config(_) => f.write_str("Config(<redacted>)"),
        }
    }
}

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("failed to read the registry credentials in {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// Not JSON of that form. Why is left out: it could show what is secret.
    #[error(
        "the registry credentials are not a docker config.json (line {line}, column {column}); expected {{\"auths\": \
         {{\"registry.example\": {{\"auth\": \"...\"}}}}}}"
    )]
    Parse { line: usize, column: usize },
    /// JSON of another form.
    #[error(
        "the registry credentials have no `auths`; expected a docker config.json or a secret of type \
         kubernetes.io/dockerconfigjson"
    )]
    NoAuths,
    /// An entry without what it takes.
    #[error(
        "the entry `{key}` of the registry credentials has an `auth` that is not base64 of `user:password`"
    )]
    Auth { key: String },
    /// A program that is not run.
    #[error(
        "the credentials for {registry} are kept by the helper program `docker-credential-{helper}`, which is not run \
         here; put an entry with `auth` into the file, for instance with `kubectl create secret docker-registry`"
    )]
    Helper { registry: String, helper: String },
}

/// What is sent to one registry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    Anonymous,
    Basic {
        username: String,
        password: String,
    },
    /// OAuth2 refresh token, to be exchanged.
    Identity(String),
    /// Sent as it is.
    Registry(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(<redacted>)",
            Self::Identity(_) => "Identity(<redacted>)",
            Self::Registry(_) => "Registry(<redacted>)",
        })
    }
}

#[derive(Deserialize)]
struct Config {
    auths: Option<BTreeMap<String, CredentialEntry>>,
    #[serde(rename = "credHelpers", default)]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore", default)]
    store: String,
    /// Docker's other settings; only whether there are any matters.
    #[serde(flatten)]
    others: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CredentialEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Credentials {
    /// What to send for a repository.
    pub(crate) async fn find(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Credential, CredentialsError> {
        match self {
            Self::Anonymous => Ok(Credential::Anonymous),
            Self::Config(bytes) => pick(bytes, registry, repository),
            Self::File(path) => {
                let bytes = netmarks_files::read_small(path).await;
                let bytes = bytes.map_err(|source| CredentialsError::File { path: path.clone(), source })?;
                pick(&bytes, registry, repository)
            }
        }
    }
}

fn pick(config: &[u8], registry: &str, repository: &str) -> Result<Credential, CredentialsError> {
    let config: Config = serde_json::from_slice(config)
        .map_err(|error| CredentialsError::Parse { line: error.line(), column: error.column() })?;
    let helper =
        |helper: &str| CredentialsError::Helper { registry: registry.to_owned(), helper: helper.to_owned() };
    if let Some((_, name)) = config.helpers.iter().find(|(key, _)| rank(key, registry, repository).is_some())
    {
        return Err(helper(name));
    }
    let Some(auths) = config.auths else {
        let nothing_else = config.others.is_empty() && config.helpers.is_empty();
        return if nothing_else || !config.store.is_empty() {
            Ok(Credential::Anonymous)
        } else {
            Err(CredentialsError::NoAuths)
        };
    };
    let ranked =
        auths.into_iter().filter_map(|(key, entry)| Some((rank(&key, registry, repository)?, key, entry)));
    let Some((_, key, entry)) = ranked.max_by_key(|(rank, ..)| *rank) else {
        return Ok(Credential::Anonymous);
    };
    match entry.credential(&key)? {
        // `docker login` leaves an empty entry behind where a store has the password.
        Credential::Anonymous if !config.store.is_empty() => Err(helper(&config.store)),
        credential => Ok(credential),
    }
}

/// How well the key of an entry fits: not at all, or the length of the repository's prefix it names.
fn rank(key: &str, registry: &str, repository: &str) -> Option<usize> {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    if canonical(host) != canonical(registry) {
        return None;
    }
    let path = path.trim_matches('/');
    // What `docker login` writes for the API's version is not a repository.
    let path = if path == "v1" || path == "v2" { "" } else { path };
    let below = repository.strip_prefix(path)?;
    (path.is_empty() || below.is_empty() || below.starts_with('/')).then_some(path.len())
}

/// Docker Hub has three names.
fn canonical(host: &str) -> &str {
    if host == "docker.io" || host == "registry-1.docker.io" { "index.docker.io" } else { host }
}

impl CredentialEntry {
    fn credential(self, key: &str) -> Result<Credential, CredentialsError> {
        if !self.registrytoken.is_empty() {
            return Ok(Credential::Registry(self.registrytoken));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Credential::Identity(self.identitytoken));
        }
        if !self.auth.is_empty() {
            let wrong = || CredentialsError::Auth { key: key.to_owned() };
            let auth = self.auth.trim();
            let decoded =
                STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).map_err(|_| wrong())?;
            let text = String::from_utf8(decoded).map_err(|_| wrong())?;
            let (username, password) = text.split_once(':').ok_or_else(wrong)?;
            // Docker pads some with zero bytes.
            let password = password.trim_end_matches('\0');
            return Ok(Credential::Basic { username: username.to_owned(), password: password.to_owned() });
        }
        if !self.username.is_empty() {
            return Ok(Credential::Basic { username: self.username, password: self.password });
        }
        Ok(Credential::Anonymous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(username: &str, password: &str) -> Credential {
        Credential::Basic { username: username.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn each_kind_of_entry() {
        // `printf u:hun:ter2 | base64`
        for (entry, expected) in [
            (r#"{"auth": "dTpodW46dGVyMg=="}"#, basic("u", "hun:ter2")),
            (r#"{"username": "u", "password": "p", "email": "x@example"}"#, basic("u", "p")),
            (r#"{"auth": "dTo=", "identitytoken": "refresh"}"#, Credential::Identity("refresh".to_owned())),
            (r#"{"registrytoken": "token"}"#, Credential::Registry("token".to_owned())),
            ("{}", Credential::Anonymous),
        ] {
            let config = format!(r#"{{"auths": {{"registry.example": {entry}}}, "HttpHeaders": {{}}}}"#);
            assert_eq!(pick(config.as_bytes(), "registry.example", "zone").unwrap(), expected, "{entry}");
            assert_eq!(pick(config.as_bytes(), "other.example", "zone").unwrap(), Credential::Anonymous);
        }
    }

    #[test]
    fn the_longest_key_that_fits_is_taken() {
        let entry = |name: &str| format!(r#"{{"username": "{name}", "password": "p"}}"#);
        let config = format!(
            r#"{{"auths": {{"https://r.example/v2/": {}, "r.example/team": {}, "r.example:5000": {}, "https://index.docker.io/v1/": {}}}}}"#,
            entry("host"),
            entry("team"),
            entry("port"),
            entry("hub")
        );
        for (registry, repository, name) in [
            ("r.example", "zone", "host"),
            ("r.example", "teams/zone", "host"),
            ("r.example", "team/zone", "team"),
            ("r.example", "team", "team"),
            ("r.example:5000", "team/zone", "port"),
            ("index.docker.io", "library/zone", "hub"),
        ] {
            let found = pick(config.as_bytes(), registry, repository).unwrap();
            assert_eq!(found, basic(name, "p"), "{registry}/{repository}");
        }
    }

    #[test]
    fn helpers_are_an_error_where_they_are_responsible() {
        let config = br#"{"auths": {"r.example": {}}, "credsStore": "desktop", "credHelpers": {"ecr.example": "ecr-login"}}"#;
        let error = pick(config, "r.example", "zone").unwrap_err().to_string();
        assert!(error.contains("docker-credential-desktop"), "{error}");
        let error = pick(config, "ecr.example", "zone").unwrap_err().to_string();
        assert!(error.contains("docker-credential-ecr-login"), "{error}");
        assert_eq!(pick(config, "other.example", "zone").unwrap(), Credential::Anonymous);
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        let complaint = |config: &str| pick(config.as_bytes(), "r.example", "zone").unwrap_err().to_string();
        assert!(complaint(r#"{"r.example": {"auth": "aHVudGVyMg=="}}"#).contains("have no `auths`"));
        assert!(
            complaint(r#"{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}"#).contains("`user:password`")
        );
        let error = complaint(r#"{"auths": {"r.example": "hunter2"}}"#);
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
        assert_eq!(pick(b"{}", "r.example", "zone").unwrap(), Credential::Anonymous);
        assert!(!format!("{:?}", Credentials::Config(b"hunter2".to_vec())).contains("hunter2"));
        assert!(!format!("{:?}", basic("u", "hunter2")).contains("hunter2"));
    }
}
