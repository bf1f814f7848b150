//! The extender as a process of its own, and what a rollout comes to.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail and speak as tests do"
)]

pub mod container;
pub mod fault_proxy;
pub mod flood;
pub mod invariants;
pub mod name_server;
pub mod node;
pub mod pod;
pub mod reader;
pub mod release;
pub mod rollout;
pub mod scheduling;
pub mod setting;
pub mod steered;
pub mod stepped_clock;
pub mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::{Process, Program};
use netmarks_test_cluster::{
    Binaries, ControlPlane, DeploymentSpec, ExtenderConfig, PlacedPod, Port, PrometheusServer, Scheduler,
    SchedulerOptions, until,
};
use netmarks_test_traffic::Edge;
use serde_json::{Value, json};

use fault_proxy::FaultProxy;

/// Longest wait for anything; far above what it takes, far below the patience of whoever runs the tests.
pub const LIMIT: Duration = Duration::from_secs(90);

pub fn binaries() -> Binaries {
    Binaries::ensure(&|line| eprintln!("{line}")).unwrap()
}

/// `netmarks serve`, as users run it.
pub struct Extender {
    process: Process,
    url: String,
    client: reqwest::Client,
    /// How long its log was before: one file takes those of all that bear its name.
    log_begins: u64,
    /// Nobody else's while it is down for a restart.
    _port: Option<Port>,
}

impl Extender {
    /// Starts it beside a control plane and a Prometheus, with further keys as environment variables.
    pub fn start(plane: &ControlPlane, prometheus: &PrometheusServer, keys: &[(&str, &str)]) -> Result<Self> {
        Self::start_as(plane, plane.kubeconfig(), prometheus, keys)
    }

    /// As another user than the one who may do everything.
    pub fn start_as(
        plane: &ControlPlane,
        kubeconfig: &Path,
        prometheus: &PrometheusServer,
        keys: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_between(plane, kubeconfig, prometheus.url(), keys)
    }

    /// With whatever is at these addresses.
    pub fn start_between(
        plane: &ControlPlane,
        kubeconfig: &Path,
        metrics_url: &str,
        keys: &[(&str, &str)],
    ) -> Result<Self> {
        // The test's own client; an error says that it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = Port::reserve()?;
        let address = format!("127.0.0.1:{}", port.number());
        let arguments = [
            "serve",
            "--listen",
            &address,
            "--kubeconfig",
            &kubeconfig.to_string_lossy(),
            "--metrics-url",
            metrics_url,
        ];
        let mut program = Program::new(
            "netmarks",
            PathBuf::from(env!("CARGO_BIN_EXE_netmarks")),
            arguments.map(str::to_owned).into(),
            plane.folder(),
        );
        // Prometheus scrapes twice a second here, so a short range and a short interval are enough.
        let quick = [
            ("NETMARKS_METRICS_WINDOW_SECONDS", "5"),
            ("NETMARKS_METRICS_INTERVAL_SECONDS", "1"),
            ("NETMARKS_METRICS_MAX_BACKOFF_SECONDS", "2"),
            // The proxies start with the test, and `rate` over a series' first seconds is low: soon forgotten.
            ("NETMARKS_METRICS_ESTIMATOR", "{window: {seconds: 5}}"),
            // Cores that others keep busy are not the subject; the schedulers of these tests wait for a second.
            ("NETMARKS_SERVER_REQUEST_TIMEOUT_MS", "900"),
            ("NETMARKS_POLICY_LIMITS_DEADLINE_MS", "600"),
        ];
        program.environment =
            quick.iter().chain(keys).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let extender =
            Self::run(program, format!("http://{address}"), reqwest::Client::builder().no_proxy().build()?)?;
        Ok(Self { _port: Some(port), ..extender })
    }

    fn run(program: Program, url: String, client: reqwest::Client) -> Result<Self> {
        let log_begins = std::fs::metadata(&program.log).map_or(0, |log| log.len());
        Ok(Self { process: program.start()?, url, client, log_begins, _port: None })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has logged since it was first started by this.
    pub fn log(&self) -> Result<String> {
        let log = std::fs::read(&self.process.program().log)?;
        let beginning = usize::try_from(self.log_begins)?;
        Ok(String::from_utf8_lossy(log.get(beginning..).unwrap_or_default()).into_owned())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// `STOP`, `CONT` and the like.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id()?.to_string()).status()?;
        ensure!(status.success(), "kill -{name}: {status}");
        Ok(())
    }

    pub fn id(&self) -> Result<u32> {
        self.process.id().context("it does not run")
    }

    /// The same program with the same flags, on the same port.
    pub fn restart(&mut self) -> Result<()> {
        self.process.restart()
    }

    pub async fn get(&self, path: &str) -> Result<String> {
        let response = self.client.get(format!("{}{path}", self.url)).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        Ok(text)
    }

    pub async fn json(&self, path: &str) -> Result<Value> {
        serde_json::from_str(&self.get(path).await?).with_context(|| format!("{path} is not JSON"))
    }

    /// What it counts under this name, with its labels if it has any.
    pub async fn metric(&self, series: &str) -> Result<f64> {
        let page = self.get("/metrics").await?;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.with_context(|| format!("{series} is not there"))?.parse().context("no number")
    }

    /// Starts a kube-scheduler that asks it, once it is ready and knows these flows.
    pub async fn start_scheduler(&self, plane: &ControlPlane, edges: &[Edge]) -> Result<Scheduler> {
        self.wait_ready().await?;
        self.wait_flows(edges).await?;
        let extender = Some(ExtenderConfig::new(self.url()));
        plane.start_scheduler(SchedulerOptions { extender, ..SchedulerOptions::default() }).await
    }

    pub async fn wait_ready(&self) -> Result<()> {
        until("the extender is ready", LIMIT, async || self.get("/readyz").await.map(Some)).await.map(drop)
    }

    /// Waits until it knows these flows and no others, each to 5%.
    pub async fn wait_flows(&self, edges: &[Edge]) -> Result<()> {
        until(&format!("{} flows are known", edges.len()), LIMIT, async || {
            let known = self.flows().await?;
            ensure!(known.len() == edges.len(), "{known:?}");
            for edge in edges {
                let name = |namespace: &str, app: &str| format!("{namespace}/{app}");
                let ends = (
                    name(&edge.source_namespace, &edge.source),
                    name(&edge.destination_namespace, &edge.destination),
                );
                let flow = known.get(&ends).copied().unwrap_or(0.0);
                ensure!((flow / edge.bytes_per_s - 1.0).abs() < 0.05, "{edge:?} is estimated at {flow}");
            }
            Ok(Some(()))
        })
        .await
    }

    /// Waits until it knows any flow.
    pub async fn wait_flows_exist(&self) -> Result<()> {
        let known = async || Ok((!self.flows().await?.is_empty()).then_some(()));
        until("a flow is known", LIMIT, known).await
    }

    /// Waits until it has seen so many bound pods of a namespace.
    pub async fn wait_pods(&self, namespace: &str, count: usize) -> Result<()> {
        until(&format!("{count} pods of {namespace} are known"), LIMIT, async || {
            let snapshot = self.json("/v1/snapshot").await?;
            let pods = snapshot["pods"].as_array().context("no pods")?;
            let of_namespace = |pod: &&Value| {
                let name = pod["name"].as_str().unwrap_or_default();
                name.starts_with(&format!("{namespace}/")) && pod["node"].is_string()
            };
            let known = pods.iter().filter(of_namespace).count();
            ensure!(known == count, "{known} of {count}");
            Ok(Some(()))
        })
        .await
    }

    /// Every flow, by source and destination.
    pub async fn flows(&self) -> Result<BTreeMap<(String, String), f64>> {
        let snapshot = self.json("/v1/snapshot").await?;
        let flows = snapshot["flows"].as_array().context("no flows")?;
        flows
            .iter()
            .map(|flow| {
                let text = |key: &str| flow[key].as_str().map(str::to_owned).context("not a text");
                let rate = flow["bytes_per_second"].as_f64().context("not a number")?;
                Ok(((text("source")?, text("destination")?), rate))
            })
            .collect()
    }

    /// How many requests of kube-scheduler were answered so far, by outcome.
    pub async fn answers(&self) -> Result<BTreeMap<String, u64>> {
        let metrics = self.get("/metrics").await?;
        let lines = metrics.lines().filter_map(|line| {
            let line = line.strip_prefix("netmarks_prioritize_answers_total{outcome=\"")?;
            let (outcome, count) = line.split_once("\"} ")?;
            Some((outcome.to_owned(), count.parse().ok()?))
        });
        Ok(lines.collect())
    }

    pub async fn answered(&self, outcome: &str) -> Result<u64> {
        Ok(self.answers().await?.get(outcome).copied().unwrap_or(0))
    }
}

/// Waits until new pods of a namespace are this scheduler's: admission policies take effect a moment after they are made.
pub async fn opted_in(plane: &ControlPlane, namespace: &str, scheduler: &str) -> Result<()> {
    until(&format!("new pods of {namespace} are {scheduler}'s"), LIMIT, async || {
        let pod = ["-n", namespace, "run", "probe", "--image=none.invalid/none", "--dry-run=server"];
        let name = plane.kubectl(&[&pod[..], &["-o=jsonpath={.spec.schedulerName}"]].concat())?;
        ensure!(name == scheduler, "they are {name}'s");
        Ok(Some(()))
    })
    .await
}

/// All applications that an edge names, each once, in order of name.
pub fn applications(edges: &[Edge]) -> Vec<String> {
    let names: BTreeSet<&str> =
        edges.iter().flat_map(|edge| [edge.source.as_str(), edge.destination.as_str()]).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// A fixed shuffle of `names`: the same for one seed on every machine.
pub fn shuffled(names: &[String], seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut keyed: Vec<(u64, String)> = names
        .iter()
        .map(|name| {
            // xorshift64: any order will do, as long as it is the same again.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state, name.clone())
        })
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, name)| name).collect()
}

/// Creates one Deployment per application in this order, each when the one before is bound.
pub async fn roll_out(
    plane: &ControlPlane,
    namespace: &str,
    order: &[String],
    replicas: i32,
    cpu: &str,
) -> Result<Vec<PlacedPod>> {
    let mut pods = Vec::new();
    for (done, application) in order.iter().enumerate() {
        let deployment = DeploymentSpec::new(namespace, application, replicas).with_requests(cpu, "16Mi");
        plane.create_deployment(&deployment).await?;
        let bound = (done + 1) * usize::try_from(replicas)?;
        pods = plane.wait_bound(namespace, bound, LIMIT).await?;
    }
    Ok(pods)
}

/// The share (0 to 1) of all bytes that stay on a node, when every call goes to any replica with equal chance.
pub fn local_share(edges: &[Edge], pods: &[PlacedPod]) -> f64 {
    let mut by_node: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for pod in pods {
        *by_node.entry(&pod.app).or_default().entry(&pod.node).or_default() += 1.0;
    }
    let total: f64 = edges.iter().map(|edge| edge.bytes_per_s).sum();
    let local: f64 = edges
        .iter()
        .map(|edge| {
            let (Some(from), Some(to)) = (by_node.get(&*edge.source), by_node.get(&*edge.destination)) else {
                return 0.0;
            };
            let pairs: f64 = from.values().sum::<f64>() * to.values().sum::<f64>();
            let together: f64 =
                from.iter().map(|(node, count)| count * to.get(node).copied().unwrap_or(0.0)).sum();
            edge.bytes_per_s * together / pairs
        })
        .sum();
    local / total
}

/// A kubeconfig that leads through the proxy.
pub fn through(plane: &ControlPlane, proxy: &FaultProxy) -> Result<PathBuf> {
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(plane.kubeconfig())?)?;
    *config.pointer_mut("/clusters/0/cluster/server").context("no server")? =
        json!(format!("https://{}", proxy.address()));
    scratch(plane, "kubeconfig-through-proxy", &config.to_string())
}

/// A folder for the configuration files of one test.
pub fn scratch(plane: &ControlPlane, name: &str, content: &str) -> Result<PathBuf> {
    let path = Path::new(plane.folder()).join(name);
    std::fs::write(&path, content)?;
    Ok(path)
}
