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
    match of.kind.as_str() {
        "ReplicaSet" => look(client, namespace, of, |set: &ReplicaSet| set.spec.replicas).await,
        "StatefulSet" => look(client, namespace, of, |set: &StatefulSet| set.spec.replicas).await,
        "ReplicationController" => {
            let replicas =
                |controller: &ReplicationController| controller.spec.as_ref().and_then(|spec| spec.replicas);
            look(client, namespace, of, replicas).await
        }
        kind => ControllerSeen::Unknown { why: format!("it is of the kind {kind}, which is not known") },
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
