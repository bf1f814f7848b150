//! Watch events to placement, through the functions that the watches themselves use.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests: by panicking")]

use kube::runtime::watcher::Event;
use netmarks_core::application::Identity;
use netmarks_core::facts::Resources;
use netmarks_core::snapshot::Snapshot;
use netmarks_sources::kubernetes::fold::{node_change, pod_change};
use netmarks_sources::kubernetes::trimmed::{TrimmedNode, TrimmedPod};
use netmarks_sources::kubernetes::watch::{take_nodes, take_pods};
use netmarks_state::{ClusterState, ListState, MetricsState};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn pod(name: &str, app: &str, node: Option<&str>) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "labels": {"app": app}, "resourceVersion": "7"},
        "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": "250m", "memory": "1Ki"}}}]},
        "status": {"phase": "Running"},
    })
}

fn decoded(pod: &Value) -> TrimmedPod {
    // From text, as it arrives: a decoder that only works on a tree would pass otherwise.
    serde_json::from_str(&pod.to_string()).unwrap()
}

fn take(state: &ClusterState, events: impl IntoIterator<Item = Event<TrimmedPod>>) {
    take_pods(
        state,
        events.into_iter().filter_map(|event| pod_change(Identity::App.into(), event)).collect(),
    );
}

fn take_node_events(state: &ClusterState, events: impl IntoIterator<Item = Event<TrimmedNode>>) {
    take_nodes(state, events.into_iter().filter_map(node_change).collect());
}

/// Which nodes an application runs on, with how many pods, by name.
fn placement(snapshot: &Snapshot, application: &str) -> Vec<(String, u32)> {
    let row = snapshot.application_id(application).and_then(|id| snapshot.application(id));
    let mut placement: Vec<_> = row
        .iter()
        .flat_map(|row| row.placement.iter())
        .map(|entry| (snapshot.names().name(entry.node).to_owned(), entry.pods))
        .collect();
    placement.sort();
    placement
}

fn state() -> ClusterState {
    ClusterState::new(MetricsState::Absent)
}

fn on(nodes: &[(&str, u32)]) -> Vec<(String, u32)> {
    nodes.iter().map(|(node, pods)| ((*node).to_owned(), *pods)).collect()
}

#[test]
fn a_real_pod_is_decoded_to_what_placement_needs() {
    let pod: TrimmedPod = serde_json::from_str(include_str!("fixtures/pod.json")).unwrap();
    assert_eq!(pod.metadata.name.as_deref(), Some("checkoutservice-7f5b4c6d9-x2lkq"));
    assert_eq!(pod.metadata.namespace.as_deref(), Some("boutique"));
    assert_eq!(pod.metadata.resource_version.as_deref(), Some("48213"));
    let [owner] = &pod.owners[..] else { panic!("one owner") };
    assert!(owner.controller);
    let owner = [&owner.api_version, &owner.kind, &owner.name];
    assert_eq!(owner, ["apps/v1", "ReplicaSet", "checkoutservice-7f5b4c6d9"]);
    assert_eq!(pod.metadata.generate_name.as_deref(), Some("checkoutservice-7f5b4c6d9-"));
    assert_eq!(pod.node.as_deref(), Some("worker-2"));
    assert!(!pod.gone);
    assert_eq!(pod.metadata.annotations, None, "annotations are skipped");
    assert_eq!(pod.metadata.managed_fields, None, "managed fields are skipped");
    // istio-proxy runs beside the container: 100m + 100m and 64Mi + 128Mi; istio-init needs less than that.
    assert_eq!(pod.requests, Resources { cpu_millicores: 200, memory_bytes: 192 << 20 });
    let names = |identity: Identity| {
        let state = state();
        take_pods(&state, pod_change(identity.into(), Event::Apply(pod.clone())).into_iter().collect());
        let key = "boutique/checkoutservice-7f5b4c6d9-x2lkq";
        state.read(|index| index.pod(key).unwrap().application.unwrap().as_str().to_owned())
    };
    assert_eq!(names(Identity::App), "boutique/checkoutservice");
    assert_eq!(names(Identity::CanonicalService), "boutique/checkout");
    assert_eq!(names(Identity::Workload), "boutique/checkoutservice");
}

#[test]
fn requests_follow_the_scheduler_s_rule() {
    let requests = |spec: Value| {
        decoded(&json!({"metadata": {"namespace": "shop", "name": "p"}, "spec": spec}))
            .requests
            .cpu_millicores
    };
    let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
    let sidecar = |cpu: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
    assert_eq!(requests(json!({})), 0);
    assert_eq!(requests(json!({"containers": [container("1"), {}, {"resources": {}}]})), 1_000);
    assert_eq!(requests(json!({"containers": [container("1")], "initContainers": [container("3")]})), 3_000);
    let mixed = json!({
        "containers": [container("1"), container("500m")],
        "initContainers": [container("1700m"), sidecar("200m"), container("1550m")],
    });
    assert_eq!(requests(mixed), 1_750, "the last init container runs beside the sidecar");
    let whole = json!({
        "containers": [container("1")],
        "resources": {"requests": {"cpu": "4"}},
        "overhead": {"cpu": "50m"},
    });
    assert_eq!(requests(whole), 4_050);
    assert_eq!(requests(json!({"containers": [container("nonsense")]})), 0);
}

#[test]
fn pods_count_from_the_list_on_and_ready_means_the_whole_list() {
    let state = state();
    take(&state, [Event::Init, Event::InitApply(decoded(&pod("web-1", "web", Some("a"))))]);
    assert_eq!(state.readiness().pods, ListState::NotYet);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 1)]));
    take(&state, [Event::InitApply(decoded(&pod("web-2", "web", None))), Event::InitDone]);
    assert_eq!(state.readiness().pods, ListState::Listed);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 1)]), "a pending pod is nowhere");
    take(&state, [Event::Apply(decoded(&pod("web-2", "web", Some("a"))))]);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 2)]));
}

#[test]
fn a_relist_removes_what_was_missed_and_keeps_the_rest_meanwhile() {
    let state = state();
    let listed = |names: &[&str]| {
        let pods = names.iter().map(|name| Event::InitApply(decoded(&pod(name, "web", Some("a")))));
        std::iter::once(Event::Init).chain(pods).chain([Event::InitDone]).collect::<Vec<_>>()
    };
    take(&state, listed(&["web-1", "web-2", "web-3"]));
    // The list begins, fails half-way, and begins again: nothing is lost before it is complete.
    take(&state, [Event::Init, Event::InitApply(decoded(&pod("web-1", "web", Some("a"))))]);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 3)]));
    take(&state, listed(&["web-2"]));
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 1)]));
    assert_eq!(state.read(|index| index.pod_count()), 1);
}

#[test]
fn terminating_finished_and_deleted_pods_no_longer_count() {
    let mut terminating = pod("web-1", "web", Some("a"));
    terminating["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let finished = |phase: &str| {
        let mut finished = pod("web-1", "web", Some("a"));
        finished["status"]["phase"] = json!(phase);
        Event::Apply(decoded(&finished))
    };
    let ends = [
        Event::Apply(decoded(&terminating)),
        finished("Succeeded"),
        finished("Failed"),
        Event::Delete(decoded(&pod("web-1", "web", Some("a")))),
    ];
    for end in ends {
        let state = state();
        take(&state, [Event::Apply(decoded(&pod("web-1", "web", Some("a"))))]);
        assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 1)]));
        take(&state, [end.clone()]);
        assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[]), "{end:?}");
        assert_eq!(state.read(|index| index.pod_count()), 0, "{end:?}");
    }
}

#[test]
fn unknown_phases_and_null_fields_do_not_stop_a_pod_from_counting() {
    let mut odd = pod("web-1", "web", Some("a"));
    odd["status"]["phase"] = json!("Dreaming");
    odd["metadata"]["deletionTimestamp"] = Value::Null;
    odd["metadata"]["ownerReferences"] = Value::Null;
    odd["spec"]["initContainers"] = Value::Null;
    let state = state();
    take(&state, [Event::Apply(decoded(&odd))]);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[("a", 1)]));
}

#[test]
fn a_changed_label_moves_the_pod_to_its_new_application() {
    let state = state();
    take(&state, [Event::Apply(decoded(&pod("web-1", "web", Some("a"))))]);
    take(&state, [Event::Apply(decoded(&pod("web-1", "shopfront", Some("a"))))]);
    assert_eq!(placement(&state.snapshot(), "shop/web"), on(&[]));
    assert_eq!(placement(&state.snapshot(), "shop/shopfront"), on(&[("a", 1)]));
}

#[test]
fn a_pod_that_is_seen_bound_or_gone_is_no_longer_assumed() {
    let state = state();
    let web = netmarks_core::application::Application::new("shop", "web");
    take(&state, [Event::Apply(decoded(&pod("web-0", "web", Some("a"))))]);
    let assume = |name: &str| {
        let now = Instant::now();
        state.assumed().assume(&format!("shop/{name}"), None, &web, "a", now, Duration::from_secs(60));
    };
    let assumed = || state.assumed().resolve(&state.snapshot(), Instant::now(), "").len();
    assume("web-1");
    assume("web-2");
    take(&state, [Event::Apply(decoded(&pod("web-1", "web", None)))]);
    assert_eq!(assumed(), 2, "still pending: the guess holds");
    take(&state, [Event::Apply(decoded(&pod("web-1", "web", Some("b"))))]);
    assert_eq!(assumed(), 1);
    take(&state, [Event::Delete(decoded(&pod("web-2", "web", None)))]);
    assert_eq!(assumed(), 0);
}

#[test]
fn nodes_bring_zones_and_room_and_leave_with_the_list() {
    let node = |name: &str, zone: Option<&str>| -> TrimmedNode {
        let node = json!({
            "metadata": {"name": name, "labels": {
                "topology.kubernetes.io/zone": zone.unwrap_or(""), "topology.kubernetes.io/region": "r"
            }},
            "status": {"allocatable": {"cpu": "3920m", "memory": "15Gi", "pods": "110"}},
        });
        serde_json::from_str(&node.to_string()).unwrap()
    };
    let state = state();
    let list = [Event::Init, Event::InitApply(node("a", Some("z1"))), Event::InitApply(node("b", None))];
    take_node_events(&state, list);
    assert_eq!(state.readiness().nodes, ListState::NotYet);
    take_node_events(&state, [Event::InitDone]);
    assert_eq!(state.readiness().nodes, ListState::Listed);
    let mut nodes = state.read(|index| index.nodes().collect::<Vec<_>>());
    nodes.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!((nodes[0].zone.as_deref(), nodes[0].region.as_deref()), (Some("z1"), Some("r")));
    assert_eq!(nodes[0].allocatable, Resources { cpu_millicores: 3_920, memory_bytes: 15 << 30 });
    assert_eq!((nodes[1].name.as_str(), nodes[1].zone.as_deref()), ("b", None));
    take_node_events(&state, [Event::Init, Event::InitApply(node("b", None)), Event::InitDone]);
    assert!(state.snapshot().names().id("a").is_none());
    take_node_events(&state, [Event::Delete(node("b", None))]);
    assert!(state.snapshot().names().is_empty());
}
