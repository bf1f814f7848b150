//! How many pods a controller wants, as the API server says.

use std::fmt::Debug;

use k8s_openapi::api::apps::v1::{ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::ReplicationController;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use netmarks_sources::kubernetes::brief;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::cluster::REQUEST;
use crate::seen::{Controller, ControllerSeen};

/// The controller as it is now. Needs the right to list its kind and no other.
pub(crate) async fn controller(client: &Client, namespace: &str, of: &Controller) -> ControllerSeen {
    match Known::of(of) {
        Some(Known::ReplicaSet) => look(client, namespace, of, |set: &ReplicaSet| set.spec.replicas).await,
        Some(Known::StatefulSet) => look(client, namespace, of, |set: &StatefulSet| set.spec.replicas).await,
        Some(Known::ReplicationController) => {
            let replicas =
                |controller: &ReplicationController| controller.spec.as_ref().and_then(|spec| spec.replicas);
            look(client, namespace, of, replicas).await
        }
        None => ControllerSeen::Unknown {
            why: format!("it is of the kind {} of {}, which is not known", of.kind, of.api_version),
        },
    }
}

/// Kinds whose objects say how many pods they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    ReplicaSet,
    StatefulSet,
    ReplicationController,
}

impl Known {
    /// A kind of the same name in another API group is another kind.
    fn of(controller: &Controller) -> Option<Self> {
        let group = controller.api_version.split_once('/').map_or("", |(group, _)| group);
        match (group, controller.kind.as_str()) {
            ("apps", "ReplicaSet") => Some(Self::ReplicaSet),
            ("apps", "StatefulSet") => Some(Self::StatefulSet),
            ("", "ReplicationController") => Some(Self::ReplicationController),
            _ => None,
        }
    }
}

async fn look<K>(
    client: &Client,
    namespace: &str,
    of: &Controller,
    replicas: impl Fn(&K) -> Option<i32>,
) -> ControllerSeen
where
    K: Clone + Debug + DeserializeOwned + Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    let all: Api<K> = Api::namespaced(client.clone(), namespace);
    let only = ListParams::default().fields(&format!("metadata.name={}", of.name));
    let listed = match timeout(REQUEST, all.list(&only)).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => return ControllerSeen::Unknown { why: brief(&error) },
        Err(_) => {
            return ControllerSeen::Unknown { why: format!("no answer within {} s", REQUEST.as_secs()) };
        }
    };
    // One that was made again by the same name has other pods.
    let found = listed.items.iter().find(|found| found.meta().uid.as_ref() == Some(&of.uid));
    match found {
        // The API server's default is one.
        Some(found) => {
            ControllerSeen::Wants(replicas(found).map_or(1, |wanted| wanted.try_into().unwrap_or(0)))
        }
        None => ControllerSeen::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_another_group_is_not_the_one_of_the_same_name() {
        for (api_version, kind, known) in [
            ("apps/v1", "ReplicaSet", Some(Known::ReplicaSet)),
            ("apps/v1", "StatefulSet", Some(Known::StatefulSet)),
            ("v1", "ReplicationController", Some(Known::ReplicationController)),
            ("apps.kruise.io/v1beta1", "StatefulSet", None),
            ("apps/v1", "ReplicationController", None),
            ("v1", "ReplicaSet", None),
            ("argoproj.io/v1alpha1", "Rollout", None),
        ] {
            let controller = Controller {
                uid: "1".to_owned(),
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                name: "cart".to_owned(),
            };
            assert_eq!(Known::of(&controller), known, "{kind} of {api_version}");
        }
    }
}
