//! The bytes of a component, from wherever a policy says.
//!
//! ConfigMaps are read here; registries and web servers by [`netmarks_artefacts`].

use std::sync::Arc;

use bytes::Bytes;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use netmarks_artefacts::beside;
use netmarks_artefacts::hashing;
use netmarks_artefacts::{
    Credentials, FetchConfig, FetchError, Fetched, Fetcher, Reason, SignatureError, Verifier,
};
use netmarks_core::digest::Digest;
use tokio::task::JoinError;

use crate::resource::ConfigMapSource;
use crate::spec::Location;

/// The only type of Secret that is read, and its only key.
const SECRET_TYPE: &str = "kubernetes.io/dockerconfigjson";
const SECRET_KEY: &str = ".dockerconfigjson";

/// Why a component could not be read.
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
        "`{key}` in the ConfigMap `{name}` is not accepted without a trusted signature, in `{key}{ending}`", ending = beside::BUNDLE
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
    #[error("hashing of the component stopped")]
    Stopped(#[source] JoinError),
}

/// Why a component of a ConfigMap was not verified.
#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Stopped(#[from] JoinError),
}

impl SourceError {
    /// Whether the source gave no answer.
    pub(crate) fn is_unreachable(&self) -> bool {
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
            Self::Fetch(_) | Self::Stopped(_) => "FetchFailed",
        }
    }
}

/// What a source holds.
pub(crate) struct SourceComponent {
    pub(crate) bytes: Bytes,
    pub(crate) digest: Digest,
    /// Who signed it, if signatures are required.
    pub(crate) signed_by: Option<String>,
    /// The version of the source that held it: a ConfigMap's resource version, or the digest that a tag points to.
    pub(crate) version: String,
}

/// Reads the sources of one namespace.
pub(crate) struct Sources {
    client: Client,
    namespace: String,
    fetcher: Arc<Fetcher>,
}

impl Sources {
    pub(crate) fn new(client: Client, namespace: String, config: FetchConfig) -> Self {
        Self { client, namespace, fetcher: Arc::new(Fetcher::new(config)) }
    }

    /// Reads the component at `location`; `None` if the source still has the version `known`.
    ///
    /// Cancel safe: it only reads.
    pub(crate) async fn read(
        &self,
        location: &Location,
        known: Option<&str>,
    ) -> Result<Option<SourceComponent>, SourceError> {
        match location {
            Location::ConfigMap(source) => self.config_map(source, known).await,
            Location::Remote { reference, pull_secret, .. } => {
                let fetcher = match pull_secret {
                    Some(name) => Arc::new(self.fetcher_with(name).await?),
                    None => Arc::clone(&self.fetcher),
                };
                let version = fetcher.resolve(reference).await?;
                if known == Some(version.to_string().as_str()) {
                    return Ok(None);
                }
                // By the digest just seen, so that what is handed over is what was compared.
                let fetched = fetcher.fetch(&reference.pinned(version)).await?;
                let Fetched { bytes, digest, resolved: _, signed_by } = fetched;
                let (bytes, version) = (bytes.into(), version.to_string());
                Ok(Some(SourceComponent { bytes, digest, signed_by, version }))
            }
        }
    }

    async fn config_map(
        &self,
        source: &ConfigMapSource,
        known: Option<&str>,
    ) -> Result<Option<SourceComponent>, SourceError> {
        let ConfigMapSource { name, key } = source;
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let kind = "ConfigMap";
        let config_map = api
            .get_opt(name)
            .await
            .map_err(|error| SourceError::Read { kind, name: name.clone(), error: Box::new(error) })?
            .ok_or_else(|| SourceError::Missing { kind, name: name.clone() })?;
        let version = config_map.metadata.resource_version.unwrap_or_default();
        if known == Some(version.as_str()) {
            return Ok(None);
        }
        let texts = config_map.data.unwrap_or_default();
        let mut binary = config_map.binary_data.unwrap_or_default();
        let Some(bytes) = binary.remove(key).map(|bytes| Bytes::from(bytes.0)) else {
            let known: Vec<String> = binary.keys().map(|key| format!("`{key}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(SourceError::Key { name: name.clone(), key: key.clone(), known });
        };
        let limit = self.fetcher.config().max_bytes;
        if bytes.len() as u64 > limit {
            let (name, key) = (name.clone(), key.clone());
            return Err(SourceError::TooLarge { name, key, bytes: bytes.len(), limit });
        }
        let text = |key: &str| {
            let binary = binary.get(key).map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
            texts.get(key).cloned().or(binary)
        };
        let bundle = text(&format!("{key}{}", beside::BUNDLE));
        // Handed over even where it is refused, so that the error can say that it is there.
        let signature = bundle.or_else(|| text(&format!("{key}{}", beside::LEGACY))).unwrap_or_default();
        let verified = verify(self.fetcher.config().verifier.clone(), bytes.clone(), signature).await;
        let (digest, signed_by) = verified.map_err(|error| match error {
            VerifyError::Signature(error) => {
                SourceError::Signature { name: name.clone(), key: key.clone(), error }
            }
            VerifyError::Stopped(error) => SourceError::Stopped(error),
        })?;
        Ok(Some(SourceComponent { bytes, digest, signed_by, version }))
    }

    /// A fetcher with the credentials of a Secret, which are read again each time, so that a rotated one is used at
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

/// Hashes a component and verifies its signature if one is required; returns who made it.
async fn verify(
    verifier: Option<Verifier>,
    bytes: Bytes,
    signature: String,
) -> Result<(Digest, Option<String>), VerifyError> {
    let (_, digest) = hashing::digest(bytes).await?;
    let signed_by = verifier.map(|verifier| verifier.verify(digest, &signature)).transpose()?;
    Ok((digest, signed_by))
}
