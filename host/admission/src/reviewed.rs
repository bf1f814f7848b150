//! The pod of a review, as the rules, the scheduler's model and the policies take it.

use k8s_openapi::api::core::v1 as api;
use netmarks_core::application::{Application, Naming};
use netmarks_core::expected::{EXPECTED_TRAFFIC, ExpectedTraffic};
use netmarks_core::facts::Resources;
use netmarks_core::pod_identity::PodIdentity;
use netmarks_core::request::PendingPod;
use netmarks_scheduler_model as model;
use serde::Deserialize;
use serde_json::Value;

/// What the API server appends to `generateName`, in length.
const GENERATED: &str = "xxxxx";

/// A pod that is being created.
#[derive(Clone, Debug)]
pub struct ReviewedPod {
    /// As policies know it. Its key has no name yet where the name is generated: `namespace/prefix`.
    pub pending: PendingPod,
    /// As the scheduler's model takes it.
    pub model: model::Pod,
    /// Its uid, if it has one already.
    pub uid: Option<String>,
    /// Empty while it has none.
    pub name: String,
    /// The uid of its controller.
    pub owner: Option<String>,
    /// Whether it stands for a pod that its node made itself.
    pub mirror: bool,
}

impl ReviewedPod {
    /// From the object of a review in `namespace`, which the object may leave out.
    ///
    /// # Errors
    /// If it is not a pod.
    pub fn new(object: &Value, namespace: &str, naming: Naming) -> Result<Self, serde_json::Error> {
        let mut pod = api::Pod::deserialize(object)?;
        let metadata = &mut pod.metadata;
        metadata.namespace = metadata
            .namespace
            .take()
            .filter(|namespace| !namespace.is_empty())
            .or_else(|| Some(namespace.to_owned()));
        Ok(Self::of(pod, naming))
    }

    /// A pod that says its namespace itself.
    pub(crate) fn of(pod: api::Pod, naming: Naming) -> Self {
        let model = model::Pod::from_api(&pod, |_| None);
        let metadata = pod.metadata;
        let prefix = metadata.generate_name.clone().unwrap_or_default();
        let name = metadata.name.clone().unwrap_or_default();
        let generated = name.is_empty() && !prefix.is_empty();
        let named = if generated { format!("{prefix}{GENERATED}") } else { name.clone() };
        let owners = model::owners(&metadata);
        let application = naming.name(PodIdentity {
            name: &named,
            generated: !prefix.is_empty(),
            labels: &model.labels,
            owners: &owners,
        });
        let requests = &model.scheduling.requests;
        let annotation = |key| metadata.annotations.as_ref()?.get(key).map(String::as_str);
        let expected = annotation(EXPECTED_TRAFFIC).unwrap_or_default();
        let mirror = annotation("kubernetes.io/config.mirror").is_some();
        let pending = PendingPod {
            expected: ExpectedTraffic::read(expected, &model.namespace),
            key: format!("{}/{}", model.namespace, if generated { &prefix } else { &name }),
            application: application.map(|name| Application::new(&model.namespace, name)),
            labels: model.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            requests: Resources {
                cpu_millicores: requests.cpu_millicores,
                memory_bytes: requests.memory_bytes,
            },
            // Groups are placed together by kube-scheduler; here each of their pods is created on its own.
            group: None,
            assumed_as: None,
        };
        let mut owners = metadata.owner_references.into_iter().flatten();
        let controller = owners.find(|owner| owner.controller == Some(true));
        Self {
            pending,
            uid: metadata.uid.filter(|uid| !uid.is_empty()),
            name,
            owner: controller.map(|owner| owner.uid),
            mirror,
            model,
        }
    }
}
