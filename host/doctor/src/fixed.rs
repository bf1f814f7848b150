//! An extender that shows a fixed cluster, a demo's or a snapshot file's: there is nothing behind it that could be examined.

use super::extender::Running;
use super::pod::CHECK;
use super::{Finding, Namespaced, Report, calls, count, extender, metrics, watches};

/// What the extender shows instead of a live cluster, in words.
fn shown(running: &Running) -> Option<&'static str> {
    match running.numbers.origin.as_str() {
        "demo" => Some("a demo: the cluster is built in"),
        "snapshot-file" => Some("served from a snapshot file"),
        _ => None,
    }
}

/// The report on such an extender, and on what it decided for `pod`; `None` if any of them has a live cluster, or cannot be asked.
pub(super) fn report(replicas: &[Result<Running, String>], pod: Option<&Namespaced>) -> Option<Report> {
    let fixed: Option<Vec<(&Running, &str)>> = replicas
        .iter()
        .map(|running| running.as_ref().ok().and_then(|running| Some((running, shown(running)?))))
        .collect();
    let fixed = fixed.filter(|fixed| !fixed.is_empty())?;
    let mut findings = Vec::new();
    for (running, what) in &fixed {
        findings.extend(extender::findings_of(&Ok((*running).clone()), None));
        findings.push(Finding::ok("cluster", format!("{} is {what}", running.url)));
        findings.extend(calls::answers_of(running));
    }
    for check in ["rights", watches::CHECK, metrics::STORE, "calls", "scheduler"] {
        findings.push(Finding {
            advice: None,
            ..Finding::skipped(check, "not looked at: no live cluster is behind this extender", "")
        });
    }
    findings.extend(pod.map(|pod| decided(pod, fixed.iter().map(|(running, _)| *running))));
    Some(Report { findings })
}

/// Where the pod would go, by the last decision for it: nobody binds pods here.
fn decided<'r>(pod: &Namespaced, replicas: impl Iterator<Item = &'r Running>) -> Finding {
    let key = pod.to_string();
    let of_pod =
        |running: &'r Running| running.decisions.iter().flatten().find(|decision| decision.pod == key);
    let last = replicas.filter_map(of_pod).max_by(|one, other| one.at.total_cmp(&other.at));
    match last.map(|decision| (decision, decision.nodes.first())) {
        None => Finding::skipped(
            CHECK,
            format!("{pod}: no decision is remembered, and no scheduler asks here"),
            "ask as kube-scheduler would: POST /prioritize; `netmarks demo` prints the request",
        ),
        Some((_, None)) => Finding::warning(
            CHECK,
            format!("{pod}: the last decision prefers no node"),
            "see /v1/decisions for its reason",
        ),
        Some((decision, Some(best))) => Finding::ok(
            CHECK,
            format!(
                "{pod}: {} scored {}, the best of {}",
                best.node,
                best.score,
                count(decision.candidates, "candidate")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::super::extender::Numbers;
    use super::*;

    fn running(origin: &str) -> Result<Running, String> {
        let numbers = Numbers { origin: origin.to_owned(), nodes: 6, flows: 15, ..Numbers::default() };
        Ok(Running { url: "http://here".to_owned(), numbers, ..Running::default() })
    }

    #[test]
    fn a_demo_is_a_demo_and_no_problem() {
        let found = report(&[running("demo")], None).unwrap();
        assert_eq!((found.count(Status::Problem), found.count(Status::Warning)), (0, 0), "{found:?}");
        assert!(found.findings.iter().any(|finding| finding.found.contains("is a demo")), "{found:?}");
        let not = |finding: &&Finding| finding.found.starts_with("not looked at");
        assert_eq!(found.findings.iter().filter(not).count(), 5);
    }

    #[test]
    fn what_has_a_live_cluster_is_examined() {
        assert!(report(&[], None).is_none());
        assert!(report(&[running("sources")], None).is_none());
        assert!(report(&[running("demo"), running("sources")], None).is_none());
        assert!(report(&[running("demo"), Err("refused".to_owned())], None).is_none());
        // A version that does not say.
        assert!(report(&[running("")], None).is_none());
    }

    #[test]
    fn a_pod_that_is_named_is_looked_up_among_the_decisions() {
        let name = "shop/web-1".parse().unwrap();
        let found = |decisions: &str| {
            let decisions = serde_json::from_str(decisions).unwrap();
            let running = running("demo").map(|running| Running { decisions: Some(decisions), ..running });
            report(&[running], Some(&name)).unwrap().findings.pop().unwrap()
        };
        let best = r#"[{"at": 2, "pod": "shop/web-1", "candidates": 6, "nodes": [{"node": "n3", "score": 10, "raw": 5.0}]}]"#;
        assert_eq!(found(best).found, "shop/web-1: n3 scored 10, the best of 6 candidates");
        let empty = r#"[{"at": 2, "pod": "shop/web-1", "candidates": 6, "nodes": []}]"#;
        assert_eq!((found(empty).check, found(empty).status), ("pod", Status::Warning));
        assert!(found(&best.replace("web-1", "web-2")).found.contains("no decision is remembered"));
    }
}
