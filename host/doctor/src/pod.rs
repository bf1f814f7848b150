//! Why did this pod go where it did, and not beside its heaviest peers?

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use netmarks_sources::snapshot_file::SnapshotFile;

use super::calls;
use super::extender::{RecordedDecision, RecordedScore};
use super::plugins::nodes_scored;
use super::scheduler_config::{DEFAULT_NAME, SchedulerConfig};
use super::schedulers::Schedulers;
use super::{Finding, Namespaced, SKEW, ago, count, patient};
use netmarks_core::units::bytes_per_second;
use netmarks_scoring::NODES;

pub(super) const CHECK: &str = "pod";

/// A pod as the API server has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Which scheduler it waits for.
    pub(super) scheduler: String,
    /// Where it is bound.
    pub(super) node: Option<String>,
    /// Seconds since the Unix epoch.
    pub(super) created: f64,
    /// What the scheduler says of a pod that it cannot place.
    pub(super) unschedulable: Option<String>,
}

/// Looks it up by a list, for which the extender's own rights suffice.
///
/// # Errors
/// If the API server does not say.
pub(super) async fn fetch(client: &Client, pod: &Namespaced) -> Result<Option<Seen>, String> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
    let params = ListParams::default().fields(&format!("metadata.name={}", pod.name));
    Ok(patient(api.list(&params)).await?.items.into_iter().next().map(|pod| {
        let spec = pod.spec.unwrap_or_default();
        let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
        let refused = conditions
            .into_iter()
            .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        Seen {
            scheduler: spec.scheduler_name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            node: spec.node_name,
            created: pod.metadata.creation_timestamp.map_or(0.0, |time| time.0.as_second() as f64),
            unschedulable: refused.and_then(|condition| condition.message),
        }
    }))
}

/// What is known beside the pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'k> {
    /// What the extender decided for it, newest first, and the cluster as it knows it; `Err` says why that is not known.
    pub(super) extender: Result<(&'k [RecordedDecision], &'k SnapshotFile), &'k str>,
    /// When the extender started, in seconds since the Unix epoch.
    pub(super) started: f64,
    pub(super) schedulers: &'k Schedulers,
    /// Now, in seconds since the Unix epoch.
    pub(super) now: f64,
}

/// The first reason that explains it all: each question makes sense only if the one before it was answered well.
pub(super) fn findings_of(
    name: &Namespaced,
    pod: &Result<Option<Seen>, String>,
    known: Known<'_>,
) -> Finding {
    let pod = match pod {
        Err(reason) => {
            return Finding::skipped(
                CHECK,
                format!("{name} cannot be read: {reason}"),
                "see the rights above",
            );
        }
        Ok(None) => {
            return Finding::problem(
                CHECK,
                format!("there is no pod {name}"),
                "see `kubectl get pods -A` for its name",
            );
        }
        Ok(Some(pod)) => pod,
    };
    // What was decided says more than any configuration: there may be one that is not to be seen from here.
    let decided = known.extender.ok().and_then(|(decisions, snapshot)| {
        // Of a namesake before it, as StatefulSets make them, there may be some, too; and those of the webhook.
        let of_the_extender = |decision: &&RecordedDecision| decision.id.is_none();
        let mut decisions = decisions.iter().filter(of_the_extender);
        let decision = decisions.find(|decision| decision.at + SKEW >= pod.created)?;
        Some((decision, snapshot))
    });
    let Some((decision, snapshot)) = decided else { return undecided(name, pod, known) };
    let scheduler = known.schedulers.of(&pod.scheduler);
    if let Some(empty) = decision.empty.as_deref().filter(|empty| *empty != "no-preference") {
        let (meaning, advice) = calls::why(empty);
        let found = format!(
            "{name}: the answer of {} ago was empty, `{empty}`: {meaning}",
            ago(known.now - decision.at)
        );
        return Finding::warning(CHECK, found, advice);
    }
    if decision.application.is_none() {
        let advice = "label its template with `app`, or set another `identity`";
        return Finding::warning(
            CHECK,
            format!("{name} has no application under this identity, so no flows"),
            advice,
        );
    }
    if let Some(finding) = missed(name, decision, snapshot, &pod.scheduler, scheduler) {
        return finding;
    }
    if decision.empty.is_some() {
        let (meaning, advice) = calls::why("no-preference");
        return Finding::warning(CHECK, format!("{name}: {meaning}"), advice);
    }
    placed(name, pod, decision, scheduler)
}

/// Whether its scheduler asked the extender after the webhook had steered it. What is older is a namesake's, as StatefulSets make them.
pub(super) fn through_both_doors(name: &Namespaced, decisions: &[RecordedDecision]) -> Option<Finding> {
    let steered = decisions.iter().filter(|decision| decision.id.is_some());
    let steered = steered.map(|decision| decision.at).reduce(f64::max)?;
    decisions.iter().find(|decision| decision.id.is_none() && decision.at >= steered)?;
    let found = format!("{name}: the webhook steered it, and its scheduler asked the extender, too");
    Some(Finding::warning(CHECK, found, "leave its scheduler out of `admission.schedulers`"))
}

/// Why there is no decision to look at.
fn undecided(name: &Namespaced, pod: &Seen, known: Known<'_>) -> Finding {
    if !known.schedulers.may_ask(&pod.scheduler) {
        let names = known.schedulers.names().join(" or ");
        let advice = format!(
            "set `schedulerName: {names}` in its template, or give the scheduler {} the extender, too",
            pod.scheduler
        );
        let found =
            format!("{name} waits for the scheduler {}, and the extender is with {names}", pod.scheduler);
        return Finding::problem(CHECK, found, advice);
    }
    match known.extender {
        Ok(_) => not_asked(name, pod, known),
        Err(reason) => Finding::skipped(
            CHECK,
            format!("{name}: the extender does not tell what it decided: {reason}"),
            "give --server with the address that kube-scheduler calls, not the one for probes",
        ),
    }
}

fn not_asked(name: &Namespaced, pod: &Seen, known: Known<'_>) -> Finding {
    if pod.node.is_some() && pod.created < known.started {
        let since = ago(known.now - known.started);
        let found =
            format!("{name} was scheduled before the extender started {since} ago, or in its first moments");
        return Finding::warning(
            CHECK,
            found,
            "delete the pod, so that a new one is scheduled, and look again",
        );
    }
    let pending = match &pod.unschedulable {
        Some(message) => format!(": {message}"),
        None => String::new(),
    };
    Finding::warning(
        CHECK,
        format!("{name}: no decision is remembered{pending}"),
        "see the calls above. kube-scheduler does not ask when no node or only one is fit, or when a node was nominated; and only the \
         last `scoring.decisions` are remembered",
    )
}

/// What the peers on each node exchange with the pod's application, in bytes per second: by what is known now.
fn traffic<'s>(snapshot: &'s SnapshotFile, application: &str, pod: &str) -> BTreeMap<&'s str, f64> {
    let mut rates: BTreeMap<&str, f64> = BTreeMap::new();
    for flow in &snapshot.flows {
        if flow.source.as_str() == application {
            *rates.entry(flow.destination.as_str()).or_default() += flow.bytes_per_second;
        }
        if flow.destination.as_str() == application {
            *rates.entry(flow.source.as_str()).or_default() += flow.bytes_per_second;
        }
    }
    let mut nodes: BTreeMap<&str, f64> = BTreeMap::new();
    for peer in snapshot.pods.iter().filter(|peer| peer.name != pod) {
        let rate = peer.application.as_ref().and_then(|peer| rates.get(peer.as_str()));
        if let (Some(rate), Some(node)) = (rate, &peer.node) {
            *nodes.entry(node.as_str()).or_default() += rate;
        }
    }
    nodes
}

/// Whether the node with the most traffic was not even offered, and why.
fn missed(
    name: &Namespaced,
    decision: &RecordedDecision,
    snapshot: &SnapshotFile,
    profile: &str,
    scheduler: Option<&SchedulerConfig>,
) -> Option<Finding> {
    let traffic = traffic(snapshot, decision.application.as_deref()?, &decision.pod);
    let (heaviest, rate) = traffic.into_iter().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let ranked = &decision.nodes;
    if ranked.iter().any(|node| node.node == heaviest) {
        return None;
    }
    // Only the best are remembered. Whoever is not among them was not offered if they are all there were, or if they were
    // ordered by traffic and this one had more than the last.
    let complete = decision.candidates <= NODES && ranked.len() == decision.candidates;
    let by_traffic = matches!(&decision.policies[..], [only] if only.policy == "netmarks");
    let above_last = ranked.last().is_some_and(|last| rate > last.raw);
    let certain = complete || (by_traffic && above_last);
    if !certain {
        return None;
    }
    let nodes = snapshot.nodes.len();
    let percentage = scheduler.and_then(|scheduler| scheduler.percentage(profile));
    let most = nodes_scored(nodes, percentage);
    let found = format!(
        "{name}: {heaviest} has the most of its traffic ({}), and kube-scheduler did not offer it among {}",
        bytes_per_second(rate),
        count(decision.candidates, "candidate")
    );
    Some(if most < nodes && decision.candidates >= most {
        let set = match percentage {
            Some(percentage) if percentage > 0 => format!("`percentageOfNodesToScore: {percentage}`"),
            _ => "the default `percentageOfNodesToScore`".to_owned(),
        };
        Finding::warning(
            CHECK,
            format!("{found}: with {nodes} nodes it stops looking after {most}, by {set}"),
            "raise `percentageOfNodesToScore` in kube-scheduler's configuration, 100 for all; docs/operate.md says what it costs",
        )
    } else {
        Finding::warning(
            CHECK,
            format!("{found}: a filter ruled it out"),
            format!(
                "compare the pod's requests, affinity, tolerations and spread constraints with `kubectl describe node {heaviest}`; no \
                 weight overrides a filter"
            ),
        )
    })
}

/// Whether it went to the best of those that were offered, and by how much that one was outvoted if not.
fn placed(
    name: &Namespaced,
    pod: &Seen,
    decision: &RecordedDecision,
    scheduler: Option<&SchedulerConfig>,
) -> Finding {
    let Some(best) = decision.nodes.first() else {
        return Finding::warning(
            CHECK,
            format!("{name}: the decision names no node"),
            "look again with the next pod",
        );
    };
    let of = format!("of {}", count(decision.candidates, "candidate"));
    let Some(node) = &pod.node else {
        let message = pod.unschedulable.clone().unwrap_or_else(|| "it was just asked about".to_owned());
        let found = format!("{name} is not bound yet; {} was the best {of}: {message}", best.node);
        return Finding::warning(CHECK, found, "see `kubectl describe pod` for its events");
    };
    let score = |node: &str| {
        decision
            .nodes
            .iter()
            .find(|scored| scored.node == node)
            .map_or(0, |RecordedScore { score, .. }| *score)
    };
    let (ours, its) = (best.score, score(node));
    if its >= ours {
        return Finding::ok(
            CHECK,
            format!("{name} went to {node}, which scored {its}: no other {of} scored more"),
        );
    }
    let mut found =
        format!("{name} went to {node}, which scored {its}, and not to {}, which scored {ours}", best.node);
    let mut advice = "raise the extender's `weight`, if traffic should win more often; kube-scheduler with -v=10 logs each \
                      plugin's points"
        .to_owned();
    if let Some(scheduler) = scheduler
        && let Some(worth) = scheduler.points_per_score().filter(|worth| *worth > 0)
    {
        let lead = (ours - its).saturating_mul(worth);
        let plugins = scheduler.plugin_points(&pod.scheduler);
        found = format!(
            "{found}: the plugins outweighed our lead of {lead} points, of the {plugins} that they can give"
        );
        let weight = worth / super::plugins::FACTOR;
        let certain = plugins / (ours - its).max(1) / super::plugins::FACTOR + 1;
        advice =
            format!("{advice}. It is {weight}; with {certain} the plugins could never outweigh such a lead");
    }
    Finding::warning(CHECK, found, advice)
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
