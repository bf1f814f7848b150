//! The preset of Linkerd: owners of every kind, pods without one, and custom kinds.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests: by panicking")]

use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::presets::Preset;
use serde_json::Value;

use crate::presets::{assert_flows, counter, preset};

/// A Linkerd counter after the scrape.
fn linkerd(metric: &str, labels: &[(&str, &str)], rate: u32) -> Value {
    let base = [
        ("direction", "outbound"),
        ("peer", "dst"),
        ("namespace", "shop"),
        ("dst_namespace", "data"),
        ("tls", "true"),
        ("pod", "web-1"),
    ];
    let labels: Vec<_> = base.into_iter().chain(labels.iter().copied()).collect();
    counter(metric, &labels, rate)
}

#[test]
fn linkerd_s_outbound_side_names_owners_of_every_kind() {
    let (write, read) = ("tcp_write_bytes_total", "tcp_read_bytes_total");
    let web_to_db = [("deployment", "web"), ("dst_statefulset", "db")];
    let second_pod = [("deployment", "web"), ("dst_statefulset", "db"), ("pod", "web-2")];
    let job_to_cache = [("k8s_job", "import"), ("dst_daemonset", "cache")];
    let input = [
        linkerd(write, &web_to_db, 10),
        linkerd(read, &web_to_db, 200),
        linkerd(write, &second_pod, 5),
        linkerd(read, &job_to_cache, 7),
        // The other ends of the same connections, and what leaves the mesh.
        linkerd(write, &[("deployment", "web"), ("peer", "src"), ("dst_statefulset", "db")], 1_000),
        linkerd(read, &[("statefulset", "db"), ("direction", "inbound"), ("dst_namespace", "")], 1_000),
        linkerd(write, &[("deployment", "web"), ("dst_namespace", "")], 1_000),
    ];
    assert_flows(
        &preset(PresetName::Linkerd, Identity::Workload),
        input,
        &[("shop/web", "data/db", 215.0), ("shop/import", "data/cache", 7.0)],
    );
}

#[test]
fn linkerd_s_pods_without_an_owner_and_owners_of_custom_kinds_have_names_too() {
    let write = "tcp_write_bytes_total";
    let input = [
        linkerd(write, &[("pod", "lonely"), ("dst_statefulset", "db"), ("dst_pod", "db-0")], 10),
        linkerd(write, &[("deployment", "web"), ("dst_pod", "lonely")], 20),
        linkerd(write, &[("deployment", "web"), ("dst_rollout", "cart"), ("dst_pod", "cart-1")], 40),
        linkerd(write, &[("rollout", "cart"), ("dst_deployment", "web"), ("pod", "cart-1")], 80),
    ];
    let common = [("shop/lonely", "data/db", 10.0), ("shop/web", "data/lonely", 20.0)];
    let unnamed = [("shop/web", "data/cart-1", 40.0), ("shop/cart-1", "data/web", 80.0)];
    assert_flows(
        &preset(PresetName::Linkerd, Identity::Workload),
        input.clone(),
        &[common, unnamed].concat(),
    );
    let config = MetricsConfig {
        preset: PresetName::Linkerd,
        owner_kinds: vec!["rollout".to_owned()],
        ..MetricsConfig::default()
    };
    let named = [("shop/web", "data/cart", 40.0), ("shop/cart", "data/web", 80.0)];
    let preset = Preset::new(&config, Identity::Workload).unwrap();
    assert_flows(&preset, input, &[common, named].concat());
    let config = MetricsConfig { owner_kinds: vec!["a\"b".to_owned()], ..config };
    let refused = Preset::new(&config, Identity::Workload).unwrap_err().to_string();
    assert!(refused.starts_with("`owner_kinds` names `a\"b`, which is not a label"), "{refused}");
}
