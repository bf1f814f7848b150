//! Why did a pod go where it did, though the webhook made it prefer other nodes? The model of kube-scheduler says, with the cluster as it is
//! now.

use k8s_openapi::api::core::v1 as api;
use kube::api::ListParams;
use kube::{Api, Client};
use netmarks_scheduler_model::{
    Cluster, Node, Plugin, PluginScores, Pod, Scheduler, SchedulerDecision, SchedulerOptions,
};

use super::pod::CHECK;
use super::{Finding, Namespaced, patient};

/// Names the decision on a pod that the webhook has changed.
const DECISION: &str = "netmarks.dev/decision";

/// And the node that was the best.
const PREFERRED_NODE: &str = "netmarks.dev/preferred-node";

/// Objects per page.
const PAGE: u32 = 500;

/// A pod that was steered, and the cluster that it is in.
#[derive(Clone, Debug)]
pub(super) struct Steered {
    /// The decision's id.
    pub(super) decision: String,
    /// What was the best node then.
    pub(super) best: Option<String>,
    pub(super) pod: Pod,
    pub(super) nodes: Vec<Node>,
    /// All others that are on a node.
    pub(super) others: Vec<Pod>,
}

/// Looks it up with the cluster around it; `None` if the webhook has not changed it.
///
/// # Errors
/// If the API server does not say.
pub(super) async fn fetch(client: &Client, name: &Namespaced) -> Result<Option<Steered>, String> {
    let pods: Api<api::Pod> = Api::namespaced(client.clone(), &name.namespace);
    let params = ListParams::default().fields(&format!("metadata.name={}", name.name));
    let Some(pod) = patient(pods.list(&params)).await?.items.into_iter().next() else { return Ok(None) };
    let annotation = |key: &str| pod.metadata.annotations.as_ref()?.get(key).cloned();
    let Some(decision) = annotation(DECISION) else { return Ok(None) };
    let nodes: Vec<api::Node> = all(Api::all(client.clone()), "").await?;
    let others: Vec<api::Pod> =
        all(Api::all(client.clone()), "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed").await?;
    let is_other = |other: &&api::Pod| other.metadata.uid != pod.metadata.uid;
    let model = |pod: &api::Pod| Pod::from_api(pod, |_| None);
    Ok(Some(Steered {
        decision,
        best: annotation(PREFERRED_NODE),
        pod: model(&pod),
        nodes: nodes.iter().map(Node::from).collect(),
        others: others.iter().filter(is_other).map(model).collect(),
    }))
}

/// Page by page.
async fn all<K>(api: Api<K>, fields: &str) -> Result<Vec<K>, String>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut items = Vec::new();
    let mut params = ListParams::default().fields(fields).limit(PAGE);
    loop {
        let page = patient(api.list(&params)).await?;
        items.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(items),
        }
    }
}

/// Where it went, beside what it prefers.
pub(super) fn finding_of(name: &Namespaced, steered: &Steered) -> Finding {
    let Steered { decision: id, best, pod, nodes, others } = steered;
    let by = format!("the webhook's decision {id}");
    let Some(went) = &pod.node_name else {
        let advice = "see `kubectl describe pod` for its events";
        return Finding::warning(CHECK, format!("{name} is not bound yet; it prefers nodes by {by}"), advice);
    };
    let mut cluster = Cluster::new(nodes.clone());
    for other in others {
        let template = cluster.template(other);
        if let Some(node) = other.node_name.as_deref().and_then(|node| cluster.node_index(node)) {
            cluster.place(template, node);
        }
    }
    let template = cluster.template(pod);
    let node_name = |node: usize| cluster.nodes().get(node).map_or("?", |node| node.name.as_str());
    let preference = cluster.preference(template);
    let most = preference.iter().copied().max().unwrap_or(0);
    let liked = |node: usize| preference.get(node).copied().unwrap_or(0);
    let preferred: Vec<usize> =
        (0..preference.len()).filter(|node| most > 0 && liked(*node) == most).collect();
    let Some(gone) = cluster.node_index(went) else {
        return Finding::warning(
            CHECK,
            format!("{name}: its node {went} is gone"),
            "look again with the next pod",
        );
    };
    let Some(first) = preferred.first() else {
        let advice = "nothing: the nodes that it preferred are gone, or have other labels now";
        return Finding::warning(
            CHECK,
            format!("{name} went to {went}; no node is what it prefers by {by}"),
            advice,
        );
    };
    if preferred.contains(&gone) {
        return Finding::ok(CHECK, format!("{name} went to {went}, which it prefers most by {by}"));
    }
    let best = best.as_deref().and_then(|best| cluster.node_index(best));
    let best = best.filter(|best| preferred.contains(best)).unwrap_or(*first);
    let best_name = node_name(best);
    let went_there = format!("{name} went to {went}, and not to {best_name}, which it prefers most by {by}");
    let reasons: Vec<_> = preferred.iter().map(|node| cluster.could_run(template, *node)).collect();
    if let (true, Err(reason)) = (reasons.iter().all(Result::is_err), cluster.could_run(template, best)) {
        return Finding::warning(
            CHECK,
            format!("{went_there}: it cannot take the pod, {reason}"),
            "nothing, if it was so when the pod was scheduled: no preference overrides a filter",
        );
    }
    let best = if cluster.could_run(template, best).is_ok() {
        best
    } else {
        let fits = preferred.iter().zip(&reasons).find(|(_, reason)| reason.is_ok());
        fits.map_or(best, |(node, _)| *node)
    };
    outvoted(&went_there, &cluster, &decide(&cluster, template), best, gone)
}

/// All nodes are compared, none left out.
fn decide(cluster: &Cluster, template: netmarks_scheduler_model::TemplateId) -> SchedulerDecision {
    let options = SchedulerOptions {
        percentage_of_nodes_to_score: Some(100),
        keep_scores: true,
        ..SchedulerOptions::default()
    };
    Scheduler::new(options).decide(cluster, template, None)
}

/// Which plugins gave the node that it went to more than the one that it prefers.
fn outvoted(
    went_there: &str,
    cluster: &Cluster,
    decision: &SchedulerDecision,
    best: usize,
    gone: usize,
) -> Finding {
    let place = |node: usize| decision.candidates.iter().position(|candidate| *candidate == node);
    let (best, gone) = (place(best), place(gone));
    let at = |values: &[i64], place: Option<usize>| place.and_then(|place| values.get(place)).copied();
    let (Some(ours), Some(theirs)) = (at(&decision.totals, best), at(&decision.totals, gone)) else {
        return Finding::warning(
            CHECK,
            format!("{went_there}: the model would not let it run there now"),
            "nothing: the cluster has changed since",
        );
    };
    if theirs > ours {
        let lead = |scores: &PluginScores| {
            let points = at(&scores.scores, gone)? - at(&scores.scores, best)?;
            Some((scores.plugin, points * scores.plugin.weight()))
        };
        let mut leads: Vec<(Plugin, i64)> = decision.scores.iter().filter_map(lead).collect();
        leads.retain(|(_, points)| *points > 0);
        leads.sort_by_key(|(_, points)| -points);
        let leads: Vec<String> =
            leads.iter().map(|(plugin, points)| format!("{plugin} gives it {points} more")).collect();
        return Finding::warning(
            CHECK,
            format!("{went_there}: other plugins outweigh it, {}", leads.join(", ")),
            "nothing, if spreading and room should win here; node affinity gives up to 200 points, whatever `admission.weight` is",
        );
    }
    let (all, default) = (cluster.nodes().len(), SchedulerOptions::default());
    let found = default.nodes_to_find(all);
    if found < all {
        return Finding::warning(
            CHECK,
            format!(
                "{went_there}: by the model it would go there now, so it had no room then, or was not among the candidates: of {all} nodes \
                 kube-scheduler compares {found}"
            ),
            "raise `percentageOfNodesToScore` where that can be; the term of the zone is for this",
        );
    }
    Finding::warning(
        CHECK,
        format!("{went_there}: by the model it would go there now, so it had no room then"),
        "look at the next pod",
    )
}

#[cfg(test)]
mod tests {
    use netmarks_scheduler_model::ResourceList;
    use serde_json::{Value, json};

    use super::*;
    use crate::Status;

    fn node(name: &str) -> Node {
        let labels = [("kubernetes.io/hostname".to_owned(), name.to_owned())].into();
        let allocatable = ResourceList { pods: 10, ..ResourceList::new(4_000, 8 << 30) };
        Node { name: name.to_owned(), labels, allocatable, ..Node::default() }
    }

    fn pod(name: &str, node: &str, fields: &Value) -> Pod {
        let mut pod = json!({"namespace": "shop", "name": name, "labels": {"app": "web"}, "nodeName": node});
        for (key, value) in fields.as_object().into_iter().flatten() {
            pod[key] = value.clone();
        }
        serde_json::from_value(pod).unwrap()
    }

    /// Prefers `a`, and is on `b`.
    fn steered(nodes: Vec<Node>, others: Vec<Pod>, fields: &Value) -> Finding {
        let rule = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]});
        let term = json!({"weight": 100, "preference": {"matchExpressions": [rule]}});
        let affinity = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}});
        let mut all = json!({"affinity": affinity, "requests": {"cpu": "1"}});
        for (key, value) in fields.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        let steered =
            Steered { decision: "d-1".to_owned(), best: None, pod: pod("web-1", "b", &all), nodes, others };
        finding_of(&"shop/web-1".parse().unwrap(), &steered)
    }

    fn says(finding: &Finding, words: &str) {
        assert!(finding.found.contains(words), "{finding:?}");
    }

    #[test]
    fn a_pod_where_it_wants_to_be_is_fine() {
        let there = steered(vec![node("a"), node("b")], vec![], &json!({"nodeName": "a"}));
        assert_eq!(there.status, Status::Ok);
        says(&there, "shop/web-1 went to a, which it prefers most by the webhook's decision d-1");
    }

    #[test]
    fn a_filter_is_named() {
        let full = pod("other", "a", &json!({"requests": {"cpu": "4"}}));
        says(
            &steered(vec![node("a"), node("b")], vec![full], &json!({})),
            "it cannot take the pod, too little cpu left",
        );
        let mut tainted = node("a");
        tainted.taints = serde_json::from_value(json!([{"key": "k", "effect": "NoSchedule"}])).unwrap();
        says(
            &steered(vec![tainted, node("b")], vec![], &json!({})),
            "has a taint that the pod does not tolerate",
        );
    }

    #[test]
    fn plugins_that_outweigh_it_are_named_with_their_points() {
        let spread = json!([{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "web"}},
        }]);
        let others = ["x", "y", "z"].map(|name| pod(name, "a", &json!({"requests": {"cpu": "1"}})));
        let finding =
            steered(vec![node("a"), node("b")], others.into(), &json!({"topologySpreadConstraints": spread}));
        says(
            &finding,
            "other plugins outweigh it, PodTopologySpread gives it 200 more, NodeResourcesFit gives it",
        );
    }

    #[test]
    fn where_nothing_speaks_against_it_the_sample_is_suspected() {
        says(&steered(vec![node("a"), node("b")], vec![], &json!({})), "so it had no room then");
        let many = (0..500).map(|number| node(&format!("n{number}"))).chain([node("a"), node("b")]);
        says(&steered(many.collect(), vec![], &json!({})), "of 502 nodes kube-scheduler compares 230");
    }
}
