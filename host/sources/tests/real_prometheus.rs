//! The poller against a real Prometheus, whose storage is filled beforehand: no scrape to wait for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail like tests: by panicking"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::support::LIMIT;
use netmarks_core::application::Identity;
use netmarks_core::flow::estimator::Estimator;
use netmarks_sources::prometheus::choice::{CustomPreset, EdgeLabels, PresetName};
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::poller::Refresh;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_state::{ClusterState, MetricsState};
use netmarks_test_cluster::process::{Process, Program};
use netmarks_test_cluster::{Port, until};

/// When the made-up traffic ended, in seconds since the Unix epoch.
const END: u32 = 1_767_225_600;

/// Holds a running Prometheus, which ends with it.
struct Prometheus {
    _process: Process,
    url: String,
    _port: Port,
    _folder: tempfile::TempDir,
}

/// Starts a Prometheus that holds these OpenMetrics samples.
fn start(metrics: &str) -> Prometheus {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("metrics.txt"), metrics).unwrap();
    std::fs::write(file("prometheus.yml"), "scrape_configs: []\n").unwrap();
    let mut import = Command::new("promtool");
    import.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(file("metrics.txt")).arg(file("data"));
    let output = import.output().unwrap_or_else(|error| {
        panic!("failed to start {import:?}, which this test needs ({error}); run `cargo xtask test`")
    });
    assert!(output.status.success(), "{import:?}: {output:?}");
    let port = Port::reserve().unwrap();
    let address = format!("127.0.0.1:{}", port.number());
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let arguments = vec![
        option("config.file", &file("prometheus.yml")),
        option("storage.tsdb.path", &file("data")),
        "--storage.tsdb.retention.time=100y".to_owned(),
        format!("--web.listen-address={address}"),
        "--web.route-prefix=/metrics-store".to_owned(),
    ];
    let process = Program::new("prometheus", "prometheus", arguments, folder.path()).start().unwrap();
    Prometheus {
        _process: process,
        url: format!("http://{address}/metrics-store"),
        _port: port,
        _folder: folder,
    }
}

/// Two sidecars' reports of so many flows of 80 bytes per second each, for the five minutes before [`END`].
fn sidecars(flows: usize) -> String {
    let mut metrics = String::new();
    for (family, rate) in [("istio_request_bytes_sum", 30), ("istio_response_bytes_sum", 50)] {
        // Untyped, since the sum alone is not a histogram.
        writeln!(metrics, "# TYPE {family} unknown").unwrap();
        for flow in 0..flows {
            for reporter in ["source", "destination"] {
                for step in 0..=20 {
                    let (seconds, at) = (step * 15, END - 300 + step * 15);
                    let value = 1_000 + rate * seconds;
                    let caller = flow % 100;
                    writeln!(
                        metrics,
                        "{family}{{reporter=\"{reporter}\",source_workload=\"w\",source_workload_namespace=\"shop\",\
                         source_app=\"caller-{caller}\",destination_app=\"callee-{flow}\",\
                         destination_workload_namespace=\"data\"}} {value} {at}"
                    )
                    .unwrap();
                }
            }
        }
    }
    metrics + "# EOF\n"
}

/// It starts within a second or so; until then it does not listen, or says that it is not ready (503).
async fn first_refresh(poller: &mut Poller, at: f64, state: &Arc<ClusterState>) -> Refresh {
    until("the first refresh", LIMIT, async || match poller.refresh(at, state).await {
        Ok(refresh) => Ok(Some(refresh)),
        Err(error @ (QueryError::Unreachable { .. } | QueryError::Status { .. })) => Err(error.into()),
        Err(error) => panic!("{error:?}"),
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_real_prometheus_is_asked_and_understood() {
    let prometheus = start(&sidecars(300));
    // A mean that one refresh covers: rates as the query gives them.
    let estimator = Estimator::Window { seconds: 60.0 };
    let config = MetricsConfig { url: prometheus.url.clone(), estimator, ..MetricsConfig::default() };
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    let mut poller = Poller::new(config.clone(), Identity::App).unwrap();
    let refresh = first_refresh(&mut poller, f64::from(END), &state).await;
    assert_eq!(
        (refresh.samples, refresh.skipped, refresh.flows, refresh.warnings.texts()),
        (300, 0, 300, vec![])
    );
    let snapshot = state.snapshot();
    let rates = snapshot.flows().flows().map(|(_, _, rate)| rate);
    assert!(rates.into_iter().all(|rate| (rate - 80.0).abs() < 1e-6));

    // Every other preset is valid PromQL to a real server too, and finds nothing here.
    let identity = Identity::Workload;
    for preset in [PresetName::IstioLogical, PresetName::Linkerd, PresetName::Beyla] {
        let config = MetricsConfig { preset, ..config.clone() };
        let refresh = Poller::new(config, identity).unwrap().refresh(f64::from(END), &state).await.unwrap();
        assert_eq!(refresh.samples, 0, "{preset:?}");
    }
    let mut broken = config;
    broken.preset = PresetName::Custom;
    broken.custom = CustomPreset {
        queries: vec!["sum(".to_owned()],
        labels: EdgeLabels {
            source_namespace: "source_namespace".to_owned(),
            source_name: "source".to_owned(),
            destination_namespace: "destination_namespace".to_owned(),
            destination_name: "destination".to_owned(),
        },
        ..CustomPreset::default()
    };
    let error = Poller::new(broken, identity).unwrap().refresh(f64::from(END), &state).await.unwrap_err();
    assert!(matches!(&error, QueryError::Api { error, .. } if error.kind == "bad_data"), "{error:?}");
}

/// Bytes per second between two scrapes; none where the proxy knows nothing of the edge.
type Rate = fn(seconds_before_end: u32) -> Option<f64>;

/// Edges that show how far two averages can be apart.
const CHANGING: [(&str, Rate); 5] = [
    ("steady", |_| Some(100.0)),
    ("ten times less since ten minutes", |before| Some(if before > 600 { 1_000.0 } else { 100.0 })),
    // At no fixed period: that could fall together with the instants that are asked for.
    ("bursts of 30 s, a fifth of the time", |before| {
        let burst = (before / 30).wrapping_mul(2_654_435_761) >> 16;
        Some(if burst % 5 == 0 { 2_000.0 } else { 0.0 })
    }),
    ("new since 15 minutes", |before| (before <= 900).then_some(500.0)),
    ("gone since 20 minutes", |before| (before > 1_200).then_some(800.0)),
];

/// The report of the callers' sidecars for an hour and a half.
fn changing() -> String {
    let mut metrics = String::from("# TYPE istio_request_bytes_sum unknown\n");
    for (name, rate) in CHANGING {
        let mut counter = 0.0;
        for before in (0..=5_400).rev().step_by(15) {
            let Some(rate) = rate(before) else { continue };
            counter += rate * 15.0;
            writeln!(
                metrics,
                "istio_request_bytes_sum{{reporter=\"source\",source_workload=\"w\",source_workload_namespace=\"shop\",\
                 source_app=\"{name}\",destination_app=\"db\",destination_workload_namespace=\"data\"}} {counter} {}",
                END - before
            )
            .unwrap();
        }
    }
    metrics + "# EOF\n"
}

fn outbound(state: &ClusterState, name: &str) -> f64 {
    let snapshot = state.snapshot();
    let peers =
        snapshot.application_id(&format!("shop/{name}")).map(|id| snapshot.flows().peers(id).to_vec());
    peers.unwrap_or_default().iter().map(|peer| peer.outbound).sum()
}

#[tokio::test]
async fn a_replica_that_just_started_knows_the_flows_as_one_that_ran_for_an_hour_does() {
    let prometheus = start(&changing());
    let config = MetricsConfig { url: prometheus.url.clone(), ..MetricsConfig::default() };
    let new_state = || Arc::new(ClusterState::new(MetricsState::NotYet));
    let (old, new, pastless) = (new_state(), new_state(), new_state());
    let mut poller = Poller::new(config.clone(), Identity::App).unwrap();
    first_refresh(&mut poller, f64::from(END - 3_600), &old).await;
    for before in (0..3_600).rev().step_by(15) {
        poller.refresh(f64::from(END - before), &old).await.unwrap();
    }
    Poller::new(config.clone(), Identity::App).unwrap().refresh(f64::from(END), &new).await.unwrap();
    // Its mean covers the last minute, as every mean would that begins now.
    let estimator = Estimator::Window { seconds: 60.0 };
    let config = MetricsConfig { estimator, ..config };
    Poller::new(config, Identity::App).unwrap().refresh(f64::from(END), &pastless).await.unwrap();

    let mut far_apart = 0;
    for (name, _) in CHANGING {
        let [old, new, pastless] = [&old, &new, &pastless].map(|state| outbound(state, name));
        let apart = |other: f64| (other - old).abs() / old.max(other);
        eprintln!(
            "{name}: {old:.1} B/s after an hour, {new:.1} at once ({:.1}% apart), {pastless:.1} without the past ({:.1}%)",
            apart(new) * 100.0,
            apart(pastless) * 100.0
        );
        assert!(apart(new) < 0.1, "{name}: {old} and {new}");
        far_apart += usize::from(apart(pastless) > 0.5);
    }
    assert!(far_apart >= 2, "these edges would not show a difference");
}
