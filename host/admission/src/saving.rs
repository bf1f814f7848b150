//! What a pod saves, in bytes per second, whatever the policies are: the traffic that stays within a node, and where its zones are.

use std::borrow::Cow;
use std::collections::HashMap;

use netmarks_core::application::Application;
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::facts::{ApplicationId, NodeId};
use netmarks_core::flow::table::PeerFlow;
use netmarks_core::snapshot::Snapshot;

/// The traffic of one more pod of an application with the pods of its peers, each counted as one of its replicas.
#[derive(Debug)]
pub(crate) struct Traffic<'a> {
    snapshot: &'a Snapshot,
    /// `None` for one that the cluster does not know yet.
    application: Option<ApplicationId>,
    peers: Cow<'a, [PeerFlow]>,
    /// Pods of the application, with the new one.
    replicas: f64,
}

impl<'a> Traffic<'a> {
    /// `None` if the application has no traffic: the mesh counts none, and `expected` says none either.
    pub(crate) fn of(snapshot: &'a Snapshot, name: &Application, expected: &ExpectedTraffic) -> Option<Self> {
        let application = snapshot.application_id(name.as_str());
        let row = application.and_then(|id| snapshot.application(id));
        let replicas = row.map_or(1, |row| row.replicas(1)).max(1);
        let peers = expected.peers(snapshot, Some(name));
        let any = peers.iter().any(|flow| flow.total() > 0.0);
        any.then(|| Self { snapshot, application, peers, replicas: f64::from(replicas) })
    }

    /// What it exchanges with the pods on a node.
    pub(crate) fn with_node(&self, node: &str) -> f64 {
        let Some(id) = self.snapshot.names().id(node) else { return 0.0 };
        self.by_node().filter(|(other, _)| *other == id).map(|(_, bytes)| bytes).sum()
    }

    /// The same, without the pods of its own application: it is one of them once it is there.
    pub(crate) fn with_others_on(&self, node: &str) -> f64 {
        let Some(id) = self.snapshot.names().id(node) else { return 0.0 };
        let all = self.exchanged().filter(|(peer, other, _)| *other == id && Some(*peer) != self.application);
        all.map(|(_, _, bytes)| bytes).sum()
    }

    /// By the number of the zone, for those that are known.
    pub(crate) fn by_zone(&self) -> HashMap<u32, f64> {
        let mut zones = HashMap::new();
        for (node, bytes) in self.by_node() {
            let zone = self.snapshot.node(node).zone;
            if zone != 0 {
                *zones.entry(zone).or_insert(0.0) += bytes;
            }
        }
        zones
    }

    fn by_node(&self) -> impl Iterator<Item = (NodeId, f64)> + '_ {
        self.exchanged().map(|(_, node, bytes)| (node, bytes))
    }

    /// With each peer on each node.
    fn exchanged(&self) -> impl Iterator<Item = (ApplicationId, NodeId, f64)> + '_ {
        self.peers.iter().flat_map(|flow| {
            let row = self.snapshot.application(flow.peer);
            let pods = f64::from(row.map_or(1, |row| row.pods).max(1));
            let of_each = flow.total() / self.replicas / pods;
            let entries = row.into_iter().flat_map(|row| row.placement.iter());
            entries.map(move |entry| (flow.peer, entry.node, of_each * f64::from(entry.pods)))
        })
    }
}

#[cfg(test)]
mod tests {
    use netmarks_core::facts::{NodeFacts, PodFacts, Resources};
    use netmarks_core::flow::book::Flow;
    use netmarks_core::index::Index;

    use super::*;

    #[test]
    fn one_pod_has_its_part_of_the_traffic() {
        let mut index = Index::default();
        for (node, zone) in [("a", Some("east")), ("b", Some("west")), ("c", Some("west")), ("d", None)] {
            let zone = zone.map(str::to_owned);
            index.apply_node(&NodeFacts { name: node.to_owned(), zone, ..NodeFacts::default() });
        }
        let pods = [
            ("web-1", "web", "a"),
            ("db-1", "db", "a"),
            ("db-2", "db", "b"),
            ("db-3", "db", "b"),
            ("db-4", "db", "d"),
        ];
        for (name, app, node) in pods {
            index.apply_pod(&PodFacts {
                key: format!("shop/{name}"),
                application: Some(Application::new("shop", app)),
                node: Some(node.to_owned()),
                gone: false,
                requests: Resources::default(),
                confined: false,
                revision: 0,
            });
        }
        let (web, db) = (Application::new("shop", "web"), Application::new("shop", "db"));
        index.replace_flows(1.0, [Flow { source: web, destination: db, bytes_per_second: 800.0 }]);
        let snapshot = index.snapshot();
        let of = |name| {
            let expected = ExpectedTraffic::read("db=400", "shop");
            let none = ExpectedTraffic::default();
            let application = Application::new("shop", name);
            [none, expected]
                .map(|said| Traffic::of(&snapshot, &application, &said).map(|traffic| traffic.with_node("b")))
        };
        assert_eq!(of("other"), [None, Some(200.0)], "what is expected counts where nothing was counted");
        assert_eq!(of("web"), [Some(200.0), Some(200.0)], "and nowhere else");
        let traffic =
            Traffic::of(&snapshot, &Application::new("shop", "web"), &ExpectedTraffic::default()).unwrap();
        // Two pods of `web` share 800 bytes/s, and each of the four of `db` has a quarter of a pod's part.
        let saved = ["a", "b", "c", "d", "unknown"].map(|node| traffic.with_node(node));
        assert_eq!(saved, [100.0, 200.0, 0.0, 100.0, 0.0]);
        assert_eq!(["a", "b"].map(|node| traffic.with_others_on(node)), [100.0, 200.0]);
        let mut zones: Vec<f64> = traffic.by_zone().into_values().collect();
        zones.sort_by(f64::total_cmp);
        assert_eq!(zones, [100.0, 200.0]);
    }
}
