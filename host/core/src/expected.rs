//! The traffic that its author expects of an application: an annotation on its pods, which counts until the mesh reports some.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::application::Application;
use crate::flow::table::PeerFlow;
use crate::snapshot::Snapshot;

/// Names the peers of the pod's application with the bytes per second that all its pods exchange with each, in both
/// directions together: `shop/cart=200000, users=5000`. A peer without a namespace is in the pod's own.
pub const EXPECTED_TRAFFIC: &str = "netmarks.dev/expected-traffic";

/// Most peers that are read, as many as any pod needs; the annotation itself may hold 256 KiB.
const MOST_PEERS: usize = 64;

/// Longest `namespace/name` of a peer.
const LONGEST_PEER: usize = 63 + 1 + 253;

/// What a pod says of its application's traffic; empty for most pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedTraffic(Vec<(Application, f64)>);

impl ExpectedTraffic {
    /// Reads the annotation of a pod in `namespace`. A peer that it does not write as above is left out: a typing error in an
    /// annotation must not keep a pod from being placed.
    #[must_use]
    pub fn read(annotation: &str, namespace: &str) -> Self {
        let peer = |entry: &str| {
            let (name, bytes) = entry.split_once('=')?;
            let (namespace, name) = name.trim().split_once('/').unwrap_or((namespace, name.trim()));
            let bytes: f64 = bytes.trim().parse().ok()?;
            let named = !namespace.is_empty() && !name.is_empty();
            let known = named && namespace.len() + 1 + name.len() <= LONGEST_PEER;
            (known && bytes.is_finite() && bytes > 0.0).then(|| (Application::new(namespace, name), bytes))
        };
        Self(annotation.split(',').filter_map(peer).take(MOST_PEERS).collect())
    }

    /// Of these peers, in bytes per second.
    #[must_use]
    pub fn of(peers: impl IntoIterator<Item = (Application, f64)>) -> Self {
        Self(peers.into_iter().collect())
    }

    /// The peers of the application `name` in `snapshot`: those that the mesh has counted, or else those that are expected and
    /// that the cluster knows, the heaviest first.
    #[must_use]
    pub fn peers<'s>(&self, snapshot: &'s Snapshot, name: Option<&Application>) -> Cow<'s, [PeerFlow]> {
        let counted = name.and_then(|name| snapshot.application_id(name.as_str()));
        let counted = counted.map(|id| snapshot.flows().peers(id)).unwrap_or_default();
        if !counted.is_empty() || self.0.is_empty() {
            return Cow::Borrowed(counted);
        }
        let known = self.0.iter().filter_map(|(peer, bytes)| {
            let peer = snapshot.application_id(peer.as_str())?;
            Some(PeerFlow { peer, outbound: *bytes, inbound: 0.0 })
        });
        let mut peers: Vec<PeerFlow> = known.collect();
        peers.sort_by_key(|flow| (flow.peer, Reverse(flow.outbound.to_bits())));
        peers.dedup_by_key(|flow| flow.peer);
        peers.sort_by(|left, right| right.outbound.total_cmp(&left.outbound));
        Cow::Owned(peers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::book::Flow;
    use crate::index::Index;

    fn read(annotation: &str) -> Vec<(String, f64)> {
        let ExpectedTraffic(peers) = ExpectedTraffic::read(annotation, "shop");
        peers.into_iter().map(|(peer, bytes)| (peer.to_string(), bytes)).collect()
    }

    #[test]
    fn peers_of_the_own_and_of_other_namespaces() {
        let expected = [("shop/cart".to_owned(), 2e5), ("users/db".to_owned(), 5_000.0)];
        assert_eq!(read("cart=2e5, users/db = 5000"), expected);
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        for nothing in [
            "",
            ",",
            "cart",
            "cart=",
            "cart=much",
            "=5",
            "/=5",
            "a/=5",
            "cart=-1",
            "cart=0",
            "cart=NaN",
            "cart=inf",
        ] {
            assert_eq!(read(nothing), [], "{nothing}");
        }
        assert_eq!(read("cart=much,db=1"), [("shop/db".to_owned(), 1.0)]);
        assert_eq!(read(&format!("{}=1", "x".repeat(400))), []);
        assert_eq!(read(&"db=1,".repeat(50_000)).len(), MOST_PEERS);
    }

    #[test]
    fn they_count_until_the_mesh_has_counted() {
        let application = |name: &str| Application::new("shop", name);
        let flow = |source, destination| Flow {
            source: application(source),
            destination: application(destination),
            bytes_per_second: 7.0,
        };
        let mut index = Index::default();
        index.replace_flows(1.0, [flow("web", "cart"), flow("cart", "db")]);
        let snapshot = index.snapshot();
        let expected = ExpectedTraffic::read("cart=5,gone=1,db=9,cart=4", "shop");
        let peers = |name: &str| {
            let peers = expected.peers(&snapshot, Some(&application(name)));
            let named = |flow: &PeerFlow| {
                (snapshot.application_name(flow.peer).unwrap().name().to_owned(), flow.total())
            };
            peers.iter().map(named).collect::<Vec<_>>()
        };
        assert_eq!(peers("new"), [("db".to_owned(), 9.0), ("cart".to_owned(), 5.0)]);
        assert_eq!(peers("web"), [("cart".to_owned(), 7.0)]);
    }
}
