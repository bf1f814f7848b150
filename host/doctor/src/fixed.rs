//! An extender that shows a fixed cluster, a demo's or a snapshot file's: there is nothing behind it that could be examined.

use super::extender::Running;
use super::{Finding, Report, calls, extender};

/// What the extender shows instead of a live cluster, in words.
fn shown(running: &Running) -> Option<&'static str> {
    match running.numbers.origin.as_str() {
        "demo" => Some("a demo: the cluster is built in"),
        "snapshot-file" => Some("served from a snapshot file"),
        _ => None,
    }
}

/// The report on such an extender; `None` if any of them has a live cluster, or cannot be asked.
pub(super) fn report(replicas: &[Result<Running, String>]) -> Option<Report> {
    let fixed: Option<Vec<(&Running, &str)>> = replicas
        .iter()
        .map(|running| running.as_ref().ok().and_then(|running| Some((running, shown(running)?))))
        .collect();
    let fixed = fixed.filter(|fixed| !fixed.is_empty())?;
    let mut findings = Vec::new();
    for (running, what) in fixed {
        findings.extend(extender::findings_of(&Ok(running.clone()), None));
        findings.push(Finding::ok("cluster", format!("{} is {what}", running.url)));
        findings.extend(calls::answers_of(running));
    }
    for check in ["rights", "watches", "metrics store", "calls", "scheduler"] {
        findings.push(Finding {
            advice: None,
            ..Finding::skipped(check, "not looked at: no live cluster is behind this extender", "")
        });
    }
    Some(Report { findings })
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
        let found = report(&[running("demo")]).unwrap();
        assert_eq!((found.count(Status::Problem), found.count(Status::Warning)), (0, 0), "{found:?}");
        assert!(found.findings.iter().any(|finding| finding.found.contains("is a demo")), "{found:?}");
        let not = |finding: &&Finding| finding.found.starts_with("not looked at");
        assert_eq!(found.findings.iter().filter(not).count(), 5);
    }

    #[test]
    fn what_has_a_live_cluster_is_examined() {
        assert!(report(&[]).is_none());
        assert!(report(&[running("sources")]).is_none());
        assert!(report(&[running("demo"), running("sources")]).is_none());
        assert!(report(&[running("demo"), Err("refused".to_owned())]).is_none());
        // A version that does not say.
        assert!(report(&[running("")]).is_none());
    }
}
