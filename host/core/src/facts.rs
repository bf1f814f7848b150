//! What sources tell the index about one pod or one node, and the ids by which the core refers to them.
//!
//! A source needs to know nothing about how the facts are kept.

use crate::application::Application;

/// Number of an application within one snapshot. Ids are reused when an application is gone, so one is only
/// meaningful together with the snapshot that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationId(pub u32);

/// Number of a node within one snapshot; see [`ApplicationId`] on reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl ApplicationId {
    /// As a position in a table by application.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl NodeId {
    /// As a position in a table by node.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a pod requests, or a node offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu_millicores: u64,
    pub memory_bytes: u64,
}

impl Resources {
    /// CPU in cores, as policies take it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "millicores are far below 2^52")]
    pub fn cores(self) -> f64 {
        self.cpu_millicores as f64 / 1_000.0
    }

    /// Memory in bytes, as policies take it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "exact up to 4 PiB, and to 1 part in 2^52 above")]
    pub fn memory(self) -> f64 {
        self.memory_bytes as f64
    }

    /// From cores, as files and tests give them, rounded to millicores; what is negative or not a number is 0.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and NaN is 0"
    )]
    pub fn from_cores(cores: f64, memory_bytes: u64) -> Self {
        Self { cpu_millicores: (cores * 1_000.0).round() as u64, memory_bytes }
    }

    /// The larger amount of each resource.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            cpu_millicores: self.cpu_millicores.max(other.cpu_millicores),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
        }
    }

    /// Adds an amount of each; a sum beyond what fits stays at the most.
    pub fn add(&mut self, other: Self) {
        self.cpu_millicores = self.cpu_millicores.saturating_add(other.cpu_millicores);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
    }

    /// The part of one in so many.
    #[must_use]
    pub fn mean(self, count: u32) -> Self {
        let of = |amount: u64| amount.checked_div(u64::from(count)).unwrap_or(0);
        Self { cpu_millicores: of(self.cpu_millicores), memory_bytes: of(self.memory_bytes) }
    }

    pub(crate) fn remove(&mut self, other: Self) {
        self.cpu_millicores = self.cpu_millicores.saturating_sub(other.cpu_millicores);
        self.memory_bytes = self.memory_bytes.saturating_sub(other.memory_bytes);
    }
}

/// A pod as the index wants to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// `namespace/name`.
    pub key: String,
    /// Its application, if it has one.
    pub application: Option<Application>,
    /// The node it was bound to; `None` while it is pending.
    pub node: Option<String>,
    /// Whether it is terminating or finished, and so no longer counts.
    pub gone: bool,
    /// What kube-scheduler counts for it: see [`crate::requests`].
    pub requests: Resources,
    /// Whether it may run on some nodes only: it belongs to its node, or selects nodes.
    pub confined: bool,
    /// Of its controller's template: see [`crate::revision`]; 0 for none.
    pub revision: u64,
}

/// A node as the index wants to know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeFacts {
    pub name: String,
    /// `topology.kubernetes.io/zone`, if set.
    pub zone: Option<String>,
    /// `topology.kubernetes.io/region`, if set.
    pub region: Option<String>,
    /// What its pods may request together.
    pub allocatable: Resources,
    /// How many pods it takes; 0 where that is unknown.
    pub max_pods: u32,
    /// Whether it takes no pod that does not tolerate it: it is cordoned, or has a taint that keeps pods off.
    pub closed: bool,
}

/// What controllers and Services say of an application, whether it has pods or not.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationFacts {
    pub application: Application,
    /// Pods that its controllers want.
    pub replicas: u32,
    /// What one of those will request: their mean.
    pub requests: Resources,
    /// Whether calls to it prefer its pods on the caller's node.
    pub local_routing: bool,
}
