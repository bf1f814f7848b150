//! Drives the watches: list, watch, back off, relist, until told to stop.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::{Stream, StreamExt};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Client, Resource};
use netmarks_core::application::Naming;
use netmarks_core::clock::unix_now;
use netmarks_core::errors::chain;
use netmarks_core::facts::{ApplicationFacts, NodeFacts, PodFacts};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::applications::{Applications, Kind};
use super::fold::{Change, Outcome, apply_nodes, apply_pods, node_change, pod_change};
use super::pages;
use super::workloads::{TrimmedDeployment, TrimmedStatefulSet};
use netmarks_state::{ClusterState, Turn, WatchHealth};

/// Finished pods are left out by the API server, so that a cluster full of old jobs costs nothing here. One that
/// finishes while it is watched arrives as a deletion.
pub(super) const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Objects per page of a list: client-go's default, some 5 MiB of pods.
pub(super) const PAGE_SIZE: u32 = 500;

/// Most events between two publications. What has arrived is taken together, up to so many; nothing is waited for,
/// so a single event is published at once, a page of a list makes one snapshot, and 10,000 events at once make 20 instead of 10,000.
const BATCH: usize = 512;

/// Keeps `state`'s pods, nodes and what is said of applications as the API server tells them, until `shutdown`. Nothing waits for
/// the last: without the right to list it, as many pods are expected as run.
///
/// Errors are retried forever with the back-off of client-go (0.8 s to 30 s, with jitter), counted in
/// [`ClusterState::health`] and logged when they begin and when they end. Placement stays as it was meanwhile.
///
/// Cancel safe: changes are applied in whole batches between two await points; to drop the future loses only what
/// the next list will bring again.
pub async fn run(client: Client, state: Arc<ClusterState>, naming: Naming, shutdown: CancellationToken) {
    let pods = follow(
        "pods",
        || events(&client, Config::default().fields(UNFINISHED).page_size(PAGE_SIZE)),
        &state.health().pods,
        |events| {
            let changes = events.into_iter().filter_map(|event| pod_change(naming, event)).collect();
            take_pods(&state, changes)
        },
    );
    let nodes = follow(
        "nodes",
        || events(&client, Config::default().page_size(PAGE_SIZE)),
        &state.health().nodes,
        |events| {
            let changes = events.into_iter().filter_map(node_change).collect();
            take_nodes(&state, changes)
        },
    );
    let applications = Mutex::new(Applications::new(naming));
    let config = || Config::default().page_size(PAGE_SIZE);
    let applications = || applications.lock().unwrap_or_else(PoisonError::into_inner);
    let deployments = follow(
        "deployments",
        || events::<TrimmedDeployment>(&client, config()),
        &state.health().deployments,
        |events| tell(&state, applications().take_controllers(Kind::Deployment, events)),
    );
    let stateful_sets = follow(
        "statefulsets",
        || events::<TrimmedStatefulSet>(&client, config()),
        &state.health().stateful_sets,
        |events| tell(&state, applications().take_controllers(Kind::StatefulSet, events)),
    );
    let services = follow(
        "services",
        || events(&client, config()),
        &state.health().services,
        |events| tell(&state, applications().take_services(events)),
    );
    // None ever ends on its own. Boxed: each watcher is several KiB of state.
    let all = Box::pin(futures::future::join5(pods, nodes, deployments, stateful_sets, services));
    shutdown.run_until_cancelled(all).await;
}

/// Applies and publishes changes of pods, then tells whoever waits for them.
pub fn take_pods(state: &ClusterState, changes: Vec<Change<PodFacts>>) -> Outcome {
    let outcome = state.update(|index| apply_pods(index, changes));
    // Only now: a pod is rather seen twice for an instant than not at all.
    let now = Instant::now();
    for key in &outcome.settled {
        state.assumed().forget(key, now);
    }
    if outcome.lists_ended > 0 {
        state.pods_listed();
    }
    outcome
}

/// Applies and publishes changes of nodes, then tells whoever waits for them.
pub fn take_nodes(state: &ClusterState, changes: Vec<Change<NodeFacts>>) -> Outcome {
    let outcome = state.update(|index| apply_nodes(index, changes));
    if outcome.lists_ended > 0 {
        state.nodes_listed();
    }
    outcome
}

/// Tells the index the news.
fn tell(state: &ClusterState, (outcome, news): (Outcome, Vec<ApplicationFacts>)) -> Outcome {
    if !news.is_empty() {
        state.update(|index| news.iter().for_each(|facts| index.apply_application(facts)));
    }
    outcome
}

/// Whether it is 410: what the watch would go on from is no longer kept.
fn is_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

/// The events of all objects of a kind: a list, which is read a page ahead, then what changes.
pub(super) fn events<K>(
    client: &Client,
    config: Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + use<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    watcher(Api::all(pages::ahead(client.clone(), &config)), config)
}

/// Hands the events of a watch to `take` in batches, forever.
pub(super) async fn follow<K, S>(
    what: &'static str,
    start: impl Fn() -> S,
    health: &WatchHealth,
    take: impl Fn(Vec<Event<K>>) -> Outcome,
) -> Infallible
where
    S: Stream<Item = watcher::Result<Event<K>>>,
    K: 'static,
{
    loop {
        let mut batches = pin!(start().default_backoff().ready_chunks(BATCH));
        while let Some(batch) = batches.next().await {
            let mut events = Vec::with_capacity(batch.len());
            let mut error = None;
            for result in batch {
                match result {
                    Ok(event) => events.push(event),
                    Err(failure) => error = Some(failure),
                }
            }
            if !events.is_empty() {
                let objects = events.iter().filter(|event| !matches!(event, Event::Init | Event::InitDone));
                let objects = u64::try_from(objects.count()).unwrap_or(u64::MAX);
                let outcome = take(events);
                for _ in 0..outcome.lists_begun {
                    health.record_list();
                }
                // A list that has only begun is not yet a sign of recovery: it begins before its first request.
                if (objects > 0 || outcome.lists_ended > 0)
                    && health.record_events(objects, unix_now()) == Turn::Recovered
                {
                    tracing::info!(what, "watch works again");
                }
            }
            if error.as_ref().is_some_and(is_expired) {
                tracing::info!(
                    what,
                    "the API server no longer has what came since the watch broke off; listing again"
                );
            }
            if let Some(error) = error
                && health.record_error() == Turn::Failed
            {
                tracing::warn!(
                    what,
                    error = chain(&error),
                    "watch failed; placement stays as last seen while it is retried. Check that the API server is \
                     reachable and that the service account may list and watch {what}"
                );
            }
        }
        // The watcher never ends its stream; if it should, a new one begins with a list, which is always right.
        tracing::warn!(what, "watch ended unexpectedly; starting over");
        tokio::task::yield_now().await;
    }
}
