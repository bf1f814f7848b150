//! Puts the pods on the machines in a random order of creation, each on the machine with the largest share of its CPU free: what
//! a scheduler that knows nothing of traffic tends to.

use fastrand::Rng;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use netmarks_core::facts::Resources;
use netmarks_scheduler_model::{PodScheduling, ResourceList};
use netmarks_sources::snapshot_file::{FileNode, FilePod};

use super::random::float;
use super::services::Generated;

/// Seconds from one pod's creation to the next one's.
const APART: i64 = 10;

struct Room {
    name: String,
    cpu_millicores: u64,
    memory_bytes: u64,
    pods: u64,
    /// All of its CPU.
    whole: u64,
}

pub(super) fn pods(
    services: &[Generated],
    nodes: &[FileNode],
    taken_at: i64,
    random: &mut Rng,
) -> Vec<FilePod> {
    let mut rooms: Vec<Room> = nodes
        .iter()
        .map(|node| {
            let Resources { cpu_millicores, memory_bytes } = node.allocatable();
            let pods = node.model().allocatable.pods;
            Room { name: node.name.clone(), cpu_millicores, memory_bytes, pods, whole: cpu_millicores }
        })
        .collect();
    let mut order: Vec<(&Generated, usize)> =
        services.iter().flat_map(|service| (0..service.pods).map(move |number| (service, number))).collect();
    random.shuffle(&mut order);
    let first = taken_at - APART * i64::try_from(order.len()).unwrap_or(0);
    order
        .into_iter()
        .zip(0_i64..)
        .map(|((service, number), position)| {
            let created = Timestamp::from_second(first + APART * position).ok().map(Time);
            pod(service, number, place(service, &mut rooms), created)
        })
        .collect()
}

/// The machine with the largest share of its CPU free among those with room; `None` if no machine has room.
fn place(service: &Generated, rooms: &mut [Room]) -> Option<String> {
    let fits = |room: &&mut Room| {
        room.cpu_millicores >= service.cpu_millicores
            && room.memory_bytes >= service.memory_bytes
            && room.pods > 0
    };
    let free = |room: &Room| float(room.cpu_millicores) / float(room.whole);
    let room = rooms.iter_mut().filter(fits).max_by(|one, other| free(one).total_cmp(&free(other)))?;
    room.cpu_millicores -= service.cpu_millicores;
    room.memory_bytes -= service.memory_bytes;
    room.pods -= 1;
    Some(room.name.clone())
}

fn pod(service: &Generated, number: usize, node: Option<String>, created: Option<Time>) -> FilePod {
    let both = Resources { cpu_millicores: service.cpu_millicores, memory_bytes: service.memory_bytes };
    FilePod {
        name: format!("{}/{}-{number:04}", service.namespace, service.name),
        uid: None,
        application: Some(service.application()),
        labels: service.labels(),
        cpu_request_cores: both.cores(),
        memory_request_bytes: both.memory_bytes,
        scheduling: Some(PodScheduling {
            non_zero_requests: Some(ResourceList::new(both.cpu_millicores, both.memory_bytes)),
            owner: Some(service.owner()),
            start_time: node.is_some().then(|| created.clone()).flatten(),
            creation_timestamp: created,
            ..PodScheduling::default()
        }),
        node,
    }
}
