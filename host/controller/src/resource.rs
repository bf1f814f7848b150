//! The resource `ScoringPolicy`: what an operator writes.
//!
//! The definition in the chart is generated from these types; the comments on fields are what `kubectl explain` prints,
//! and the rules are checked by the API server, so that a mistake is refused with a sentence before any extender sees it.
//! What only extenders write is in [`crate::status`].

#![allow(unreachable_pub, reason = "`KubeSchema` repeats each type inside a function")]

use std::collections::{BTreeMap, BTreeSet};

use kube::{CustomResource, KubeSchema};
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_engine::Grant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::status::ScoringPolicyStatus;

/// Seconds between two looks at a tag, if a policy does not say.
pub const POLL_INTERVAL_SECONDS: u32 = 300;

/// A WebAssembly component that scores nodes, and how the extenders of this namespace are to use it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "netmarks.dev",
    version = "v1alpha1",
    kind = "ScoringPolicy",
    plural = "scoringpolicies",
    shortname = "scp",
    namespaced,
    status = "ScoringPolicyStatus",
    derive = "PartialEq",
    doc = "A WebAssembly component that scores nodes, and how the extenders of this namespace are to use it.",
    validation = Rule::new("self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name of a policy must be a DNS label: at most 63 lower-case letters, digits and `-`"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Digest", type_ = "string", json_path = ".status.shortDigest"),
    printcolumn(name = "Converged", type_ = "string", json_path = r#".status.conditions[?(@.type=="Converged")].status"#, priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("self.mode != 'canary' || has(self.canaryPercent)")
        .message("`mode: canary` needs `canaryPercent`: the share of pods that it scores, 1 to 99"),
    validation = Rule::new("self.mode == 'canary' || !has(self.canaryPercent)")
        .message("`canaryPercent` has a meaning with `mode: canary` only; leave it out")
)]
#[serde(rename_all = "camelCase")]
pub struct ScoringPolicySpec {
    /// Where the component is: exactly one of `configMap`, `oci` and `url`.
    pub source: PolicySource,
    /// What the policy is used for: `active` scores every pod, `canary` scores a share of the pods, `shadow` scores
    /// beside the active ones without being listened to, `ready` is loaded and tried but not used.
    #[serde(default)]
    pub mode: PolicyMode,
    /// Share of the pods that a canary scores, in percent. Needed with `mode: canary`, forbidden otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub canary_percent: Option<u8>,
    /// Share of this policy in the whole, relative to the other active ones; above 0.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    #[x_kube(validation = Rule::new("self > 0.0").message("`weight` must be above 0; use `mode: ready` for a policy that is not to count"))]
    pub weight: f64,
    /// How its raw scores become shares from 0 to 1: `max` divides by the best, `min-max` stretches from the worst to
    /// the best, `rank` keeps only the order, `none` takes them as they are.
    #[serde(default)]
    pub normalisation: Normalisation,
    /// What happens to the others when it fails: with `skip` their weights make up the whole, with `neutral` its own
    /// weight stays in the sum, so that all scores are smaller while it fails.
    #[serde(default)]
    pub on_fault: OnFault,
    /// Values for the settings that the policy declares: numbers, texts, `true` or `false`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "parameters_schema")]
    pub parameters: BTreeMap<String, Value>,
    /// What one call of the policy may use.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// What the policy may import beyond the log.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 8))]
    pub grants: BTreeSet<Grant>,
}

fn one() -> f64 {
    1.0
}

/// A map of values of any scalar type. A structural schema has no word for "number, text or truth value", so the
/// extender refuses what is neither; that is why these values are decoded as [`Value`]s.
fn parameters_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true},
    })
}

/// Where a component is.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("[has(self.configMap), has(self.oci), has(self.url)].filter(given, given).size() == 1")
        .message("give exactly one of `configMap`, `oci` and `url`")
)]
#[serde(rename_all = "camelCase")]
pub struct PolicySource {
    /// A key of `binaryData` in a ConfigMap of the same namespace; for components under 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
    /// An artefact in an OCI registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciSource>,
    /// A file on a web server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<UrlSource>,
}

/// A key of a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapSource {
    /// Name of the ConfigMap, in the namespace of the policy. It is watched: a change is taken up at once.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its `binaryData`, such as `policy.wasm`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// An artefact in an OCI registry.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciSource {
    /// `registry/repository:tag`, which is looked at again and again, or `registry/repository@sha256:...`, which can
    /// never change.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new(
        "self.matches('^[^/@[:space:]]+/[^@[:space:]]+(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}|@sha256:[0-9a-f]{64})$')"
    ).message("`reference` must be `registry/repository:tag` or `registry/repository@sha256:` and 64 lower-case hexadecimal digits"))]
    pub reference: String,
    /// Name of a Secret of type `kubernetes.io/dockerconfigjson` in the same namespace with the credentials of the
    /// registry. Only what it holds for the registry of `reference` is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub pull_secret: Option<String>,
    /// Seconds between two looks at a tag; 300 if not given. A digest is never looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 86_400))]
    pub poll_interval_seconds: Option<u32>,
}

/// A file on a web server.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UrlSource {
    /// Where it is; `https` only.
    #[schemars(length(min = 1, max = 2_048))]
    #[x_kube(validation = Rule::new("self.matches('^https://[^/[:space:]]+(/[^[:space:]]*)?$')")
        .message("`url` must begin with `https://` and name a host"))]
    pub url: String,
    /// SHA-256 of its bytes in lower-case hexadecimal digits. Another file at the same place needs another value here.
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{64}$')")
        .message("`sha256` must be 64 lower-case hexadecimal digits, as `sha256sum` prints them"))]
    pub sha256: String,
}

/// What a policy is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyMode {
    /// It scores every pod.
    #[default]
    Active,
    /// It scores a share of the pods.
    Canary,
    /// It scores without being listened to.
    Shadow,
    /// It is loaded and tried, but not used.
    Ready,
}

/// What one call of a policy may use; what is not given is the extender's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsSpec {
    /// Linear memory of one call, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = netmarks_engine::Limits::MOST_MEMORY_MIB))]
    pub memory_mib: Option<u32>,
    /// Wall-clock time of one call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = netmarks_engine::Limits::MOST_DEADLINE_MS))]
    pub deadline_ms: Option<u32>,
    /// What one call may hand back, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = netmarks_engine::Limits::MOST_OUTPUT_KIB))]
    pub output_kib: Option<u32>,
    /// Size of the component, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = netmarks_engine::Limits::MOST_ARTEFACT_MIB))]
    pub artefact_mib: Option<u32>,
}
