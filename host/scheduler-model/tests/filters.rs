//! Each filter: what it lets through, and what it says.

use netmarks_scheduler_model::{Cluster, LeftOut, Reason, ResourceList};
use serde_json::{Value, json};

use crate::support::{HOST, ZONE, app, feasible, node, place, pod, zones};

/// That of `nodes` these are feasible, and that the others have this reason.
#[allow(clippy::needless_pass_by_value, reason = "callers write the fields in place")]
fn expect(cluster: &mut Cluster, fields: Value, feasible_nodes: &[&str], reason: &str) {
    let (nodes, others) = feasible(cluster, &pod("new", fields.clone()));
    assert_eq!(nodes, feasible_nodes, "{fields}: {others:?}");
    for (node, said) in others {
        assert_eq!(said, reason, "{fields} on {node}");
    }
}

#[test]
fn a_cordon_and_taints_keep_pods_away_that_do_not_tolerate_them() {
    let mut cordoned = node("a", &[]);
    cordoned.unschedulable = true;
    let mut cluster = Cluster::new(vec![cordoned, node("b", &[])]);
    expect(&mut cluster, json!({}), &["b"], "cordoned");
    expect(&mut cluster, json!({"tolerations": [{"operator": "Exists"}]}), &["a", "b"], "");

    let mut tainted = node("a", &[]);
    tainted.taints = serde_json::from_value(json!([{"key": "gpu", "effect": "NoSchedule"}])).unwrap();
    let mut cluster = Cluster::new(vec![tainted, node("b", &[])]);
    expect(&mut cluster, json!({}), &["b"], "has a taint that the pod does not tolerate");
    expect(&mut cluster, json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}), &["a", "b"], "");
}

#[test]
fn node_selectors_and_affinity_choose_by_label_and_name() {
    let mut cluster =
        Cluster::new(vec![node("a", &[("disk", "ssd")]), node("b", &[("disk", "hdd")]), node("c", &[])]);
    let reason = "does not match the pod's node selector or affinity";
    let terms = |terms: Value| {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": terms}}}})
    };
    let rule = |operator: &str, values: Value| json!({"key": "disk", "operator": operator, "values": values});
    let named = json!({"key": "metadata.name", "operator": "In", "values": ["c"]});
    let table = [
        (json!({"nodeSelector": {"disk": "ssd"}}), vec!["a"]),
        (terms(json!([{"matchExpressions": [rule("NotIn", json!(["ssd"]))]}])), vec!["b", "c"]),
        (terms(json!([{"matchExpressions": [rule("Exists", json!([]))]}])), vec!["a", "b"]),
        (terms(json!([{"matchFields": [named]}])), vec!["c"]),
        (
            terms(json!([{"matchFields": [named]}, {"matchExpressions": [rule("In", json!(["hdd"]))]}])),
            vec!["b", "c"],
        ),
        // A term that says nothing matches nothing.
        (terms(json!([{}])), vec![]),
        (terms(json!([])), vec![]),
    ];
    for (fields, nodes) in table {
        expect(&mut cluster, fields, &nodes, reason);
    }
}

#[test]
fn a_node_is_full_when_any_resource_is() {
    let mut rich = node("a", &[]);
    rich.allocatable.set("nvidia.com/gpu", 1);
    let mut cluster = Cluster::new(vec![rich, node("b", &[])]);
    let gpu = pod("gpu", json!({"requests": {"nvidia.com/gpu": "1"}}));
    assert_eq!(feasible(&mut cluster, &gpu).0, ["a"]);
    assert_eq!(feasible(&mut cluster, &gpu).1["b"], "too little nvidia.com/gpu left");
    place(&mut cluster, &gpu, "a");
    assert!(feasible(&mut cluster, &gpu).0.is_empty());
    let template = cluster.template(&gpu);
    cluster.remove(template, 0);
    assert_eq!(feasible(&mut cluster, &gpu).0, ["a"]);

    place(&mut cluster, &pod("big", json!({"requests": {"cpu": "3500m", "memory": "1Gi"}})), "a");
    expect(&mut cluster, json!({"requests": {"cpu": "500m"}}), &["a", "b"], "");
    expect(&mut cluster, json!({"requests": {"cpu": "501m"}}), &["b"], "too little cpu left");
    expect(&mut cluster, json!({"requests": {"memory": "7169Mi"}}), &["b"], "too little memory left");
    let storage = json!({"requests": {"ephemeral-storage": "1"}});
    expect(&mut cluster, storage, &[], "too little ephemeral-storage left");
    for _ in 0..9 {
        place(&mut cluster, &pod("small", json!({})), "a");
    }
    expect(&mut cluster, json!({}), &["b"], "has as many pods as it takes");
    let expected = ResourceList { pods: 10, ..ResourceList::new(3_500, 1 << 30) };
    assert_eq!(cluster.requested(0).cpu_millicores, expected.cpu_millicores);
    assert_eq!((cluster.requested(0).memory_bytes, cluster.requested(0).pods), (1 << 30, 10));
}

#[test]
fn host_ports_conflict_by_address_and_protocol() {
    let mut cluster = Cluster::new(vec![node("a", &[]), node("b", &[])]);
    place(&mut cluster, &pod("one", json!({"hostPorts": [{"hostPort": 80, "hostIP": "10.0.0.1"}]})), "a");
    place(&mut cluster, &pod("all", json!({"hostPorts": [{"hostPort": 53, "protocol": "UDP"}]})), "a");
    let reason = "a host port that the pod needs is taken";
    let table = [
        (json!([{"hostPort": 80}]), vec!["b"]),
        (json!([{"hostPort": 80, "hostIP": "10.0.0.1"}]), vec!["b"]),
        (json!([{"hostPort": 80, "hostIP": "10.0.0.2"}]), vec!["a", "b"]),
        (json!([{"hostPort": 53, "hostIP": "10.0.0.2", "protocol": "UDP"}]), vec!["b"]),
        (json!([{"hostPort": 53}]), vec!["a", "b"]),
    ];
    for (ports, nodes) in table {
        expect(&mut cluster, json!({"hostPorts": ports}), &nodes, reason);
    }
}

#[test]
fn volumes_are_used_where_they_are() {
    let mut cluster = Cluster::new(zones(&["x", "y"]));
    let labelled = json!({"volumes": [{"labels": {ZONE: "x"}}]});
    expect(&mut cluster, labelled, &["x0", "x1"], "a volume of the pod is in another zone");
    let terms = json!([{"matchExpressions": [{"key": HOST, "operator": "In", "values": ["y1"]}]}]);
    let local = json!({"volumes": [{"nodeAffinity": {"nodeSelectorTerms": terms}}]});
    expect(&mut cluster, local, &["y1"], "a volume of the pod cannot be used there");
}

#[test]
fn hard_spreading_allows_no_more_than_the_skew() {
    let mut nodes = zones(&["x", "y"]);
    nodes.push(node("none", &[]));
    let mut cluster = Cluster::new(nodes);
    let spread = |skew: u64, more: Value| {
        let mut constraint = json!({"topologyKey": ZONE, "maxSkew": skew, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": app("new")});
        for (name, value) in more.as_object().unwrap() {
            constraint[name] = value.clone();
        }
        json!({"topologySpreadConstraints": [constraint]})
    };
    place(&mut cluster, &pod("new", json!({})), "x0");
    // Being deleted, or of another application: they do not count.
    place(&mut cluster, &pod("new", json!({"terminating": true})), "y0");
    place(&mut cluster, &pod("other", json!({})), "y0");
    let (nodes, others) = feasible(&mut cluster, &pod("new", spread(1, json!({}))));
    assert_eq!(nodes, ["y0", "y1"]);
    assert_eq!(others["x0"], "the pod's spread constraints allow no more there");
    assert_eq!(others["none"], "lacks a label of the pod's spread constraints");
    let both = ["x0", "x1", "y0", "y1"];
    assert_eq!(feasible(&mut cluster, &pod("new", spread(2, json!({})))).0, both);
    // With fewer domains than wanted, the least counts as none.
    place(&mut cluster, &pod("new", json!({})), "y0");
    assert_eq!(feasible(&mut cluster, &pod("new", spread(1, json!({})))).0, both);
    let (nodes, _) = feasible(&mut cluster, &pod("new", spread(1, json!({"minDomains": 3}))));
    assert!(nodes.is_empty(), "{nodes:?}");
    // Zone y does not count for a pod that may not go there, unless it says otherwise.
    place(&mut cluster, &pod("new", json!({})), "x0");
    let mut only_x = spread(1, json!({}));
    only_x["nodeSelector"] = json!({ZONE: "x"});
    assert_eq!(feasible(&mut cluster, &pod("new", only_x)).0, ["x0", "x1"]);
    let mut anyway = spread(1, json!({"nodeAffinityPolicy": "Ignore"}));
    anyway["nodeSelector"] = json!({ZONE: "x"});
    assert!(feasible(&mut cluster, &pod("new", anyway)).0.is_empty());
}

fn affinity(kind: &str, key: &str, of: &str) -> Value {
    let term = json!({"topologyKey": key, "labelSelector": app(of)});
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn pods_that_need_others_go_where_those_are_and_the_first_of_a_kind_anywhere() {
    let mut nodes = zones(&["x", "y"]);
    nodes.push(node("none", &[]));
    let mut cluster = Cluster::new(nodes);
    let (to_store, to_itself) =
        (affinity("podAffinity", ZONE, "store"), affinity("podAffinity", ZONE, "new"));
    let reason = "the pods of the pod's affinity are not there";
    expect(&mut cluster, to_store.clone(), &[], reason);
    expect(&mut cluster, to_itself.clone(), &["x0", "x1", "y0", "y1"], reason);
    place(&mut cluster, &pod("store", json!({})), "y0");
    expect(&mut cluster, to_store, &["y0", "y1"], reason);
    place(&mut cluster, &pod("new", json!({})), "x1");
    expect(&mut cluster, to_itself, &["x0", "x1"], reason);
}

#[test]
fn pods_keep_away_from_each_other_in_both_directions() {
    let mut cluster = Cluster::new(zones(&["x", "y"]));
    place(&mut cluster, &pod("store", json!({})), "x0");
    let by_host = affinity("podAntiAffinity", HOST, "store");
    expect(&mut cluster, by_host, &["x1", "y0", "y1"], "pods of the pod's anti-affinity are there");
    let shy = pod("shy", affinity("podAntiAffinity", ZONE, "new"));
    place(&mut cluster, &shy, "y0");
    expect(&mut cluster, json!({}), &["x0", "x1"], "pods there keep away from the pod");
    // In another namespace nothing of it counts.
    expect(&mut cluster, json!({"namespace": "other"}), &["x0", "x1", "y0", "y1"], "");
    let template = cluster.template(&shy);
    cluster.remove(template, cluster.node_index("y0").unwrap());
    expect(&mut cluster, json!({}), &["x0", "x1", "y0", "y1"], "");
}

#[test]
fn what_is_unknown_changes_nothing_and_is_said() {
    let mut cluster = Cluster::new(vec![node("a", &[])]);
    let mut other = Cluster::new(vec![node("a", &[])]);
    let template = other.template(&pod("new", json!({})));
    cluster.place(template, 0);
    assert_eq!(cluster.could_run(template, 0), Err(Reason::Unknown));
    assert_eq!(cluster.feasible(template).others, [(0, Reason::Unknown)]);
    let known = cluster.template(&pod("new", json!({})));
    cluster.place(known, 7);
    cluster.remove(known, 0);
    assert_eq!(cluster.could_run(known, 7), Err(Reason::Unknown));
    assert!(cluster.requested(0).is_empty() && cluster.requested(7).is_empty());
}

#[test]
fn what_the_model_leaves_out_is_said_for_each_pod() {
    let mut cluster = Cluster::new(vec![node("a", &[])]);
    let mut said = |fields: Value| {
        let template = cluster.template(&pod("new", fields));
        let said = cluster.left_out(template);
        assert_eq!(said.first(), Some(&LeftOut::ImageLocality), "the images of nodes are never known");
        said[1..].to_vec()
    };
    assert_eq!(said(json!({})), []);
    assert_eq!(said(json!({"leftOut": ["unboundVolume"]})), [LeftOut::UnboundVolume]);
    assert_eq!(said(json!({"priority": 100})), [LeftOut::Preemption]);
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "new-1"});
    assert_eq!(said(json!({"owner": owner})), [LeftOut::DefaultSpreading]);
    let mut by_team = affinity("podAffinity", ZONE, "store");
    by_team["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["namespaceSelector"] =
        json!({"matchLabels": {"team": "a"}});
    assert_eq!(said(by_team), [LeftOut::NamespaceLabels]);
}
