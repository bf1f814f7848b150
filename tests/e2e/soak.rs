//! The program under churn for as long as it is told to: pods come and go in a real cluster, flows are refreshed every second, policies are
//! exchanged and uploaded, and requests come on connections old and new. Its memory and its descriptors stay what they were.
//!
//! `cargo xtask soak --minutes 60` runs it for longer and keeps the curve.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "the figures are worth reading where the test is run by hand")]
#![allow(clippy::cast_precision_loss, reason = "megabytes and thousands")]

mod curve;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::Extender;
use crate::support::setting::Setting;
use anyhow::{Context as _, Result, ensure};
use curve::{Curve, ENOUGH};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use netmarks_test_cluster::repository::policy_file;
use netmarks_test_cluster::{ControlPlane, Port};
use netmarks_test_traffic::Edge;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

const NAMESPACE: &str = "shop";

/// What is told for how long, in seconds, and where its curve goes.
const SECONDS: &str = "NETMARKS_SOAK_SECONDS";
const OUTPUT: &str = "NETMARKS_SOAK_OUTPUT";

/// Where nothing is told.
const SHORT: u64 = 120;

/// Requests a second, each for a pod of its own, by so many clients. One in `FRESH` opens a connection.
const REQUESTS: u64 = 800;
const CLIENTS: u64 = 8;
const FRESH: u64 = 50;

/// Pods that are created a second, each deleted when so many younger ones are there. Created, started and deleted each is an event.
const PODS: u64 = 20;
const ALIVE: u64 = 100;

/// Swaps a second are one; every so many, the policy was never seen before and is compiled.
const COMPILED: u64 = 10;

struct Soak<'a> {
    setting: &'a Setting,
    extender: &'a Extender,
    admin: String,
    client: reqwest::Client,
    begun: Instant,
    /// How long it takes at least.
    seconds: u64,
    requests: AtomicU64,
    changes: AtomicU64,
}

impl Soak<'_> {
    /// A machine that is busy needs longer until the requests are enough to tell a leak from the rest.
    fn is_over(&self, now: Instant) -> bool {
        let seconds = now.duration_since(self.begun).as_secs();
        seconds >= self.seconds
            && (self.requests.load(Ordering::Relaxed) >= ENOUGH || seconds >= 4 * self.seconds)
    }

    /// `rate` times a second until it is over; what cannot be done in time is not made up for.
    async fn every(&self, rate: u64, mut one: impl AsyncFnMut(u64) -> Result<()>) -> Result<()> {
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate)?);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0.. {
            if self.is_over(ticks.tick().await) {
                break;
            }
            one(number).await?;
        }
        Ok(())
    }

    fn plane(&self) -> &ControlPlane {
        &self.setting.plane
    }

    async fn ask(&self, client: u64) -> Result<()> {
        let kept = reqwest::Client::builder().no_proxy().build()?;
        let nodes: Vec<String> = (0..50).map(|number| format!("node-{number:04}")).collect();
        self.every(REQUESTS / CLIENTS, async |number| {
            let fresh = (number % FRESH == 0).then(|| reqwest::Client::builder().no_proxy().build()).transpose()?;
            let pod = json!({
                "metadata": {"name": format!("asked-{client}-{number}"), "namespace": NAMESPACE, "labels": {"app": "frontend"}},
                "spec": {"containers": []},
            });
            let body = json!({"Pod": pod, "Nodes": null, "NodeNames": nodes}).to_string();
            let url = format!("{}/prioritize", self.extender.url());
            let answer = fresh.as_ref().unwrap_or(&kept).post(url).body(body).send().await?;
            ensure!(answer.status().is_success(), "{}", answer.status());
            answer.bytes().await?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .await
    }

    async fn churn(&self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.plane().client().clone(), NAMESPACE);
        self.every(PODS, async |number| {
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": format!("pod-{number}"), "labels": {"app": format!("app-{}", number % 50)}},
                "spec": {
                    "nodeName": format!("node-{:04}", number % 4), "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "none.invalid/none"}],
                },
            }))?;
            pods.create(&PostParams::default(), &pod).await?;
            if let Some(old) = number.checked_sub(ALIVE) {
                pods.delete(&format!("pod-{old}"), &DeleteParams::default().grace_period(0)).await?;
            }
            self.changes.fetch_add(3, Ordering::Relaxed);
            Ok(())
        })
        .await
    }

    async fn swap(&self) -> Result<()> {
        let component = std::fs::read(policy_file("netmarks"))?;
        self.every(1, async |number| {
            let mut bytes = component.clone();
            if number % COMPILED == 0 {
                // A custom section makes another component of it.
                bytes.extend([0, 10, 1, b'v']);
                bytes.extend(number.to_le_bytes());
            }
            let normalisation = if number % 2 == 0 { "rank" } else { "max" };
            let settings = format!("mode=active&limits.deadline_ms=600&normalisation={normalisation}");
            let url = format!("{}/v1/policies/netmarks?{settings}", self.admin);
            let answer = self.client.put(url).body(bytes).send().await?;
            let status = answer.status();
            ensure!(status.is_success(), "{status}: {}", answer.text().await?);
            Ok(())
        })
        .await
    }

    async fn look(&self, curve: &mut Curve) -> Result<()> {
        let id = self.extender.id()?;
        self.every(1, async |_| {
            curve.look(id, self.requests.load(Ordering::Relaxed), self.changes.load(Ordering::Relaxed))
        })
        .await
    }
}

fn told<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_what_they_were() {
    let seconds = told(SECONDS).unwrap_or(SHORT);
    let setting = Setting::start(vec![Edge::new(NAMESPACE, "frontend", "cart", 1_000_000.0)]).await.unwrap();
    let plane = &setting.plane;
    plane.create_namespace(NAMESPACE).await.unwrap();
    let port = Port::reserve().unwrap();
    let admin = SocketAddr::from(([127, 0, 0, 1], port.number())).to_string();
    let state = plane.folder().join("state").display().to_string();
    let keys = [("NETMARKS_ADMIN_LISTEN", admin.as_str()), ("NETMARKS_POLICIES_STATE_FOLDER", &state)];
    let extender = Extender::start(plane, &setting.prometheus, &keys).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&setting.edges).await.unwrap();
    create_peer(plane).await.unwrap();
    extender.wait_pods(NAMESPACE, 1).await.unwrap();

    let soak = Soak {
        setting: &setting,
        extender: &extender,
        admin: format!("http://{admin}"),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
        begun: Instant::now(),
        seconds,
        requests: AtomicU64::new(0),
        changes: AtomicU64::new(0),
    };
    let mut curve = Curve::default();
    let clients = try_join_all((0..CLIENTS).map(|client| soak.ask(client)));
    tokio::try_join!(clients, soak.churn(), soak.swap(), soak.look(&mut curve)).unwrap();
    if let Some(folder) = std::env::var_os(OUTPUT) {
        curve.write(Path::new(&folder)).unwrap();
    }

    let answers = extender.answers().await.unwrap();
    println!("{answers:?}");
    assert!(answers.get("scored").copied().unwrap_or(0) > 0, "{answers:?}");
    let growth = curve.growth().unwrap();
    println!("{growth}");
    growth.judge().unwrap();
}

/// One pod of the application that frontends call.
async fn create_peer(plane: &ControlPlane) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(plane.client().clone(), NAMESPACE);
    let pod: Value = json!({
        "metadata": {"name": "cart", "labels": {"app": "cart"}},
        "spec": {
            "nodeName": "node-0000", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "none.invalid/none"}],
        },
    });
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?)
        .await
        .context("failed to create a pod")?;
    Ok(())
}
