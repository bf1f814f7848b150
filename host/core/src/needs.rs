//! What a policy asks to be told: the names of `description.needs` in `wit/policy.wit`.
//!
//! Apart because it is the vocabulary shared by the contract, the engine that checks a policy and the gathering
//! that fills a request. A new fact is a new name here and an arm in [`crate::request`].

/// A fact that fills one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnNeed {
    /// `node.name`.
    NodeName,
    /// `node.zone`.
    NodeZone,
    /// `node.region`.
    NodeRegion,
    /// `node.cpu-allocatable`, cores.
    NodeCpuAllocatable,
    /// `node.cpu-requested`, cores.
    NodeCpuRequested,
    /// `node.memory-allocatable`, bytes.
    NodeMemoryAllocatable,
    /// `node.memory-requested`, bytes.
    NodeMemoryRequested,
    /// `node.own-pods`.
    NodeOwnPods,
    /// `peer.name`.
    PeerName,
    /// `peer.pods`.
    PeerPods,
    /// `pod.name`.
    PodName,
    /// `pod.labels`.
    PodLabels,
    /// `pod.cpu-request`, cores.
    PodCpuRequest,
    /// `pod.memory-request`, bytes.
    PodMemoryRequest,
}

const COLUMNS: [(&str, ColumnNeed); 14] = [
    ("node.name", ColumnNeed::NodeName),
    ("node.zone", ColumnNeed::NodeZone),
    ("node.region", ColumnNeed::NodeRegion),
    ("node.cpu-allocatable", ColumnNeed::NodeCpuAllocatable),
    ("node.cpu-requested", ColumnNeed::NodeCpuRequested),
    ("node.memory-allocatable", ColumnNeed::NodeMemoryAllocatable),
    ("node.memory-requested", ColumnNeed::NodeMemoryRequested),
    ("node.own-pods", ColumnNeed::NodeOwnPods),
    ("peer.name", ColumnNeed::PeerName),
    ("peer.pods", ColumnNeed::PeerPods),
    ("pod.name", ColumnNeed::PodName),
    ("pod.labels", ColumnNeed::PodLabels),
    ("pod.cpu-request", ColumnNeed::PodCpuRequest),
    ("pod.memory-request", ColumnNeed::PodMemoryRequest),
];

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
    Unknown {
        /// As the policy wrote it.
        name: String,
    },
    /// The same name twice.
    #[error("need `{name}` is listed twice")]
    Repeated {
        /// As the policy wrote it.
        name: String,
    },
    /// A need that only makes sense with `peers`.
    #[error("need `{name}` requires the need `peers`")]
    WithoutPeers {
        /// As the policy wrote it.
        name: String,
    },
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
                _ => match COLUMNS.iter().find(|(known, _)| *known == name) {
                    Some((_, column)) => needs.columns.push(*column),
                    None => return Err(NeedError::Unknown { name: name.to_owned() }),
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
    let mut names = vec![PEERS, OTHER_NODES];
    names.extend(COLUMNS.iter().map(|(name, _)| *name));
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(documented.len(), COLUMNS.len() + 2);
        let needs = Needs::parse(documented).unwrap();
        assert_eq!(needs.columns.len(), COLUMNS.len());
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
