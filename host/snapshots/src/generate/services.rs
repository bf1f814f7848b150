//! The services: how many pods each has, and what they request.

use std::collections::BTreeMap;

use fastrand::Rng;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use netmarks_core::application::Application;
use netmarks_scheduler_model::{Owner, Workload};
use netmarks_sources::snapshot_file::{FileNode, FileService};

use super::random::{float, heavy_tailed, scaled, weighted};
use super::shape::Published;

/// How uneven services are in pods: few have many.
const UNEVENNESS: f64 = 1.1;

/// Millicores that a pod requests before all are scaled to the published share, with their frequencies.
const CPU: [(u64, u32); 6] = [(250, 20), (500, 25), (1_000, 30), (2_000, 18), (4_000, 7), (100, 5)];

/// MiB for each core, with their frequencies.
const MEMORY: [(u64, u32); 4] = [(512, 25), (1_024, 40), (2_048, 25), (4_096, 10)];

/// Services of one namespace.
const PER_NAMESPACE: usize = 25;

/// A service. Those with traffic come first, the hub before all.
pub(super) struct Generated {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pods: usize,
    pub(super) cpu_millicores: u64,
    pub(super) memory_bytes: u64,
}

pub(super) fn services(shape: &Published, nodes: &[FileNode], random: &mut Rng) -> Vec<Generated> {
    let mut services: Vec<Generated> = pods(shape, random)
        .into_iter()
        .enumerate()
        .map(|(number, pods)| {
            let cpu_millicores = weighted(random, &CPU, 1_000);
            let memory = cpu_millicores * weighted(random, &MEMORY, 1_024) / 1_000;
            Generated {
                namespace: format!("team-{:03}", number / PER_NAMESPACE),
                name: format!("service-{number:04}"),
                pods,
                cpu_millicores,
                memory_bytes: memory << 20,
            }
        })
        .collect();
    let sum = |of: &dyn Fn(&Generated) -> u64| -> u64 {
        services.iter().map(|service| of(service) * service.pods as u64).sum()
    };
    let offered: (u64, u64) = nodes.iter().fold((0, 0), |(cpu, memory), node| {
        let both = node.allocatable();
        (cpu + both.cpu_millicores, memory + both.memory_bytes)
    });
    let cpu = float(offered.0) * shape.cpu / float(sum(&|service| service.cpu_millicores));
    let memory = float(offered.1) * shape.memory / float(sum(&|service| service.memory_bytes));
    for service in &mut services {
        service.cpu_millicores = scaled(service.cpu_millicores, cpu);
        service.memory_bytes = scaled(service.memory_bytes >> 20, memory) << 20;
    }
    services
}

/// Pods of each service: at least one, the hub as many as published, the others fewer than that and uneven.
fn pods(shape: &Published, random: &mut Rng) -> Vec<usize> {
    let others = shape.services.saturating_sub(1);
    let weights: Vec<f64> = (0..others).map(|_| heavy_tailed(random, UNEVENNESS)).collect();
    let most = shape.hub_pods.saturating_sub(1) as u64;
    let mut left = shape.pods.saturating_sub(shape.hub_pods + others) as u64;
    let mut counts = vec![1_u64; others];
    // What is above the limit of one is dealt out again to those below.
    while left > 0 {
        let open = |count: u64| count < most;
        let total: f64 = counts.iter().zip(&weights).filter(|(count, _)| open(**count)).map(|(_, w)| w).sum();
        if total == 0.0 {
            break;
        }
        let before = left;
        for (count, weight) in counts.iter_mut().zip(&weights) {
            if open(*count) {
                let more = scaled(before, weight / total).min(most - *count).min(left);
                *count += more;
                left -= more;
            }
        }
        if left == before {
            // Less than half a pod for each: one each, in order.
            for count in counts.iter_mut().filter(|count| open(**count)) {
                let one = left.min(1);
                *count += one;
                left -= one;
            }
        }
    }
    let counts = counts.into_iter().map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    std::iter::once(shape.hub_pods).chain(counts).collect()
}

impl Generated {
    pub(super) fn application(&self) -> Application {
        Application::new(&self.namespace, &self.name)
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("app".to_owned(), self.name.clone())])
    }

    pub(super) fn owner(&self) -> Owner {
        Owner { api_version: "apps/v1".to_owned(), kind: "ReplicaSet".to_owned(), name: self.name.clone() }
    }

    pub(super) fn service(&self) -> FileService {
        FileService {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            selector: self.labels(),
            traffic_distribution: None,
            internal_traffic_policy: None,
        }
    }

    pub(super) fn workload(&self) -> Workload {
        let selector = LabelSelector { match_labels: Some(self.labels()), match_expressions: None };
        Workload { namespace: self.namespace.clone(), owner: self.owner(), selector }
    }
}
