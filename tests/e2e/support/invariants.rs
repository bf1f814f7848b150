//! What ARCHITECTURE.md says always holds, as far as it can be seen from outside: through the program's HTTP, and beside the API server.
//!
//! Checked are 2, 4, 5 and 6. 1 shows in what kube-scheduler counts (`scheduling`) and in the outcomes that tests wait for; 3 and 7 cannot be
//! seen from here.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, until};
use netmarks_test_traffic::Edge;
use serde_json::Value;

use super::{Extender, LIMIT};

/// No flow may be known as more than so many times what was fed. Late scrapes explain less than that; bytes that are counted twice double a
/// flow, and the reset of a counter that is taken for growth makes far more of it.
const INFLATED: f64 = 1.5;

/// As many decisions as are listed at once.
const DECISIONS: usize = 1_000;

const GENERATION: &str = "netmarks_policy_generation";

/// What was live and what flowed before anything went wrong.
pub struct Invariants<'a> {
    namespace: &'a str,
    edges: Vec<Edge>,
    live: BTreeSet<String>,
}

impl<'a> Invariants<'a> {
    /// What is live now stays live, and these edges are all that flows.
    pub async fn of(extender: &Extender, namespace: &'a str, edges: &[Edge]) -> Result<Self> {
        let invariants = Self { namespace, edges: edges.to_vec(), live: live(extender).await? };
        ensure!(invariants.active().next().is_some(), "nothing is active: {:?}", invariants.live);
        Ok(invariants)
    }

    /// What holds whenever the program answers at all, also while something is wrong.
    pub async fn hold(&self, extender: &Extender) -> Result<()> {
        extender.get("/readyz").await?;
        let live = live(extender).await?;
        ensure!(live == self.live, "{live:?} is live, and {:?} was", self.live);
        let decisions = extender.json(&format!("/v1/decisions?limit={DECISIONS}")).await?;
        let decisions = decisions.as_array().context("no decisions")?;
        ensure!(!decisions.is_empty(), "there is no decision to look at");
        for decision in decisions {
            self.is_of_one_generation(decision)?;
            is_of_one_snapshot(decision)?;
        }
        self.are_counted_once(&extender.flows().await?)
    }

    /// The same once nothing is wrong any more. Waits until it knows the flows as they are and the pods that the API server has; returns how
    /// many these are.
    pub async fn recovered(&self, plane: &ControlPlane, extender: &Extender) -> Result<usize> {
        self.hold(extender).await?;
        extender.wait_flows(&self.edges).await?;
        until("it knows the pods that the API server has", LIMIT, async || {
            let pods = plane.placement(self.namespace).await?.into_iter();
            let there: BTreeSet<_> =
                pods.map(|pod| (format!("{}/{}", self.namespace, pod.pod), pod.node)).collect();
            let known = known(extender).await?;
            let differs: Vec<_> = known.symmetric_difference(&there).collect();
            ensure!(differs.is_empty(), "{} of {}: {differs:?}", differs.len(), there.len());
            Ok(Some(there.len()))
        })
        .await
    }

    /// Series of the active policies.
    fn active(&self) -> impl Iterator<Item = &str> {
        self.live.iter().map(String::as_str).filter(|series| series.contains("state=\"active\""))
    }

    /// It names the generation that is live, and asked all of its policies or, without flows to score by, none.
    fn is_of_one_generation(&self, decision: &Value) -> Result<()> {
        let generation = format!("{GENERATION} {}", decision["generation"]);
        ensure!(self.live.contains(&generation), "{:?} is live: {decision}", self.live);
        let asked = decision["policies"].as_array().context("no policies")?;
        let is_active = |asked: &Value| {
            let label =
                |key: &str, value: &Value| format!("{key}=\"{}\"", value.as_str().unwrap_or_default());
            let labels = [label("policy", &asked["policy"]), label("digest", &asked["digest"])];
            self.active().any(|series| labels.iter().all(|label| series.contains(label)))
        };
        let all = asked.len() == self.active().count() && asked.iter().all(is_active);
        ensure!(asked.is_empty() || all, "{:?} is live: {decision}", self.live);
        Ok(())
    }

    /// No flow is more than what flows, and there is no other.
    fn are_counted_once(&self, flows: &BTreeMap<(String, String), f64>) -> Result<()> {
        for ((source, destination), rate) in flows {
            let is_it = |edge: &&Edge| {
                format!("{}/{}", edge.source_namespace, edge.source) == *source
                    && format!("{}/{}", edge.destination_namespace, edge.destination) == *destination
            };
            let fed = self.edges.iter().find(is_it);
            let fed = fed.with_context(|| format!("nothing flows from {source} to {destination}"))?;
            let most = fed.bytes_per_s * INFLATED;
            ensure!((0.0..=most).contains(rate), "{rate} from {source} to {destination}: {fed:?}");
        }
        Ok(())
    }
}

/// On all of its nodes a peer's rates are the same.
fn is_of_one_snapshot(decision: &Value) -> Result<()> {
    let nodes = decision["nodes"].as_array().context("no nodes")?;
    let mut rates: BTreeMap<&str, [&Value; 2]> = BTreeMap::new();
    for peer in nodes.iter().filter_map(|node| node["peers"].as_array()).flatten() {
        let name = peer["application"].as_str().context("a peer without a name")?;
        let found = [&peer["outbound_bytes_per_second"], &peer["inbound_bytes_per_second"]];
        ensure!(*rates.entry(name).or_insert(found) == found, "{name} has other rates elsewhere: {decision}");
    }
    Ok(())
}

/// Series of the metrics page: the generation, and each policy that is loaded, with its digest and its state.
async fn live(extender: &Extender) -> Result<BTreeSet<String>> {
    let page = extender.get("/metrics").await?;
    let begins = [format!("{GENERATION} "), "netmarks_policy_live{".to_owned()];
    let is_live = |line: &&str| begins.iter().any(|begin| line.starts_with(begin));
    Ok(page.lines().filter(is_live).map(str::to_owned).collect())
}

/// The bound pods, each with its node, as the program knows them.
async fn known(extender: &Extender) -> Result<BTreeSet<(String, String)>> {
    let snapshot = extender.json("/v1/snapshot").await?;
    let pods = snapshot["pods"].as_array().context("no pods")?;
    let text = |pod: &Value, key: &str| pod[key].as_str().map(str::to_owned);
    Ok(pods.iter().filter_map(|pod| Some((text(pod, "name")?, text(pod, "node")?))).collect())
}
