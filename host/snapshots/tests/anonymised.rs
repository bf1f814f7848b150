//! Nothing that names anybody is left, and everything that means something is.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, HashMap};

use netmarks_snapshots::anonymise::{Aliases, Key, anonymise};
use netmarks_snapshots::generate::figures::figures;
use netmarks_snapshots::generate::generate;
use netmarks_snapshots::generate::shape::Shape;
use netmarks_sources::snapshot_file::SnapshotFile;
use serde_json::Value;

/// Every field that can hold a text holds one with `secret` in it.
const EVERYTHING: &str = include_str!("fixtures/everything.json");

fn everything() -> SnapshotFile {
    SnapshotFile::from_json(EVERYTHING.as_bytes()).unwrap()
}

fn renamed(file: SnapshotFile) -> (SnapshotFile, HashMap<String, String>) {
    let mut aliases = Aliases::new(Key::random().unwrap());
    let file = anonymise(file, &mut aliases);
    let by_original = aliases.originals().map(|(alias, text)| (text.to_owned(), alias.to_owned())).collect();
    (file, by_original)
}

#[test]
fn what_was_equal_stays_equal_and_what_is_well_known_stays() {
    let (file, alias) = renamed(everything());
    file.check().unwrap();
    assert!(file.anonymised);
    let node = |original: &str| file.nodes.iter().find(|node| node.name == alias[original]).unwrap();
    let (one, other) = (node("secret-node-1"), node("secret-node-2"));
    assert_eq!(one.zone(), Some(alias["secret-zone"].as_str()));
    assert_eq!(one.zone(), other.zone());
    assert_eq!(one.labels["kubernetes.io/arch"], "arm64");
    // Compared as a number by an affinity of a pod.
    assert_eq!(one.labels[&alias["secret.com/generation"]], "7");
    let pod = file.pods.iter().find(|pod| pod.node.is_some()).unwrap();
    assert_eq!(pod.node.as_deref(), Some(one.name.as_str()));
    let application = pod.application.as_ref().unwrap();
    assert_eq!(application.name(), pod.labels["app"]);
    assert_eq!(pod.labels["app"], file.services[0].selector["app"]);
    let scheduling = serde_json::to_value(pod.scheduling.as_ref().unwrap()).unwrap();
    let at = |pointer: &str| scheduling.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let spread = "/topologySpreadConstraints/0";
    assert_eq!(at(&format!("{spread}/topologyKey")), "topology.kubernetes.io/zone");
    assert_eq!(at(&format!("{spread}/labelSelector/matchLabels/app")), pod.labels["app"]);
    assert_eq!(at(&format!("{spread}/whenUnsatisfiable")), "DoNotSchedule");
    assert_eq!(at("/tolerations/0/effect"), "NoSchedule");
    assert_eq!(at("/tolerations/0/key"), one.scheduling.as_ref().unwrap().taints[0].key);
    assert_eq!(
        at("/volumes/0/labels/topology.kubernetes.io~1zone"),
        format!("{}__{}", alias["secret-zone"], alias["secret-zone-2"])
    );
    assert_eq!(file.flows[0].bytes_per_second, 125.0);
    assert_eq!(file.missing[0].what, "namespaces");
}

#[test]
fn the_same_key_gives_the_same_words_and_another_key_others() {
    let file = everything();
    let key = Key::random().unwrap();
    let with = |key: &Key| anonymise(file.clone(), &mut Aliases::new(key.clone())).to_json().unwrap();
    assert_eq!(with(&key), with(&key));
    assert_ne!(with(&key), with(&Key::random().unwrap()));
}

#[test]
fn a_large_cluster_keeps_its_shape() {
    let file = generate(Shape::Company, 1, 1);
    let (other, _) = renamed(file.clone());
    // Sums over another order of names differ in their last digits.
    let rounded = |file: &SnapshotFile| {
        let figures = serde_json::to_value(figures(file, 20)).unwrap();
        let figures = figures
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), format!("{:.9}", value.as_f64().unwrap())));
        figures.collect::<BTreeMap<String, String>>()
    };
    assert_eq!(rounded(&other), rounded(&file));
    let zones = |file: &SnapshotFile| {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for node in &file.nodes {
            *sizes.entry(node.zone().unwrap().to_owned()).or_default() += 1;
        }
        let mut sizes: Vec<usize> = sizes.into_values().collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(zones(&other), zones(&file));
}

/// Pointers to all texts of a document, keys of maps included.
fn texts(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((at.to_owned(), text.clone())),
        Value::Array(values) => values.iter().for_each(|value| texts(value, &format!("{at}/-"), found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                found.push((format!("{at}/{key}"), key.clone()));
                texts(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

mod hostile {
    use super::*;

    /// No text that holds a name gets out, in whatever field it stands; also not in a word that only looks like one of the API.
    #[test]
    fn nothing_of_a_name_is_left() {
        let before = EVERYTHING.to_lowercase().matches("secret").count();
        assert!(before > 60, "the fixture names {before}");
        let (file, _) = renamed(everything());
        let text = file.to_json().unwrap().to_lowercase();
        assert!(!text.contains("secret"), "{text}");
    }

    /// The fixture has every field that a version 2 file can have, so the test above speaks of all of them.
    #[test]
    fn the_fixture_names_something_in_every_field_that_is_a_text() {
        let mut found = Vec::new();
        texts(&serde_json::from_str(EVERYTHING).unwrap(), "", &mut found);
        let has =
            |pointer: &str| found.iter().any(|(at, text)| at.contains(pointer) && text.contains("secret"));
        for pointer in [
            "/missing/-/why",
            "/nodes/-/name",
            "/nodes/-/zone",
            "/nodes/-/region",
            "/nodes/-/labels/",
            "/nodes/-/scheduling/taints/-/key",
            "/nodes/-/scheduling/taints/-/value",
            "/nodes/-/scheduling/allocatable/",
            "/nodes/-/scheduling/conditions/-/type",
            "/pods/-/name",
            "/pods/-/uid",
            "/pods/-/application",
            "/pods/-/node",
            "/pods/-/labels/",
            "/pods/-/scheduling/requests/",
            "/pods/-/scheduling/nodeSelector/",
            "/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/-/matchExpressions/-/values",
            "/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/-/matchFields/-/values",
            "/preferredDuringSchedulingIgnoredDuringExecution/-/preference/matchExpressions/-/key",
            "/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/-/labelSelector/matchLabels/",
            "/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/-/namespaceSelector/matchExpressions/-/values",
            "/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/-/namespaces/-",
            "/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/-/matchLabelKeys/-",
            "/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/-/podAffinityTerm/topologyKey",
            "/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/-/podAffinityTerm/mismatchLabelKeys/-",
            "/tolerations/-/key",
            "/tolerations/-/value",
            "/topologySpreadConstraints/-/labelSelector/",
            "/topologySpreadConstraints/-/matchLabelKeys/-",
            "/volumes/-/labels/",
            "/volumes/-/nodeAffinity/",
            "/schedulerName",
            "/owner/name",
            "/owner/kind",
            "/owner/apiVersion",
            "/services/-/namespace",
            "/services/-/name",
            "/services/-/selector/",
            "/services/-/trafficDistribution",
            "/services/-/internalTrafficPolicy",
            "/workloads/-/namespace",
            "/workloads/-/name",
            "/workloads/-/selector/",
            "/disruption_budgets/-/namespace",
            "/disruption_budgets/-/name",
            "/disruption_budgets/-/selector/",
            "/namespaces/-/name",
            "/namespaces/-/labels/",
            "/flows/-/source",
            "/flows/-/destination",
        ] {
            assert!(has(pointer), "{pointer}");
        }
    }
}
