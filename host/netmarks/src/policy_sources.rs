//! Starts what brings policies beside the configuration: the watched folder, ScoringPolicies, the admin listener.
//!
//! Apart from the service, which scores without any of them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use netmarks_artefacts::{Credentials, FetchConfig, FolderConfig, Keys};
use netmarks_controller::access::Reviewer;
use netmarks_controller::{Controller, ControllerSettings};
use netmarks_policies::Registry;

use crate::admin::access::Access;
use crate::config::{Config, Policies};
use crate::service::{self, Tasks};
use crate::{admin, policy_folder};

/// Where Linux keeps the host's name; in a pod, the pod's.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Where a pod finds its namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Starts what is configured; returns the address of the admin listener, if there is one.
///
/// # Errors
/// If an address is taken, a file of the configuration cannot be used, or there is no way to the cluster.
pub async fn start(config: &Config, registry: &Registry, tasks: &mut Tasks) -> Result<Option<SocketAddr>> {
    let Policies { folder, trusted_keys, kubernetes, .. } = &config.policies;
    let keys = (!trusted_keys.is_empty()).then(|| Keys::read(trusted_keys)).transpose();
    let keys = keys.context("in `policies.trusted_keys`")?;
    let max_bytes = u64::from(config.admin.max_upload_mib) << 20;
    if let Some(path) = folder {
        let folder = FolderConfig { max_bytes, keys: keys.clone(), ..FolderConfig::new(path) };
        let (registry, shutdown) = (registry.clone(), tasks.shutdown.clone());
        tasks.spawn("policy folder", async move {
            policy_folder::follow(registry, folder, shutdown).await;
            Ok(())
        });
    }
    if kubernetes.enabled {
        let fetch = FetchConfig {
            ca_file: kubernetes.registry_ca_file.clone(),
            insecure_registries: kubernetes.insecure_registries.clone(),
            credentials: kubernetes
                .registry_credentials_file
                .clone()
                .map_or(Credentials::Anonymous, Credentials::File),
            max_bytes,
            keys: keys.clone(),
            ..FetchConfig::default()
        };
        let settings = ControllerSettings { namespace: namespace(config)?, replica: replica(config)?, fetch };
        let controller = Controller::new(service::kube_client(config).await?, registry.clone(), settings);
        let shutdown = tasks.shutdown.clone();
        tasks.spawn("policy controller", async move {
            controller.run(shutdown).await;
            Ok(())
        });
    }
    let access = if config.admin.kubernetes {
        let audiences = &config.admin.kubernetes_audiences;
        let audiences = (!audiences.is_empty()).then(|| audiences.clone());
        let reviewer = Arc::new(Reviewer::new(service::kube_client(config).await?, audiences));
        Some(Access::Kubernetes { reviewer, namespace: namespace(config)? })
    } else {
        None
    };
    admin::start(config, registry, access, keys.map(Arc::new), tasks).await
}

/// The configured namespace, or that of the pod.
fn namespace(config: &Config) -> Result<String> {
    match &config.policies.kubernetes.namespace {
        Some(namespace) => Ok(namespace.clone()),
        None => Ok(std::fs::read_to_string(NAMESPACE)
            .context("this is no pod with a service account: set `policies.kubernetes.namespace`")?
            .trim()
            .to_owned()),
    }
}

/// The configured name of this replica, or that of the host.
fn replica(config: &Config) -> Result<String> {
    match &config.policies.kubernetes.replica {
        Some(replica) => Ok(replica.clone()),
        None => Ok(std::fs::read_to_string(HOST_NAME)
            .context("the host has no name: set `policies.kubernetes.replica`")?
            .trim()
            .to_owned()),
    }
}
