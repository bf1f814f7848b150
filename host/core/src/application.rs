//! What counts as one application: the identity that joins pods with the mesh's metrics.
//!
//! Apart because both sides, the Kubernetes watch and the metrics labels, must agree on it to the letter.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr, VariantArray};

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
    /// The owning workload's name: the Deployment, StatefulSet, DaemonSet or Job, else the pod's own name.
    Workload,
}

/// What of a pod decides its application; borrowed, so that a request's pod needs no copy.
#[derive(Clone, Copy, Debug)]
pub struct PodIdentity<'a> {
    /// The pod's name; for a pod without an owner it is the workload's name.
    pub name: &'a str,
    /// Looks a label up.
    pub labels: &'a dyn Labels,
    /// Kind and name of the owner that is marked as the controller.
    pub controller: Option<(&'a str, &'a str)>,
}

/// Read access to a pod's labels, whatever they are kept in.
pub trait Labels: fmt::Debug {
    /// The value of the label `key`.
    fn get(&self, key: &str) -> Option<&str>;
}

impl Labels for std::collections::BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<&str> {
        std::collections::BTreeMap::get(self, key).map(String::as_str)
    }
}

impl Labels for [(&str, &str)] {
    fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

impl<const N: usize> Labels for [(&str, &str); N] {
    fn get(&self, key: &str) -> Option<&str> {
        Labels::get(self.as_slice(), key)
    }
}

impl Identity {
    /// The name of the pod's application within its namespace, or `None` for a pod that has none (with
    /// [`Identity::App`], a pod without the label).
    #[must_use]
    pub fn name<'a>(self, pod: PodIdentity<'a>) -> Option<&'a str> {
        let label = |key: &str| pod.labels.get(key).filter(|value| !value.is_empty());
        match self {
            Self::App => label("app"),
            Self::CanonicalService => label("service.istio.io/canonical-name")
                .or_else(|| label("app.kubernetes.io/name"))
                .or_else(|| label("app"))
                .or_else(|| Some(workload(pod))),
            Self::Workload => Some(workload(pod)),
        }
    }
}

/// The workload that owns the pod. A ReplicaSet stands for its Deployment: its name is the Deployment's and the
/// pod's `pod-template-hash`; a Job stands for its CronJob only in the owner's own owner, which a pod does not tell.
fn workload<'a>(pod: PodIdentity<'a>) -> &'a str {
    match pod.controller {
        Some(("ReplicaSet", name)) => pod
            .labels
            .get("pod-template-hash")
            .and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'))
            .unwrap_or(name),
        Some((_, name)) => name,
        None => pod.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [(&str, &str); 3] =
        [("app", "web"), ("app.kubernetes.io/name", "shop-web"), ("pod-template-hash", "84cd44fcbb")];

    fn pod(labels: &dyn Labels) -> PodIdentity<'_> {
        PodIdentity {
            name: "web-84cd44fcbb-dv89k",
            labels,
            controller: Some(("ReplicaSet", "web-deploy-84cd44fcbb")),
        }
    }

    #[test]
    fn an_identity_has_one_text_form() {
        let shown: Vec<String> = Identity::VARIANTS.iter().map(Identity::to_string).collect();
        assert_eq!(shown, ["app", "canonical-service", "workload"]);
        assert_eq!(serde_json::to_value(Identity::VARIANTS).unwrap(), serde_json::json!(shown));
    }

    #[test]
    fn each_identity_reads_its_own_label() {
        assert_eq!(Identity::App.name(pod(&LABELS)), Some("web"));
        assert_eq!(Identity::CanonicalService.name(pod(&LABELS)), Some("shop-web"));
        assert_eq!(Identity::Workload.name(pod(&LABELS)), Some("web-deploy"));
        let canonical = [("service.istio.io/canonical-name", "front"), ("app", "web")];
        assert_eq!(Identity::CanonicalService.name(pod(&canonical)), Some("front"));
    }

    #[test]
    fn a_pod_without_labels_falls_back_to_its_owner_then_to_itself() {
        let none: [(&str, &str); 0] = [];
        assert_eq!(Identity::App.name(pod(&none)), None);
        assert_eq!(Identity::CanonicalService.name(pod(&none)), Some("web-deploy-84cd44fcbb"));
        let bare = PodIdentity { name: "lonely", labels: &none, controller: None };
        assert_eq!(Identity::Workload.name(bare), Some("lonely"));
        let stateful = PodIdentity { name: "db-0", labels: &none, controller: Some(("StatefulSet", "db")) };
        assert_eq!(Identity::Workload.name(stateful), Some("db"));
    }

    #[test]
    fn application_splits_at_the_first_slash() {
        let application = Application::new("shop", "a/b");
        assert_eq!((application.namespace(), application.name()), ("shop", "a/b"));
        assert!(serde_json::from_str::<Application>("\"nameless\"").is_err());
    }
}
