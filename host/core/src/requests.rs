//! What the scheduler reckons with for a pod: one rule, for pods that run and for the pod in a request.
//!
//! The types decode the parts of a pod's spec that count, as the API server writes them; other fields are skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::facts::Resources;
use crate::quantity;

/// A container or an init container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Requests; limits are skipped.
    pub resources: Option<Requirements>,
    /// For an init container: whether it keeps running beside the containers ("sidecar container").
    #[serde(rename = "restartPolicy")]
    pub keeps_running: KeepsRunning,
}

/// The field `resources` of a container or of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirements {
    pub requests: Option<Amounts>,
}

/// Amounts by resource. A malformed quantity, which the API server accepts nowhere, counts as nothing: to fail a whole list
/// or request for it would stop placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Millicores.
    #[serde(deserialize_with = "millicores")]
    pub cpu: Option<u64>,
    /// Bytes.
    #[serde(deserialize_with = "bytes")]
    pub memory: Option<u64>,
}

/// Whether an init container has `restartPolicy: Always`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeepsRunning(pub bool);

impl<'de> Deserialize<'de> for KeepsRunning {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let policy = deserializer.deserialize_any(Scalar)?;
        Ok(Self(policy.as_deref() == Some("Always")))
    }
}

fn millicores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = deserializer.deserialize_any(Scalar)?;
    Ok(text.map(|text| quantity::cpu_millicores(&text).unwrap_or(0)))
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = deserializer.deserialize_any(Scalar)?;
    Ok(text.map(|text| quantity::memory_bytes(&text).unwrap_or(0)))
}

/// A scalar as it was written: quantities may be numbers, and what is absent may be null.
struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

impl From<Amounts> for Resources {
    fn from(amounts: Amounts) -> Self {
        Self { cpu_millicores: amounts.cpu.unwrap_or(0), memory_bytes: amounts.memory.unwrap_or(0) }
    }
}

impl Container {
    fn requests(&self) -> Resources {
        self.resources.and_then(|resources| resources.requests).unwrap_or_default().into()
    }
}

/// The scheduler's rule (`PodRequests` of `k8s.io/component-helpers/resource`, 1.36): the sum of the containers and of the
/// init containers that keep running, or what the largest other init container needs together with those started before it;
/// a request of the pod as a whole takes its place; then the overhead.
#[must_use]
pub fn pod_requests(
    containers: &[Container],
    init_containers: &[Container],
    pod: Option<Requirements>,
    overhead: Option<Amounts>,
) -> Resources {
    let running = containers.iter().map(Container::requests).fold(Resources::default(), sum);
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for container in init_containers {
        if container.keeps_running.0 {
            sidecars = sum(sidecars, container.requests());
            peak = largest(peak, sidecars);
        } else {
            peak = largest(peak, sum(sidecars, container.requests()));
        }
    }
    let mut requests = largest(sum(running, sidecars), peak);
    if let Some(whole) = pod.and_then(|resources| resources.requests) {
        requests.cpu_millicores = whole.cpu.unwrap_or(requests.cpu_millicores);
        requests.memory_bytes = whole.memory.unwrap_or(requests.memory_bytes);
    }
    sum(requests, overhead.unwrap_or_default().into())
}

fn sum(left: Resources, right: Resources) -> Resources {
    Resources {
        cpu_millicores: left.cpu_millicores.saturating_add(right.cpu_millicores),
        memory_bytes: left.memory_bytes.saturating_add(right.memory_bytes),
    }
}

fn largest(left: Resources, right: Resources) -> Resources {
    Resources {
        cpu_millicores: left.cpu_millicores.max(right.cpu_millicores),
        memory_bytes: left.memory_bytes.max(right.memory_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Millicores of a pod with this spec.
    fn millicores_of(spec: &Value) -> u64 {
        let part = |key: &str| spec.get(key).cloned().unwrap_or(Value::Null);
        let containers = |key| serde_json::from_value::<Option<Vec<Container>>>(part(key)).unwrap();
        pod_requests(
            &containers("containers").unwrap_or_default(),
            &containers("initContainers").unwrap_or_default(),
            serde_json::from_value(part("resources")).unwrap(),
            serde_json::from_value(part("overhead")).unwrap(),
        )
        .cpu_millicores
    }

    #[test]
    fn every_kind_of_pod() {
        let container =
            |cpu: &str| json!({"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "9"}}});
        let sidecar = |cpu: &str| {
            let mut sidecar = container(cpu);
            sidecar["restartPolicy"] = json!("Always");
            sidecar
        };
        let two = json!([container("1"), container("500m")]);
        for (what, spec, expected) in [
            ("no containers", json!({}), 0),
            ("null is absent", json!({"containers": null, "initContainers": null, "resources": null}), 0),
            (
                "no requests",
                json!({"containers": [{"name": "c"}, {"resources": {}}, {"resources": null}]}),
                0,
            ),
            ("a number", json!({"containers": [{"resources": {"requests": {"cpu": 2}}}]}), 2_000),
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
                "another policy is no sidecar",
                json!({"containers": two, "initContainers": [{"restartPolicy": "Never", "resources": {"requests": {"cpu": "1"}}}]}),
                1_500,
            ),
            (
                "the pod as a whole",
                json!({"containers": two, "resources": {"requests": {"cpu": "1"}}}),
                1_000,
            ),
            (
                "the pod as a whole, of another resource",
                json!({"containers": two, "resources": {"requests": {"memory": "1Gi"}}}),
                1_500,
            ),
            ("overhead", json!({"containers": two, "overhead": {"cpu": "250m"}}), 1_750),
            (
                "overhead on the pod as a whole",
                json!({"containers": two, "resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "250m"}}),
                2_250,
            ),
        ] {
            assert_eq!(millicores_of(&spec), expected, "{what}");
        }
    }

    #[test]
    fn requests_beyond_any_machine_do_not_overflow() {
        let huge = Container {
            resources: Some(Requirements {
                requests: Some(Amounts { cpu: Some(u64::MAX), memory: Some(u64::MAX) }),
            }),
            ..Container::default()
        };
        let all = pod_requests(&[huge; 2], &[huge], None, Some(Amounts { cpu: Some(1), memory: None }));
        assert_eq!((all.cpu_millicores, all.memory_bytes), (u64::MAX, u64::MAX));
    }
}
