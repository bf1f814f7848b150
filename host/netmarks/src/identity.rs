//! Who this process is: the namespace and the name of its replica, as configured or as the pod says.

use anyhow::{Context as _, Result};

use crate::config::Config;

/// Where Linux keeps the host's name; in a pod, the pod's.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Where a pod finds its namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The configured namespace, or that of the pod.
pub(crate) fn namespace(config: &Config) -> Result<String> {
    match &config.policies.kubernetes.namespace {
        Some(namespace) => Ok(namespace.clone()),
        None => Ok(std::fs::read_to_string(NAMESPACE)
            .context("this is not a pod with a service account: set `policies.kubernetes.namespace`")?
            .trim()
            .to_owned()),
    }
}

/// The configured name of this replica, or that of the host.
pub(crate) fn replica(config: &Config) -> Result<String> {
    match &config.policies.kubernetes.replica {
        Some(replica) => Ok(replica.clone()),
        None => Ok(std::fs::read_to_string(HOST_NAME)
            .context("the host has no name: set `policies.kubernetes.replica`")?
            .trim()
            .to_owned()),
    }
}
