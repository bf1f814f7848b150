//! Does kube-scheduler get scores, and is it offered enough nodes?

use super::Finding;
use super::asked::{self, ExpectedCalls};
use super::extender::{RecordedDecision, Running};

const ANSWERS: &str = "answers";
const CANDIDATES: &str = "candidates";

/// A bad outcome below this share (of 1) of all answers is not worth a warning.
const RARE: f64 = 0.01;

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

/// From the last call to the candidates; `now` in seconds since the Unix epoch.
pub(super) fn findings_of(running: &Running, expected: &ExpectedCalls, now: f64) -> Vec<Finding> {
    let mut findings = vec![asked::findings_of(&running.numbers, expected, now)];
    findings.extend(answers_of(running));
    if running.numbers.answered() > 0 {
        findings.extend(
            running.decisions.iter().filter_map(|decisions| candidates(decisions, running.numbers.nodes)),
        );
    }
    findings
}

/// What it answered so far; nothing if it was never asked.
pub(super) fn answers_of(running: &Running) -> Vec<Finding> {
    let total = running.numbers.answered();
    if total == 0 { Vec::new() } else { answers(running, total) }
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

fn candidates(decisions: &[RecordedDecision], nodes: u64) -> Option<Finding> {
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
            decisions: Some(vec![RecordedDecision { candidates, ..RecordedDecision::default() }]),
            ..Running::default()
        }
    }

    /// Every pod was asked about.
    fn findings_for(running: &Running) -> Vec<Finding> {
        let since = running.numbers.last_request;
        let expected = ExpectedCalls {
            created: Ok(vec![since]),
            choice: Some(true),
            every_replica: true,
            reviews: 0,
            since,
        };
        findings_of(running, &expected, 1_060.0)
    }

    fn sick(running: &Running) -> Vec<(&'static str, Status, String)> {
        findings_for(running)
            .into_iter()
            .filter(|finding| finding.status != Status::Ok)
            .map(|finding| (finding.check, finding.status, finding.advice.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_scheduler_that_asks_and_is_answered_is_fine() {
        let running = running(&[("scored", 7), ("no-preference", 3)], 4, 4);
        let found: Vec<String> = findings_for(&running).into_iter().map(|finding| finding.found).collect();
        assert_eq!(
            found,
            [
                "10 answered, the last 10 s ago",
                "7 of 10 preferred some node",
                "of 4 nodes, kube-scheduler offers 4 for most pods",
            ]
        );
        assert!(sick(&running).is_empty());
    }

    #[test]
    fn every_empty_answer_says_why() {
        use netmarks_scoring::Empty;
        let name = |empty: Empty| <&'static str>::from(empty);
        let all = [
            Empty::NoMetrics,
            Empty::StaleMetrics,
            Empty::PolicyFault,
            Empty::NoPolicy,
            Empty::Overloaded,
            Empty::Deadline,
        ];
        for empty in all {
            let [(ANSWERS, status, advice)] = &sick(&running(&[(name(empty), 2)], 4, 4))[..] else {
                panic!("one")
            };
            assert_eq!((*status, advice.as_str()), (Status::Problem, why(name(empty)).1));
            assert_ne!(why(name(empty)), why("another"), "{empty:?}");
            let some = sick(&running(&[(name(empty), 2), ("scored", 5)], 4, 4));
            assert_eq!(some[0].1, Status::Warning);
            assert!(sick(&running(&[(name(empty), 2), ("scored", 500)], 4, 4)).is_empty(), "rare");
        }
        let none = sick(&running(&[(name(Empty::NoPreference), 2)], 4, 4));
        assert_eq!((none[0].0, none[0].1), (ANSWERS, Status::Warning));
    }

    #[test]
    fn few_candidates_are_warned_of() {
        let mut few = running(&[("scored", 1)], 100, 1_000);
        assert_eq!(sick(&few)[0].0, CANDIDATES);
        few.decisions = None;
        assert_eq!(findings_for(&few).len(), 2, "nothing to say of candidates");
    }
}
