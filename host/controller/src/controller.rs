//! Watches the ScoringPolicies of one namespace and keeps a worker for each.
//!
//! Here is only who works on what: a worker for each resource, a new one if it should ever fail, and removal of what the
//! registry still has of resources that were deleted while nobody looked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Client};
use netmarks_artefacts::FetchConfig;
use netmarks_core::errors::chain;
use netmarks_policies::{Origin, Registry};
use tokio::sync::{Semaphore, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::apply::Scribe;
use crate::resource::ScoringPolicy;
use crate::source::Sources;
use crate::worker::{Context, Latest, Worker};

/// Most resources that are worked on; the registry takes fewer.
const MOST: usize = 128;

/// Components that may be on their way to the registry at once, each in memory.
const FETCHES: usize = 4;

/// Objects per page of a list.
const PAGE_SIZE: u32 = 100;

/// Pause before a worker that failed is replaced.
const AGAIN: Duration = Duration::from_secs(5);

/// Where policies come from.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// The namespace whose ScoringPolicies, ConfigMaps and Secrets are read: the extender's own.
    pub namespace: String,
    /// Name of this replica in the status of policies: the name of its pod, or of the host where there is no pod. No two
    /// replicas may have the same.
    pub replica: String,
    /// How components are fetched, and whose signatures are required. Credentials are for policies without a pull secret.
    pub fetch: FetchConfig,
}

/// Brings the ScoringPolicies of a namespace into the registry, and says in their status what became of them.
pub struct Controller {
    context: Arc<Context>,
    listed: watch::Sender<bool>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Context { namespace, replica, .. } = &*self.context;
        f.debug_struct("Controller")
            .field("namespace", namespace)
            .field("replica", replica)
            .finish_non_exhaustive()
    }
}

impl Controller {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(client: Client, registry: Registry, settings: ControllerSettings) -> Self {
        let ControllerSettings { namespace, replica, fetch } = settings;
        let context = Context {
            registry,
            sources: Sources::new(client.clone(), namespace.clone(), fetch),
            scribe: Scribe::new(client.clone(), &namespace),
            fetches: Semaphore::new(FETCHES),
            client,
            namespace,
            replica,
        };
        Self { context: Arc::new(context), listed: watch::Sender::new(false) }
    }

    /// Becomes true once the resources were listed for the first time. A definition that is not installed keeps it
    /// false, so it is nothing to make readiness depend on.
    #[must_use]
    pub fn listed(&self) -> watch::Receiver<bool> {
        self.listed.subscribe()
    }

    /// Runs until `shutdown`, whatever happens; then removes this replica's entries, within seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { context, listed } = self;
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(context.client.clone(), &context.namespace, &resource);
        let mut crew =
            Crew { context, shutdown: shutdown.clone(), members: BTreeMap::new(), tasks: JoinSet::new() };
        let mut watched = Watched::default();
        loop {
            let config = Config::default().page_size(PAGE_SIZE);
            let mut events = Box::pin(watcher(api.clone(), config).default_backoff());
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return crew.dismiss().await,
                    Some(ended) = crew.tasks.join_next_with_id() => crew.replace(ended),
                    event = events.next() => match event {
                        Some(Ok(event)) => watched.take(event, &mut crew, &listed),
                        Some(Err(error)) => watched.failed(&error),
                        None => break,
                    },
                }
            }
            tracing::warn!("watch of ScoringPolicies ended unexpectedly; starting over");
            tokio::task::yield_now().await;
        }
    }
}

/// The state of the watch.
#[derive(Default)]
struct Watched {
    list: BTreeSet<String>,
    failing: bool,
}

impl Watched {
    fn take(&mut self, event: Event<DynamicObject>, crew: &mut Crew, listed: &watch::Sender<bool>) {
        match event {
            // A list that has only begun is no sign of recovery: it begins before its first request.
            Event::Init => return self.list.clear(),
            Event::InitApply(object) => {
                self.list.extend(object.metadata.name.clone());
                crew.show(object);
            }
            Event::Apply(object) => crew.show(object),
            Event::Delete(object) => {
                if let Some(name) = object.metadata.name {
                    crew.delete(name);
                }
            }
            Event::InitDone => {
                crew.keep_only(&std::mem::take(&mut self.list));
                listed.send_replace(true);
            }
        }
        if std::mem::take(&mut self.failing) {
            tracing::info!("watch of ScoringPolicies works again");
        }
    }

    fn failed(&mut self, error: &watcher::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(
                error = chain(error),
                "watch of ScoringPolicies failed; policies stay as they are while it is retried. Check that their \
                 definition is installed (the chart's policies.crd.install) and that the service account may list \
                 and watch scoringpolicies in this namespace"
            );
        }
    }
}

/// The workers.
struct Crew {
    context: Arc<Context>,
    shutdown: CancellationToken,
    members: BTreeMap<String, Member>,
    tasks: JoinSet<()>,
}

struct Member {
    latest: watch::Sender<Latest>,
    task: Id,
}

impl Crew {
    /// The newest state of a resource, for its worker.
    fn show(&mut self, object: DynamicObject) {
        let Some(name) = object.metadata.name.clone() else { return };
        if let Some(member) = self.members.get(&name) {
            member.latest.send_replace(Some(Arc::new(object)));
        } else if self.members.len() < MOST {
            self.hire(name, Some(Arc::new(object)), None);
        } else {
            tracing::error!(
                policy = name,
                most = MOST,
                "too many ScoringPolicies; this one is not looked at"
            );
        }
    }

    fn delete(&mut self, name: String) {
        match self.members.get(&name) {
            Some(member) => drop(member.latest.send_replace(None)),
            // Nobody works on it; what the registry may have of it goes all the same.
            None => self.hire(name, None, None),
        }
    }

    /// A complete list was seen: what it lacks is deleted, also what only the registry remembers.
    fn keep_only(&mut self, list: &BTreeSet<String>) {
        let manifest = self.context.registry.manifest();
        let remembered = manifest.entries.into_iter().filter(|entry| entry.origin == Origin::Kubernetes);
        let known: BTreeSet<String> =
            self.members.keys().cloned().chain(remembered.map(|entry| entry.name.to_string())).collect();
        for name in known.difference(list) {
            self.delete(name.clone());
        }
    }

    fn hire(&mut self, name: String, latest: Latest, after: Option<Duration>) {
        let (sender, receiver) = watch::channel(latest);
        let worker = Worker::new(Arc::clone(&self.context), name.clone());
        let shutdown = self.shutdown.clone();
        let task = self.tasks.spawn(async move {
            if let Some(after) = after {
                tokio::time::sleep(after).await;
            }
            worker.run(receiver, shutdown).await;
        });
        self.members.insert(name, Member { latest: sender, task: task.id() });
    }

    /// A worker ended: because its resource is deleted, or because it failed, which must not end its policy's care.
    fn replace(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (id, failure) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let found = self.members.iter().find(|(_, member)| member.task == id).map(|(name, _)| name.clone());
        let Some((name, member)) = found.and_then(|name| self.members.remove_entry(&name)) else { return };
        if let Some(error) = &failure {
            tracing::error!(
                policy = name,
                error = chain(error),
                "the worker of a policy failed; another one follows"
            );
        }
        let latest = member.latest.borrow().clone();
        if latest.is_some() || failure.is_some() {
            self.hire(name, latest, failure.map(|_| AGAIN));
        }
    }

    /// Waits for the workers, who see the same shutdown.
    async fn dismiss(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = chain(&error), "the worker of a policy failed");
            }
        }
    }
}
