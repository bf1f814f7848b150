//! The presets' PromQL against synthetic series, evaluated by Prometheus' own engine (`promtool test rules`).
//!
//! Every series grows evenly, so the right answer is known to the last bit. Rates are in bytes per second.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests: by panicking")]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::choice::{EdgeLabels, PresetName};
use netmarks_sources::prometheus::presets::Preset;
use serde_json::{Value, json};

/// Seconds between two scrapes.
const STEP: u32 = 15;

/// A counter that grows by so many bytes per second from before the window on.
pub(crate) fn counter(metric: &str, labels: &[(&str, &str)], rate: u32) -> Value {
    series(metric, labels, &format!("1000+{}x40", rate * STEP))
}

fn series(metric: &str, labels: &[(&str, &str)], values: &str) -> Value {
    // Later labels replace earlier ones; an empty one is absent.
    let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
    let labels: Vec<String> = labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    json!({"series": format!("{metric}{{{}}}", labels.join(",")), "values": values})
}

/// An Istio counter as it stands in Prometheus after the scrape, between `namespace/workload`s.
fn istio(
    metric: &str,
    reporter: &str,
    (source, destination): (&str, &str),
    more: &[(&str, &str)],
    rate: u32,
) -> Value {
    let labels = istio_labels(reporter, source, destination);
    let labels: Vec<_> =
        labels.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    counter(metric, &labels, rate)
}

fn istio_labels(reporter: &str, source: &str, destination: &str) -> Vec<(&'static str, String)> {
    let (source_namespace, source) = source.split_once('/').unwrap();
    let (destination_namespace, destination) = destination.split_once('/').unwrap();
    let app = |workload: &str| workload.trim_end_matches("-v1").trim_end_matches("-v2").to_owned();
    vec![
        ("reporter", reporter.to_owned()),
        ("source_workload", source.to_owned()),
        ("source_workload_namespace", source_namespace.to_owned()),
        ("source_app", app(source)),
        ("source_canonical_service", format!("canonical-{source}")),
        ("destination_workload", destination.to_owned()),
        ("destination_workload_namespace", destination_namespace.to_owned()),
        ("destination_app", app(destination)),
        ("destination_canonical_service", format!("canonical-{destination}")),
        ("request_protocol", "http".to_owned()),
        ("response_code", "200".to_owned()),
        ("pod", format!("{reporter}-pod")),
    ]
}

const HTTP: [&str; 2] = ["istio_request_bytes_sum", "istio_response_bytes_sum"];
const TCP: [&str; 2] = ["istio_tcp_received_bytes_total", "istio_tcp_sent_bytes_total"];

/// Requests and responses of one edge as one reporter shows them.
fn both(families: [&str; 2], reporter: &str, edge: (&str, &str), rates: [u32; 2]) -> [Value; 2] {
    let [request, response] = families;
    let [there, back] = rates;
    [istio(request, reporter, edge, &[], there), istio(response, reporter, edge, &[], back)]
}

pub(crate) fn preset(name: PresetName, identity: Identity) -> Preset {
    Preset::new(&MetricsConfig { preset: name, ..MetricsConfig::default() }, identity).unwrap()
}

/// Evaluates the preset over `input` and compares with exactly these flows, as `namespace/name`.
pub(crate) fn assert_flows(
    preset: &Preset,
    input: impl IntoIterator<Item = Value>,
    flows: &[(&str, &str, f64)],
) {
    let EdgeLabels { source_namespace, source_name, destination_namespace, destination_name } =
        &preset.labels;
    let expected: Vec<Value> = flows
        .iter()
        .map(|(source, destination, rate)| {
            let (from_namespace, from) = source.split_once('/').unwrap();
            let (to_namespace, to) = destination.split_once('/').unwrap();
            let labels = format!(
                "{{{source_namespace}={from_namespace:?},{source_name}={from:?},\
                 {destination_namespace}={to_namespace:?},{destination_name}={to:?}}}"
            );
            json!({"labels": labels, "value": rate})
        })
        .collect();
    let [query] = preset.queries.as_slice() else { panic!("one query per refresh") };
    let test = json!({
        "rule_files": [],
        "evaluation_interval": "15s",
        "tests": [{
            "interval": format!("{STEP}s"),
            "input_series": input.into_iter().collect::<Vec<_>>(),
            "promql_expr_test": [{"expr": query, "eval_time": "5m", "exp_samples": expected}],
        }],
    });
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(test.to_string().as_bytes()).unwrap();
    let output = Command::new("promtool").args(["test", "rules"]).arg(file.path()).output().unwrap_or_else(|error| {
        panic!("failed to run promtool, which evaluates PromQL in this test ({error}); run `cargo xtask test`")
    });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}\n{query}");
}

#[test]
fn sidecars_on_both_sides_count_each_byte_once() {
    let edge = ("shop/web-v1", "shop/db-v1");
    let input =
        ["source", "destination"].into_iter().flat_map(|reporter| both(HTTP, reporter, edge, [30, 50]));
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 80.0)]);
}

#[test]
fn each_identity_reads_its_own_labels_and_versions_of_one_app_add_up() {
    let input = || {
        [("shop/web-v1", "shop/db-v1"), ("shop/web-v2", "shop/db-v1")]
            .into_iter()
            .flat_map(|edge| both(HTTP, "destination", edge, [10, 20]))
    };
    assert_flows(&preset(PresetName::Istio, Identity::App), input(), &[("shop/web", "shop/db", 60.0)]);
    assert_flows(
        &preset(PresetName::Istio, Identity::Workload),
        input(),
        &[("shop/web-v1", "shop/db-v1", 30.0), ("shop/web-v2", "shop/db-v1", 30.0)],
    );
    assert_flows(
        &preset(PresetName::Istio, Identity::CanonicalService),
        input(),
        &[
            ("shop/canonical-web-v1", "shop/canonical-db-v1", 30.0),
            ("shop/canonical-web-v2", "shop/canonical-db-v1", 30.0),
        ],
    );
}

#[test]
fn one_sided_reports_survive_and_directions_are_kept_apart() {
    let mut input = both(HTTP, "source", ("shop/web", "edge/legacy"), [7, 5]).to_vec();
    input.extend(both(HTTP, "destination", ("edge/legacy", "shop/web"), [1, 2]));
    assert_flows(
        &preset(PresetName::Istio, Identity::App),
        input,
        &[("shop/web", "edge/legacy", 12.0), ("edge/legacy", "shop/web", 3.0)],
    );
}

#[test]
fn http_and_tcp_between_the_same_two_add_up_within_a_reporter() {
    let edge = ("shop/web", "shop/db");
    let input = ["source", "destination"].into_iter().flat_map(|reporter| {
        both(HTTP, reporter, edge, [1, 2]).into_iter().chain(both(TCP, reporter, edge, [10, 20]))
    });
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 33.0)]);
}

#[test]
fn families_with_equal_labels_do_not_hide_each_other() {
    // The Telemetry API can remove the labels in which the families differ.
    let bare = [("request_protocol", ""), ("response_code", "")];
    let rates = [1, 2, 10, 20];
    let input = HTTP
        .into_iter()
        .chain(TCP)
        .zip(rates)
        .map(|(metric, rate)| istio(metric, "source", ("shop/web", "shop/db"), &bare, rate));
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 33.0)]);
}

#[test]
fn many_pods_and_response_codes_of_one_edge_add_up() {
    let more: [&[(&str, &str)]; 3] =
        [&[("pod", "web-1")], &[("pod", "web-2")], &[("pod", "web-1"), ("response_code", "503")]];
    let input = more.into_iter().map(|more| istio(HTTP[0], "source", ("shop/web", "shop/db"), more, 4));
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 12.0)]);
}

#[test]
fn ambient_without_waypoints_is_counted_by_either_ztunnel_once() {
    let edge = ("shop/web", "shop/db");
    let input =
        ["source", "destination"].into_iter().flat_map(|reporter| both(TCP, reporter, edge, [100, 300]));
    for name in [PresetName::Istio, PresetName::IstioLogical] {
        assert_flows(&preset(name, Identity::App), input.clone(), &[("shop/web", "shop/db", 400.0)]);
    }
}

#[test]
fn a_waypoint_is_two_hops_as_pods_run_and_one_edge_as_services_call() {
    let mut input = both(TCP, "source", ("shop/web", "shop/waypoint"), [100, 300]).to_vec();
    input.extend(both(HTTP, "waypoint", ("shop/web", "shop/db"), [90, 290]));
    input.extend(both(TCP, "destination", ("shop/waypoint", "shop/db"), [95, 295]));
    assert_flows(
        &preset(PresetName::Istio, Identity::App),
        input.clone(),
        &[("shop/web", "shop/waypoint", 400.0), ("shop/waypoint", "shop/db", 390.0)],
    );
    assert_flows(
        &preset(PresetName::IstioLogical, Identity::App),
        input.clone(),
        &[("shop/web", "shop/db", 380.0)],
    );
    let config = MetricsConfig {
        preset: PresetName::IstioLogical,
        waypoint_pattern: r"egress\.gate".to_owned(),
        ..MetricsConfig::default()
    };
    assert_flows(
        &Preset::new(&config, Identity::App).unwrap(),
        input,
        &[
            ("shop/web", "shop/waypoint", 400.0),
            ("shop/waypoint", "shop/db", 390.0),
            ("shop/web", "shop/db", 380.0),
        ],
    );
}

#[test]
fn a_sidecar_that_calls_into_ambient_is_not_counted_in_two_families() {
    let edge = ("shop/web", "shop/db");
    // The ztunnel also counts what the sidecar's HTTP families leave out.
    let input =
        both(HTTP, "source", edge, [90, 290]).into_iter().chain(both(TCP, "destination", edge, [100, 300]));
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 400.0)]);
}

#[test]
fn ends_that_are_unknown_missing_or_empty_are_no_flow() {
    let strange: [&[(&str, &str)]; 5] = [
        &[("source_app", "unknown")],
        &[("destination_app", "unknown"), ("destination_workload_namespace", "unknown")],
        &[("source_workload_namespace", "unknown")],
        &[("destination_app", "")],
        &[("reporter", "")],
    ];
    let mut input: Vec<Value> =
        strange.into_iter().map(|more| istio(TCP[0], "source", ("shop/web", "shop/db"), more, 5)).collect();
    input.push(istio(TCP[0], "source", ("shop/idle", "shop/db"), &[], 0));
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[]);
}

#[test]
fn a_restarted_proxy_neither_inflates_nor_loses_a_flow() {
    let labels = istio_labels("source", "shop/web", "shop/db");
    let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // It counted for days, restarted half a minute before the question and went on at the same pace.
    let values = format!("1000000000+{0}x18 {0}+{0}x20", 10 * STEP);
    let input = [series(TCP[0], &labels, &values)];
    assert_flows(&preset(PresetName::Istio, Identity::App), input, &[("shop/web", "shop/db", 10.0)]);
}

/// A Beyla counter after the scrape, as the agent `instance` saw it.
fn beyla(
    metric: &str,
    instance: &str,
    (source, destination): (&str, &str),
    more: &[(&str, &str)],
    rate: u32,
) -> Value {
    let (source_namespace, source) = source.split_once('/').unwrap();
    let (destination_namespace, destination) = destination.split_once('/').unwrap();
    let labels = [
        ("instance", instance),
        ("k8s_src_namespace", source_namespace),
        ("k8s_src_owner_name", source),
        ("k8s_dst_namespace", destination_namespace),
        ("k8s_dst_owner_name", destination),
    ];
    let labels: Vec<_> = labels.into_iter().chain(more.iter().copied()).collect();
    counter(metric, &labels, rate)
}

#[test]
fn beyla_s_agents_see_a_flow_between_nodes_twice_and_it_counts_once() {
    let preset = preset(PresetName::Beyla, Identity::Workload);
    let edge = ("shop/web", "data/db");
    for metric in ["beyla_network_flow_bytes_total", "obi_network_flow_bytes_total"] {
        // One pod each, on two nodes, and the way back.
        let pair = [
            beyla(metric, "a", edge, &[], 100),
            beyla(metric, "b", edge, &[], 100),
            beyla(metric, "a", ("data/db", "shop/web"), &[], 40),
            beyla(metric, "b", ("data/db", "shop/web"), &[], 40),
        ];
        assert_flows(&preset, pair, &[("shop/web", "data/db", 100.0), ("data/db", "shop/web", 40.0)]);
        // One pod each on one node.
        assert_flows(&preset, [beyla(metric, "a", edge, &[], 100)], &[("shop/web", "data/db", 100.0)]);
        // Two callers on nodes a and b, three callees on c, d and e: 120 in all.
        let spread = [("a", 40), ("b", 80), ("c", 30), ("d", 30), ("e", 60)];
        let spread = spread.map(|(instance, rate)| beyla(metric, instance, edge, &[], rate));
        assert_flows(&preset, spread, &[("shop/web", "data/db", 120.0)]);
        // Traffic to the Service's own address is seen again behind it.
        let service = [
            beyla(metric, "a", edge, &[("k8s_dst_type", "Pod")], 100),
            beyla(metric, "a", edge, &[("k8s_dst_type", "Service")], 100),
        ];
        assert_flows(&preset, service, &[("shop/web", "data/db", 100.0)]);
    }
    let both = ["beyla_network_flow_bytes_total", "obi_network_flow_bytes_total"];
    assert_flows(
        &preset,
        both.map(|metric| beyla(metric, "a", edge, &[], 100)),
        &[("shop/web", "data/db", 100.0)],
    );
}

#[test]
fn what_two_servers_or_two_meshes_recorded_counts_once_and_other_identities_do_not() {
    let recorded = |more: &[(&str, &str)], rate: &str| {
        let base = [
            ("source_namespace", "shop"),
            ("source", "web"),
            ("destination_namespace", "data"),
            ("destination", "db"),
            ("identity", "workload"),
            ("preset", "istio"),
        ];
        let labels: Vec<_> = base.into_iter().chain(more.iter().copied()).collect();
        series("netmarks:flow_bytes:rate1m", &labels, &format!("{rate}x40"))
    };
    let input = [
        recorded(&[("replica", "a")], "80+0"),
        recorded(&[("replica", "b")], "79+0"),
        recorded(&[("preset", "beyla")], "75+0"),
        recorded(&[("identity", "app")], "500+0"),
        recorded(&[("source", "unknown")], "500+0"),
        recorded(&[("destination", "idle")], "0+0"),
    ];
    assert_flows(&preset(PresetName::Recorded, Identity::Workload), input, &[("shop/web", "data/db", 80.0)]);
}

#[test]
fn of_one_mesh_over_several_clusters_only_flows_within_this_one_count() {
    let edge = |[source, destination]: [&str; 2], rate: u32| {
        let clusters = [("source_cluster", source), ("destination_cluster", destination)];
        istio(TCP[0], "source", ("shop/web", "shop/db"), &clusters, rate)
    };
    let input = [edge(["one", "one"], 10), edge(["two", "two"], 20), edge(["one", "two"], 40)];
    let all = preset(PresetName::Istio, Identity::App);
    assert_flows(&all, input.clone(), &[("shop/web", "shop/db", 70.0)]);
    let config = MetricsConfig { cluster: "one".to_owned(), ..MetricsConfig::default() };
    let one = Preset::new(&config, Identity::App).unwrap();
    assert_flows(&one, input, &[("shop/web", "shop/db", 10.0)]);
    let config = MetricsConfig { preset: PresetName::Linkerd, ..config };
    let refused = Preset::new(&config, Identity::Workload).unwrap_err().to_string();
    assert!(refused.contains("`match_labels`"), "{refused}");
}

/// Prometheus' own tool cannot be given native histograms here; `native_histograms` scrapes them. This shows that classic ones are left as they are.
#[test]
fn native_histograms_stand_in_only_where_classic_series_are_gone() {
    let config = MetricsConfig { native_histograms: true, ..MetricsConfig::default() };
    let preset = Preset::new(&config, Identity::App).unwrap();
    let [query] = preset.queries.as_slice() else { panic!("one query") };
    for histogram in ["istio_request_bytes", "istio_response_bytes"] {
        assert!(query.contains(&format!("histogram_sum(rate({histogram}{{reporter=~")), "{query}");
    }
    assert!(!query.contains("{ends}") && !query.contains("{matchers}"), "{query}");
    let edge = istio(HTTP[0], "source", ("shop/web", "shop/db"), &[], 10);
    assert_flows(&preset, [edge], &[("shop/web", "shop/db", 10.0)]);
}
