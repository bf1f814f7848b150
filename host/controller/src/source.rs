//! The bytes of a component, from wherever a policy says.
//!
//! ConfigMaps are read here; registries and web servers are [`netmarks_artefacts`]' business.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use netmarks_artefacts::{Credentials, Digest, FetchConfig, FetchError, Fetcher, Reason, SignatureError};

use crate::resource::ConfigMapSource;
use crate::wish::Place;

/// The only type of Secret that is read, and its only key.
const SECRET_TYPE: &str = "kubernetes.io/dockerconfigjson";
const SECRET_KEY: &str = ".dockerconfigjson";

/// Why there are no bytes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("failed to read the {kind} `{name}`")]
    Read {
        kind: &'static str,
        name: String,
        #[source]
        error: Box<kube::Error>,
    },
    #[error("there is no {kind} `{name}` in the namespace of the policy")]
    Missing { kind: &'static str, name: String },
    #[error(
        "the ConfigMap `{name}` has no `{key}` in `binaryData`; it has {known}. Make it with `kubectl create configmap {name} --from-file={key}`"
    )]
    Key { name: String, key: String, known: String },
    #[error("`{key}` in the ConfigMap `{name}` has {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge { name: String, key: String, bytes: usize, limit: u64 },
    #[error(
        "`{key}` in the ConfigMap `{name}` is not accepted without a signature by one of the configured keys, in `{key}.sig`"
    )]
    Signature {
        name: String,
        key: String,
        #[source]
        error: SignatureError,
    },
    #[error(
        "the Secret `{name}` is not of the type {SECRET_TYPE}; make it with `kubectl create secret docker-registry {name}`"
    )]
    SecretType { name: String },
    #[error("it could not be fetched")]
    Fetch(#[from] FetchError),
}

impl SourceError {
    /// Whether nothing was learnt about what the source holds.
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Self::Read { error, .. } => !matches!(&**error, kube::Error::Api(status) if status.code < 500),
            Self::Fetch(error) => match &*error.source {
                Reason::Unreachable { .. } | Reason::Timeout { .. } => true,
                Reason::Status { status, .. } => status.is_server_error() || status.as_u16() == 429,
                _ => false,
            },
            _ => false,
        }
    }

    /// For conditions.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Read { kind: "Secret", .. }
            | Self::Missing { kind: "Secret", .. }
            | Self::SecretType { .. } => "PullSecretUnusable",
            Self::Read { .. } => "ConfigMapUnreadable",
            Self::Missing { .. } => "ConfigMapMissing",
            Self::Key { .. } => "KeyMissing",
            Self::TooLarge { .. } => "TooLarge",
            Self::Signature { .. } => "SignatureRefused",
            Self::Fetch(error) if error.step == netmarks_artefacts::Step::Verify => "SignatureRefused",
            Self::Fetch(_) => "FetchFailed",
        }
    }
}

/// What a look at a source gave.
pub(crate) enum Found {
    /// It still holds what it held.
    Same,
    /// Its bytes, their digest, and the mark by which to recognise that nothing changed.
    Bytes { bytes: Vec<u8>, digest: String, mark: String },
}

/// Looks at the sources of one namespace.
pub(crate) struct Sources {
    client: Client,
    namespace: String,
    fetcher: Arc<Fetcher>,
}

impl Sources {
    pub(crate) fn new(client: Client, namespace: String, config: FetchConfig) -> Self {
        Self { client, namespace, fetcher: Arc::new(Fetcher::new(config)) }
    }

    /// What `place` holds. With `mark`, only if it is something else than at that time.
    ///
    /// Cancel safe: it only reads.
    pub(crate) async fn look(&self, place: &Place, mark: Option<&str>) -> Result<Found, SourceError> {
        match place {
            Place::ConfigMap(source) => self.config_map(source, mark).await,
            Place::Remote { reference, pull_secret, .. } => {
                let fetcher = match pull_secret {
                    Some(name) => Arc::new(self.fetcher_with(name).await?),
                    None => Arc::clone(&self.fetcher),
                };
                let now = fetcher.resolve(reference).await?;
                if mark == Some(now.to_string().as_str()) {
                    return Ok(Found::Same);
                }
                // By the digest just seen, so that what is handed over is what was compared.
                let fetched = fetcher.fetch(&reference.pinned(now)).await?;
                let digest = fetched.digest.to_string();
                Ok(Found::Bytes { bytes: fetched.bytes, digest, mark: now.to_string() })
            }
        }
    }

    async fn config_map(&self, source: &ConfigMapSource, mark: Option<&str>) -> Result<Found, SourceError> {
        let ConfigMapSource { name, key } = source;
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let kind = "ConfigMap";
        let config_map = api
            .get_opt(name)
            .await
            .map_err(|error| SourceError::Read { kind, name: name.clone(), error: Box::new(error) })?
            .ok_or_else(|| SourceError::Missing { kind, name: name.clone() })?;
        let now = config_map.metadata.resource_version.unwrap_or_default();
        if mark == Some(now.as_str()) {
            return Ok(Found::Same);
        }
        let texts = config_map.data.unwrap_or_default();
        let mut binary = config_map.binary_data.unwrap_or_default();
        let Some(bytes) = binary.remove(key).map(|bytes| bytes.0) else {
            let known: Vec<String> = binary.keys().map(|key| format!("`{key}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(SourceError::Key { name: name.clone(), key: key.clone(), known });
        };
        let limit = self.fetcher.config().max_bytes;
        if bytes.len() as u64 > limit {
            let (name, key) = (name.clone(), key.clone());
            return Err(SourceError::TooLarge { name, key, bytes: bytes.len(), limit });
        }
        if let Some(keys) = &self.fetcher.config().keys {
            let signature_key = format!("{key}.sig");
            let binary =
                binary.get(&signature_key).map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
            let signature = texts.get(&signature_key).cloned().or(binary).unwrap_or_default();
            keys.verify_blob(&bytes, signature.trim()).map_err(|error| SourceError::Signature {
                name: name.clone(),
                key: key.clone(),
                error,
            })?;
        }
        let digest = Digest::of(&bytes).to_string();
        Ok(Found::Bytes { bytes, digest, mark: now })
    }

    /// A fetcher with the credentials of a Secret, which are read anew each time, so that a rotated one is used at
    /// once. Which of them is sent is decided by the registry's name, so nobody gets another's.
    async fn fetcher_with(&self, secret: &str) -> Result<Fetcher, SourceError> {
        let (kind, name) = ("Secret", secret.to_owned());
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = api
            .get_opt(secret)
            .await
            .map_err(|error| SourceError::Read { kind, name: name.clone(), error: Box::new(error) })?
            .ok_or_else(|| SourceError::Missing { kind, name: name.clone() })?;
        let content = found.data.unwrap_or_default().remove(SECRET_KEY);
        match content {
            Some(content) if found.type_.as_deref() == Some(SECRET_TYPE) => {
                let credentials = Credentials::Config(content.0);
                Ok(Fetcher::new(FetchConfig { credentials, ..self.fetcher.config().clone() }))
            }
            _ => Err(SourceError::SecretType { name }),
        }
    }
}
