//! All flows at one instant, arranged for the question a request asks: who does this application talk to?
//!
//! It is immutable, shared by requests without locks, and replaced whole.

use crate::facts::ApplicationId;

/// What one application exchanges with one peer, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerFlow {
    pub peer: ApplicationId,
    /// Calls made to the peer, requests and responses together: F(P, X).
    pub outbound: f64,
    /// Calls made by the peer: F(X, P).
    pub inbound: f64,
}

impl PeerFlow {
    /// Both directions together: the weight of a peer in the NetMARKS score.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.outbound + self.inbound
    }
}

/// Holds each application's peers, heaviest first, as compressed rows by application id.
#[derive(Clone, Debug, Default)]
pub struct FlowTable {
    first: Vec<u32>,
    peers: Vec<PeerFlow>,
    flows: usize,
}

impl FlowTable {
    /// Builds the table from directed flows; those of one edge are added up.
    ///
    /// Cost: one sort of both directions, so O(flows log flows), whatever the number of pods and nodes.
    #[must_use]
    pub fn new(flows: impl IntoIterator<Item = (ApplicationId, ApplicationId, f64)>) -> Self {
        let mut ends: Vec<(ApplicationId, PeerFlow)> = Vec::new();
        let mut count = 0;
        for (source, destination, bytes_per_second) in flows {
            count += 1;
            ends.push((source, PeerFlow { peer: destination, outbound: bytes_per_second, inbound: 0.0 }));
            ends.push((destination, PeerFlow { peer: source, outbound: 0.0, inbound: bytes_per_second }));
        }
        ends.sort_unstable_by_key(|(application, flow)| (*application, flow.peer));
        ends.dedup_by(|next, kept| {
            let same = (next.0, next.1.peer) == (kept.0, kept.1.peer);
            if same {
                kept.1.outbound += next.1.outbound;
                kept.1.inbound += next.1.inbound;
            }
            same
        });
        // A flow to oneself has both its ends here, each with one direction: F(P,P) + F(P,P) in the paper's sum.
        ends.sort_by(|(left, left_flow), (right, right_flow)| {
            left.cmp(right).then(right_flow.total().total_cmp(&left_flow.total()))
        });
        let rows = ends.last().map_or(0, |(application, _)| application.index() + 1);
        let mut first = Vec::with_capacity(rows + 1);
        let mut peers = Vec::with_capacity(ends.len());
        for (application, flow) in ends {
            while first.len() <= application.index() {
                first.push(u32::try_from(peers.len()).unwrap_or(u32::MAX));
            }
            peers.push(flow);
        }
        first.push(u32::try_from(peers.len()).unwrap_or(u32::MAX));
        Self { first, peers, flows: count }
    }

    /// The peers of `application`, heaviest first; empty for one that the metrics do not know.
    #[must_use]
    pub fn peers(&self, application: ApplicationId) -> &[PeerFlow] {
        let row = application.index();
        match (self.first.get(row), self.first.get(row + 1)) {
            (Some(&from), Some(&to)) => self.peers.get(from as usize..to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Every directed flow, each edge once.
    pub fn flows(&self) -> impl Iterator<Item = (ApplicationId, ApplicationId, f64)> + '_ {
        (0..self.first.len()).filter_map(|row| u32::try_from(row).ok().map(ApplicationId)).flat_map(
            move |source| {
                self.peers(source)
                    .iter()
                    .filter(|flow| flow.outbound > 0.0)
                    .map(move |flow| (source, flow.peer, flow.outbound))
            },
        )
    }

    /// How many directed flows it was built from.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flows
    }

    /// Whether there is no flow.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flows == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u32) -> ApplicationId {
        ApplicationId(index)
    }

    #[test]
    fn peers_are_merged_by_direction_and_sorted_by_weight() {
        let table = FlowTable::new([(id(3), id(1), 5.0), (id(1), id(3), 7.0), (id(1), id(2), 40.0)]);
        assert_eq!(
            table.peers(id(1)),
            [
                PeerFlow { peer: id(2), outbound: 40.0, inbound: 0.0 },
                PeerFlow { peer: id(3), outbound: 7.0, inbound: 5.0 },
            ]
        );
        assert_eq!(table.peers(id(2)), [PeerFlow { peer: id(1), outbound: 0.0, inbound: 40.0 }]);
        assert!(table.peers(id(0)).is_empty() && table.peers(id(9)).is_empty());
        let mut flows: Vec<_> = table.flows().collect();
        flows.sort_by_key(|flow| (flow.0, flow.1));
        assert_eq!(flows, [(id(1), id(2), 40.0), (id(1), id(3), 7.0), (id(3), id(1), 5.0)]);
    }

    #[test]
    fn traffic_to_oneself_counts_in_both_directions() {
        let table = FlowTable::new([(id(0), id(0), 5.0)]);
        assert_eq!(table.peers(id(0)), [PeerFlow { peer: id(0), outbound: 5.0, inbound: 5.0 }]);
    }
}
