//! Objects as the API server writes them, with all that a decoder has to skip.

use std::fmt::Write as _;

use netmarks_core::application::Application;
use netmarks_core::facts::{NodeFacts, PodFacts};
use serde_json::{Value, json};

/// Writes pods: some 5 kB each, of a workload in a mesh.
pub struct PodWriter {
    bound: Template,
    pending: Template,
}

impl PodWriter {
    pub fn new() -> Self {
        let bound: Value = serde_json::from_str(include_str!("pod.json")).unwrap();
        let mut pending = bound.clone();
        pending["spec"].as_object_mut().unwrap().remove("nodeName");
        pending["status"] = json!({"phase": "Pending", "qosClass": "Burstable"});
        Self { bound: Template::new(&bound), pending: Template::new(&pending) }
    }

    /// Appends a pod at this version of the cluster. A watch's event names the kind, an item of a list does not.
    pub fn write(&self, text: &mut String, pod: &PodFacts, version: u64, kind: Kind) {
        let (namespace, name) = pod.key.split_once('/').unwrap();
        let application = pod.application.as_ref().map_or("none", Application::name);
        let template = if pod.node.is_some() { &self.bound } else { &self.pending };
        text.push_str(match kind {
            Kind::Named => r#"{"kind":"Pod","apiVersion":"v1","#,
            Kind::Implied => "{",
        });
        for (literal, field) in &template.pieces {
            text.push_str(literal);
            match field {
                Some(Field::Namespace) => text.push_str(namespace),
                Some(Field::Name) => text.push_str(name),
                Some(Field::Application) => text.push_str(application),
                Some(Field::Node) => text.push_str(pod.node.as_deref().unwrap_or_default()),
                Some(Field::Version) => drop(write!(text, "{version}")),
                Some(Field::Number) => drop(write!(text, "{:012}", pod.revision)),
                None => {}
            }
        }
    }
}

/// Whether an object says what it is.
#[derive(Clone, Copy)]
pub enum Kind {
    Named,
    Implied,
}

#[derive(Clone, Copy)]
enum Field {
    Namespace,
    Name,
    Application,
    Node,
    Version,
    Number,
}

/// `$namespace` comes before `$name`, with which it begins.
const FIELDS: [(&str, Field); 6] = [
    ("$namespace", Field::Namespace),
    ("$name", Field::Name),
    ("$application", Field::Application),
    ("$node", Field::Node),
    ("$version", Field::Version),
    ("$number", Field::Number),
];

/// Compact JSON without its first brace, cut where something is filled in.
struct Template {
    pieces: Vec<(String, Option<Field>)>,
}

impl Template {
    fn new(value: &Value) -> Self {
        let text = value.to_string();
        let mut rest = text.strip_prefix('{').unwrap();
        let mut pieces = Vec::new();
        while let Some((literal, after)) = rest.split_once('$') {
            let after = &rest[rest.len() - after.len() - 1..];
            let (name, field) = FIELDS.into_iter().find(|(name, _)| after.starts_with(name)).unwrap();
            pieces.push((literal.to_owned(), Some(field)));
            rest = &after[name.len()..];
        }
        pieces.push((rest.to_owned(), None));
        Self { pieces }
    }
}

/// A node as an item of a list.
pub fn node(facts: &NodeFacts) -> Value {
    let NodeFacts { name, zone, region, allocatable, .. } = facts;
    let amounts = json!({
        "cpu": format!("{}m", allocatable.cpu_millicores), "memory": allocatable.memory_bytes.to_string(), "pods": "110",
    });
    let condition = |name: &str, status: &str| json!({"type": name, "status": status, "lastHeartbeatTime": "2026-11-23T09:36:01Z", "reason": "KubeletHas", "message": "kubelet has it"});
    let image = |number: u32| json!({"names": [format!("registry.example/some/image-{number}:1.0")], "sizeBytes": 77_000_000});
    json!({
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1", "creationTimestamp": "2026-11-23T09:35:53Z",
            "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": region,
            },
        },
        "spec": {"podCIDR": "10.128.4.0/24", "providerID": format!("cloud://{name}")},
        "status": {
            "capacity": amounts, "allocatable": amounts,
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"), condition("Ready", "True")],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}, {"type": "Hostname", "address": name}],
            "images": (0..30).map(image).collect::<Vec<_>>(),
        },
    })
}

/// The Deployment of an application.
pub fn deployment(application: &Application, replicas: u32) -> Value {
    let (namespace, name) = (application.namespace(), application.name());
    let labels = json!({"app": name});
    let container = json!({
        "name": "main", "image": format!("registry.example/{namespace}/{name}:1.27.3"),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    });
    json!({
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "1", "labels": labels},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
        "status": {"replicas": replicas, "readyReplicas": replicas, "observedGeneration": 1},
    })
}

/// The Service of an application.
pub fn service(application: &Application) -> Value {
    let (namespace, name) = (application.namespace(), application.name());
    json!({
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "1"},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], "internalTrafficPolicy": "Cluster"},
    })
}
