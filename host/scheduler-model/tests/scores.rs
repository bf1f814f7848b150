//! Each score plugin, with numbers worked out by hand from its formula.

use k8s_openapi::api::core::v1::PreferredSchedulingTerm;
use netmarks_scheduler_model::{
    Cluster, Owner, Plugin, PreferredTerms, Scheduler, SchedulerOptions, Service, Workload,
};
use serde_json::{Value, json};

use crate::support::{HOST, ZONE, app, by_name, labels, node, place, pod, scores, zones};

#[test]
fn the_node_with_more_room_left_scores_higher() {
    let mut cluster = Cluster::new(vec![node("a", &[]), node("b", &[])]);
    place(&mut cluster, &pod("old", json!({"requests": {"cpu": "1", "memory": "2Gi"}})), "a");
    let new = pod("new", json!({"requests": {"cpu": "1", "memory": "2Gi"}}));
    // Of 4 cores and 8 GiB half is left on a, and three quarters on b.
    let expected = by_name(&[("a", 50), ("b", 75)]);
    assert_eq!(scores(&mut cluster, &new, Plugin::NodeResourcesFit), expected);
    // A container that requests nothing counts as 100m and 200Mi: 72 % of CPU and 72 % of memory on a.
    let none = scores(&mut cluster, &pod("none", json!({})), Plugin::NodeResourcesFit);
    assert_eq!(none, by_name(&[("a", (72 + 72) / 2), ("b", (97 + 97) / 2)]));
}

#[test]
fn a_node_scores_higher_if_the_pod_evens_out_what_is_taken() {
    let mut cluster = Cluster::new(vec![node("a", &[]), node("b", &[])]);
    place(&mut cluster, &pod("old", json!({"requests": {"cpu": "2"}})), "a");
    let new = pod("new", json!({"requests": {"memory": "4Gi"}}));
    // On a: from half of one resource (75) to half of both (100). On b: from nothing (100) to half of one (75).
    let expected = by_name(&[("a", 50 + (50 + 25) / 2), ("b", 50 + (50 - 25) / 2)]);
    assert_eq!(scores(&mut cluster, &new, Plugin::NodeResourcesBalancedAllocation), expected);
    let none = scores(&mut cluster, &pod("none", json!({})), Plugin::NodeResourcesBalancedAllocation);
    assert_eq!(none, by_name(&[("a", 0), ("b", 0)]));
}

#[test]
fn soft_taints_lower_the_score() {
    let tainted = |name: &str, taints: Value| {
        let mut node = node(name, &[]);
        node.taints = serde_json::from_value(taints).unwrap();
        node
    };
    let soft = |key: &str| json!({"key": key, "effect": "PreferNoSchedule"});
    let two = tainted("two", json!([soft("p"), soft("q")]));
    let mut cluster = Cluster::new(vec![node("free", &[]), tainted("one", json!([soft("p")])), two]);
    let plain = scores(&mut cluster, &pod("new", json!({})), Plugin::TaintToleration);
    assert_eq!(plain, by_name(&[("free", 100), ("one", 50), ("two", 0)]));
    let tolerations = json!({"tolerations": [{"key": "p", "operator": "Exists"}]});
    let tolerant = scores(&mut cluster, &pod("new", tolerations), Plugin::TaintToleration);
    assert_eq!(tolerant, by_name(&[("free", 100), ("one", 100), ("two", 0)]));
}

#[test]
fn preferred_node_affinity_adds_its_weights() {
    let mut cluster = Cluster::new(vec![
        node("both", &[("disk", "ssd"), ("gen", "3")]),
        node("disk", &[("disk", "ssd")]),
        node("none", &[]),
    ]);
    let term = |weight: u64, key: &str, operator: &str, value: &str| {
        let rule = json!({"key": key, "operator": operator, "values": [value]});
        json!({"weight": weight, "preference": {"matchExpressions": [rule]}})
    };
    let terms = json!([term(60, "disk", "In", "ssd"), term(20, "gen", "Gt", "2"), term(9, "gen", "Lt", "2")]);
    let fields =
        json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}});
    let new = pod("new", fields.clone());
    let scored = scores(&mut cluster, &new, Plugin::NodeAffinity);
    assert_eq!(scored, by_name(&[("both", 100), ("disk", 75), ("none", 0)]));

    // Terms beside those of the template count as if they were there.
    let all = fields["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"].clone();
    let terms: Vec<PreferredSchedulingTerm> = serde_json::from_value(all).unwrap();
    let within = cluster.template(&new);
    for own in 0..3 {
        let (mine, added) = terms.split_at(own);
        let mine = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": mine}});
        let without = cluster.template(&pod("new", json!({"affinity": mine})));
        let added = PreferredTerms::from_api(added);
        let beside = Scheduler::default().decide_preferring(&cluster, without, &added, None);
        assert_eq!(beside, Scheduler::default().decide(&cluster, within, None));
    }
}

fn preferred(kind: &str, weight: u64, key: &str, of: &str) -> Value {
    let term = json!({"topologyKey": key, "labelSelector": app(of)});
    let terms = json!([{"weight": weight, "podAffinityTerm": term}]);
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": terms}}})
}

#[test]
fn attraction_counts_in_both_directions_and_by_the_number_of_pods() {
    let mut cluster = Cluster::new(zones(&["x", "y"]));
    let store = pod("store", json!({}));
    let seeks = pod("new", preferred("podAffinity", 10, HOST, "store"));
    for host in ["x0", "x0", "y1"] {
        place(&mut cluster, &store, host);
    }
    let scored = scores(&mut cluster, &seeks, Plugin::InterPodAffinity);
    assert_eq!(scored, by_name(&[("x0", 100), ("x1", 0), ("y0", 0), ("y1", 50)]));
    // Those that seek it attract it too; those that keep away from it repel it.
    place(&mut cluster, &seeks, "y0");
    place(&mut cluster, &pod("shy", preferred("podAntiAffinity", 10, ZONE, "store")), "x1");
    let scored = scores(&mut cluster, &store, Plugin::InterPodAffinity);
    assert_eq!(scored, by_name(&[("x0", 0), ("x1", 0), ("y0", 100), ("y1", 50)]));
}

#[test]
fn required_affinity_attracts_by_one() {
    let mut cluster = Cluster::new(zones(&["x", "y"]));
    let term = json!({"topologyKey": ZONE, "labelSelector": app("store")});
    let terms = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    place(&mut cluster, &pod("needs", json!({"affinity": terms})), "y0");
    let scored = scores(&mut cluster, &pod("store", json!({})), Plugin::InterPodAffinity);
    assert_eq!(scored, by_name(&[("x0", 0), ("x1", 0), ("y0", 100), ("y1", 100)]));
}

#[test]
fn soft_spreading_prefers_domains_with_fewer_pods() {
    let mut nodes = zones(&["x", "y"]);
    nodes.push(node("none", &[]));
    let mut cluster = Cluster::new(nodes);
    let constraint = json!({"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": app("new")});
    let new = pod("new", json!({"topologySpreadConstraints": [constraint]}));
    let level = scores(&mut cluster, &new, Plugin::PodTopologySpread);
    let level_expected = [("x0", 100), ("x1", 100), ("y0", 100), ("y1", 100), ("none", 0)];
    assert_eq!(level, by_name(&level_expected));
    place(&mut cluster, &new, "x0");
    place(&mut cluster, &new, "x0");
    place(&mut cluster, &new, "y0");
    // ln(2 + 2) a pod: 3 in x, 1 in y, rounded. 100 * (3 + 1 - score) / 3.
    let scored = scores(&mut cluster, &new, Plugin::PodTopologySpread);
    assert_eq!(scored, by_name(&[("x0", 33), ("x1", 33), ("y0", 100), ("y1", 100), ("none", 0)]));
}

/// Scores of a pod beside one that is on x0 and has its application's label.
fn default_spreading(of: impl Fn(Cluster) -> Cluster, fields: Value, beside: &[(&str, &str)]) -> Vec<i64> {
    let mut nodes = zones(&["x"]);
    nodes.push(node("y0", &[]));
    let mut cluster = of(Cluster::new(nodes));
    let mut other = pod("new", json!({}));
    other.labels = labels(beside);
    place(&mut cluster, &other, "x0");
    let scored = scores(&mut cluster, &pod("new", fields), Plugin::PodTopologySpread);
    assert_eq!(scored.len(), 3);
    scored.into_values().collect()
}

#[test]
fn pods_without_constraints_are_spread_by_their_services_and_workload() {
    let service = |pairs: &[(&str, &str)]| Service {
        namespace: "shop".to_owned(),
        name: "new".to_owned(),
        selector: labels(pairs),
    };
    let owner =
        Owner { api_version: "apps/v1".to_owned(), kind: "ReplicaSet".to_owned(), name: "new-1".to_owned() };
    let set = Workload {
        namespace: "shop".to_owned(),
        owner: owner.clone(),
        selector: serde_json::from_value(json!({"matchLabels": {"app": "new"}})).unwrap(),
    };
    let fields = json!({"owner": serde_json::to_value(&owner).unwrap()});
    let (alike, other) = ([("app", "new")], [("app", "other")]);
    // By host: ln(3 + 2) + 2; by zone: ln(2 + 2) + 4, as nodes without a zone count as one more. x0: 9, x1: 7 (5.39 + 2
    // is cut by rounding the sum), y0, of no zone: 2. 100 * (9 + 2 - score) / 9.
    let spread = vec![22, 44, 100];
    let level = |scores: &[i64]| scores[0] == scores[1];
    assert!(level(&default_spreading(|cluster| cluster, json!({}), &alike)), "nothing is behind it");
    let with_service = |cluster: Cluster| cluster.with_services(vec![service(&alike)]);
    assert_eq!(default_spreading(with_service, json!({}), &alike), spread);
    assert!(level(&default_spreading(with_service, json!({}), &other)));
    let with_set = |cluster: Cluster| cluster.with_workloads(vec![set.clone()]);
    assert_eq!(default_spreading(with_set, fields.clone(), &alike), spread);
    assert!(level(&default_spreading(with_set, fields.clone(), &other)));
    // Of a workload that is unknown, the pod's own labels stand for the selector.
    assert_eq!(default_spreading(|cluster| cluster, fields, &alike), spread);
}

#[test]
fn totals_are_the_weighted_sum_and_the_extender_adds_its_own() {
    let mut cluster = Cluster::new(zones(&["x", "y"]));
    place(&mut cluster, &pod("old", json!({"requests": {"cpu": "1", "memory": "1Gi"}})), "x0");
    let new = cluster.template(&pod("new", json!({"requests": {"cpu": "100m", "memory": "100Mi"}})));
    let options = |extender_weight| SchedulerOptions {
        keep_scores: true,
        extender_weight,
        ..SchedulerOptions::default()
    };
    let plain = Scheduler::new(options(1)).decide(&cluster, new, None);
    for (index, total) in plain.totals.iter().enumerate() {
        let sum: i64 = plain.scores.iter().map(|it| it.scores[index] * it.plugin.weight()).sum();
        assert_eq!(*total, sum);
    }
    let name = |node: &usize| cluster.nodes()[*node].name.clone();
    let mut best: Vec<String> = plain.best.iter().map(name).collect();
    best.sort();
    assert_eq!(best, ["x1", "y0", "y1"]);

    let mut asked = Vec::new();
    let mut extender = |nodes: &[usize], scores: &mut Vec<i64>| {
        asked = nodes.to_vec();
        scores.extend(nodes.iter().map(|node| if cluster.nodes()[*node].name == "x0" { 10 } else { 0 }));
    };
    let pulled = Scheduler::new(options(2)).decide(&cluster, new, Some(&mut extender));
    assert_eq!(pulled.best.iter().map(name).collect::<Vec<_>>(), ["x0"]);
    assert_eq!(asked, pulled.candidates);
    let gains: Vec<i64> =
        pulled.totals.iter().zip(&plain.totals).map(|(with, without)| with - without).collect();
    assert_eq!(gains.iter().sum::<i64>(), 10 * 2 * 10);

    let mut silent = |_: &[usize], _: &mut Vec<i64>| {};
    let silent = Scheduler::new(options(2)).decide(&cluster, new, Some(&mut silent));
    assert_eq!(silent.totals, plain.totals);
}
