//! The flows that each preset must find where every topology runs, and asking for them.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_core::application::Identity;
use netmarks_core::clock::unix_now;
use netmarks_core::flow::estimator::Estimator;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_state::{ClusterState, MetricsState};
use netmarks_test_cluster::{MetricsStores, repository, until};
use netmarks_test_traffic::{EVERY_TOPOLOGY, Edge, EveryTopology, Topology};

/// Longest wait for anything; far above what it takes.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Time between two scrapes: short, so that a range of five seconds holds ten.
pub const SCRAPE: Duration = Duration::from_millis(500);

/// How far an estimate may be off, as a share. The traffic is even, so the rate does not depend on which samples a store
/// takes for a range; but a busy machine delays a scrape after its time was noted, and that is some ten of the
/// five thousand milliseconds.
const TOLERANCE: f64 = 0.03;

/// The presets that ask a mesh's own metrics, each with the identities to try.
pub const PRESETS: [(PresetName, &[Identity]); 4] = [
    (PresetName::Istio, &[Identity::App, Identity::CanonicalService, Identity::Workload]),
    (PresetName::IstioLogical, &[Identity::App, Identity::Workload]),
    (PresetName::Linkerd, &[Identity::Workload]),
    (PresetName::Beyla, &[Identity::Workload]),
];

/// Bytes per second by source and destination.
pub type Flows = BTreeMap<(String, String), f64>;

/// The rules of `deploy/prometheus` with a range and an interval that a test can wait for.
pub fn quick_rules(folder: &Path) -> Result<String> {
    let text = repository::read("deploy/prometheus/recording-rules.yaml")?;
    let quick =
        text.replace("[1m]", "[5s]").replace("rate1m", "rate5s").replace("interval: 15s", "interval: 500ms");
    let path = folder.join("rules.yaml");
    std::fs::write(&path, quick)?;
    Ok(path.to_string_lossy().into_owned())
}

/// For a store that scrapes every half second. The mean is of the last range alone: proxies start with the test, and `rate` over
/// a series' first seconds is low, which a mean that reaches further back would carry along.
pub fn config(url: &str, preset: PresetName) -> MetricsConfig {
    let estimator = Estimator::Window { seconds: 5.0 };
    MetricsConfig { url: url.to_owned(), preset, window_seconds: 5.0, estimator, ..MetricsConfig::default() }
}

/// For what the rules made of a mesh's metrics; where several groups are recorded, a label tells them apart.
pub fn recorded(url: &str, preset: PresetName) -> MetricsConfig {
    let mut config = config(url, PresetName::Recorded);
    config.match_labels.insert("preset".to_owned(), preset.to_string());
    config
}

/// VictoriaMetrics and its router, built if need be.
#[expect(clippy::print_stderr, reason = "a build takes minutes, and whoever waits should know")]
pub fn stores() -> Result<MetricsStores> {
    MetricsStores::ensure(&|line| eprintln!("{line}"))
}

/// What an extender with these settings knows after its first refresh.
pub async fn flows(config: &MetricsConfig, identity: Identity) -> Result<Flows> {
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    Poller::new(config.clone(), identity)?.refresh(unix_now(), &state).await?;
    let snapshot = state.snapshot();
    let name = |id| snapshot.application_name(id).map(|name| name.as_str().to_owned()).context("no name");
    snapshot.flows().flows().map(|(from, to, rate)| Ok(((name(from)?, name(to)?), rate))).collect()
}

/// Waits until an extender with these settings would know exactly these flows.
pub async fn wait_flows(
    what: &str,
    config: &MetricsConfig,
    identity: Identity,
    expected: &Flows,
) -> Result<()> {
    until(&format!("{} flows from {what} as {identity:?}", expected.len()), LIMIT, async || {
        let found = flows(config, identity).await?;
        let ends = |flows: &Flows| flows.keys().cloned().collect::<Vec<_>>();
        ensure!(ends(&found) == ends(expected), "expected {:?}, found {:?}", ends(expected), ends(&found));
        for (ends, rate) in expected {
            let estimate = found.get(ends).copied().unwrap_or(0.0);
            ensure!((estimate / rate - 1.0).abs() < TOLERANCE, "{ends:?} is {rate}, estimated at {estimate}");
        }
        Ok(Some(()))
    })
    .await
}

/// What a preset must find where every topology runs.
pub fn expected(preset: PresetName) -> Flows {
    EVERY_TOPOLOGY
        .iter()
        .flat_map(|(namespace, topology, _)| expected_in(preset, *topology, namespace))
        .collect()
}

/// What a preset must find of one topology.
pub fn expected_in(preset: PresetName, topology: Topology, namespace: &str) -> Flows {
    let ends = |from: &str, to: &str| (format!("{namespace}/{from}"), format!("{namespace}/{to}"));
    let edges = EveryTopology::edges(namespace);
    let both_ways = |edge: &Edge| (ends(&edge.source, &edge.destination), edge.bytes_per_s);
    let is_istio = !matches!(topology, Topology::Linkerd | Topology::Beyla);
    match preset {
        // The callee's sidecar alone does not know the caller.
        _ if topology == Topology::SidecarDestinationOnly => Flows::new(),
        PresetName::Istio if topology == Topology::AmbientWaypoint => {
            let hops = edges.iter().flat_map(|edge| {
                let there = ends(&edge.source, "waypoint");
                let on = ends("waypoint", &edge.destination);
                [(there, edge.bytes_per_s), (on, edge.bytes_per_s)]
            });
            hops.collect()
        }
        PresetName::Istio | PresetName::IstioLogical if is_istio => edges.iter().map(both_ways).collect(),
        PresetName::Linkerd if topology == Topology::Linkerd => edges.iter().map(both_ways).collect(),
        PresetName::Beyla if topology == Topology::Beyla => {
            let directions = edges.iter().flat_map(|edge| {
                let back = ends(&edge.destination, &edge.source);
                [
                    (ends(&edge.source, &edge.destination), edge.request_bytes_per_s()),
                    (back, edge.response_bytes_per_s()),
                ]
            });
            directions.collect()
        }
        _ => Flows::new(),
    }
}
