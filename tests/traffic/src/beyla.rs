//! What Beyla's network agents report: one row per direction of bytes, from the agent of each node that sees the flow.
//!
//! With the default labels a row does not say which node saw it from which end. A flow within a node is counted once by its agent; one between
//! nodes once by each of the two. So the maximum over agents is exact as long as each end has one pod.

use crate::exposition::{Dialect, Growth, Series};
use crate::proxy::{Ends, Proxy, target_labels};
use std::collections::BTreeMap;

/// Reports of the agents of all nodes at both ends.
#[expect(clippy::cast_precision_loss, reason = "numbers of pods are far below 2^52")]
pub(crate) fn report(proxies: &mut BTreeMap<String, Proxy>, ends: &Ends<'_>) {
    let edge = ends.edge;
    let pair_share = 1.0 / (ends.source.len() * ends.destination.len()) as f64;
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for source in ends.source {
        for destination in ends.destination {
            *shares.entry(&source.node).or_default() += pair_share;
            if destination.node != source.node {
                *shares.entry(&destination.node).or_default() += pair_share;
            }
        }
    }
    let source = (edge.source_namespace.as_str(), edge.source.as_str());
    let destination = (edge.destination_namespace.as_str(), edge.destination.as_str());
    for (node, share) in shares {
        let agent = agent(proxies, node);
        for (from, to, per_s) in [
            (source, destination, edge.request_bytes_per_s()),
            (destination, source, edge.response_bytes_per_s()),
        ] {
            let labels = vec![
                ("k8s_cluster_name", "test".to_owned()),
                ("k8s_dst_namespace", to.0.to_owned()),
                ("k8s_dst_owner_name", to.1.to_owned()),
                ("k8s_src_namespace", from.0.to_owned()),
                ("k8s_src_owner_name", from.1.to_owned()),
            ];
            let growth = Growth::Counter { per_s };
            agent.series.push(Series::new(ends.index, "beyla_network_flow_bytes", labels, share, growth));
        }
    }
}

fn agent<'a>(proxies: &'a mut BTreeMap<String, Proxy>, node: &str) -> &'a mut Proxy {
    let name = format!("beyla-{node}");
    proxies.entry(name.clone()).or_insert_with(|| {
        let labels = target_labels([
            ("job", "beyla"),
            ("namespace", "beyla"),
            ("pod", name.as_str()),
            ("node", node),
            ("instance", &format!("{name}:9090")),
        ]);
        Proxy { name, labels, dialect: Dialect::Text, series: Vec::new() }
    })
}
