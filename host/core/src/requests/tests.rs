use super::*;
use serde_json::{Value, json};

/// What counts for a pod: millicores and bytes.
fn counted(pod: &Value) -> (u64, u64) {
    let part = |key: &str| pod.get(key).cloned().unwrap_or_else(|| json!({}));
    // From text, as it arrives.
    let spec: PodSpec = serde_json::from_str(&part("spec").to_string()).unwrap();
    let status: PodStatus = serde_json::from_str(&part("status").to_string()).unwrap();
    let requests = pod_requests(&spec, &status);
    (requests.cpu_millicores, requests.memory_bytes)
}

fn container(cpu: &str) -> Value {
    json!({"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "9"}}})
}

fn sidecar(cpu: &str) -> Value {
    json!({"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
}

#[test]
fn every_kind_of_pod() {
    let two = json!([container("1"), container("500m")]);
    let on_failure = json!({"restartPolicy": "OnFailure", "resources": {"requests": {"cpu": "1"}}});
    for (what, spec, expected) in [
        ("no containers", json!({}), 0),
        ("null is absent", json!({"containers": null, "initContainers": null, "resources": null}), 0),
        ("no requests", json!({"containers": [{"name": "c"}, {"resources": {}}, {"resources": null}]}), 0),
        ("a request of null", json!({"containers": [{"resources": {"requests": {"cpu": null}}}]}), 0),
        ("a number", json!({"containers": [{"resources": {"requests": {"cpu": 2}}}]}), 2_000),
        ("a fraction", json!({"containers": [{"resources": {"requests": {"cpu": 0.5}}}]}), 500),
        ("malformed", json!({"containers": [{"resources": {"requests": {"cpu": "two"}}}]}), 0),
        ("containers add up", json!({"containers": two}), 1_500),
        ("a small init container", json!({"containers": two, "initContainers": [container("1")]}), 1_500),
        ("a large init container", json!({"containers": two, "initContainers": [container("4")]}), 4_000),
        (
            "init containers take turns",
            json!({"containers": two, "initContainers": [container("3"), container("2")]}),
            3_000,
        ),
        ("a sidecar stays", json!({"containers": two, "initContainers": [sidecar("2")]}), 3_500),
        ("sidecars alone", json!({"initContainers": [sidecar("2"), sidecar("1")]}), 3_000),
        (
            "a sidecar before an init container",
            json!({"containers": two, "initContainers": [sidecar("2"), container("3")]}),
            5_000,
        ),
        (
            "a sidecar after an init container",
            json!({"containers": two, "initContainers": [container("3"), sidecar("2")]}),
            3_500,
        ),
        (
            "sidecars around an init container",
            json!({"containers": two, "initContainers": [sidecar("1"), container("3"), sidecar("2")]}),
            4_500,
        ),
        (
            "another policy is not a sidecar",
            json!({"containers": two, "initContainers": [on_failure, on_failure]}),
            1_500,
        ),
        ("the pod as a whole", json!({"containers": two, "resources": {"requests": {"cpu": "1"}}}), 1_000),
        (
            "the pod as a whole, above its containers",
            json!({"containers": two, "resources": {"requests": {"cpu": "3"}}}),
            3_000,
        ),
        (
            "the pod as a whole, of another resource",
            json!({"containers": two, "resources": {"requests": {"memory": "1Gi"}}}),
            1_500,
        ),
        (
            "limits of the pod as a whole",
            json!({"containers": two, "resources": {"limits": {"cpu": "9"}}}),
            1_500,
        ),
        ("overhead", json!({"containers": two, "overhead": {"cpu": "250m"}}), 1_750),
        (
            "overhead on an init container",
            json!({"containers": two, "initContainers": [container("4")], "overhead": {"cpu": "250m"}}),
            4_250,
        ),
        (
            "overhead on the pod as a whole",
            json!({"containers": two, "resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "250m"}}),
            2_250,
        ),
    ] {
        assert_eq!(counted(&json!({"spec": spec})).0, expected, "{what}");
    }
}

#[test]
fn each_resource_has_its_own_peak() {
    let of = |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
    let spec = json!({"containers": [of("2", "1Ki"), of("1", "1Ki")], "initContainers": [of("1", "4Ki")]});
    assert_eq!(counted(&json!({"spec": spec})), (3_000, 4_096));
}

/// As Vertical Pod Autoscalers do it, in place.
#[test]
fn a_pod_that_is_resized_counts_as_the_largest_of_both() {
    let status = |name: &str, runs: &str, allocated: &str| {
        json!({
            "name": name, "ready": true, "allocatedResources": {"cpu": allocated},
            "resources": {"requests": {"cpu": runs}, "limits": {"cpu": "9"}},
        })
    };
    let pending = |reason: &str| {
        json!([
            {"type": "Ready", "status": "True"},
            {"type": "PodResizePending", "status": "True", "reason": reason},
        ])
    };
    let spec = json!({"containers": [container("2")]});
    for (what, status, expected) in [
        ("not resized", json!({"containerStatuses": [status("c", "2", "2")]}), 2_000),
        ("another container's", json!({"containerStatuses": [status("other", "5", "5")]}), 2_000),
        ("not running yet", json!({"containerStatuses": [{"name": "c", "resources": null}]}), 2_000),
        ("shrinking", json!({"containerStatuses": [status("c", "3", "2")]}), 3_000),
        ("set aside", json!({"containerStatuses": [status("c", "1", "4")]}), 4_000),
        ("growing", json!({"containerStatuses": [status("c", "1", "1")]}), 2_000),
        (
            "deferred",
            json!({"containerStatuses": [status("c", "1", "1")], "conditions": pending("Deferred")}),
            2_000,
        ),
        (
            "infeasible",
            json!({"containerStatuses": [status("c", "1", "1")], "conditions": pending("Infeasible")}),
            1_000,
        ),
        (
            "infeasible, and not running yet",
            json!({"containerStatuses": [{"name": "c"}], "conditions": pending("Infeasible")}),
            2_000,
        ),
    ] {
        assert_eq!(counted(&json!({"spec": spec, "status": status})).0, expected, "{what}");
    }

    let spec = json!({"containers": [container("1")], "initContainers": [sidecar("1")]});
    let running = json!({"initContainerStatuses": [status("s", "3", "3")]});
    assert_eq!(counted(&json!({"spec": spec, "status": running})).0, 4_000, "a sidecar");
    let spec = json!({"containers": [container("1")], "initContainers": [{"name": "s"}]});
    assert_eq!(
        counted(&json!({"spec": spec, "status": running})).0,
        1_000,
        "an init container that has ended"
    );
    let spec = json!({"containers": [container("1")], "resources": {"requests": {"cpu": "2"}}});
    let running = json!({"allocatedResources": {"cpu": "2"}, "resources": {"requests": {"cpu": "3"}}});
    assert_eq!(counted(&json!({"spec": spec, "status": running})).0, 3_000, "the pod as a whole");
}

#[test]
fn requests_beyond_any_machine_do_not_overflow() {
    let most = Amounts { cpu: Some(u64::MAX), memory: Some(u64::MAX), pods: None };
    let resources = Some(Requirements { requests: Some(most) });
    let huge = Container { resources, ..Container::default() };
    let spec = PodSpec {
        containers: vec![huge.clone(), huge.clone()],
        init_containers: vec![huge],
        overhead: Some(Amounts { cpu: Some(1), ..Amounts::default() }),
        ..PodSpec::default()
    };
    let all = pod_requests(&spec, &PodStatus::default());
    assert_eq!((all.cpu_millicores, all.memory_bytes), (u64::MAX, u64::MAX));
}
