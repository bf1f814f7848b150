//! What a policy answered, by node.

/// Raw scores, in the order in which the nodes were handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores(pub(crate) Vec<(String, f64)>);

impl Scores {
    /// The score of a node, if it was one to score.
    #[must_use]
    pub fn of(&self, node: &str) -> Option<f64> {
        self.0.iter().find(|(name, _)| name == node).map(|(_, score)| *score)
    }

    /// Nodes and their scores.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(node, score)| (node.as_str(), *score))
    }

    /// The nodes, the best first, equal ones together.
    #[must_use]
    pub fn order(&self) -> Vec<Vec<&str>> {
        self.order_by(|better, score| better == score)
    }

    /// The same where `ties` says which scores are equal to one before.
    pub(crate) fn order_by(&self, ties: impl Fn(f64, f64) -> bool) -> Vec<Vec<&str>> {
        let mut ranked: Vec<(&str, f64)> = self.iter().collect();
        // By name among equals, so that one answer has one order.
        ranked.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| left.0.cmp(right.0)));
        let mut groups: Vec<(f64, Vec<&str>)> = Vec::new();
        for (node, score) in ranked {
            match groups.last_mut() {
                Some((best, group)) if ties(*best, score) => group.push(node),
                _ => groups.push((score, vec![node])),
            }
        }
        groups
            .into_iter()
            .map(|(_, mut group)| {
                group.sort_unstable();
                group
            })
            .collect()
    }
}
