//! What the extenders say about a `ScoringPolicy`: one entry for each replica, and conditions over all of them.
//!
//! Types only: [`crate::conditions`] computes the conditions, and the workers write both.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats each type inside a function")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of a policy.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoringPolicyStatus {
    /// The generation of the policy that the conditions are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Digest of the component that is in use, `sha256:...`; the one that most replicas use if they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The first twelve digits of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_digest: Option<String>,
    /// `Fetched`: every replica has the component. `Accepted`: every replica took it. `Ready`: the policy is in use as
    /// written in every replica. `Degraded`: a replica has withdrawn it. `Converged`: all replicas do the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What became of it in each replica of the extender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub replicas: Vec<ReplicaStatus>,
}

/// What became of a policy in one replica of the extender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Name of the replica, which is the name of its pod.
    pub name: String,
    /// The generation of the policy that it has acted on last.
    pub generation: i64,
    /// What became of that.
    pub state: ReplicaState,
    /// Why, as one word.
    pub reason: String,
    /// Why, as a sentence.
    pub message: String,
    /// Digest of the component that this replica uses under this name; of an earlier one if the last was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Digest of what the source held when this replica looked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_digest: Option<String>,
    /// When the replica last said so. It repeats itself every minute; after three minutes of silence the entry goes.
    pub last_update: Time,
}

/// What became of the newest specification in one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplicaState {
    /// It is being fetched or tried.
    Pending,
    /// The source did not give it.
    FetchFailed,
    /// It was refused.
    Rejected,
    /// It scores every pod.
    Active,
    /// It scores a share of the pods.
    Canary,
    /// It scores without being listened to.
    Shadow,
    /// It is loaded and tried.
    Ready,
    /// It was withdrawn because of its faults, or somebody rolled it back.
    Degraded,
}

impl ReplicaState {
    /// Whether the policy is in use as its specification says.
    #[must_use]
    pub fn in_effect(self) -> bool {
        matches!(self, Self::Active | Self::Canary | Self::Shadow | Self::Ready)
    }
}
