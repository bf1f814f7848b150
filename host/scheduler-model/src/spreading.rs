//! Topology spread constraints of a pod, its own or the scheduler's defaults.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::objects::{Owner, Service, Workload};
use crate::pod::Pod;
use crate::selector::{Labels, Selector};

pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
/// Labels that StatefulSets give to one pod or one revision: its selector cannot hold them.
const OF_ONE_POD: [&str; 3] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash"];

/// What becomes of a node that a constraint speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenUnsatisfiable {
    DoNotSchedule,
    ScheduleAnyway,
}

/// One constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) key: String,
    pub(crate) max_skew: i64,
    pub(crate) min_domains: usize,
    /// `None` selects nothing.
    pub(crate) selector: Option<Selector>,
    /// Only nodes that the pod's node affinity allows count.
    pub(crate) honours_affinity: bool,
    /// Only nodes whose taints the pod tolerates count.
    pub(crate) honours_taints: bool,
}

/// The constraints that a pod has itself.
pub(crate) fn own(pod: &Pod, when: WhenUnsatisfiable) -> Vec<Constraint> {
    let name = match when {
        WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
        WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
    };
    let constraints = pod.scheduling.topology_spread_constraints.iter();
    let constraints = constraints.filter(|constraint| constraint.when_unsatisfiable == name);
    let compiled = constraints.map(|constraint| {
        let keys = constraint.match_label_keys.iter().flatten();
        let labels = keys.filter_map(|key| Some((key.clone(), pod.labels.get(key)?.clone())));
        let labels = Selector::of_labels(&labels.collect::<Labels>());
        let honours = |policy: &Option<String>, default: bool| {
            policy.as_deref().map_or(default, |policy| policy == "Honor")
        };
        Constraint {
            key: constraint.topology_key.clone(),
            max_skew: i64::from(constraint.max_skew),
            min_domains: constraint.min_domains.and_then(|least| usize::try_from(least).ok()).unwrap_or(1),
            selector: Selector::from_api(constraint.label_selector.as_ref())
                .map(|selector| selector.and(labels)),
            honours_affinity: honours(&constraint.node_affinity_policy, true),
            honours_taints: honours(&constraint.node_taints_policy, false),
        }
    });
    compiled.collect()
}

/// The defaults for pods that `selector` means: none that exclude a node.
pub(crate) fn defaults(selector: &Selector) -> Vec<Constraint> {
    if selector.is_empty() {
        return Vec::new();
    }
    let constraint = |key: &str, max_skew| Constraint {
        key: key.to_owned(),
        max_skew,
        min_domains: 1,
        selector: Some(selector.clone()),
        honours_affinity: true,
        honours_taints: false,
    };
    vec![constraint(HOSTNAME, 3), constraint(ZONE, 5)]
}

/// The objects behind pods from which the selector of the default constraints is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behind {
    services: HashMap<String, Vec<Labels>, foldhash::fast::RandomState>,
    workloads: HashMap<(String, Owner), Selector, foldhash::fast::RandomState>,
}

impl Behind {
    pub(crate) fn set_services(&mut self, services: Vec<Service>) {
        self.services.clear();
        for Service { namespace, name: _, selector } in services {
            // A Service without a selector stands for no pods, not for all.
            if !selector.is_empty() {
                self.services.entry(namespace).or_default().push(selector);
            }
        }
    }

    pub(crate) fn set_workloads(&mut self, workloads: Vec<Workload>) {
        let compiled = workloads.into_iter().filter_map(|workload| {
            let selector = Selector::from_api(Some(&workload.selector))?;
            Some(((workload.namespace, workload.owner), selector))
        });
        self.workloads = compiled.collect();
    }

    /// The selector, and whether that of the pod's workload was known.
    pub(crate) fn selector(&self, pod: &Pod) -> (Selector, bool) {
        let services = self.services.get(&pod.namespace).into_iter().flatten();
        let of_pod = services.filter(|selector| {
            selector.iter().all(|(key, value)| pod.labels.get(key).is_some_and(|own| own == value))
        });
        let merged: BTreeMap<_, _> =
            of_pod.flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
        let services = Selector::of_labels(&merged);
        let Some(owner) = pod.scheduling.owner.as_ref().filter(|owner| selects_pods(owner)) else {
            return (services, true);
        };
        match self.workloads.get(&(pod.namespace.clone(), owner.clone())) {
            Some(workload) => (services.and(workload.clone()), true),
            None => {
                let mut labels = pod.labels.clone();
                labels.retain(|key, _| !OF_ONE_POD.contains(&key.as_str()));
                (services.and(Selector::of_labels(&labels)), false)
            }
        }
    }
}

/// Whether it is of the kinds that kube-scheduler looks up.
fn selects_pods(owner: &Owner) -> bool {
    matches!(
        (owner.api_version.as_str(), owner.kind.as_str()),
        ("apps/v1", "ReplicaSet" | "StatefulSet") | ("v1", "ReplicationController")
    )
}
