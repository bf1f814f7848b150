//! Holds [`Need`]: the names of what a policy can be told, so that authors neither spell them nor count columns.

/// A fact that a policy asks for. Length, kind and unit of each are those of the contract's `description.needs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Traffic per peer, and where its pods run: fills [`Request::peers`](crate::Request::peers).
    Peers,
    /// With [`Need::Peers`]: also the nodes that are not candidates but run pods of a peer.
    OtherNodes,
    /// Texts, per node.
    NodeName,
    /// Indexes, per node: equal numbers are the same zone, 0 is unknown.
    NodeZone,
    /// Indexes, per node: equal numbers are the same region, 0 is unknown.
    NodeRegion,
    /// Numbers, per node, cores.
    NodeCpuAllocatable,
    /// Numbers, per node, cores: sum over the pods running or starting there.
    NodeCpuRequested,
    /// Numbers, per node, bytes.
    NodeMemoryAllocatable,
    /// Numbers, per node, bytes: sum over the pods running or starting there.
    NodeMemoryRequested,
    /// Indexes, per node: pods of the pod's own application running or starting there.
    NodeOwnPods,
    /// Indexes, per node: how many pods of the pod's own application the target placement has there beyond those running or
    /// starting (of the pod's own revision); all 0 where there is no target.
    NodeTarget,
    /// Numbers, per node, cores: what the pods of all applications request that the target placement has there beyond those running or
    /// starting.
    NodeTargetCpu,
    /// Numbers, per pair of zones, seconds: mean time of a message to the other zone and back; 0 is unknown.
    /// [`Request::round_trips`](crate::Request::round_trips) reads them.
    ZoneRoundTrips,
    /// Texts, per peer: `namespace/name`.
    PeerName,
    /// Indexes, per peer: pods running or starting in the whole cluster.
    PeerPods,
    /// Indexes, per peer: pods that its controllers want, or that run or start if those are more.
    PeerReplicas,
    /// Numbers, per peer, 0 to 1: the share of the traffic with it whose calls prefer pods on the caller's node.
    PeerLocalShare,
    /// Numbers, per peer, cores: the mean of its pods.
    PeerCpuRequest,
    /// Numbers, per peer, bytes: the mean of its pods.
    PeerMemoryRequest,
    /// Texts, one: `namespace/name`.
    PodName,
    /// Texts: key, value, key, value, ...; [`Request::labels`](crate::Request::labels) pairs them.
    PodLabels,
    /// Numbers, one, cores.
    PodCpuRequest,
    /// Numbers, one, bytes.
    PodMemoryRequest,
    /// Indexes, one: as [`Need::PeerReplicas`], of the pod's own application, the pod itself counted; at least 1.
    PodReplicas,
    /// Indexes, one: the sum of [`Need::NodeTarget`] over all nodes of the cluster, candidates or not.
    PodTarget,
    /// Indexes, one: how many of [`Need::PodTarget`] are on nodes that are not candidates though they have room for the pod.
    PodTargetNotOffered,
}

impl Need {
    /// Every need, in the order of the contract.
    pub const ALL: [Need; 26] = [
        Need::Peers,
        Need::OtherNodes,
        Need::NodeName,
        Need::NodeZone,
        Need::NodeRegion,
        Need::NodeCpuAllocatable,
        Need::NodeCpuRequested,
        Need::NodeMemoryAllocatable,
        Need::NodeMemoryRequested,
        Need::NodeOwnPods,
        Need::NodeTarget,
        Need::NodeTargetCpu,
        Need::ZoneRoundTrips,
        Need::PeerName,
        Need::PeerPods,
        Need::PeerReplicas,
        Need::PeerLocalShare,
        Need::PeerCpuRequest,
        Need::PeerMemoryRequest,
        Need::PodName,
        Need::PodLabels,
        Need::PodCpuRequest,
        Need::PodMemoryRequest,
        Need::PodReplicas,
        Need::PodTarget,
        Need::PodTargetNotOffered,
    ];

    /// The contract's name, for example `node.zone`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Need::Peers => "peers",
            Need::OtherNodes => "other-nodes",
            Need::NodeName => "node.name",
            Need::NodeZone => "node.zone",
            Need::NodeRegion => "node.region",
            Need::NodeCpuAllocatable => "node.cpu-allocatable",
            Need::NodeCpuRequested => "node.cpu-requested",
            Need::NodeMemoryAllocatable => "node.memory-allocatable",
            Need::NodeMemoryRequested => "node.memory-requested",
            Need::NodeOwnPods => "node.own-pods",
            Need::NodeTarget => "node.target",
            Need::NodeTargetCpu => "node.target-cpu",
            Need::ZoneRoundTrips => "zone.round-trips",
            Need::PeerName => "peer.name",
            Need::PeerPods => "peer.pods",
            Need::PeerReplicas => "peer.replicas",
            Need::PeerLocalShare => "peer.local-share",
            Need::PeerCpuRequest => "peer.cpu-request",
            Need::PeerMemoryRequest => "peer.memory-request",
            Need::PodName => "pod.name",
            Need::PodLabels => "pod.labels",
            Need::PodCpuRequest => "pod.cpu-request",
            Need::PodMemoryRequest => "pod.memory-request",
            Need::PodReplicas => "pod.replicas",
            Need::PodTarget => "pod.target",
            Need::PodTargetNotOffered => "pod.target-not-offered",
        }
    }

    /// Whether the need arrives as a column; the others fill the peers.
    #[must_use]
    pub const fn is_column(self) -> bool {
        !matches!(self, Need::Peers | Need::OtherNodes)
    }

    /// Where the column of this need is among those that `needs` ask for.
    pub(crate) fn position(self, needs: &[Need]) -> Option<usize> {
        needs.iter().filter(|need| need.is_column()).position(|need| *need == self)
    }
}

#[cfg(test)]
mod tests {
    use super::Need;

    #[test]
    fn columns_are_counted_without_the_needs_that_fill_the_peers() {
        let needs = [Need::Peers, Need::NodeZone, Need::OtherNodes, Need::PodLabels];
        assert_eq!(Need::NodeZone.position(&needs), Some(0));
        assert_eq!(Need::PodLabels.position(&needs), Some(1));
        assert_eq!(Need::NodeName.position(&needs), None);
        assert_eq!(Need::Peers.position(&needs), None);
    }

    #[test]
    fn every_name_is_one_that_the_contract_documents() {
        let contract = include_str!("../../../wit/policy.wit");
        for need in Need::ALL {
            assert!(contract.contains(&format!("`{}` ", need.name())), "{}", need.name());
        }
        let documented = contract.lines().filter(|line| {
            ["`node.", "`peer.", "`pod.", "`peers` ", "`other-nodes` "]
                .iter()
                .any(|name| line.trim_start().starts_with(&format!("///   {name}")))
        });
        assert_eq!(documented.count(), Need::ALL.len());
    }
}
