//! What kube-scheduler's log says of its decisions.

use std::collections::BTreeMap;

/// One pod that was taken up, for the last time if it was so several times.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// Namespace and name.
    pub(super) pod: String,
    /// By node; empty if at most one was left to choose from.
    pub(super) totals: BTreeMap<String, i64>,
    /// What the extender answered, by node.
    pub(super) extender: BTreeMap<String, i64>,
    /// Why it found no place: how many nodes for which reason.
    pub(super) refusal: BTreeMap<String, usize>,
}

/// The decisions about pods of a namespace, in their order.
pub(super) fn decisions(log: &str, namespace: &str) -> Vec<Decided> {
    let mut decisions: Vec<Decided> = Vec::new();
    for line in log.lines() {
        let Some(pod) = field(line, "pod=\"").filter(|pod| pod.split('/').next() == Some(namespace)) else {
            continue;
        };
        if line.contains("\"Attempting to schedule pod\"") {
            decisions.retain(|decided| decided.pod != pod);
            decisions.push(Decided { pod: pod.to_owned(), ..Decided::default() });
        } else if line.contains("\"Unable to schedule pod; no fit; waiting\"")
            && let Some(decided) = decisions.iter_mut().find(|decided| decided.pod == pod)
        {
            decided.refusal = refusal(field(line, "err=\"").unwrap_or_default());
        } else if let Some(decided) = decisions.iter_mut().find(|decided| decided.pod == pod)
            && let (Some(node), Some(score)) = (field(line, "node=\""), number(line, "score="))
        {
            if line.contains("\"Calculated node's final score for pod\"") {
                decided.totals.insert(node.to_owned(), score);
            } else if line.contains("\"Extender scored node for pod\"") {
                decided.extender.insert(node.to_owned(), score);
            }
        }
    }
    decisions
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(name)?;
    rest.split('"').next()
}

fn number(line: &str, name: &str) -> Option<i64> {
    let (_, rest) = line.split_once(name)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Of `0/9 nodes are available: 1 Too many pods, 8 Insufficient cpu. preemption: ...` the numbers and reasons.
fn refusal(message: &str) -> BTreeMap<String, usize> {
    let reasons = message.split_once("nodes are available: ").map_or("", |(_, rest)| rest);
    let reasons = reasons.split(". ").next().unwrap_or_default().trim_end_matches('.').split(", ");
    let counted = reasons.filter_map(|reason| {
        let (nodes, reason) = reason.split_once(' ')?;
        Some((reason.to_owned(), nodes.parse().ok()?))
    });
    counted.collect()
}
