//! The machines: ten types, as in the published cluster. Which types those were was not published; these have the ratios of CPU to memory that
//! clouds sell.

use std::collections::BTreeMap;

use netmarks_scheduler_model::ResourceList;
use netmarks_sources::snapshot_file::{FileNode, NodeCondition, NodeScheduling};

use super::shape::Published;

/// Cores and GiB, the most frequent first.
const TYPES: [(u32, u64); 10] = [
    (32, 128),
    (48, 192),
    (64, 256),
    (32, 64),
    (40, 160),
    (16, 64),
    (96, 384),
    (24, 96),
    (96, 192),
    (64, 512),
];

/// Pods that one machine takes.
const PODS: u64 = 110;

/// Nothing was published of zones; machines are dealt out to three, so that figures by zone say something.
const ZONES: [&str; 3] = ["zone-a", "zone-b", "zone-c"];

pub(super) fn machines(shape: &Published) -> Vec<FileNode> {
    let types = TYPES.into_iter().zip(shape.machines);
    let all = types.flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
    all.zip(ZONES.into_iter().cycle())
        .enumerate()
        .map(|(number, ((cores, gib), zone))| {
            let name = format!("machine-{number:04}");
            let labels = [
                ("kubernetes.io/hostname", name.as_str()),
                ("node.kubernetes.io/instance-type", &format!("{cores}-cores-{gib}-gib")),
                ("topology.kubernetes.io/region", "region"),
                ("topology.kubernetes.io/zone", zone),
            ];
            let labels: BTreeMap<String, String> =
                labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            let ready = NodeCondition { kind: "Ready".to_owned(), status: "True".to_owned() };
            FileNode {
                name,
                labels,
                allocatable_cpu_cores: f64::from(cores),
                allocatable_memory_bytes: gib << 30,
                scheduling: Some(NodeScheduling {
                    allocatable: ResourceList { pods: PODS, ..ResourceList::default() },
                    conditions: vec![ready],
                    ..NodeScheduling::default()
                }),
                ..FileNode::default()
            }
        })
        .collect()
}
