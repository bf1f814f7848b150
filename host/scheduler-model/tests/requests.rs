//! What counts for a pod: the same as the watch counts for it, and of every other resource too.

use k8s_openapi::api::core::v1 as api;
use netmarks_core::pod::{PodSpec, PodStatus};
use netmarks_core::requests::pod_requests;
use netmarks_scheduler_model::{Pod, ResourceList};
use proptest::prelude::*;
use serde_json::{Value, json};

fn amounts() -> impl Strategy<Value = Value> {
    (prop::option::of(0..4_000_u64), prop::option::of(0..4_000_u64)).prop_map(|(cpu, memory)| {
        let mut amounts = json!({});
        if let Some(cpu) = cpu {
            amounts["cpu"] = json!(format!("{cpu}m"));
        }
        if let Some(memory) = memory {
            amounts["memory"] = json!(format!("{memory}Mi"));
        }
        amounts
    })
}

fn container(name: String) -> impl Strategy<Value = Value> {
    (amounts(), any::<bool>()).prop_map(move |(requests, sidecar)| {
        let mut container = json!({"name": name, "resources": {"requests": requests}});
        if sidecar {
            container["restartPolicy"] = json!("Always");
        }
        container
    })
}

fn status(name: String) -> impl Strategy<Value = Value> {
    (prop::option::of(amounts()), prop::option::of(amounts())).prop_map(move |(runs, allocated)| {
        let mut status = json!({"name": name, "image": "", "imageID": "", "ready": true, "restartCount": 0});
        if let Some(runs) = runs {
            status["resources"] = json!({"requests": runs});
        }
        if let Some(allocated) = allocated {
            status["allocatedResources"] = allocated;
        }
        status
    })
}

/// A pod in any state, with whatever of it may count.
fn any_pod() -> impl Strategy<Value = Value> {
    let containers = (container("a".to_owned()), container("b".to_owned()));
    let init = prop::collection::vec(container("i".to_owned()), 0..3);
    let statuses = prop::option::of((status("a".to_owned()), status("i".to_owned())));
    let whole = prop::option::of(amounts());
    let of_status = (prop::option::of(amounts()), prop::option::of(amounts()), any::<bool>());
    (containers, init, statuses, whole, prop::option::of(amounts()), of_status).prop_map(
        |((first, second), init, statuses, whole, overhead, (runs, allocated, infeasible))| {
            let mut spec = json!({"containers": [first, second], "initContainers": init});
            let mut status = json!({});
            if let Some(whole) = whole {
                spec["resources"] = json!({"requests": whole});
            }
            if let Some(overhead) = overhead {
                spec["overhead"] = overhead;
            }
            if let Some((container, init)) = statuses {
                status["containerStatuses"] = json!([container]);
                status["initContainerStatuses"] = json!([init]);
            }
            if let Some(runs) = runs {
                status["resources"] = json!({"requests": runs});
            }
            if let Some(allocated) = allocated {
                status["allocatedResources"] = allocated;
            }
            if infeasible {
                status["conditions"] =
                    json!([{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]);
            }
            json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec, "status": status})
        },
    )
}

fn read(pod: &Value) -> Pod {
    let pod: api::Pod = serde_json::from_value(pod.clone()).unwrap();
    Pod::from_api(&pod, |_| None)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_watch_and_the_model_count_the_same(pod in any_pod()) {
        let spec: PodSpec = serde_json::from_str(&pod["spec"].to_string()).unwrap();
        let status: PodStatus = serde_json::from_str(&pod["status"].to_string()).unwrap();
        let watched = pod_requests(&spec, &status);
        let counted = read(&pod).scheduling.requests;
        prop_assert_eq!((counted.cpu_millicores, counted.memory_bytes), (watched.cpu_millicores, watched.memory_bytes));
    }

    #[test]
    fn a_file_gives_back_what_was_written(pod in any_pod()) {
        let pod = read(&pod);
        let text = serde_json::to_string(&pod).unwrap();
        prop_assert_eq!(serde_json::from_str::<Pod>(&text).unwrap(), pod);
    }
}

#[test]
fn every_resource_counts_and_those_of_the_scores_are_never_nothing() {
    let gpu = json!({"requests": {"nvidia.com/gpu": "2", "cpu": "1"}});
    let container = json!({"name": "a", "resources": gpu});
    let pod = json!({"spec": {"containers": [container, {"name": "b"}]}});
    let pod = read(&pod);
    assert_eq!(pod.scheduling.requests.get("nvidia.com/gpu"), 2);
    assert_eq!(pod.scheduling.requests.cpu_millicores, 1_000);
    // 100m and 200Mi for each container that requests nothing.
    assert_eq!(pod.scheduling.non_zero_requests, Some(ResourceList::new(1_100, 400 << 20)));
    assert_eq!(pod.scheduling.container_requests, None);
}

#[test]
fn what_a_pod_requests_as_a_whole_replaces_its_containers_but_not_where_the_pod_is_scored() {
    let whole = json!({"requests": {"cpu": "3"}});
    let container = json!({"name": "a", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}});
    let pod = read(&json!({"spec": {"resources": whole, "containers": [container]}}));
    assert_eq!(pod.scheduling.requests, ResourceList::new(3_000, 1 << 30));
    assert_eq!(pod.scheduling.non_zero_requests, Some(ResourceList::new(3_000, 1 << 30)));
    assert_eq!(pod.scheduling.container_requests, Some(ResourceList::new(1_000, 1 << 30)));
}
