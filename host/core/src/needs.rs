//! What a policy asks to be told: the names of `description.needs` in `wit/policy.wit`.
//!
//! The vocabulary of the contract, the SDK, the engine that checks a policy and the gathering that fills a request; a test
//! holds the lists together. A new fact is a new name here, in the contract and in the SDK, and an arm in
//! [`crate::request`].

use strum::{EnumString, VariantNames};

/// A fact that fills one column: length, kind and unit are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, VariantNames)]
pub enum ColumnNeed {
    #[strum(serialize = "node.name")]
    NodeName,
    #[strum(serialize = "node.zone")]
    NodeZone,
    #[strum(serialize = "node.region")]
    NodeRegion,
    #[strum(serialize = "node.cpu-allocatable")]
    NodeCpuAllocatable,
    #[strum(serialize = "node.cpu-requested")]
    NodeCpuRequested,
    #[strum(serialize = "node.memory-allocatable")]
    NodeMemoryAllocatable,
    #[strum(serialize = "node.memory-requested")]
    NodeMemoryRequested,
    #[strum(serialize = "node.own-pods")]
    NodeOwnPods,
    #[strum(serialize = "node.target")]
    NodeTarget,
    #[strum(serialize = "node.target-cpu")]
    NodeTargetCpu,
    #[strum(serialize = "zone.round-trips")]
    ZoneRoundTrips,
    #[strum(serialize = "peer.name")]
    PeerName,
    #[strum(serialize = "peer.pods")]
    PeerPods,
    #[strum(serialize = "peer.replicas")]
    PeerReplicas,
    #[strum(serialize = "peer.local-share")]
    PeerLocalShare,
    #[strum(serialize = "peer.cpu-request")]
    PeerCpuRequest,
    #[strum(serialize = "peer.memory-request")]
    PeerMemoryRequest,
    #[strum(serialize = "pod.name")]
    PodName,
    #[strum(serialize = "pod.labels")]
    PodLabels,
    #[strum(serialize = "pod.cpu-request")]
    PodCpuRequest,
    #[strum(serialize = "pod.memory-request")]
    PodMemoryRequest,
    #[strum(serialize = "pod.replicas")]
    PodReplicas,
    #[strum(serialize = "pod.target")]
    PodTarget,
    #[strum(serialize = "pod.target-not-offered")]
    PodTargetNotOffered,
}

const PEERS: &str = "peers";
const OTHER_NODES: &str = "other-nodes";

/// Everything one policy asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Traffic per peer and where its pods run.
    pub peers: bool,
    /// Also nodes that are not candidates.
    pub other_nodes: bool,
    /// Columns, in the order in which the policy listed them.
    pub columns: Vec<ColumnNeed>,
}

/// A need that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedError {
    /// No such name in this version of the contract.
    #[error("unknown need `{name}`; this host knows {}", known())]
    Unknown { name: String },
    /// The same name twice.
    #[error("need `{name}` is listed twice")]
    Repeated { name: String },
    /// A need that only makes sense with `peers`.
    #[error("need `{name}` requires the need `peers`")]
    WithoutPeers { name: String },
}

impl Needs {
    /// Reads the names that a policy listed.
    ///
    /// # Errors
    /// For a name that is unknown, repeated, or useless without `peers`.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, NeedError> {
        let mut needs = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for name in names {
            if seen.contains(&name) {
                return Err(NeedError::Repeated { name: name.to_owned() });
            }
            seen.push(name);
            match name {
                PEERS => needs.peers = true,
                OTHER_NODES => needs.other_nodes = true,
                _ => match name.parse() {
                    Ok(column) => needs.columns.push(column),
                    Err(strum::ParseError::VariantNotFound) => {
                        return Err(NeedError::Unknown { name: name.to_owned() });
                    }
                },
            }
        }
        let orphan =
            seen.iter().find(|name| !needs.peers && (**name == OTHER_NODES || name.starts_with("peer.")));
        match orphan {
            Some(name) => Err(NeedError::WithoutPeers { name: (*name).to_owned() }),
            None => Ok(needs),
        }
    }
}

fn known() -> String {
    [&[PEERS, OTHER_NODES], ColumnNeed::VARIANTS].concat().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<&'static str> {
        [&[PEERS, OTHER_NODES], ColumnNeed::VARIANTS].concat()
    }

    #[test]
    fn columns_keep_the_policy_s_order() {
        let needs = Needs::parse(["node.zone", "peers", "node.name"]).unwrap();
        assert!(needs.peers && !needs.other_nodes);
        assert_eq!(needs.columns, [ColumnNeed::NodeZone, ColumnNeed::NodeName]);
        assert_eq!(Needs::parse([]).unwrap(), Needs::default());
    }

    #[test]
    fn every_name_of_the_contract_is_known_and_no_other() {
        let contract = include_str!("../../../wit/policy.wit");
        let documented: Vec<&str> = contract
            .lines()
            .filter_map(|line| line.trim().strip_prefix("///   `")?.split_once('`').map(|(name, _)| name))
            .collect();
        assert_eq!(documented, all());
        let needs = Needs::parse(documented).unwrap();
        assert_eq!(needs.columns.len(), ColumnNeed::VARIANTS.len());
    }

    /// Read as text: the SDK is written into the folders of authors and shares no code with the host.
    #[test]
    fn the_sdk_has_the_same_names_in_the_same_order() {
        let sdk = include_str!("../../../guest/sdk/src/need.rs");
        let named = |line: &'static str| {
            line.trim().strip_prefix("Need::")?.split_once(" => \"")?.1.strip_suffix("\",")
        };
        assert_eq!(sdk.lines().filter_map(named).collect::<Vec<_>>(), all());
    }

    #[test]
    fn mistakes_name_the_need() {
        let error = Needs::parse(["node.zones"]).unwrap_err();
        assert!(
            error.to_string().starts_with("unknown need `node.zones`; this host knows peers, other-nodes")
        );
        assert!(matches!(Needs::parse(["peers", "peers"]), Err(NeedError::Repeated { .. })));
        assert!(matches!(Needs::parse(["peer.name"]), Err(NeedError::WithoutPeers { .. })));
    }
}
