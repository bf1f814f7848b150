//! Words that say nothing about whose cluster it is. Everything that is not listed is replaced: a list of what to hide would
//! have gaps.

/// Keys of labels and taints that Kubernetes, its cloud providers and the meshes define. Each in full: after
/// `node-role.kubernetes.io/` stands what an operator chose.
const KEYS: &[&str] = &[
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "component",
    "controller-revision-hash",
    "controller-uid",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "istio.io/dataplane-mode",
    "istio.io/rev",
    "job-name",
    "k8s-app",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/metadata.name",
    "kubernetes.io/os",
    "linkerd.io/control-plane-ns",
    "linkerd.io/workload-ns",
    "name",
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node.cloudprovider.kubernetes.io/shutdown",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/out-of-service",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "pod-template-generation",
    "pod-template-hash",
    "security.istio.io/tlsMode",
    "service.istio.io/canonical-name",
    "service.istio.io/canonical-revision",
    "statefulset.kubernetes.io/pod-name",
    "topology.istio.io/subzone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "version",
];

/// Keys whose values are words of Kubernetes, too.
const KEYS_OF_WORDS: &[&str] =
    &["beta.kubernetes.io/arch", "beta.kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/os"];

/// Values of those keys.
const VALUES: &[&str] = &["386", "amd64", "arm", "arm64", "linux", "ppc64le", "s390x", "windows"];

/// Resources beyond those of Kubernetes itself, whose names have no slash.
const RESOURCES: &[&str] = &["amd.com/gpu", "gpu.intel.com/i915", "nvidia.com/gpu"];

/// Owners of pods: versions of APIs, and kinds.
const OWNERS: &[&str] = &[
    "DaemonSet",
    "Job",
    "Node",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "apps/v1",
    "batch/v1",
];

/// Words that the API defines: effects, operators, conditions and their statuses, policies, protocols.
const WORDS: &[&str] = &[
    "DiskPressure",
    "DoNotSchedule",
    "DoesNotExist",
    "Equal",
    "Exists",
    "False",
    "Gt",
    "Honor",
    "Ignore",
    "In",
    "Lt",
    "MemoryPressure",
    "NetworkUnavailable",
    "NoExecute",
    "NoSchedule",
    "NotIn",
    "PIDPressure",
    "PreferNoSchedule",
    "Ready",
    "SCTP",
    "ScheduleAnyway",
    "TCP",
    "True",
    "UDP",
    "Unknown",
    "default-scheduler",
    "flows",
    "metadata.name",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "poddisruptionbudgets",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "services",
    "statefulsets",
    "v1",
];

/// Addresses that are the same on every machine.
const ADDRESSES: &[&str] = &["0.0.0.0", "127.0.0.1", "::", "::1"];

pub(super) fn is_key(key: &str) -> bool {
    KEYS.contains(&key)
}

pub(super) fn is_value_of(key: &str, value: &str) -> bool {
    KEYS_OF_WORDS.contains(&key) && VALUES.contains(&value)
}

pub(super) fn is_resource(name: &str) -> bool {
    RESOURCES.contains(&name)
        || ["hugepages-", "attachable-volumes-"].iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn is_word(text: &str) -> bool {
    WORDS.contains(&text) || OWNERS.contains(&text) || ADDRESSES.contains(&text)
}
