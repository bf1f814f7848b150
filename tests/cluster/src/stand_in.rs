//! A process of the test in the place of pods that kwok only pretends to run, so that `kubectl port-forward` reaches it.

use crate::ports::Port;
use anyhow::Result;
use serde_json::{Value, json};

/// Says which pods a process stands for: those of a namespace.
#[derive(Debug, Clone)]
pub struct StandIn {
    /// Namespace of the pods.
    pub namespace: String,
    /// Ports of the pods; [`ControlPlane::local_port`](crate::ControlPlane::local_port) says where on loopback the process must listen for each.
    pub ports: Vec<u16>,
}

/// A port of pods, and the one of this machine that it is forwarded to.
pub(crate) struct Forward {
    pub(crate) namespace: String,
    pub(crate) pod_port: u16,
    pub(crate) local: Port,
}

impl StandIn {
    pub(crate) fn reserve(&self) -> Result<Vec<Forward>> {
        let ports = self.ports.iter();
        ports
            .map(|port| {
                Ok(Forward { namespace: self.namespace.clone(), pod_port: *port, local: Port::reserve()? })
            })
            .collect()
    }

    /// The object of kwok's configuration that says so.
    pub(crate) fn object(&self, forwards: &[Forward]) -> Value {
        let Self { namespace, ports: _ } = self;
        let ours = forwards.iter().filter(|forward| forward.namespace == *namespace);
        let ports: Vec<Value> = ours
            .map(|forward| {
                let target = json!({"address": "127.0.0.1", "port": forward.local.number()});
                json!({"ports": [forward.pod_port], "target": target})
            })
            .collect();
        json!({
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterPortForward",
            "metadata": {"name": namespace},
            "spec": {"selector": {"matchNamespaces": [namespace]}, "forwards": ports},
        })
    }
}
