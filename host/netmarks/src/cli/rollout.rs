//! What goes on in the demo's cluster: the pod that waits is asked for as kube-scheduler would, then one pod after the other is replaced.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use netmarks_core::facts::PodFacts;
use netmarks_core::request::PendingPod;
use netmarks_sources::snapshot_file::SnapshotFile;
use netmarks_state::ClusterState;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// From one replacement to the next.
const EVERY: Duration = Duration::from_secs(12);

/// Every so many replacements go where fewest pods are, as if the scheduler's other plugins had outweighed the score: otherwise all
/// traffic would be local before long.
const OTHERWISE: u32 = 3;

/// Pods that a node takes, for the same reason.
const MOST: u32 = 4;

/// How often the pod that waits is asked for until there are scores: a machine without a free core misses the deadline.
const ATTEMPTS: usize = 20;

/// From one to the next.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(250);

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the end of a pod's name is made of.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Asks for pods of the demo's cluster, and replaces them.
pub(super) struct Rollout {
    state: Arc<ClusterState>,
    client: reqwest::Client,
    prioritize: String,
    /// The one without a node.
    waiting: Option<PendingPod>,
    /// The one that is replaced next comes first.
    pods: VecDeque<PendingPod>,
    names: Vec<String>,
    replaced: u32,
}

/// One host of an answer.
#[derive(Deserialize)]
struct HostScore {
    #[serde(rename = "Host")]
    host: String,
    #[serde(rename = "Score")]
    score: i64,
}

impl Rollout {
    /// Over the pods of `snapshot` that run, in `state`; asks at `address`.
    ///
    /// # Errors
    /// If there can be no client.
    pub(super) fn new(
        snapshot: &SnapshotFile,
        state: Arc<ClusterState>,
        address: SocketAddr,
    ) -> Result<Self> {
        let client =
            reqwest::Client::builder().timeout(PATIENCE).build().context("failed to make a client")?;
        let running = snapshot.pods.iter().filter(|pod| pod.node.is_some() && pod.application.is_some());
        Ok(Self {
            state,
            client,
            prioritize: format!("http://{address}/prioritize"),
            waiting: snapshot.pods.iter().find(|pod| pod.node.is_none()).map(|pod| pod.pending()),
            pods: running.map(|pod| pod.pending()).collect(),
            names: snapshot.nodes.iter().map(|node| node.name.clone()).collect(),
            replaced: 0,
        })
    }

    /// Asks for the pod that waits, then replaces others until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let every = async {
            if let Err(error) = self.ask_for_waiting().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "failed to ask for the pod of the demo that waits"
                );
            }
            loop {
                tokio::time::sleep(EVERY).await;
                if let Err(error) = self.replace().await {
                    tracing::warn!(error = format!("{error:#}"), "failed to replace a pod of the demo");
                }
            }
        };
        shutdown.run_until_cancelled(every).await;
    }

    /// So that its decision is the first there is to look at. It goes on waiting: whoever asks for it by hand gets the same answer.
    async fn ask_for_waiting(&self) -> Result<()> {
        let Some(pod) = &self.waiting else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            if !self.ask(pod, &self.names).await?.is_empty() {
                break;
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        Ok(())
    }

    async fn ask(&self, pod: &PendingPod, names: &[String]) -> Result<Vec<HostScore>> {
        let request = self.client.post(&self.prioritize).body(question(pod, names).to_string());
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        serde_json::from_slice(&answer).context("the answer has no scores")
    }

    async fn replace(&mut self) -> Result<()> {
        let Some(old) = self.pods.pop_front() else { return Ok(()) };
        self.state.update(|index| index.delete_pod(&old.key));
        self.replaced += 1;
        let pod = PendingPod { key: renamed(&old.key, self.replaced), ..old };
        self.pods.push_back(pod.clone());
        let open = self.open();
        let scores = self.ask(&pod, &open).await?;
        let node = self.choose(&scores, &open);
        self.state.update(|index| {
            index.apply_pod(&PodFacts {
                key: pod.key.clone(),
                application: pod.application.clone(),
                node,
                gone: false,
                requests: pod.requests,
                confined: false,
                revision: pod.revision(),
            });
        });
        Ok(())
    }

    /// The nodes that take another pod.
    fn open(&self) -> Vec<String> {
        let snapshot = self.state.snapshot();
        let pods = |name: &str| snapshot.names().id(name).map_or(0, |id| snapshot.node(id).pods);
        self.names.iter().filter(|name| pods(name) < MOST).cloned().collect()
    }

    /// The node of the best score, but now and then another; of those that are equal, the one with fewest pods.
    fn choose(&self, scores: &[HostScore], open: &[String]) -> Option<String> {
        let snapshot = self.state.snapshot();
        let otherwise = self.replaced.is_multiple_of(OTHERWISE);
        let score = |name: &str| {
            let found = scores.iter().find(|score| score.host == name).filter(|_| !otherwise);
            found.map_or(0, |score| score.score)
        };
        let pods = |name: &str| snapshot.names().id(name).map_or(0, |id| snapshot.node(id).pods);
        open.iter().max_by_key(|name| (score(name), std::cmp::Reverse(pods(name)))).cloned()
    }
}

/// As kube-scheduler asks.
fn question(pod: &PendingPod, names: &[String]) -> Value {
    let (namespace, name) = pod.key.split_once('/').unwrap_or(("default", &pod.key));
    let labels: serde_json::Map<String, Value> =
        pod.labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    json!({
        "Pod": {"metadata": {"name": name, "namespace": namespace, "labels": labels}},
        "NodeNames": names,
    })
}

/// The name of a pod's replacement: the last part is another one.
fn renamed(key: &str, number: u32) -> String {
    let (kept, _) = key.rsplit_once('-').unwrap_or((key, ""));
    // Spreads numbers that follow one another; that it is odd makes each of them another one.
    let mut rest = number.wrapping_mul(0x9E37_79B1);
    let letters: String = (0..5)
        .map(|_| {
            let letter = LETTERS.get(rest as usize % LETTERS.len()).copied().unwrap_or(b'x');
            rest /= 27;
            char::from(letter)
        })
        .collect();
    format!("{kept}-{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            (0..1_000).map(|number| renamed("boutique/cart-5d4-65r4r", number)).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.starts_with("boutique/cart-5d4-") && name.len() == 23));
    }
}
