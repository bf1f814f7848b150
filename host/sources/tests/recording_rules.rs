//! `deploy/prometheus/recording-rules.yaml` is what the presets ask, and Prometheus' own tool accepts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests: by panicking")]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::choice::{EdgeLabels, PresetName};
use netmarks_sources::prometheus::presets::Preset;
use netmarks_test_cluster::repository;

/// Set to write the file again; look at the difference before committing it.
const BLESS: &str = "NETMARKS_BLESS";

const HEAD: &str = "\
# The flows between applications, computed once inside Prometheus: the queries of the presets, under one name and with the
# same labels for every mesh. The preset `recorded` reads them; docs/meshes.md (\"Recorded\") says when that is worth it.
#
# Made from the presets by `NETMARKS_BLESS=1 cargo test --workspace --test tests recording_rules`; a test compares.
#
# Keep the one group of your mesh and of `identity` in the extender's configuration, and delete the others: each costs as
# much as one refresh of an extender. With the Prometheus operator, put `groups` into the `spec` of a PrometheusRule.
#
# Another range, four scrape intervals at least: replace both `[1m]` and `rate1m`, and set `metrics.window_seconds`.
groups:
";

fn path() -> PathBuf {
    repository("deploy/prometheus/recording-rules.yaml")
}

/// The query of a preset with its labels renamed to those of recorded series.
fn rule(preset: PresetName, identity: Identity) -> String {
    let config = |preset| MetricsConfig { preset, ..MetricsConfig::default() };
    let Preset { queries, labels, .. } = Preset::new(&config(preset), identity).unwrap();
    let recorded = Preset::new(&config(PresetName::Recorded), identity).unwrap().labels;
    let ends = |labels: &EdgeLabels| {
        let EdgeLabels { source_namespace, source_name, destination_namespace, destination_name } =
            labels.clone();
        [source_namespace, source_name, destination_namespace, destination_name]
    };
    let [query] = queries.as_slice() else { panic!("one query per refresh") };
    let mut lines = vec![format!("sum by ({}) (", ends(&recorded).join(",")), "label_join(".repeat(4)];
    lines.push(query.replace(" or ", "\nor\n").replace(") ) > 0", ")\n) > 0"));
    lines.extend(
        ends(&recorded).iter().zip(ends(&labels)).map(|(new, old)| format!(", \"{new}\", \"\", \"{old}\")")),
    );
    lines.push(")".to_owned());
    lines.join("\n")
}

fn groups() -> String {
    let istio = [Identity::App, Identity::CanonicalService, Identity::Workload];
    let workloads = [Identity::Workload];
    let meshes: [(PresetName, &[Identity]); 4] = [
        (PresetName::Istio, &istio),
        (PresetName::IstioLogical, &istio),
        (PresetName::Linkerd, &workloads),
        (PresetName::Beyla, &workloads),
    ];
    let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let mut text = String::new();
    for (preset, identities) in meshes {
        for identity in identities {
            let mesh = name(serde_json::to_value(preset).unwrap());
            let identity_name = name(serde_json::to_value(identity).unwrap());
            let expression = rule(preset, *identity).replace('\n', "\n          ");
            write!(
                text,
                "  - name: netmarks-{mesh}-{identity_name}\n    interval: 15s\n    rules:\n      \
                 - record: netmarks:flow_bytes:rate1m\n        labels: {{preset: {mesh}, identity: {identity_name}}}\n        \
                 expr: |-\n          {expression}\n"
            )
            .unwrap();
        }
    }
    text
}

#[test]
fn the_rules_are_the_presets_queries() {
    let rules = format!("{HEAD}{}", groups());
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(path(), &rules).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path()).unwrap(), rules, "set {BLESS} to write the file again");
}

#[test]
fn prometheus_accepts_the_rules() {
    let output =
        Command::new("promtool").args(["check", "rules"]).arg(path()).output().unwrap_or_else(|error| {
            panic!(
                "failed to run promtool, which reads the rules in this test ({error}); run `cargo xtask test`"
            )
        });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("8 rules found"), "{out}{err}");
}
