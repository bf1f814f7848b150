//! The extender in the test's own process, asked over real HTTP.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

pub mod admin;
pub mod authority;
pub mod binary;
pub mod by_hand;
pub mod connection;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring::{self, Scoring};
use netmarks_core::clock::unix_now;
use netmarks_engine::ParameterValue;
use netmarks_policies::{Actor, Compiling, Mode, Origin, Settings, Signature, Submission};
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;
use netmarks_test_cluster::{Port, repository};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest wait for anything; far above what it takes, also where compilers, which give way to everything else, run on a
/// machine that is never idle.
pub const LIMIT: Duration = Duration::from_secs(300);

/// The snapshot file of the worked example.
pub fn worked_example_file() -> PathBuf {
    repository("host/netmarks/sample/worked-example.json")
}

/// The worked example as a cluster that nothing changes any more.
pub fn worked_example() -> Result<Arc<ClusterState>> {
    Ok(Arc::new(ClusterState::fixed(SnapshotFile::read(&worked_example_file())?.to_index())))
}

/// Fills a cluster with the worked example as sources would deliver it just now, with flows so many seconds old.
pub fn deliver(state: &ClusterState, age: f64) -> Result<()> {
    let mut file = SnapshotFile::read(&worked_example_file())?;
    let at = unix_now() - age;
    file.flows_at = Some(at);
    state.update(|index| *index = file.to_index());
    state.nodes_listed();
    state.pods_listed();
    state.metrics_answered(at);
    Ok(())
}

/// The defaults on any free port.
pub fn config() -> Config {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    // Only a request that is stuck should be; the machine that runs the tests also compiles.
    config.server.request_timeout_ms = 30_000;
    config.policy.limits.deadline_ms = 10_000;
    config
}

/// With the hostile fixture as policy, which does `behaviour` for four candidates or more.
pub fn hostile(behaviour: &str) -> Config {
    let mut config = config();
    config.policy.file = Some(repository::guest_file("hostile"));
    config.policy.parameters = misbehaving(behaviour);
    config
}

/// The parameters of the hostile fixture with which it does `behaviour` for four candidates or more, and so not when it is tried.
pub fn misbehaving(behaviour: &str) -> BTreeMap<String, ParameterValue> {
    [
        ("behaviour".to_owned(), ParameterValue::Text(behaviour.to_owned())),
        ("candidates".to_owned(), ParameterValue::Number(4.0)),
    ]
    .into()
}

/// A client that finds its way to loopback whatever the environment says of proxies.
pub fn client() -> Result<reqwest::Client> {
    Ok(client_builder().build()?)
}

pub fn client_builder() -> reqwest::ClientBuilder {
    // One provider for the whole process; an error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(LIMIT)
}

/// What kube-scheduler would send for the worked example's pending pod.
pub fn request(nodes: &[&str]) -> Value {
    pod_request("default", "p-0", "p", nodes)
}

pub fn pod_request(namespace: &str, name: &str, app: &str, nodes: &[&str]) -> Value {
    json!({
        "Pod": {"metadata": {"name": name, "namespace": namespace, "labels": {"app": app}}, "spec": {"containers": []}},
        "Nodes": null,
        "NodeNames": nodes,
    })
}

pub const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "node-4"];

/// `Host` and `Score` of an answer, in order of name.
pub fn scores(answer: &str) -> Result<Vec<(String, i64)>> {
    let answer: Vec<Value> =
        serde_json::from_str(answer).with_context(|| format!("not an answer: {answer}"))?;
    let mut scores = Vec::new();
    for entry in &answer {
        let (host, score) =
            (entry["Host"].as_str().context("no Host")?, entry["Score"].as_i64().context("no Score")?);
        scores.push((host.to_owned(), score));
    }
    scores.sort();
    Ok(scores)
}

/// The value of one series on a page of metrics, such as `netmarks_ready` or `name{label="value"}`.
pub fn series(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A running extender; its listeners close when it is dropped.
pub struct Extender {
    pub address: SocketAddr,
    pub scoring: Scoring,
    pub client: reqwest::Client,
    stop: CancellationToken,
    running: JoinHandle<Result<()>>,
}

impl Extender {
    /// On the worked example.
    pub async fn start(config: &Config) -> Result<Self> {
        Self::start_on(config, worked_example()?).await
    }

    pub async fn start_on(config: &Config, state: Arc<ClusterState>) -> Result<Self> {
        let mut tasks = Tasks::default();
        let scoring =
            wiring::scoring(wiring::engine(config)?, config, state, Compiling::Here, &mut tasks).await?;
        Self::start_with(config, scoring, tasks).await
    }

    /// With a listener for probes; returns where that is, which is nobody else's as long as the port is held.
    pub async fn start_with_probes(config: &mut Config) -> Result<(Self, Port, SocketAddr)> {
        let port = Port::reserve()?;
        let probes = SocketAddr::from(([127, 0, 0, 1], port.number()));
        config.server.health_listen = Some(probes);
        Ok((Self::start(config).await?, port, probes))
    }

    pub async fn start_with(config: &Config, scoring: Scoring, mut tasks: Tasks) -> Result<Self> {
        // As `netmarks serve` would refuse it.
        config.validate()?;
        let client = client()?;
        let address = wiring::listeners(config, &scoring, &mut tasks).await?;
        wiring::target(config, &scoring, &mut tasks);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let delay = config.server.shutdown_delay();
        let running = tokio::spawn(async move { tasks.run(stopped.cancelled(), delay).await });
        Ok(Self { address, scoring, client, stop, running })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Status and body of a POST to `/prioritize`.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Result<(StatusCode, String)> {
        let response = self.client.post(self.url("/prioritize")).body(body).send().await?;
        Ok((response.status(), response.text().await?))
    }

    /// The scores of an answer with status 200, in order of name.
    pub async fn prioritize(&self, request: &Value) -> Result<Vec<(String, i64)>> {
        let (status, answer) = self.post(request.to_string()).await?;
        ensure!(status == StatusCode::OK, "{status}: {answer}");
        scores(&answer)
    }

    pub async fn get(&self, path: &str) -> Result<(StatusCode, String)> {
        let response = self.client.get(self.url(path)).send().await?;
        Ok((response.status(), response.text().await?))
    }

    /// The body of a GET with status 200, as JSON.
    pub async fn json(&self, path: &str) -> Result<Value> {
        let (status, text) = self.get(path).await?;
        ensure!(status == StatusCode::OK, "{path} answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// The newest decision, which is remembered a moment after its answer was sent.
    pub async fn decision(&self, pod: &str) -> Result<Value> {
        let path = format!("/v1/decisions?limit=1&pod={pod}");
        eventually("the decision is remembered", async || match self.json(&path).await? {
            Value::Array(mut decisions) => Ok(decisions.pop()),
            other => anyhow::bail!("{other} is not a list"),
        })
        .await
    }

    /// Submits a policy that scores beside those that answer.
    pub async fn shadow(&self, component: Vec<u8>) -> Result<()> {
        self.submit("beside", component, Settings::default(), Mode::Shadow).await
    }

    /// Submits a policy under this name.
    pub async fn submit(&self, name: &str, component: Vec<u8>, settings: Settings, mode: Mode) -> Result<()> {
        let submission = Submission {
            name: name.parse()?,
            bytes: component.into(),
            settings,
            mode,
            origin: Origin::Upload,
            signature: Signature::NoTrustedKeys,
            actor: Actor::own("test", "here"),
        };
        self.scoring.registry.submit(submission).await?;
        Ok(())
    }

    /// A series on `/metrics`; zero while nothing was counted.
    pub async fn metric(&self, series_name: &str) -> Result<f64> {
        Ok(series(&self.get("/metrics").await?.1, series_name).unwrap_or(0.0))
    }

    /// Waits until a counter, which grows a moment after an answer was sent, has this value.
    pub async fn counted(&self, series_name: &str, value: f64) -> Result<()> {
        eventually(&format!("{series_name} is {value}"), async || {
            let found = self.metric(series_name).await?;
            ensure!(found <= value, "already {found}");
            Ok((found >= value).then_some(()))
        })
        .await
    }

    /// Begins the shutdown, as a signal would.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Waits until everything has ended.
    pub async fn stopped(mut self) -> Result<()> {
        self.stop.cancel();
        tokio::time::timeout(LIMIT, &mut self.running).await.context("it does not stop")??
    }
}

impl Drop for Extender {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Waits for what happens a moment after an answer, or outside this process.
pub async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    netmarks_test_cluster::until(what, LIMIT, probe).await
}

/// An address where nobody listens, nor can as long as the socket is held.
pub fn nobody() -> Result<(tokio::net::TcpSocket, SocketAddr)> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
