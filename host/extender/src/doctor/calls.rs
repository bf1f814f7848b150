//! Does kube-scheduler call, does it get scores, and is it offered enough nodes?

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};

use super::extender::{Decision, Running};
use super::{Finding, PATIENCE, ago, brief, count};

const CALLS: &str = "calls";
const ANSWERS: &str = "answers";
const CANDIDATES: &str = "candidates";

/// A bad outcome below this share (of 1) of all answers is not worth a warning.
const RARE: f64 = 0.01;

/// Objects per page of a list.
const PAGE: u32 = 500;

/// How many pods that name one of these schedulers were created since `since` (seconds since the Unix epoch), those that
/// came with their node left out: nobody schedules them.
///
/// # Errors
/// Why it is not known.
pub(super) async fn created(client: &Client, schedulers: &[String], since: f64) -> Result<usize, String> {
    let api: Api<Pod> = Api::all(client.clone());
    let mut created = 0;
    for scheduler in schedulers {
        let mut params = ListParams::default().fields(&format!("spec.schedulerName={scheduler}")).limit(PAGE);
        loop {
            let page = tokio::time::timeout(PATIENCE, api.list_metadata(&params))
                .await
                .map_err(|_| format!("no answer within {PATIENCE:?}"))?
                .map_err(|error| brief(&error))?;
            let younger = page.items.iter().filter(|pod| {
                let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
                let age = pod.metadata.creation_timestamp.as_ref();
                age.is_some_and(|time| time.0.as_second() as f64 > since)
                    && !owners.iter().any(|owner| owner.kind == "Node")
            });
            created += younger.count();
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
    }
    Ok(created)
}

/// What an outcome other than `scored` means, and what to do about it.
pub(super) fn why(outcome: &str) -> (&'static str, &'static str) {
    match outcome {
        "no-preference" => (
            "no candidate had a peer of the pod on it",
            "nothing is wrong if the pod talks to nobody, or its peers run nowhere yet; else see the flows and applications above",
        ),
        "no-metrics" => (
            "the metrics store had not answered yet",
            "see the metrics store above; right after a start it is normal",
        ),
        "stale-metrics" => (
            "the flows were older than `scoring.max_flow_age_seconds`",
            "see the metrics store above, and the extender's log for why refreshes fail",
        ),
        "policy-fault" => (
            "every active policy failed",
            "see `netmarks policy list` and the extender's log for the fault; `netmarks policy rollback` puts the last set back",
        ),
        "no-policy" => ("no policy is active", "activate one: `netmarks policy activate NAME`"),
        "overloaded" => (
            "more requests came at once than `server.max_concurrent` allows",
            "kube-scheduler asks for one at a time: find out who else calls, or raise `server.max_concurrent`",
        ),
        "deadline" => (
            "scoring took longer than `server.request_timeout_ms`",
            "give it more CPU (a limit throttles it), see `netmarks_policy_call_duration_seconds`, or raise \
             `server.request_timeout_ms` and the scheduler's `httpTimeout` with it",
        ),
        _ => ("it is not known to this version", "use the `netmarks` of the version that runs"),
    }
}

/// From the last call to the candidates. `created` is how many pods somebody should have asked about since it started, and
/// `now` in seconds since the Unix epoch.
pub(super) fn judge(running: &Running, created: &Result<usize, String>, now: f64) -> Vec<Finding> {
    let numbers = &running.numbers;
    let total: u64 = numbers.answers.values().sum();
    if total == 0 {
        return vec![never(running, created, now)];
    }
    let last = ago(now - numbers.last_request);
    let mut findings = Vec::new();
    if numbers.bad_requests > 0 {
        let advice = "something else than kube-scheduler calls it, or an older one: see its log at `log.filter: debug`";
        let found = format!("{total} answered, the last {last} ago; {} refused", numbers.bad_requests);
        findings.push(Finding::warning(CALLS, found, advice));
    } else {
        findings.push(Finding::ok(CALLS, format!("{total} answered, the last {last} ago")));
    }
    findings.extend(answers(running, total));
    if let Some(decisions) = &running.decisions {
        findings.extend(candidates(decisions, numbers.nodes));
    }
    findings
}

fn never(running: &Running, created: &Result<usize, String>, now: f64) -> Finding {
    let since = ago(now - running.numbers.started);
    let check = "with several replicas give --server for each, since kube-scheduler keeps to one; then see the scheduler's entry under `extenders` and that it was restarted with it, that `urlPrefix` is reachable from \
                 kube-scheduler (host network: no Service names; network policies; TLS), its log for `netmarks` or \
                 `extender`, and the pods' `schedulerName`; a pod that only one node fits is not asked about";
    match created {
        Ok(0) => Finding::warning(
            CALLS,
            format!("never called, but no pod was created either since it started {since} ago"),
            "create a pod and look again",
        ),
        Ok(pods) => Finding::problem(
            CALLS,
            format!("never called since it started {since} ago, though {} created", were(*pods)),
            check,
        ),
        Err(reason) => {
            let found =
                format!("never called since it started {since} ago; pods cannot be counted: {reason}");
            Finding::warning(CALLS, found, check)
        }
    }
}

fn were(pods: usize) -> String {
    format!("{} {}", count(pods, "pod"), if pods == 1 { "was" } else { "were" })
}

fn answers(running: &Running, total: u64) -> Vec<Finding> {
    let answers = &running.numbers.answers;
    let share = |number: u64| number as f64 / total as f64;
    let scored = answers.get("scored").copied().unwrap_or(0);
    let bad = answers.iter().filter(|(outcome, number)| {
        !matches!(outcome.as_str(), "scored" | "no-preference") && share(**number) >= RARE
    });
    let mut findings: Vec<Finding> = bad
        .map(|(outcome, number)| {
            let (meaning, advice) = why(outcome);
            let found = format!("{number} of {total} were empty, `{outcome}`: {meaning}");
            if scored == 0 {
                Finding::problem(ANSWERS, found, advice)
            } else {
                Finding::warning(ANSWERS, found, advice)
            }
        })
        .collect();
    if findings.is_empty() {
        let found = format!("{scored} of {total} preferred some node");
        findings.push(if scored == 0 {
            let (meaning, advice) = why("no-preference");
            Finding::warning(ANSWERS, format!("{found}; for all others {meaning}"), advice)
        } else {
            Finding::ok(ANSWERS, found)
        });
    }
    findings
}

fn candidates(decisions: &[Decision], nodes: u64) -> Option<Finding> {
    let nodes = usize::try_from(nodes).unwrap_or(usize::MAX);
    let mut offered: Vec<usize> = decisions.iter().map(|decision| decision.candidates).collect();
    offered.sort_unstable();
    let middle = *offered.get(offered.len() / 2)?;
    let found = format!("of {nodes} nodes, kube-scheduler offers {middle} for most pods");
    if middle * 2 >= nodes {
        return Some(Finding::ok(CANDIDATES, found));
    }
    let advice = "the others were filtered out (resources, taints, affinity, spread constraints) or, beyond 100 nodes, cut away by \
                  `percentageOfNodesToScore`: --pod NAMESPACE/NAME tells which";
    Some(Finding::warning(CANDIDATES, found, advice))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::super::extender::Numbers;
    use super::*;

    fn running(answers: &[(&str, u64)], candidates: usize, nodes: u64) -> Running {
        Running {
            numbers: Numbers {
                answers: answers.iter().map(|(outcome, number)| ((*outcome).to_owned(), *number)).collect(),
                started: 1_000.0,
                last_request: 1_050.0,
                nodes,
                ..Numbers::default()
            },
            decisions: Some(vec![Decision { candidates, ..Decision::default() }]),
            ..Running::default()
        }
    }

    fn sick(running: &Running, created: usize) -> Vec<(&'static str, Status, String)> {
        judge(running, &Ok(created), 1_060.0)
            .into_iter()
            .filter(|finding| finding.status != Status::Ok)
            .map(|finding| (finding.check, finding.status, finding.advice.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_scheduler_that_asks_and_is_answered_is_fine() {
        let running = running(&[("scored", 7), ("no-preference", 3)], 4, 4);
        let found: Vec<String> =
            judge(&running, &Ok(10), 1_060.0).into_iter().map(|finding| finding.found).collect();
        assert_eq!(
            found,
            [
                "10 answered, the last 10 s ago",
                "7 of 10 preferred some node",
                "of 4 nodes, kube-scheduler offers 4 for most pods",
            ]
        );
        assert!(sick(&running, 10).is_empty());
    }

    #[test]
    fn never_called_is_a_problem_only_if_somebody_should_have() {
        let running = running(&[], 0, 4);
        let [(CALLS, Status::Problem, advice)] = &sick(&running, 3)[..] else { panic!("one") };
        assert!(advice.contains("schedulerName") && advice.contains("urlPrefix"), "{advice}");
        let [(CALLS, Status::Warning, advice)] = &sick(&running, 0)[..] else { panic!("one") };
        assert!(advice.starts_with("create a pod"), "{advice}");
        let unknown = judge(&running, &Err("forbidden".to_owned()), 1_060.0);
        assert_eq!(unknown[0].status, Status::Warning);
    }

    #[test]
    fn every_empty_answer_says_why() {
        use crate::scoring::Empty;
        let all = [
            Empty::NoMetrics,
            Empty::StaleMetrics,
            Empty::PolicyFault,
            Empty::NoPolicy,
            Empty::Overloaded,
            Empty::Deadline,
        ];
        for empty in all {
            let [(ANSWERS, status, advice)] = &sick(&running(&[(empty.as_str(), 2)], 4, 4), 2)[..] else {
                panic!("one")
            };
            assert_eq!((*status, advice.as_str()), (Status::Problem, why(empty.as_str()).1));
            assert_ne!(why(empty.as_str()), why("another"), "{empty:?}");
            let some = sick(&running(&[(empty.as_str(), 2), ("scored", 5)], 4, 4), 2);
            assert_eq!(some[0].1, Status::Warning);
            assert!(sick(&running(&[(empty.as_str(), 2), ("scored", 500)], 4, 4), 2).is_empty(), "rare");
        }
        let none = sick(&running(&[(Empty::NoPreference.as_str(), 2)], 4, 4), 2);
        assert_eq!((none[0].0, none[0].1), (ANSWERS, Status::Warning));
    }

    #[test]
    fn few_candidates_and_strange_requests_are_warned_of() {
        assert_eq!(sick(&running(&[("scored", 1)], 100, 1_000), 1)[0].0, CANDIDATES);
        let mut strange = running(&[("scored", 1)], 4, 4);
        strange.numbers.bad_requests = 1;
        assert_eq!(sick(&strange, 1)[0].0, CALLS);
        strange.decisions = None;
        assert_eq!(judge(&strange, &Ok(1), 1_060.0).len(), 2, "nothing to say of candidates");
    }
}
