//! The section `target` of the configuration.

use std::time::Duration;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The placement that policies are told to converge to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct TargetConfig {
    /// Whether a target is computed where a policy asks for `node.target`. Without one, such policies score by what runs.
    pub enabled: bool,
    /// Seconds between two looks at whether traffic, replicas or nodes changed enough for another target. All replicas look at the
    /// same instants.
    #[garde(range(min = 15.0, max = 86_400.0))]
    pub every_seconds: f64,
    /// Most seconds that a search may take.
    #[garde(range(min = 1.0, max = 3_600.0))]
    pub search_seconds: f64,
    /// Most running pods for which a target is computed; where more run, policies get no target.
    #[garde(range(max = 1_000_000))]
    pub max_pods: usize,
    /// Most percent of an application's pods that the target puts on one node.
    #[garde(range(min = 1, max = 100))]
    pub most_on_node_percent: u32,
    /// How calls are taken to be routed: `local` to pods on the caller's node where there are any, `by-service` as the Services
    /// say, which spread them unless told otherwise.
    pub routing: TargetRouting,
    /// Age in seconds beyond which a target is dropped because flows were not measured since.
    #[garde(range(min = 60.0, max = 604_800.0))]
    pub max_age_seconds: f64,
}

/// How calls are taken to be routed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetRouting {
    /// To pods on the caller's node, where there are any.
    #[default]
    Local,
    /// As the Services say.
    ByService,
}

impl Default for TargetConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            every_seconds: 300.0,
            search_seconds: 20.0,
            max_pods: 50_000,
            most_on_node_percent: 100,
            routing: TargetRouting::Local,
            max_age_seconds: 3_600.0,
        }
    }
}

impl TargetConfig {
    pub(crate) fn search_for(&self) -> Duration {
        Duration::from_secs_f64(self.search_seconds)
    }

    /// Share (of 1).
    pub(crate) fn most_on_node(&self) -> f64 {
        f64::from(self.most_on_node_percent) / 100.0
    }
}
