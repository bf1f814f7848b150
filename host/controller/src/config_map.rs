//! Watching the one ConfigMap that a policy refers to.
//!
//! By its name, so that no others are read and RBAC can be narrowed to names; and only its metadata, since the content is
//! read when it is needed.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Client};
use netmarks_core::errors::chain;

/// Follows one ConfigMap.
pub(crate) struct ConfigMapWatch {
    name: String,
    events: BoxStream<'static, watcher::Result<Event<PartialObjectMeta<ConfigMap>>>>,
    /// The version seen last; `None` if it is not there.
    version: Option<String>,
    listed: Option<String>,
    failing: bool,
}

impl ConfigMapWatch {
    pub(crate) fn new(client: Client, namespace: &str, name: &str) -> Self {
        let api: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(client, namespace);
        let config = Config::default().fields(&format!("metadata.name={name}"));
        let events = watcher(api, config).default_backoff().boxed();
        Self { name: name.to_owned(), events, version: None, listed: None, failing: false }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the ConfigMap is another than that of the version `read`.
    ///
    /// Cancel safe: what was seen is kept.
    pub(crate) async fn differs_from(&mut self, read: Option<&str>) {
        loop {
            match self.events.next().await {
                Some(Ok(event)) => {
                    self.failing = false;
                    let known = match event {
                        Event::Init => {
                            self.listed = None;
                            continue;
                        }
                        Event::InitApply(object) => {
                            self.listed = object.metadata.resource_version;
                            continue;
                        }
                        Event::InitDone => self.listed.take(),
                        Event::Apply(object) => object.metadata.resource_version,
                        Event::Delete(_) => None,
                    };
                    self.version = known;
                    if self.version.as_deref() != read {
                        return;
                    }
                }
                Some(Err(error)) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(
                            config_map = self.name,
                            error = chain(&error),
                            "watch of a ConfigMap failed; it is retried. Check that the service account may list and \
                             watch ConfigMaps in this namespace"
                        );
                    }
                }
                // A watcher never ends; if it should, there is nothing to hear any more.
                None => std::future::pending().await,
            }
        }
    }
}
