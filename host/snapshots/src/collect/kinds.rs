//! Which objects are read, and the role that allows it. The lists are made from the same table as the role, so neither can ask for more than the other
//! grants.

/// A kind of object that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    /// As the API calls it.
    pub resource: &'static str,
    /// What the snapshot lacks without it.
    pub without: &'static str,
}

pub(crate) const NODES: Kind =
    Kind { group: "", resource: "nodes", without: "nothing is known of where pods could run" };
pub(crate) const PODS: Kind = Kind { group: "", resource: "pods", without: "nothing is known of what runs" };
pub(crate) const SERVICES: Kind = Kind {
    group: "",
    resource: "services",
    without: "default spreading of their pods and `trafficDistribution` are unknown",
};
pub(crate) const NAMESPACES: Kind = Kind {
    group: "",
    resource: "namespaces",
    without: "affinity that selects namespaces by their labels matches none",
};
pub(crate) const VOLUMES: Kind = Kind {
    group: "",
    resource: "persistentvolumes",
    without: "pods are taken to run in any zone, also those whose volume is in one zone only",
};
pub(crate) const CONTROLLERS: Kind = Kind {
    group: "",
    resource: "replicationcontrollers",
    without: "default spreading of their pods is unknown",
};
pub(crate) const REPLICA_SETS: Kind = Kind {
    group: "apps",
    resource: "replicasets",
    without: "default spreading of the pods of Deployments is unknown",
};
pub(crate) const STATEFUL_SETS: Kind =
    Kind { group: "apps", resource: "statefulsets", without: "default spreading of their pods is unknown" };
pub(crate) const BUDGETS: Kind = Kind {
    group: "policy",
    resource: "poddisruptionbudgets",
    without: "every pod is taken to be free to move",
};

/// Every kind that is listed.
pub const KINDS: [Kind; 9] =
    [NODES, PODS, SERVICES, NAMESPACES, VOLUMES, CONTROLLERS, REPLICA_SETS, STATEFUL_SETS, BUDGETS];

/// The smallest ClusterRole that reads everything, as YAML.
#[must_use]
pub fn cluster_role() -> String {
    let mut text = String::from(
        "# What `netmarks snapshot --kubeconfig` reads. It changes nothing and reads no Secrets.\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: ClusterRole\n\
         metadata:\n  name: netmarks-snapshot\nrules:\n",
    );
    for group in ["", "apps", "policy"] {
        text.push_str(&format!("  - apiGroups: [\"{group}\"]\n    resources:\n"));
        for kind in KINDS.iter().filter(|kind| kind.group == group) {
            text.push_str(&format!("      - {}\n", kind.resource));
        }
        text.push_str("    verbs: [\"list\"]\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_names_every_kind_once() {
        let role = cluster_role();
        for Kind { resource, .. } in KINDS {
            assert_eq!(role.matches(&format!("      - {resource}\n")).count(), 1, "{resource}");
        }
    }
}
