//! The pod that waits for a node: built in a test, or written in a case file.

use std::collections::BTreeMap;

use netmarks_core::application::{Application, Identity, Naming};
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::facts::Resources;
use netmarks_core::pod_identity::PodIdentity;
use netmarks_core::request::PendingPod;
use serde::Deserialize;

use crate::application;
use crate::quantity;

/// A pod that waits. Its application is as given, or else what the cluster's identity says of its labels.
///
/// ```
/// use netmarks_policy_testing::Pod;
///
/// let pod = Pod::of("shop/web").label("tier", "front").cores(0.5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pod {
    application: Option<Application>,
    namespace: Option<String>,
    name: Option<String>,
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "quantity::requests")]
    requests: Resources,
    /// What its annotation says, bytes/s by peer.
    expected_traffic: BTreeMap<Application, f64>,
}

impl Pod {
    /// A pod of an application, `namespace/name`.
    #[must_use]
    pub fn of(application: &str) -> Self {
        Self { application: Some(application::read(application)), ..Self::default() }
    }

    /// Sets a label, or replaces it.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// In this namespace; by default that of its application, or `default`.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// With this name; by default `pending`.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Requesting so many cores.
    #[must_use]
    pub fn cores(mut self, cores: f64) -> Self {
        self.requests = Resources::from_cores(cores, self.requests.memory_bytes);
        self
    }

    /// Requesting so much memory.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.requests.memory_bytes = bytes;
        self
    }

    /// Saying that its application exchanges so many bytes per second with a peer, `namespace/name`.
    #[must_use]
    pub fn expecting(mut self, peer: &str, bytes_per_second: f64) -> Self {
        self.expected_traffic.insert(application::read(peer), bytes_per_second);
        self
    }

    /// As the host would see it.
    #[must_use]
    pub fn pending(&self, identity: Identity) -> PendingPod {
        let name = self.name.as_deref().unwrap_or("pending");
        let namespace = self.namespace.as_deref();
        let namespace = namespace.or(self.application.as_ref().map(Application::namespace));
        let namespace = namespace.unwrap_or("default");
        let application = self.application.clone().or_else(|| {
            let pod = PodIdentity { name, generated: false, labels: &self.labels, owners: &[] };
            Naming::from(identity).name(pod).map(|name| Application::new(namespace, name))
        });
        PendingPod {
            key: format!("{namespace}/{name}"),
            application,
            labels: self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            requests: self.requests,
            expected: ExpectedTraffic::of(self.expected_traffic.clone()),
            group: None,
            assumed_as: None,
        }
    }
}
