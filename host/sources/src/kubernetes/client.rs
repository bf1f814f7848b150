//! Which cluster is meant, and a client that reaches it.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::config::{Config, InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use netmarks_core::yaml::YamlError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The section `cluster` of the configuration: where pods and nodes come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// Serve from this snapshot file instead of a cluster.
    pub snapshot_file: Option<PathBuf>,
    /// The kubeconfig; by default the usual ones, then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// A context other than the current one.
    pub context: Option<String>,
}

/// Why there is no way to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The configured file cannot be read.
    #[error("failed to read the kubeconfig {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        error: KubeconfigError,
    },
    /// The configured file is not YAML of a kubeconfig.
    #[error("the kubeconfig {} cannot be read", path.display())]
    Yaml {
        path: PathBuf,
        #[source]
        error: YamlError,
    },
    /// The configured file holds nothing that can be used.
    #[error("the kubeconfig {} cannot be used", path.display())]
    Unusable {
        path: PathBuf,
        #[source]
        error: KubeconfigError,
    },
    /// One of the usual files is not the YAML of a kubeconfig.
    #[error(
        "the kubeconfig that KUBECONFIG or ~/.kube/config names cannot be read; set `cluster.kubeconfig` to another"
    )]
    UsualYaml(#[source] YamlError),
    /// The usual files hold nothing that can be used.
    #[error(
        "the kubeconfig that KUBECONFIG or ~/.kube/config names cannot be used; set `cluster.kubeconfig` to another"
    )]
    UsualUnusable(#[source] KubeconfigError),
    /// None of the usual files has the configured context.
    #[error("no kubeconfig has the context `{context}` (`cluster.context`)")]
    Context {
        context: String,
        #[source]
        error: KubeconfigError,
    },
    /// Nothing is configured, and nothing is there.
    #[error(
        "found neither a kubeconfig nor a service account; set `cluster.kubeconfig`, or try `netmarks demo`"
    )]
    Nothing(#[source] InClusterError),
    /// What it says does not make a client.
    #[error("the kubeconfig cannot be used")]
    Client(#[source] kube::Error),
}

/// A client of the cluster that `config` names. It has not been used yet, so the cluster may still be unreachable.
///
/// # Errors
/// If there is no usable kubeconfig or service account.
pub async fn client(config: &ClusterConfig) -> Result<Client, ClientError> {
    Client::try_from(found(config).await?).map_err(ClientError::Client)
}

/// The same, but a request that the API server refuses with 429, 503 or 504 is not tried again behind the caller's back: for a caller to
/// whom the refusal is the answer.
///
/// # Errors
/// As [`client()`].
pub async fn client_that_asks_once(config: &ClusterConfig) -> Result<Client, ClientError> {
    let mut found = found(config).await?;
    found.default_retry = false;
    Client::try_from(found).map_err(ClientError::Client)
}

/// How long a connection may be silent that something is waited for. One whose other end is gone without a word would be waited for
/// forever, and nothing would be learnt of the cluster any more. Twice as long as until a watch without news is told so: the API server
/// sends a bookmark every minute.
const SILENCE: Duration = Duration::from_secs(120);

async fn found(config: &ClusterConfig) -> Result<Config, ClientError> {
    let mut found = stated(config).await?;
    found.read_timeout = Some(SILENCE);
    // From when it was asked, not from its last answer to somebody else.
    found.reset_reader_on_write = true;
    Ok(found)
}

/// What the configuration leads to, as it stands there.
async fn stated(config: &ClusterConfig) -> Result<Config, ClientError> {
    let options = KubeConfigOptions { context: config.context.clone(), ..KubeConfigOptions::default() };
    Ok(match (&config.kubeconfig, &config.context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| match error {
                // Its own words show lines of the file, which holds keys.
                KubeconfigError::Parse(error) => {
                    ClientError::Yaml { path: path.clone(), error: YamlError::from(&*error) }
                }
                error => ClientError::Read { path: path.clone(), error },
            })?;
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|error| ClientError::Unusable { path: path.clone(), error })?
        }
        (None, Some(context)) => {
            let unusable = |error| ClientError::Context { context: context.clone(), error };
            let kubeconfig =
                Kubeconfig::read().map_err(|error| usual_yaml(error).unwrap_or_else(&unusable))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)?
        }
        // A pod has its service account, whatever else is there.
        (None, None) => match usual(&options).await {
            Ok(Some(config)) => config,
            Ok(None) => Config::incluster().map_err(ClientError::Nothing)?,
            Err(error) => Config::incluster().map_err(|_| error)?,
        },
    })
}

/// What the usual kubeconfig says; `None` if no such file exists.
async fn usual(options: &KubeConfigOptions) -> Result<Option<Config>, ClientError> {
    let kubeconfig = match Kubeconfig::read() {
        Ok(kubeconfig) => kubeconfig,
        Err(KubeconfigError::FindPath | KubeconfigError::ReadConfig(..)) => return Ok(None),
        Err(error) => return Err(usual_yaml(error).unwrap_or_else(ClientError::UsualUnusable)),
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, options).await;
    config.map(Some).map_err(ClientError::UsualUnusable)
}

/// For a file that is not YAML, an error that shows nothing of it: kube's own words show lines of the file, which holds keys.
fn usual_yaml(error: KubeconfigError) -> Result<ClientError, KubeconfigError> {
    match error {
        KubeconfigError::Parse(error) => Ok(ClientError::UsualYaml(YamlError::from(&*error))),
        error => Err(error),
    }
}

/// An error of the API server or on the way to it, in one sentence: the API server's own, where it gave one, or else what is outermost and
/// innermost. `kube::Error` itself would show whole objects, and its causes twice.
#[must_use]
pub fn brief(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = || std::iter::successors(Some(error), |error| error.source());
    let status = causes().find_map(|cause| match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => Some(status),
        _ => None,
    });
    if let Some(status) = status.filter(|status| !status.message.is_empty()) {
        return status.message.clone();
    }
    let text = error.to_string();
    match causes().last().map(ToString::to_string) {
        Some(innermost) if !text.contains(&innermost) => format!("{text}: {innermost}"),
        _ => text,
    }
}
