//! One table: owners and labels of a pod, and what each mesh calls its workload.

use std::collections::BTreeMap;

use super::*;

/// `api-version/Kind/name`, with a `*` before it for the owner that is the controller.
fn owner(text: &str) -> Owner<'_> {
    let (text, controller) = text.strip_prefix('*').map_or((text, false), |rest| (rest, true));
    let (rest, name) = text.rsplit_once('/').unwrap();
    let (api_version, kind) = rest.rsplit_once('/').unwrap();
    Owner { api_version: api_version.into(), kind: kind.into(), name: name.into(), controller }
}

/// A pod as a row of the table, and the names by Istio, Linkerd and eBPF instrumentation.
struct Row {
    what: &'static str,
    pod: &'static str,
    generated: bool,
    labels: &'static [(&'static str, &'static str)],
    owners: &'static [&'static str],
    names: [&'static str; 3],
}

const ROWS: &[Row] = &[
    Row {
        what: "Deployment",
        pod: "web-84cd44fcbb-dv89k",
        generated: true,
        labels: &[("pod-template-hash", "84cd44fcbb")],
        owners: &["*apps/v1/ReplicaSet/web-84cd44fcbb"],
        names: ["web", "web", "web"],
    },
    Row {
        what: "ReplicaSet of its own",
        pod: "web-v1-dv89k",
        generated: true,
        labels: &[],
        owners: &["*apps/v1/ReplicaSet/web-v1"],
        names: ["web-v1", "web-v1", "web"],
    },
    Row {
        what: "Argo Rollout",
        pod: "rollo-6b86f55c9f-x2k7p",
        generated: true,
        labels: &[("rollouts-pod-template-hash", "6b86f55c9f")],
        owners: &["*apps/v1/ReplicaSet/rollo-6b86f55c9f"],
        names: ["rollo", "rollo-6b86f55c9f", "rollo"],
    },
    Row {
        what: "StatefulSet",
        pod: "db-0",
        generated: true,
        labels: &[],
        owners: &["*apps/v1/StatefulSet/db"],
        names: ["db", "db", "db"],
    },
    Row {
        what: "DaemonSet",
        pod: "agent-x2k7p",
        generated: true,
        labels: &[],
        owners: &["*apps/v1/DaemonSet/agent"],
        names: ["agent", "agent", "agent"],
    },
    Row {
        what: "CronJob",
        pod: "nightly-29409121-x2k7p",
        generated: true,
        labels: &[],
        owners: &["*batch/v1/Job/nightly-29409121"],
        names: ["nightly", "nightly", "nightly"],
    },
    Row {
        what: "Job of its own",
        pod: "load-data-x2k7p",
        generated: true,
        labels: &[],
        owners: &["*batch/v1/Job/load-data"],
        names: ["load-data", "load-data", "load"],
    },
    Row {
        what: "Job whose name ends in a short number",
        pod: "load-2026-x2k7p",
        generated: true,
        labels: &[],
        owners: &["*batch/v1/Job/load-2026"],
        names: ["load-2026", "load-2026", "load"],
    },
    Row {
        what: "DeploymentConfig of OpenShift",
        pod: "cart-3-x2k7p",
        generated: true,
        labels: &[("deploymentconfig", "cart")],
        owners: &["*v1/ReplicationController/cart-3"],
        names: ["cart", "cart-3", "cart-3"],
    },
    Row {
        what: "custom owner with generated names",
        pod: "train-worker-x2k7p",
        generated: true,
        labels: &[],
        owners: &["*kubeflow.org/v1/PyTorchJob/train"],
        names: ["train", "train", "train"],
    },
    Row {
        what: "custom owner that names its pods itself",
        pod: "kafka-broker-0",
        generated: false,
        labels: &[],
        owners: &["*core.strimzi.io/v1beta2/StrimziPodSet/kafka-broker"],
        names: ["kafka-broker-0", "kafka-broker", "kafka-broker"],
    },
    Row {
        what: "bare pod",
        pod: "lonely",
        generated: false,
        labels: &[],
        owners: &[],
        names: ["lonely", "lonely", "lonely"],
    },
    Row {
        what: "owner that is not the controller",
        pod: "helper-x2k7p",
        generated: true,
        labels: &[],
        owners: &["v1/ConfigMap/settings"],
        names: ["helper-x2k7p", "settings", "settings"],
    },
    Row {
        what: "two owners",
        pod: "web-84cd44fcbb-dv89k",
        generated: true,
        labels: &[("pod-template-hash", "84cd44fcbb")],
        owners: &["v1/ConfigMap/settings", "*apps/v1/ReplicaSet/web-84cd44fcbb"],
        names: ["web", "web-84cd44fcbb-dv89k", "web"],
    },
    Row {
        what: "Istio's label",
        pod: "web-84cd44fcbb-dv89k",
        generated: true,
        labels: &[("pod-template-hash", "84cd44fcbb"), ("service.istio.io/workload-name", "front")],
        owners: &["*apps/v1/ReplicaSet/web-84cd44fcbb"],
        names: ["front", "web", "web"],
    },
    Row {
        what: "hash that is not the end of the name",
        pod: "web-dv89k",
        generated: true,
        labels: &[("pod-template-hash", "84cd44fcbb")],
        owners: &["*apps/v1/ReplicaSet/web"],
        names: ["web", "web", "web"],
    },
];

#[test]
fn each_mesh_has_its_own_names() {
    for row in ROWS {
        let owners: Vec<Owner<'_>> = row.owners.iter().map(|text| owner(text)).collect();
        let labels = row.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let labels: BTreeMap<String, String> = labels.collect();
        let pod = PodIdentity { name: row.pod, generated: row.generated, labels: &labels, owners: &owners };
        let names: Vec<&str> = WorkloadRule::VARIANTS.iter().map(|rule| rule.name(pod)).collect();
        assert_eq!(names, row.names, "{}", row.what);
    }
}

#[test]
fn a_rule_has_one_text_form() {
    let shown: Vec<String> = WorkloadRule::VARIANTS.iter().map(WorkloadRule::to_string).collect();
    assert_eq!(shown, ["istio", "linkerd", "ebpf"]);
    assert_eq!(serde_json::to_value(WorkloadRule::VARIANTS).unwrap(), serde_json::json!(shown));
}

#[test]
fn the_documentation_has_the_same_table() {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let rows: Vec<String> = ROWS
        .iter()
        .map(|row| {
            let labels: Vec<String> =
                row.labels.iter().map(|(key, value)| code(&format!("{key}: {value}"))).collect();
            let owners: Vec<String> =
                row.owners.iter().map(|owner| code(owner.trim_start_matches('*'))).collect();
            let names = row.names.map(code).join(" | ");
            format!(
                "| {} | {} | {} | {} | {names} |",
                row.what,
                code(row.pod),
                owners.join(", "),
                labels.join(", ")
            )
        })
        .collect();
    let documented = include_str!("../../../../docs/meshes.md");
    for row in rows {
        assert!(documented.contains(&row), "docs/meshes.md lacks this row:\n{row}");
    }
}
