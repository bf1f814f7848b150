//! Which pods are left alone, whatever their traffic. The webhook's configuration keeps the API server from asking about most of them; a
//! configuration that somebody else wrote may not.

use netmarks_scheduler_model::Pod;

use crate::config::AdmissionConfig;
use crate::outcome::Outcome;

/// What a pod that names none gets.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// The value of the label that keeps a pod out.
const OPTED_OUT: &str = "disabled";

/// Why a pod is left alone, if it is.
#[must_use]
pub fn left_alone(pod: &Pod, config: &AdmissionConfig) -> Option<Outcome> {
    let scheduling = &pod.scheduling;
    let scheduler = scheduling.scheduler_name.as_deref().filter(|name| !name.is_empty());
    let scheduler = scheduler.unwrap_or(DEFAULT_SCHEDULER);
    let owned_by = |kind: &str| scheduling.owner.as_ref().is_some_and(|owner| owner.kind == kind);
    if owned_by("Node") {
        Some(Outcome::Mirror)
    } else if owned_by("DaemonSet") {
        Some(Outcome::DaemonSet)
    } else if pod.node_name.is_some() {
        Some(Outcome::Bound)
    } else if !config.schedulers.iter().any(|listed| listed == scheduler) {
        Some(Outcome::OtherScheduler)
    } else if pod.labels.get(&config.opt_out_label).is_some_and(|value| value == OPTED_OUT) {
        Some(Outcome::OptedOut)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use netmarks_core::application::Identity;
    use serde_json::{Value, json};

    use super::*;
    use crate::reviewed::ReviewedPod;

    fn outcome(change: &Value) -> Option<Outcome> {
        let mut pod =
            json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"containers": []}});
        for part in ["metadata", "spec"] {
            for (key, value) in change[part].as_object().into_iter().flatten() {
                pod[part][key] = value.clone();
            }
        }
        let pod = ReviewedPod::new(&pod, "shop", Identity::App.into()).unwrap();
        left_alone(&pod.model, &AdmissionConfig::default())
    }

    fn owner(kind: &str) -> Value {
        let owner = json!({"apiVersion": "v1", "kind": kind, "name": "x", "uid": "u", "controller": true});
        json!({"metadata": {"ownerReferences": [owner]}})
    }

    #[test]
    fn each_rule_has_its_reason() {
        let label = |value: &str| json!({"metadata": {"labels": {"netmarks.dev/admission": value}}});
        for (change, expected) in [
            (json!({}), None),
            (owner("ReplicaSet"), None),
            (label("enabled"), None),
            (json!({"spec": {"schedulerName": "default-scheduler"}}), None),
            (json!({"spec": {"nodeName": ""}}), None),
            (owner("DaemonSet"), Some(Outcome::DaemonSet)),
            (owner("Node"), Some(Outcome::Mirror)),
            (json!({"spec": {"nodeName": "a"}}), Some(Outcome::Bound)),
            (json!({"spec": {"schedulerName": "netmarks"}}), Some(Outcome::OtherScheduler)),
            (label("disabled"), Some(Outcome::OptedOut)),
        ] {
            assert_eq!(outcome(&change), expected, "{change}");
        }
    }
}
