//! Which decisions are asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::decision::{Decision, Door};

/// Which decisions are asked for; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// `namespace/name` of the pod.
    pub pod: Option<String>,
    /// By which a pod names its decision.
    pub id: Option<String>,
    /// The one of this serial.
    pub serial: Option<String>,
    /// `namespace/name` of the pod's application.
    pub application: Option<String>,
    /// The best node, or the chosen one.
    pub node: Option<String>,
    pub door: Option<Door>,
    pub agreement: Option<Agreement>,
    /// Older than the one of this serial.
    pub before: Option<String>,
}

/// How a decision compares with where the pod went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// It went to a node of the best score.
    Agrees,
    /// It went to another one.
    Differs,
    /// No node had a score.
    Empty,
    /// The pod was seen on no node yet, or more nodes have the best score than are remembered.
    Unknown,
}

impl Agreement {
    /// Of a decision whose pod was seen on the node `chosen`, if it was seen.
    #[must_use]
    pub fn new(decision: &Decision, chosen: Option<&str>) -> Self {
        if decision.empty.is_some() {
            return Self::Empty;
        }
        let (Some(best), Some(chosen)) = (decision.nodes.first(), chosen) else { return Self::Unknown };
        let mut best_ones = decision.nodes.iter().filter(|node| node.score == best.score);
        if best_ones.any(|node| node.node == chosen) {
            Self::Agrees
        } else if decision.nodes.last().is_some_and(|last| last.score == best.score)
            && decision.candidates > decision.nodes.len()
        {
            Self::Unknown
        } else {
            Self::Differs
        }
    }
}

impl DecisionFilter {
    /// Whether it lets a decision through; serials are not looked at here.
    #[must_use]
    pub fn takes(&self, decision: &Decision, chosen: Option<&str>) -> bool {
        let Self { pod, id, serial: _, application, node, door, agreement, before: _ } = self;
        let best = decision.nodes.first().map(|best| best.node.as_str());
        pod.as_ref().is_none_or(|pod| decision.pod == *pod)
            && id.as_ref().is_none_or(|id| decision.id.as_ref() == Some(id))
            && application.as_ref().is_none_or(|name| {
                decision.application.as_ref().is_some_and(|application| application.as_str() == name)
            })
            && node.as_deref().is_none_or(|node| best == Some(node) || chosen == Some(node))
            && door.is_none_or(|door| decision.door == door)
            && agreement.is_none_or(|agreement| Agreement::new(decision, chosen) == agreement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::tests::{of_pod, scored};
    use crate::decisions::NODES;
    use crate::empty::Empty;

    #[test]
    fn where_a_pod_went_agrees_with_any_node_of_the_best_score() {
        use Agreement::{Agrees, Differs, Unknown};
        let two = [("a", 10), ("b", 7)];
        let tied = [("a", 10), ("b", 10), ("c", 9)];
        let names: Vec<String> = (0..NODES).map(|at| format!("n{at}")).collect();
        // As many as are remembered, all of the best score, and the same with a last one that is worse.
        let full: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 10)).collect();
        let mut ended = full.clone();
        ended.last_mut().unwrap().1 = 9;
        for (nodes, candidates, chosen, expected) in [
            (&two[..], 2, Some("a"), Agrees),
            (&two, 2, Some("b"), Differs),
            (&two, 2, None, Unknown),
            (&tied, 3, Some("b"), Agrees),
            (&tied, 3, Some("c"), Differs),
            (&two, 50, Some("elsewhere"), Differs),
            (&full, NODES, Some("n9"), Agrees),
            (&full, NODES + 1, Some("n9"), Agrees),
            // It may be one that is not remembered, or not.
            (&full, NODES + 1, Some("elsewhere"), Unknown),
            // It was not a candidate.
            (&full, NODES, Some("elsewhere"), Differs),
            (&ended, NODES + 1, Some("elsewhere"), Differs),
            (&[], 3, Some("a"), Unknown),
        ] {
            let nodes_scored = nodes.iter().map(|(name, score)| scored(name, *score)).collect();
            let decision = Decision { candidates, nodes: nodes_scored, ..of_pod("shop/web-1") };
            let found = Agreement::new(&decision, chosen);
            assert_eq!(found, expected, "{chosen:?} of {candidates} with {nodes:?}");
            let filter = DecisionFilter { agreement: Some(expected), ..DecisionFilter::default() };
            assert!(filter.takes(&decision, chosen));
            let empty = Decision { empty: Some(Empty::NoPreference), ..decision };
            assert_eq!(Agreement::new(&empty, chosen), Agreement::Empty);
        }
    }
}
