//! The controller: a watch of the ScoringPolicies of one namespace, and what it triggers.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt as _};
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::controller::{self, Controller as Reconciler};
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use netmarks_artefacts::FetchConfig;
use netmarks_core::errors::chain;
use netmarks_policies::{Notice, Registry};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, PolicyStates};
use crate::orphans;
use crate::reconcile::{error_policy, reconcile};
use crate::report::withdraw;
use crate::resource::ScoringPolicy;
use crate::source::Sources;
use crate::status_writer::StatusWriter;

/// Components that may be on their way to the registry at once, each in memory.
const FETCHES: usize = 4;

/// Objects per page of a list.
const PAGE_SIZE: u32 = 100;

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

/// Brings the ScoringPolicies of a namespace into the registry, and reports in their status what became of them.
pub struct Controller {
    context: Arc<Context>,
    writer: Writer<DynamicObject>,
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
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        let writer = Writer::new(resource.clone());
        let context = Context {
            registry,
            sources: Sources::new(client.clone(), namespace.clone(), fetch),
            status: StatusWriter::new(client.clone(), &namespace),
            store: writer.as_reader(),
            fetches: Semaphore::new(FETCHES),
            reconcile_all: Arc::default(),
            remove_orphans: Notify::new(),
            policies: PolicyStates::default(),
            client,
            namespace,
            replica,
            resource,
        };
        Self { context: Arc::new(context), writer, listed: watch::Sender::new(false) }
    }

    /// Becomes true once the resources were listed for the first time. A definition that is not installed keeps it
    /// false, so it is nothing to make readiness depend on.
    #[must_use]
    pub fn listed(&self) -> watch::Receiver<bool> {
        self.listed.subscribe()
    }

    /// Runs until `shutdown`; then removes this replica's entries, within seconds.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { context, writer, listed } = self;
        let Context { client, namespace, resource, store, .. } = &*context;
        // As dynamic objects: a policy of a newer or older definition must not stop the watch of all.
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, resource);
        let events = watcher(api, watcher::Config::default().page_size(PAGE_SIZE)).default_backoff();
        let applied = observe(events.reflect(writer), Arc::clone(&context), listed);
        let changed = Arc::clone(&context.reconcile_all);
        let changes = stream::repeat(()).then(move |()| wait(Arc::clone(&changed)));
        let reconciled = Reconciler::for_stream_with(applied, store.clone(), resource.clone())
            .reconcile_all_on(changes)
            .reconcile_all_on(notices(context.registry.subscribe()))
            .run(reconcile, error_policy, Arc::clone(&context))
            .for_each(async |result| match result {
                // Failed reconciles are logged by the error policy. An object that is not found was deleted.
                Ok(_)
                | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
                Err(error) => {
                    tracing::error!(error = chain(&error), "the controller of ScoringPolicies failed");
                }
            });
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = Box::pin(reconciled) => tracing::error!("the watch of ScoringPolicies ended unexpectedly"),
            () = orphans::run(&context) => {}
        }
        withdraw(&context).await;
    }
}

/// Passes on what was created or changed. A complete list means that everything may have changed.
fn observe(
    events: impl Stream<Item = watcher::Result<Event<DynamicObject>>> + Send + 'static,
    context: Arc<Context>,
    listed: watch::Sender<bool>,
) -> impl Stream<Item = watcher::Result<DynamicObject>> + Send + 'static {
    let mut failing = false;
    events.filter_map(move |event| {
        // A list that has only begun is not a sign of recovery: it begins before its first request.
        if matches!(event, Ok(Event::InitApply(_) | Event::InitDone | Event::Apply(_) | Event::Delete(_)))
            && std::mem::take(&mut failing)
        {
            tracing::info!("watch of ScoringPolicies works again");
        }
        let applied = match event {
            Ok(Event::Apply(object)) => Some(Ok(object)),
            Ok(Event::Delete(_)) => {
                context.remove_orphans.notify_one();
                None
            }
            Ok(Event::InitDone) => {
                listed.send_replace(true);
                context.remove_orphans.notify_one();
                context.reconcile_all.notify_one();
                None
            }
            // Not before the list is complete: until then, the store holds what was there before.
            Ok(Event::Init | Event::InitApply(_)) => None,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        error = chain(&error),
                        "watch of ScoringPolicies failed; policies stay as they are while it is retried. Check that \
                         their definition is installed (the chart's policies.crd.install) and that the service \
                         account may list and watch scoringpolicies in this namespace"
                    );
                }
                None
            }
        };
        std::future::ready(applied)
    })
}

/// One item for each notice, whatever it is about: a rollback moves all policies. Missed ones are told by the next.
fn notices(receiver: broadcast::Receiver<Notice>) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold(receiver, async |mut receiver| match receiver.recv().await {
        Ok(_) | Err(RecvError::Lagged(_)) => Some(((), receiver)),
        Err(RecvError::Closed) => None,
    })
}

async fn wait(changed: Arc<Notify>) {
    changed.notified().await;
}
