//! The rights that evictions need.

/// The smallest ClusterRole for it beside the right to list nodes, as YAML. A RoleBinding in a namespace grants it there and nowhere else.
pub const CLUSTER_ROLE: &str = "\
# What carrying out a plan takes in namespaces whose pods may move: bind it by a RoleBinding in each of them.
# It deletes nothing: an eviction is what disruption budgets are asked about.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: netmarks-evictions
rules:
  - apiGroups: [\"\"]
    resources:
      - pods
    verbs: [\"list\", \"watch\"]
  - apiGroups: [\"\"]
    resources:
      - pods/eviction
    verbs: [\"create\"]
";
