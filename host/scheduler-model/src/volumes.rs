//! Where bound volumes can be used.

use crate::node::Node;
use crate::node_affinity::NodeTerms;
use crate::pod::Volume;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
/// Labels of zone and region with what they are called today.
const LABELS: [(&str, &str); 4] = [
    ("failure-domain.beta.kubernetes.io/zone", ZONE),
    ("failure-domain.beta.kubernetes.io/region", REGION),
    (ZONE, ZONE),
    (REGION, REGION),
];

/// Whether the node affinity of each volume matches.
pub(crate) fn affinity_allows(volumes: &[Volume], node: &Node) -> bool {
    let affinities = volumes.iter().filter_map(|volume| volume.node_affinity.as_ref());
    affinities.into_iter().all(|affinity| NodeTerms::from_api(affinity).match_node(node))
}

/// Whether each volume's labels of zone and region name the node's. A node without any such label suits all.
pub(crate) fn zones_allow(volumes: &[Volume], node: &Node) -> bool {
    if !LABELS.iter().any(|(label, _)| node.labels.contains_key(*label)) {
        return true;
    }
    volumes.iter().all(|volume| {
        LABELS.iter().all(|(label, today)| {
            let Some(zones) = volume.labels.get(*label) else { return true };
            let of_node = node.labels.get(*label).or_else(|| node.labels.get(*today));
            let mut zones = zones.split("__").map(str::trim);
            of_node.is_some_and(|of_node| zones.any(|zone| zone == of_node))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_volume_is_used_in_its_zones_and_anywhere_in_a_cluster_without_zones() {
        let labels = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let volume = |key, value| [Volume { labels: labels(key, value), node_affinity: None }];
        let node = |key, value| Node { labels: labels(key, value), ..Node::default() };
        assert!(zones_allow(&volume(ZONE, "a"), &node(ZONE, "a")));
        assert!(zones_allow(&volume(ZONE, "a__b"), &node(ZONE, "b")));
        assert!(!zones_allow(&volume(ZONE, "a__b"), &node(ZONE, "c")));
        assert!(zones_allow(&volume("failure-domain.beta.kubernetes.io/zone", "a"), &node(ZONE, "a")));
        assert!(!zones_allow(&volume(ZONE, "a"), &node(REGION, "r")));
        assert!(zones_allow(&volume(ZONE, "a"), &Node::default()));
    }
}
