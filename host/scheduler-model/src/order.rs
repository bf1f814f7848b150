//! The order in which kube-scheduler looks at nodes: one of each zone by turns.

use hashbrown::HashMap;

use crate::node::Node;

/// Labels of region and zone; the older ones count where they are set, as in kube-scheduler.
const REGION: [&str; 2] = ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"];
const ZONE: [&str; 2] = ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"];

/// Indexes of the nodes.
pub(crate) fn by_turns(nodes: &[Node]) -> Vec<usize> {
    let mut zones: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<(&str, &str), usize, foldhash::fast::RandomState> = HashMap::default();
    for (index, node) in nodes.iter().enumerate() {
        let label = |names: [&str; 2]| {
            names.into_iter().find_map(|name| node.labels.get(name)).map_or("", String::as_str)
        };
        let zone = *known.entry((label(REGION), label(ZONE))).or_insert_with(|| {
            zones.push(Vec::new());
            zones.len() - 1
        });
        if let Some(zone) = zones.get_mut(zone) {
            zone.push(index);
        }
    }
    let longest = zones.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|turn| zones.iter().filter_map(move |zone| zone.get(turn)).copied()).collect()
}
