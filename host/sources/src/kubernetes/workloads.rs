//! Deployments, StatefulSets and Services as decoded from the API: only what says how many pods an application will have, and how
//! calls to it are routed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::NamespaceResourceScope;
use netmarks_core::application::{Application, Naming};
use netmarks_core::facts::Resources;
use netmarks_core::go_object;
use netmarks_core::pod::{PodSpec, PodStatus};
use netmarks_core::pod_identity::{Owner, PodIdentity};
use netmarks_core::requests::pod_requests;
use serde::Deserialize;

use super::trimmed::{impl_resource, wire};

/// What a Deployment or a StatefulSet wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    pub replicas: u32,
    /// Of each pod.
    pub labels: BTreeMap<String, String>,
    /// What kube-scheduler will count for each pod.
    pub requests: Resources,
}

/// A Deployment, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Controller")]
pub struct TrimmedDeployment {
    /// Name, namespace, labels, uid and resource version.
    pub metadata: ObjectMeta,
    pub template: Template,
}

/// A StatefulSet, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Controller")]
pub struct TrimmedStatefulSet {
    /// Name, namespace, labels, uid and resource version.
    pub metadata: ObjectMeta,
    pub template: Template,
}

/// A Service, as far as placement needs it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Service")]
pub struct TrimmedService {
    /// Name, namespace, labels, uid and resource version.
    pub metadata: ObjectMeta,
    /// Labels of its pods; empty for a Service that selects none.
    pub selector: BTreeMap<String, String>,
    /// Whether calls to it prefer pods on the caller's node, or go to no other.
    pub local: bool,
}

impl_resource!(TrimmedDeployment, "apps", "Deployment", "deployments", NamespaceResourceScope);
impl_resource!(TrimmedStatefulSet, "apps", "StatefulSet", "statefulsets", NamespaceResourceScope);
impl_resource!(TrimmedService, "", "Service", "services", NamespaceResourceScope);

/// A kind of controller, which names the owner of its pods.
pub(super) trait Workload {
    /// The kind and the name of the owner that its pods have.
    fn pods_owner(name: &str) -> (&'static str, String);
    fn into_parts(self) -> (ObjectMeta, Template);
}

/// What Deployments call the hash that a pod's owner has in its name; which one it will be is not known.
const HASH_LABEL: &str = "pod-template-hash";
const SOME_HASH: &str = "0";

impl Workload for TrimmedDeployment {
    fn pods_owner(name: &str) -> (&'static str, String) {
        ("ReplicaSet", format!("{name}-{SOME_HASH}"))
    }

    fn into_parts(self) -> (ObjectMeta, Template) {
        let Self { metadata, mut template } = self;
        template.labels.insert(HASH_LABEL.to_owned(), SOME_HASH.to_owned());
        (metadata, template)
    }
}

impl Workload for TrimmedStatefulSet {
    fn pods_owner(name: &str) -> (&'static str, String) {
        ("StatefulSet", name.to_owned())
    }

    fn into_parts(self) -> (ObjectMeta, Template) {
        (self.metadata, self.template)
    }
}

/// The application that a controller's pods will have, by the rule that names those of its pods that run.
pub(super) fn application_of<W: Workload>(
    naming: Naming,
    namespace: &str,
    name: &str,
    template: &Template,
) -> Option<Application> {
    let (kind, owner) = W::pods_owner(name);
    let owner = Owner {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        name: Cow::Borrowed(&owner),
        controller: true,
    };
    let identity = PodIdentity {
        name: &format!("{}-{SOME_HASH}", owner.name),
        generated: true,
        labels: &template.labels,
        owners: std::slice::from_ref(&owner),
    };
    naming.name(identity).map(|application| Application::new(namespace, application))
}

go_object! {
    struct Controller {
        metadata: wire::Metadata = "metadata",
        spec: ControllerSpec = "spec",
    }
}

go_object! {
    struct ControllerSpec {
        replicas: Option<i32> = "replicas",
        template: PodTemplate = "template",
    }
}

go_object! {
    struct PodTemplate {
        metadata: wire::Metadata = "metadata",
        spec: PodSpec = "spec",
    }
}

go_object! {
    struct Service {
        metadata: wire::Metadata = "metadata",
        spec: ServiceSpec = "spec",
    }
}

go_object! {
    struct ServiceSpec {
        selector: BTreeMap<String, String> = "selector",
        traffic_distribution: String = "trafficDistribution",
        internal_traffic_policy: String = "internalTrafficPolicy",
    }
}

impl Controller {
    fn into_parts(self) -> (ObjectMeta, Template) {
        let Self { mut metadata, spec } = self;
        let mut of_pods = spec.template;
        let template = Template {
            // The API server's default.
            replicas: spec.replicas.map_or(1, |replicas| u32::try_from(replicas).unwrap_or(0)),
            labels: of_pods.metadata.object_meta().labels.unwrap_or_default(),
            requests: pod_requests(&of_pods.spec, &PodStatus::default()),
        };
        (metadata.object_meta(), template)
    }
}

impl From<Controller> for TrimmedDeployment {
    fn from(controller: Controller) -> Self {
        let (metadata, template) = controller.into_parts();
        Self { metadata, template }
    }
}

impl From<Controller> for TrimmedStatefulSet {
    fn from(controller: Controller) -> Self {
        let (metadata, template) = controller.into_parts();
        Self { metadata, template }
    }
}

impl From<Service> for TrimmedService {
    fn from(service: Service) -> Self {
        let Service { mut metadata, spec } = service;
        Self {
            metadata: metadata.object_meta(),
            selector: spec.selector,
            local: spec.traffic_distribution == "PreferSameNode" || spec.internal_traffic_policy == "Local",
        }
    }
}
