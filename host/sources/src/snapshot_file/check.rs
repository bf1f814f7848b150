//! What the format itself cannot rule out.

use std::collections::HashSet;
use std::hash::Hash;

use super::error::ContentError;
use super::format::{FileNode, REGION, SnapshotFile, ZONE};

impl SnapshotFile {
    /// Checks what the format itself cannot rule out.
    ///
    /// # Errors
    /// For names that are missing or listed twice, and for numbers that cannot be.
    pub fn check(&self) -> Result<(), ContentError> {
        let number = |field, name: &dyn std::fmt::Display, value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(ContentError::Number { field, name: name.to_string(), value })
            }
        };
        number("taken_at", &"the snapshot", self.taken_at)?;
        number("flows_at", &"the snapshot", self.flows_at.unwrap_or(0.0))?;
        once("node", self.nodes.iter().map(|node| node.name.as_str()))?;
        once("pod", self.pods.iter().map(|pod| pod.name.as_str()))?;
        once("service", self.services.iter().map(|service| slashed(&service.namespace, &service.name)))?;
        let budgets = self.disruption_budgets.iter();
        once("disruption budget", budgets.map(|budget| slashed(&budget.namespace, &budget.name)))?;
        once("namespace", self.namespaces.iter().map(|namespace| namespace.name.as_str()))?;
        for node in &self.nodes {
            if node.name.is_empty() {
                return Err(ContentError::NodeName);
            }
            number("allocatable_cpu_cores", &node.name, node.allocatable_cpu_cores)?;
            said_once(node, "zone", node.zone.as_ref(), ZONE)?;
            said_once(node, "region", node.region.as_ref(), REGION)?;
        }
        for pod in &self.pods {
            if !pod.name.split_once('/').is_some_and(|(namespace, name)| {
                !namespace.is_empty() && !name.is_empty() && !name.contains('/')
            }) {
                return Err(ContentError::PodName { name: pod.name.clone() });
            }
            number("cpu_request_cores", &pod.name, pod.cpu_request_cores)?;
        }
        let mut edges = HashSet::new();
        for flow in &self.flows {
            let name = format!("{} -> {}", flow.source, flow.destination);
            number("bytes_per_second", &name, flow.bytes_per_second)?;
            number("calls_per_second", &name, flow.calls_per_second)?;
            if !edges.insert((&flow.source, &flow.destination)) {
                return Err(ContentError::Repeated { what: "flow", name });
            }
        }
        for trip in &self.round_trips {
            number("seconds", &format!("{} -> {}", trip.source, trip.destination), trip.seconds)?;
        }
        Ok(())
    }
}

fn slashed(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

fn said_once(
    node: &FileNode,
    field: &'static str,
    value: Option<&String>,
    label: &'static str,
) -> Result<(), ContentError> {
    match (value, node.labels.get(label)) {
        (Some(value), Some(other)) if value != other => Err(ContentError::Contradiction {
            field,
            name: node.name.clone(),
            value: value.clone(),
            label,
            other: other.clone(),
        }),
        _ => Ok(()),
    }
}

fn once<T: Hash + Eq + std::fmt::Display>(
    what: &'static str,
    names: impl Iterator<Item = T>,
) -> Result<(), ContentError> {
    let mut seen = HashSet::new();
    for name in names {
        if let Some(name) = seen.replace(name) {
            return Err(ContentError::Repeated { what, name: name.to_string() });
        }
    }
    Ok(())
}
