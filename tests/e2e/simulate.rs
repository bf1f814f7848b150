//! `netmarks simulate` straight from a cluster, and the real kube-scheduler beside it: does what was simulated come true?
#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]
#![allow(clippy::print_stderr, reason = "figures are for whoever reads the output of the test")]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, applications, binaries, local_share, roll_out, shuffled};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{
    ControlPlane, ExtenderConfig, NodeSpec, Options, PrometheusServer, SchedulerOptions,
};
use netmarks_test_traffic::{
    Edge, Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock,
};
use serde_json::Value;

/// Real rollouts with each scheduler.
const ROUNDS: u64 = 8;
/// Simulated ones.
const REPETITIONS: u32 = 500;
/// What the scheduler's configuration gives the extender, and the simulation, too.
const WEIGHT: u32 = 2;

/// The mean of the share of bytes within a node in `ROUNDS` random orders must lie so many standard errors at most from the mean that
/// was simulated. By chance alone a mean lies further away in three of a thousand cases.
const STANDARD_ERRORS: f64 = 3.0;

/// The mean and the standard deviation of one run.
struct Simulated {
    mean: f64,
    deviation: f64,
}

impl Simulated {
    fn of(report: &Value, arm: usize) -> Result<Self> {
        let figure = &report["arms"][arm]["figures"]["bytes_within_node"];
        let number = |key: &str| figure[key].as_f64().with_context(|| format!("no {key} in {report}"));
        // The report has half of a 95% interval of the mean.
        let deviation = number("half_width")? / 1.96 * f64::from(REPETITIONS).sqrt();
        Ok(Self { mean: number("mean")?, deviation })
    }

    /// How far the real mean may be away.
    fn tolerance(&self) -> f64 {
        STANDARD_ERRORS * self.deviation * (1.0 / ROUNDS as f64 + 1.0 / f64::from(REPETITIONS)).sqrt()
    }

    fn confirmed_by(&self, real: f64) -> Result<()> {
        let error = self.tolerance() / STANDARD_ERRORS;
        let Self { mean, deviation } = self;
        eprintln!(
            "{:.1}% of bytes within a node, simulated {:.1}% ± {:.1}",
            real * 100.0,
            mean * 100.0,
            error * 100.0
        );
        ensure!(
            (real - mean).abs() <= self.tolerance(),
            "{real} is not what was simulated: {mean}, standard deviation {deviation}"
        );
        Ok(())
    }
}

fn simulate(plane: &ControlPlane, prometheus: &PrometheusServer) -> Result<Value> {
    let kubeconfig = plane.kubeconfig().display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command).args(["simulate", "--kubeconfig", &kubeconfig, "--metrics-url", prometheus.url()]);
    command.args(["--repetitions", &REPETITIONS.to_string(), "--extender-weight", &WEIGHT.to_string()]);
    command.args(["--arm", "default", "--arm", "netmarks", "--arm", "recommended", "--without-target"]);
    command.args(["-o", "json"]).env("NETMARKS_METRICS_WINDOW_SECONDS", "5");
    let output = command.output().context("netmarks does not start")?;
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// With whatever scheduler is running.
async fn mean_local_share(plane: &ControlPlane, namespace: &str, edges: &[Edge]) -> Result<f64> {
    let names = applications(edges);
    let mut sum = 0.0;
    for seed in 1..=ROUNDS {
        let pods = roll_out(plane, namespace, &shuffled(&names, seed), 1, "200m").await?;
        ensure!(pods.len() == names.len(), "{} of {} pods were bound", pods.len(), names.len());
        sum += local_share(edges, &pods);
        plane.clear_namespace(namespace, LIMIT).await?;
    }
    Ok(sum / ROUNDS as f64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_scheduler_confirms_what_was_simulated() -> Result<()> {
    let edges = online_boutique()?;
    let namespace = edges[0].source_namespace.clone();
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.clone(), &Pods::default(), wall_clock());
    let traffic = TrafficServer::start(Arc::new(mesh)).await?;
    let prometheus = PrometheusServer::start(&traffic.targets(), Duration::from_millis(500)).await?;
    let plane = ControlPlane::start(&binaries(), Options::default()).await?;
    // Six nodes of which five pods of 200m fill one, so that not all pods fit on a single node.
    let nodes = NodeSpec::numbered(6).into_iter().enumerate().map(|(index, node)| {
        node.with_capacity("1100m", "8Gi").in_zone(if index % 2 == 0 { "zone-a" } else { "zone-b" })
    });
    plane.create_nodes(&nodes.collect::<Vec<_>>()).await?;
    plane.create_namespace(&namespace).await?;
    let extender = Extender::start(&plane, &prometheus, &[])?;
    extender.wait_ready().await?;
    extender.wait_flows(&edges).await?;

    let mut stock = plane.start_scheduler(SchedulerOptions::default()).await?;
    roll_out(&plane, &namespace, &applications(&edges), 1, "200m").await?;
    let report = simulate(&plane, &prometheus)?;
    assert_eq!(report["conditions"]["missing"], serde_json::json!([]), "{report}");
    assert_eq!(report["conditions"]["flows"], edges.len(), "{report}");
    let names: Vec<&Value> = (0..3).map(|arm| &report["arms"][arm]["name"]).collect();
    assert_eq!(names, ["default", "netmarks", "recommended"]);
    assert!(report["as_found"]["bytes_within_node"].is_number(), "{report}");
    plane.clear_namespace(&namespace, LIMIT).await?;

    let (alone, extended) = (Simulated::of(&report, 0)?, Simulated::of(&report, 1)?);
    // What confirms one of them does not confirm the other.
    assert!(alone.mean + alone.tolerance() < extended.mean - extended.tolerance(), "{report}");

    let without = mean_local_share(&plane, &namespace, &edges).await?;
    alone.confirmed_by(without).context("kube-scheduler alone")?;
    stock.kill()?;

    let mut scheduler = plane.start_scheduler(calling(&extender, "with-extender")).await?;
    let with = mean_local_share(&plane, &namespace, &edges).await?;
    extended.confirmed_by(with).context("kube-scheduler with the extender")?;
    scheduler.kill()?;
    drop(extender);

    // Nothing controls these pods, so there is no telling what a target would be made of.
    let keys = [("NETMARKS_POLICY_BUILT_IN", "recommended"), ("NETMARKS_TARGET_ENABLED", "false")];
    let extender = Extender::start(&plane, &prometheus, &keys)?;
    extender.wait_ready().await?;
    extender.wait_flows(&edges).await?;
    let _scheduler = plane.start_scheduler(calling(&extender, "with-recommended")).await?;
    let with = mean_local_share(&plane, &namespace, &edges).await?;
    Simulated::of(&report, 2)?.confirmed_by(with).context("kube-scheduler with the recommended policy")
}

fn calling(extender: &Extender, name: &str) -> SchedulerOptions {
    SchedulerOptions {
        name: name.to_owned(),
        extender: Some(ExtenderConfig { weight: WEIGHT.into(), ..ExtenderConfig::new(extender.url()) }),
        ..SchedulerOptions::default()
    }
}
