//! Does kube-scheduler ask? Has it ever, and did it about the pods that were scheduled since?
//!
//! A scheduler that lost the extender goes on without a word, since the extender is
//! `ignorable`, and only the pods that it scheduled meanwhile tell.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Client};

use super::extender::Numbers;
use super::{Finding, SKEW, Status, ago, count, patient, pods};

pub(super) const CALLS: &str = "calls";

/// Nodes per page: two that take pods are usually among the first.
const PAGE: u32 = 50;

/// Where to look if it never asked.
const NEVER: &str = "with several replicas give --server for each, since kube-scheduler keeps to one; then see the scheduler's entry under \
                     `extenders` and that it was restarted with it, that `urlPrefix` is reachable from kube-scheduler (host \
                     network: no Service names; network policies; TLS), its log at --v=5 for `extender`, and the pods' `schedulerName`; a \
                     pod that only one node fits is not asked about";

/// Where to look if it no longer asks.
const NO_MORE: &str = "kube-scheduler asked before: see on its node whether the copied client certificate has ended or the extender's \
                       authority changed (copy both again, docs/install.md), whether its manifest still has --config \
                       (`kubeadm upgrade` writes it again), whether `urlPrefix` is still the Service's address, and its log at --v=5 for \
                       `extender`; a pod that only one node fits is not asked about";

/// Where to look if what came was not a question.
const REFUSED: &str =
    "something else than kube-scheduler calls it, or an older one: see its log at `log.filter: debug`";

/// What is known of the pods that the extender should have been asked about.
#[derive(Clone, Debug)]
pub(super) struct ExpectedCalls {
    /// When each was created, in seconds since the Unix epoch; `Err` says why that is not known.
    pub(super) created: Result<Vec<f64>, String>,
    /// Whether at least two nodes take pods, if that is known.
    pub(super) choice: Option<bool>,
    /// Whether every replica of the extender was looked at.
    pub(super) every_replica: bool,
    /// New pods that the API server asked any replica about: where the webhook is used, kube-scheduler need not ask.
    pub(super) reviews: u64,
    /// When any of them was last asked, or the last one started, in seconds since the Unix epoch.
    pub(super) since: f64,
}

/// When the pods that were bound by one of these schedulers were created, in seconds since the Unix epoch. What still waits
/// for room is left out, since kube-scheduler asks when it has found some.
///
/// # Errors
/// Why it is not known.
pub(super) async fn created(client: &Client, schedulers: &[String]) -> Result<Vec<f64>, String> {
    let mut created = Vec::new();
    for scheduler in schedulers {
        let bound = format!("spec.schedulerName={scheduler},spec.nodeName!=");
        pods::each(client, &bound, |pod| created.extend(placed_at_choice(&pod))).await?;
    }
    Ok(created)
}

/// When a pod was created for which a node was chosen: static pods come with theirs, and a DaemonSet names the only one.
fn placed_at_choice(pod: &ObjectMeta) -> Option<f64> {
    let owners = pod.owner_references.as_deref().unwrap_or_default();
    let pinned = owners.iter().any(|owner| matches!(owner.kind.as_str(), "Node" | "DaemonSet"));
    let created = pod.creation_timestamp.as_ref()?;
    (!pinned).then(|| created.0.as_second() as f64)
}

/// Whether pods have a choice at all: two nodes or more take any pod.
///
/// # Errors
/// Why it is not known.
pub(super) async fn choice(client: &Client) -> Result<bool, String> {
    let api: Api<Node> = Api::all(client.clone());
    let mut params = ListParams::default().fields("spec.unschedulable=false").limit(PAGE);
    let mut open = 0;
    loop {
        let page = patient(api.list(&params)).await?;
        open += page.items.iter().filter(|node| takes_pods(node)).count();
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            _ if open > 1 => return Ok(true),
            Some(token) => params = params.continue_token(&token),
            None => return Ok(false),
        }
    }
}

fn takes_pods(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    !taints.iter().any(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
}

/// Judges the replica that was asked last; `now` in seconds since the Unix epoch.
pub(super) fn findings_of(numbers: &Numbers, expected: &ExpectedCalls, now: f64) -> Finding {
    let total = numbers.answered();
    if total + numbers.bad_requests == 0 && expected.reviews > 0 {
        let asked = count(usize::try_from(expected.reviews).unwrap_or(usize::MAX), "new pod");
        return Finding::ok(
            CALLS,
            format!("the API server asked about {asked}, and kube-scheduler about none"),
        );
    }
    let mut found = if total == 0 {
        let so_far = if numbers.bad_requests > 0 { "none answered" } else { "never called" };
        format!("{so_far} since it started {} ago", ago(now - numbers.started))
    } else {
        format!("{total} answered, the last {} ago", ago(now - numbers.last_request))
    };
    if numbers.bad_requests > 0 {
        found.push_str(&format!("; {} refused", numbers.bad_requests));
    }
    let (status, more, advice) = match unasked(expected) {
        Ok(0) if numbers.bad_requests > 0 => return Finding::warning(CALLS, found, REFUSED),
        Ok(0) if total > 0 => return Finding::ok(CALLS, found),
        Ok(0) => (
            Status::Warning,
            "but no pod was scheduled since either".to_owned(),
            "create a pod and look again; one that only one node fits is not asked about",
        ),
        Ok(pods) => {
            let (status, why, advice) = blame(pods, expected, numbers);
            let were = if pods == 1 { "was" } else { "were" };
            let pods = count(pods, "pod");
            // A replica that started later knows nothing of what was asked before.
            let since = if total > 0 && expected.since > numbers.last_request {
                format!("in the last {}", ago(now - expected.since))
            } else {
                "since".to_owned()
            };
            let more = format!("though {pods} {were} created {since} and scheduled without a question{why}");
            (status, more, advice)
        }
        Err(reason) => (
            Status::Warning,
            format!("and the pods since cannot be counted: {reason}"),
            if total > 0 { "see the cluster and the rights above" } else { NEVER },
        ),
    };
    Finding::new(CALLS, status, format!("{found}, {more}"), advice)
}

/// How many pods were created since it was last asked, and scheduled without a question.
fn unasked(expected: &ExpectedCalls) -> Result<usize, &str> {
    let created = expected.created.as_deref().map_err(String::as_str)?;
    Ok(created.iter().filter(|created| **created > expected.since + SKEW).count())
}

/// How bad that is, why it may be so, and what to do.
fn blame(pods: usize, expected: &ExpectedCalls, numbers: &Numbers) -> (Status, &'static str, &'static str) {
    if expected.choice == Some(false) {
        let why = ": fewer than two nodes take pods (not cordoned, no taint), and kube-scheduler asks nobody where there is no choice";
        return (Status::Warning, why, "nothing, until there is a second node");
    }
    if !expected.every_replica {
        let advice = "give --server for each replica, and see that each is reached: kube-scheduler keeps to one, and it may be another";
        return (Status::Warning, "; not every replica was looked at", advice);
    }
    let advice = match numbers.answered() {
        0 if numbers.bad_requests > 0 => REFUSED,
        0 => NEVER,
        _ => NO_MORE,
    };
    // One alone may well be a pod that only one node fitted.
    (if pods == 1 { Status::Warning } else { Status::Problem }, "", advice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STARTED: f64 = 1_000.0;
    const LAST: f64 = 5_000.0;
    const NOW: f64 = 41_000.0;

    /// Asked so often, the last time at [`LAST`].
    fn numbers(scored: u64) -> Numbers {
        let last_request = if scored > 0 { LAST } else { 0.0 };
        let answers = [("scored".to_owned(), scored)].into();
        Numbers { answers, started: STARTED, last_request, ..Numbers::default() }
    }

    fn expected(since: f64, created: &[f64]) -> ExpectedCalls {
        ExpectedCalls {
            created: Ok(created.to_vec()),
            choice: Some(true),
            every_replica: true,
            reviews: 0,
            since,
        }
    }

    #[test]
    fn pods_that_nobody_asked_about_since_are_a_problem() {
        // All pods before the last request were asked about, and one of the same moment as well.
        let asked = findings_of(&numbers(10), &expected(LAST, &[3_000.0, LAST, LAST + 1.0]), NOW);
        assert_eq!(asked, Finding::ok(CALLS, "10 answered, the last 10 h ago"));
        let lost = findings_of(&numbers(10), &expected(LAST, &[3_000.0, 6_000.0, 7_000.0]), NOW);
        assert_eq!(lost.status, Status::Problem);
        assert_eq!(
            lost.found,
            "10 answered, the last 10 h ago, though 2 pods were created since and scheduled without a question"
        );
        let advice = lost.advice.unwrap();
        for cause in ["client certificate has ended", "--config", "`urlPrefix`", "only one node fits"] {
            assert!(advice.contains(cause), "{advice}");
        }
        // One alone may have had no choice.
        let one = findings_of(&numbers(10), &expected(LAST, &[6_000.0]), NOW);
        assert_eq!(one.status, Status::Warning);
        assert!(
            one.found.ends_with("though 1 pod was created since and scheduled without a question"),
            "{one:?}"
        );
    }

    #[test]
    fn never_called_is_a_problem_only_if_somebody_should_have() {
        let never = findings_of(&numbers(0), &expected(STARTED, &[2_000.0, 3_000.0]), NOW);
        assert_eq!(never.status, Status::Problem);
        assert!(
            never.found.starts_with("never called since it started 11 h ago, though 2 pods"),
            "{never:?}"
        );
        let advice = never.advice.unwrap();
        assert!(advice.contains("schedulerName") && advice.contains("urlPrefix"), "{advice}");
        let idle = findings_of(&numbers(0), &expected(STARTED, &[500.0]), NOW);
        assert_eq!(idle.status, Status::Warning);
        assert!(idle.advice.unwrap().starts_with("create a pod"));
        let unknown = ExpectedCalls { created: Err("forbidden".to_owned()), ..expected(STARTED, &[]) };
        for scored in [0, 10] {
            let unknown = findings_of(&numbers(scored), &unknown, NOW);
            assert!(unknown.status == Status::Warning && unknown.found.ends_with("forbidden"), "{unknown:?}");
        }
    }

    #[test]
    fn where_nobody_need_ask_or_another_was_asked_there_is_no_problem() {
        let lost = expected(LAST, &[6_000.0, 7_000.0]);
        let alone = findings_of(&numbers(10), &ExpectedCalls { choice: Some(false), ..lost.clone() }, NOW);
        assert!(alone.status == Status::Warning && alone.found.contains("fewer than two nodes"), "{alone:?}");
        let partly = findings_of(&numbers(10), &ExpectedCalls { every_replica: false, ..lost.clone() }, NOW);
        assert!(
            partly.status == Status::Warning && partly.advice.as_ref().unwrap().contains("--server"),
            "{partly:?}"
        );
        assert_eq!(
            findings_of(&numbers(10), &ExpectedCalls { choice: None, ..lost }, NOW).status,
            Status::Problem
        );
    }

    #[test]
    fn where_the_api_server_asks_nobody_else_need() {
        let webhook = ExpectedCalls { reviews: 7, ..expected(STARTED, &[2_000.0, 3_000.0]) };
        let finding = findings_of(&numbers(0), &webhook, NOW);
        let says = "the API server asked about 7 new pods, and kube-scheduler about none";
        assert_eq!(finding, Finding::ok(CALLS, says));
        assert_eq!(findings_of(&numbers(10), &webhook, NOW).status, Status::Problem, "it asked before");
    }

    #[test]
    fn strange_requests_are_warned_of() {
        let strange = Numbers { bad_requests: 1, ..numbers(1) };
        let finding = findings_of(&strange, &expected(LAST, &[]), NOW);
        assert!(finding.status == Status::Warning && finding.found.ends_with("; 1 refused"), "{finding:?}");
        let nothing_else = Numbers { bad_requests: 5, ..numbers(0) };
        let finding = findings_of(&nothing_else, &expected(STARTED, &[2_000.0, 3_000.0]), NOW);
        assert!(
            finding.found.starts_with("none answered since it started 11 h ago; 5 refused, though 2 pods"),
            "{finding:?}"
        );
        assert_eq!(finding.advice.as_deref(), Some(REFUSED));
    }

    #[test]
    fn a_replica_that_started_since_shortens_what_is_known() {
        let restarted = findings_of(&numbers(10), &expected(37_400.0, &[6_000.0, 38_000.0, 39_000.0]), NOW);
        assert!(
            restarted.found.contains("the last 10 h ago, though 2 pods were created in the last 60 min and"),
            "{restarted:?}"
        );
    }

    #[test]
    fn only_pods_count_for_which_a_node_was_chosen() {
        let pod = |kind: &str| -> ObjectMeta {
            let owner = json!({"apiVersion": "v1", "kind": kind, "name": "a", "uid": "b"});
            let pod = json!({"creationTimestamp": "1970-01-01T00:01:40Z", "ownerReferences": [owner]});
            serde_json::from_value(pod).unwrap()
        };
        assert_eq!(placed_at_choice(&pod("ReplicaSet")), Some(100.0));
        assert_eq!((placed_at_choice(&pod("DaemonSet")), placed_at_choice(&pod("Node"))), (None, None));
    }

    #[test]
    fn tainted_nodes_take_none() {
        let node = |effect: &str| -> Node {
            let taints = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": effect}]);
            serde_json::from_value(json!({"metadata": {}, "spec": {"taints": taints}})).unwrap()
        };
        assert!(takes_pods(&Node::default()) && takes_pods(&node("PreferNoSchedule")));
        assert!(!takes_pods(&node("NoSchedule")) && !takes_pods(&node("NoExecute")));
    }
}
