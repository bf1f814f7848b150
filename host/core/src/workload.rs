//! The name of a pod's workload: each mesh has its own rule, and the names in its metrics follow it.
//!
//! The rules were read in the sources that are named at each of them; the test holds one table a mesh. A pod names its
//! owners, not their owners: what a rule looks up in the cluster is inferred here from the names that Kubernetes gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::pod_identity::{Owner, PodIdentity};

/// Whose rule names workloads. Written in kebab-case everywhere.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    IntoStaticStr,
    JsonSchema,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WorkloadRule {
    /// Istio's sidecars and ztunnel alike, which both are told the name by istiod.
    #[default]
    Istio,
    /// Linkerd's destination controller and its proxy injector.
    Linkerd,
    /// OpenTelemetry eBPF Instrumentation and Beyla.
    Ebpf,
}

impl WorkloadRule {
    /// The workload's name within the pod's namespace.
    #[must_use]
    pub fn name<'a>(self, pod: PodIdentity<'a>) -> &'a str {
        match self {
            Self::Istio => istio(pod),
            Self::Linkerd => linkerd(pod),
            Self::Ebpf => ebpf(pod),
        }
    }
}

/// Kubernetes' own controllers of pods.
const CONTROLLERS: [&str; 5] = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"];

/// `GetWorkloadMetaFromPod` in istio's `pkg/kube/util.go` (1.25 and later).
fn istio<'a>(pod: PodIdentity<'a>) -> &'a str {
    if let Some(name) = pod.labels.get("service.istio.io/workload-name") {
        return name;
    }
    let controller = pod.owners.iter().find(|owner| owner.controller);
    // A name that was not generated is taken for the workload's. Kubernetes' own controllers always generate it, so their pods
    // need not show it.
    let Some(owner) = controller.filter(|owner| pod.generated || CONTROLLERS.contains(&&*owner.kind)) else {
        return pod.name;
    };
    let without_hash = |label| without_hash(owner, pod, label);
    let name = match &*owner.kind {
        "ReplicaSet" => {
            without_hash("pod-template-hash").or_else(|| without_hash("rollouts-pod-template-hash"))
        }
        "ReplicationController" => pod.labels.get("deploymentconfig").filter(|name| !name.is_empty()),
        "Job" => cron_job(&owner.name),
        _ => None,
    };
    Some(name.unwrap_or(&owner.name)).filter(|name| !name.is_empty()).unwrap_or(pod.name)
}

/// `GetOwnerKindAndName` in linkerd2's `controller/k8s/metadata_api.go`. It looks up a ReplicaSet's owner and a Job's: a
/// Deployment gives its pods the label `pod-template-hash`, a CronJob its Jobs the time as their last part.
fn linkerd<'a>(pod: PodIdentity<'a>) -> &'a str {
    let [owner] = pod.owners else { return pod.name };
    let name = match &*owner.kind {
        // Argo's Rollouts are not among the owners that it follows.
        "ReplicaSet" => without_hash(owner, pod, "pod-template-hash"),
        "Job" => cron_job(&owner.name),
        _ => None,
    };
    name.unwrap_or(&owner.name)
}

/// `ownersFrom` in OpenTelemetry eBPF Instrumentation's `pkg/kube/kubecache/meta`, of which the metrics show the last.
fn ebpf<'a>(pod: PodIdentity<'a>) -> &'a str {
    let inferred = pod.owners.iter().find_map(|owner| match (&*owner.api_version, &*owner.kind) {
        ("apps/v1", "ReplicaSet") | ("batch/v1", "Job") => {
            owner.name.rsplit_once('-').map(|(name, _)| name).filter(|name| !name.is_empty())
        }
        _ => None,
    });
    inferred.or_else(|| pod.owners.last().map(|owner| &*owner.name)).unwrap_or(pod.name)
}

/// The owner's name without the hash that the pod has as `label`.
fn without_hash<'a>(owner: &'a Owner<'a>, pod: PodIdentity<'a>, label: &str) -> Option<&'a str> {
    let hash = pod.labels.get(label).filter(|hash| !hash.is_empty())?;
    owner.name.strip_suffix(hash)?.strip_suffix('-')
}

/// The CronJob of a Job's name: Kubernetes appends the time in minutes, 8 to 10 digits.
fn cron_job(job: &str) -> Option<&str> {
    let (name, time) = job.rsplit_once('-')?;
    let is_time = (8..=10).contains(&time.len()) && time.bytes().all(|digit| digit.is_ascii_digit());
    (is_time && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
