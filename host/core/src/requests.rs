//! What kube-scheduler counts for a pod: one rule, for pods that run and for the pod in a request.

use crate::facts::Resources;
use crate::pod::{Amounts, Container, PodSpec, PodStatus, Requirements, RestartPolicy};

/// kube-scheduler's rule: `PodRequests` of `k8s.io/component-helpers/resource` as it is called in 1.36 with the default
/// feature gates.
///
/// The sum of the containers and sidecars, or what the largest other init container needs together with the sidecars started
/// before it. A request of the pod as a whole takes its place, resource by resource. The overhead comes on top. While
/// a pod is resized, each of these counts as the largest of what is asked for, set aside and run with.
#[must_use]
pub fn pod_requests(spec: &PodSpec, status: &PodStatus) -> Resources {
    let resize = if status.resize_is_infeasible() { Resize::Infeasible } else { Resize::Feasible };
    let running = |container: &Container| {
        let asked = requests(container.resources);
        match status.container(&container.name) {
            Some(status) => resize.effective(asked, status.resources, status.allocated_resources),
            None => asked.into(),
        }
    };
    let mut total = Resources::default();
    for container in &spec.containers {
        total.add(running(container));
    }
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for container in &spec.init_containers {
        let mut meanwhile = sidecars;
        if container.restart_policy == Some(RestartPolicy::Always) {
            let sidecar = running(container);
            total.add(sidecar);
            sidecars.add(sidecar);
            meanwhile = sidecars;
        } else {
            meanwhile.add(requests(container.resources).into());
        }
        peak = peak.max(meanwhile);
    }
    total = total.max(peak);
    if let Some(whole) = spec.resources.and_then(|resources| resources.requests) {
        let effective = resize.effective(whole, status.resources, status.allocated_resources);
        if whole.cpu.is_some() {
            total.cpu_millicores = effective.cpu_millicores;
        }
        if whole.memory.is_some() {
            total.memory_bytes = effective.memory_bytes;
        }
    }
    total.add(spec.overhead.unwrap_or_default().into());
    total
}

/// Whether the node can grant what the spec asks for.
#[derive(Clone, Copy, Debug)]
enum Resize {
    Feasible,
    Infeasible,
}

impl Resize {
    /// What counts of what is asked for, run with and set aside. Before anything runs, only the spec says something.
    fn effective(
        self,
        asked: Amounts,
        running: Option<Requirements>,
        allocated: Option<Amounts>,
    ) -> Resources {
        if running.is_none() {
            return asked.into();
        }
        let granted = Resources::from(requests(running)).max(allocated.unwrap_or_default().into());
        match self {
            Self::Feasible => granted.max(asked.into()),
            Self::Infeasible => granted,
        }
    }
}

fn requests(resources: Option<Requirements>) -> Amounts {
    resources.and_then(|resources| resources.requests).unwrap_or_default()
}

#[cfg(test)]
mod tests;
