//! What kube-scheduler counts for a pod, of every resource.
//!
//! The rule is `PodRequests` of `k8s.io/component-helpers/resource` as 1.36 calls it. `netmarks_core::requests` has the same for
//! CPU and memory, on types that the watch can afford to read for every pod; a property test holds the two together. Each
//! resource is counted on its own, as the rule never mixes two.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::resources::{ResourceList, amount};

type Quantities = BTreeMap<String, Quantity>;

/// What the score counts for a container that requests no CPU: 100m.
pub(crate) const DEFAULT_CPU_MILLICORES: u64 = 100;
/// What the score counts for a container that requests no memory: 200Mi.
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 200 << 20;

/// What counts for a pod.
pub(crate) struct CountedRequests {
    /// For whether it fits.
    pub(crate) requests: ResourceList,
    /// CPU and memory for how much room is left.
    pub(crate) non_zero: ResourceList,
    /// The same as `NodeResourcesFit` counts it for the pod that it scores: without what is requested for the pod as a
    /// whole. `None` if nothing is.
    pub(crate) of_containers: Option<ResourceList>,
}

pub(crate) fn pod_requests(pod: &api::Pod) -> CountedRequests {
    let empty = (api::PodSpec::default(), api::PodStatus::default());
    let spec = pod.spec.as_ref().unwrap_or(&empty.0);
    let status = pod.status.as_ref().unwrap_or(&empty.1);
    let rule = Rule { spec, status, infeasible: resize_is_infeasible(status) };
    let mut requests = ResourceList::default();
    for name in rule.names() {
        requests.set(name, rule.total(name, 0));
    }
    let of_containers = spec.resources.is_some().then(|| {
        let spec = &api::PodSpec { resources: None, ..spec.clone() };
        Rule { spec, status: &empty.1, infeasible: false }.non_zero()
    });
    CountedRequests { requests, non_zero: rule.non_zero(), of_containers }
}

/// The rule for one pod.
struct Rule<'a> {
    spec: &'a api::PodSpec,
    status: &'a api::PodStatus,
    /// Whether the node can never grant the resize that is asked for.
    infeasible: bool,
}

impl<'a> Rule<'a> {
    /// Every resource that the pod names somewhere.
    fn names(&self) -> BTreeSet<&'a str> {
        let containers = self.spec.containers.iter().chain(self.spec.init_containers.iter().flatten());
        let asked = containers.filter_map(|container| container.resources.as_ref()?.requests.as_ref());
        let whole = self.spec.resources.iter().filter_map(|resources| resources.requests.as_ref());
        let statuses = self.status.container_statuses.iter().flatten();
        let statuses = statuses.chain(self.status.init_container_statuses.iter().flatten());
        let granted = statuses.flat_map(|status| {
            let runs = status.resources.as_ref().and_then(|resources| resources.requests.as_ref());
            runs.into_iter().chain(&status.allocated_resources)
        });
        let all = asked.chain(whole).chain(&self.spec.overhead).chain(granted);
        all.flat_map(|quantities| quantities.keys().map(String::as_str)).collect()
    }

    fn non_zero(&self) -> ResourceList {
        let cpu = self.total("cpu", DEFAULT_CPU_MILLICORES);
        ResourceList::new(cpu, self.total("memory", DEFAULT_MEMORY_BYTES))
    }

    /// `default` counts for each container that does not name the resource.
    fn total(&self, name: &str, default: u64) -> u64 {
        let of = |quantities: Option<&Quantities>| requested(quantities, name);
        let statuses = self.status.container_statuses.iter().flatten();
        let statuses = statuses.chain(self.status.init_container_statuses.iter().flatten());
        let running = |container: &api::Container| {
            let asked = of(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
            let mut statuses = statuses.clone();
            let status = statuses.find(|status| status.name == container.name);
            let counted = status.map_or(asked, |status| {
                let runs = status.resources.as_ref();
                let allocated = of(status.allocated_resources.as_ref());
                self.effective(asked, runs.map(|runs| of(runs.requests.as_ref())), allocated)
            });
            counted.unwrap_or(default)
        };
        let mut total: u64 = 0;
        for container in &self.spec.containers {
            total = total.saturating_add(running(container));
        }
        let (mut sidecars, mut peak) = (0u64, 0u64);
        for container in self.spec.init_containers.iter().flatten() {
            let meanwhile = if container.restart_policy.as_deref() == Some("Always") {
                let sidecar = running(container);
                total = total.saturating_add(sidecar);
                sidecars = sidecars.saturating_add(sidecar);
                sidecars
            } else {
                let resources = container.resources.as_ref();
                let asked = of(resources.and_then(|resources| resources.requests.as_ref()));
                sidecars.saturating_add(asked.unwrap_or(default))
            };
            peak = peak.max(meanwhile);
        }
        total = total.max(peak);
        let whole = self.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        if let Some(asked) = of(whole).filter(|_| counts_for_the_whole_pod(name)) {
            let runs = self.status.resources.as_ref();
            let allocated = of(self.status.allocated_resources.as_ref());
            let runs = runs.map(|runs| of(runs.requests.as_ref()));
            total = self.effective(Some(asked), runs, allocated).unwrap_or(0);
        }
        total.saturating_add(of(self.spec.overhead.as_ref()).unwrap_or(0))
    }

    /// What counts of what is asked for, run with and set aside. Before anything runs, only the spec says something.
    fn effective(
        &self,
        asked: Option<u64>,
        runs: Option<Option<u64>>,
        allocated: Option<u64>,
    ) -> Option<u64> {
        let Some(runs) = runs else { return asked };
        let granted = runs.max(allocated);
        if self.infeasible { granted } else { granted.max(asked) }
    }
}

/// `None` if the resource is not named.
fn requested(quantities: Option<&Quantities>, name: &str) -> Option<u64> {
    quantities?.get(name).map(|Quantity(text)| amount(name, text).unwrap_or(0))
}

fn counts_for_the_whole_pod(name: &str) -> bool {
    name == "cpu" || name == "memory" || name.starts_with("hugepages-")
}

fn resize_is_infeasible(status: &api::PodStatus) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    let pending = conditions.find(|condition| condition.type_ == "PodResizePending");
    pending.is_some_and(|condition| condition.reason.as_deref() == Some("Infeasible"))
}
