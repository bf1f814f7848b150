//! What counts as one application: the identity that joins pods with the mesh's metrics.
//!
//! The Kubernetes watch and the metrics' labels must agree on it to the letter; [`crate::workload`] holds each mesh's rule for
//! the name of a workload.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::pod_identity::PodIdentity;
use crate::workload::WorkloadRule;

/// One application: a name within a namespace, written `namespace/name`. Cheap to clone.
///
/// A namespace is a DNS label and so holds no `/`: the first slash always separates the two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Application(Arc<str>);

impl Application {
    /// The application `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        let mut key = String::with_capacity(namespace.len() + 1 + name.len());
        key.push_str(namespace);
        key.push('/');
        key.push_str(name);
        Self(key.into())
    }

    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// Its name within the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// `namespace/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Application {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Application {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self::new(namespace, name))
            }
            _ => Err(serde::de::Error::custom(format!("`{text}` is not of the form namespace/name"))),
        }
    }
}

/// Which label of a pod names its application. The metrics' labels must be chosen to match. Written in kebab-case everywhere.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    IntoStaticStr,
    JsonSchema,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Identity {
    /// The label `app`, as in the NetMARKS paper.
    #[default]
    App,
    /// Istio's canonical service: `service.istio.io/canonical-name`, else `app.kubernetes.io/name`, else `app`,
    /// else the owning workload's name.
    CanonicalService,
    /// The owning workload's name, as the mesh names it ([`crate::workload`]).
    Workload,
}

/// How pods are named: by which identity, and workloads by whose rule. One value for the watch and for requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    pub identity: Identity,
    pub workloads: WorkloadRule,
}

impl From<Identity> for Naming {
    fn from(identity: Identity) -> Self {
        Self { identity, workloads: WorkloadRule::default() }
    }
}

impl Naming {
    /// The name of the pod's application within its namespace, or `None` for a pod that has none (with
    /// [`Identity::App`], a pod without the label).
    #[must_use]
    pub fn name<'a>(self, pod: PodIdentity<'a>) -> Option<&'a str> {
        let label = |key: &str| pod.labels.get(key);
        let name = match self.identity {
            Identity::App => label("app"),
            // The first label that is there counts, also an empty one: `CanonicalService` in istio's `pkg/kube/labels`.
            Identity::CanonicalService => label("service.istio.io/canonical-name")
                .or_else(|| label("app.kubernetes.io/name"))
                .or_else(|| label("app"))
                .or_else(|| Some(self.workloads.name(pod))),
            Identity::Workload => Some(self.workloads.name(pod)),
        };
        name.filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod_identity::{Labels, Owner};

    const LABELS: [(&str, &str); 3] =
        [("app", "web"), ("app.kubernetes.io/name", "shop-web"), ("pod-template-hash", "84cd44fcbb")];

    fn name(identity: Identity, labels: &dyn Labels) -> Option<String> {
        let owner = Owner {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: "web-deploy-84cd44fcbb".into(),
            controller: true,
        };
        let pod = PodIdentity { name: "web-84cd44fcbb-dv89k", generated: true, labels, owners: &[owner] };
        Naming::from(identity).name(pod).map(str::to_owned)
    }

    #[test]
    fn an_identity_has_one_text_form() {
        let shown: Vec<String> = Identity::VARIANTS.iter().map(Identity::to_string).collect();
        assert_eq!(shown, ["app", "canonical-service", "workload"]);
        assert_eq!(serde_json::to_value(Identity::VARIANTS).unwrap(), serde_json::json!(shown));
    }

    #[test]
    fn each_identity_reads_its_own_label() {
        assert_eq!(name(Identity::App, &LABELS).as_deref(), Some("web"));
        assert_eq!(name(Identity::CanonicalService, &LABELS).as_deref(), Some("shop-web"));
        assert_eq!(name(Identity::Workload, &LABELS).as_deref(), Some("web-deploy"));
        let canonical = [("service.istio.io/canonical-name", "front"), ("app", "web")];
        assert_eq!(name(Identity::CanonicalService, &canonical).as_deref(), Some("front"));
    }

    #[test]
    fn a_pod_without_labels_falls_back_to_its_owner_where_the_identity_does() {
        let none: [(&str, &str); 0] = [];
        assert_eq!(name(Identity::App, &none), None);
        assert_eq!(name(Identity::CanonicalService, &none).as_deref(), Some("web-deploy-84cd44fcbb"));
    }

    #[test]
    fn an_empty_label_is_no_application() {
        // Istio's metrics say `unknown` for such a pod, also where another label would name it.
        let empty = [("app.kubernetes.io/name", ""), ("app", "")];
        assert_eq!(name(Identity::App, &empty), None);
        assert_eq!(name(Identity::CanonicalService, &empty), None);
    }

    #[test]
    fn application_splits_at_the_first_slash() {
        let application = Application::new("shop", "a/b");
        assert_eq!((application.namespace(), application.name()), ("shop", "a/b"));
        assert!(serde_json::from_str::<Application>("\"nameless\"").is_err());
    }
}
