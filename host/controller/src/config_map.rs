//! A watch of the one ConfigMap that a policy refers to.
//!
//! By its name, so that no others are read and RBAC can be narrowed to names; and only its metadata, since the content is
//! read when it is needed.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use netmarks_core::errors::chain;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

/// The resource version of a ConfigMap; `None` if it does not exist.
type Version = Option<String>;

/// Watches one ConfigMap until it is dropped.
pub(crate) struct ConfigMapWatch {
    name: String,
    versions: watch::Receiver<Version>,
    task: AbortOnDropHandle<()>,
}

impl ConfigMapWatch {
    /// Notifies `changed` of each new version.
    pub(crate) fn new(client: Client, namespace: &str, name: &str, changed: Arc<Notify>) -> Self {
        let api: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client, namespace);
        let (sender, versions) = watch::channel(None);
        let task = AbortOnDropHandle::new(tokio::spawn(follow(api, name.to_owned(), sender, changed)));
        Self { name: name.to_owned(), versions, task }
    }

    /// Whether it watches this ConfigMap, and still runs.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.name == name && !self.task.is_finished()
    }

    /// The version seen last, once after each change.
    pub(crate) fn take_change(&mut self) -> Option<Version> {
        self.versions.has_changed().unwrap_or(false).then(|| self.versions.borrow_and_update().clone())
    }
}

async fn follow(
    api: Api<PartialObjectMeta<ConfigMap>>,
    name: String,
    versions: watch::Sender<Version>,
    changed: Arc<Notify>,
) {
    let mut objects = Box::pin(watch_object(api, &name).default_backoff());
    let (mut listed, mut failing) = (false, false);
    while let Some(object) = objects.next().await {
        match object {
            Ok(object) => {
                failing = false;
                let version = object.and_then(|object| object.metadata.resource_version);
                // The first answer counts even if there is no ConfigMap: one may have been read before that.
                if std::mem::replace(&mut listed, true) && *versions.borrow() == version {
                    continue;
                }
                versions.send_replace(version);
                changed.notify_one();
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        config_map = name,
                        error = chain(&error),
                        "watch of a ConfigMap failed; it is retried. Check that the service account may list and \
                         watch ConfigMaps in this namespace"
                    );
                }
            }
        }
    }
}
