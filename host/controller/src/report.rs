//! Writing the status of a policy: this replica's entry, and what all replicas share.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use netmarks_core::errors::chain;
use tokio::time::Instant;

use crate::conditions::summarise;
use crate::context::{Context, PolicyState, SharedState};
use crate::decide::ReplicaCondition;
use crate::liveness::HEARTBEAT;
use crate::status::ReplicaStatus;
use crate::status_writer::ObservedStatus;
use netmarks_core::bounded::beginning;

/// Longest message of an entry, in bytes.
const MESSAGE_BYTES: usize = 1_024;

/// Longest wait for the API server at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes what changed: our entry, the removal of expired ones, what all share.
pub(crate) async fn report(
    context: &Context,
    state: &mut PolicyState,
    object: &DynamicObject,
    condition: ReplicaCondition,
    in_use: Option<String>,
) -> Result<(), kube::Error> {
    let (generation, now) = (object.metadata.generation.unwrap_or_default(), Instant::now());
    let mut entry = ReplicaStatus {
        name: context.replica.clone(),
        generation,
        state: condition.state,
        reason: condition.reason.to_owned(),
        message: beginning(&condition.message, MESSAGE_BYTES).to_owned(),
        digest: in_use,
        fetched_digest: state.history.digest().map(|digest| digest.to_string()),
        last_update: now_in_seconds(),
    };
    if let Some(before) = &state.entry
        && state.renewed.is_some_and(|renewed| now.duration_since(renewed) < HEARTBEAT)
        && (ReplicaStatus { last_update: before.last_update.clone(), ..entry.clone() }) == *before
    {
        entry = before.clone();
    }
    let mut newest = None;
    if !ObservedStatus::of(object).replicas.contains(&entry) {
        newest = Some(context.status.write_entry(object, &entry).await?);
        if state.entry.as_ref() != Some(&entry) {
            state.renewed = Some(now);
        }
        state.entry = Some(entry);
    }
    let replicas = ObservedStatus::of(newest.as_ref().unwrap_or(object)).replicas;
    let (alive, expired) = state.liveness.partition(replicas, &context.replica, now);
    for replica in expired {
        let removed = context.status.remove_entry(newest.as_ref().unwrap_or(object), &replica, true).await?;
        let policy = object.metadata.name.as_deref().unwrap_or_default();
        tracing::info!(policy, replica, "a replica has gone silent; its entry is removed");
        newest = Some(removed);
    }
    let newest = newest.as_ref().unwrap_or(object);
    let observed = ObservedStatus::of(newest);
    let summary = summarise(generation, &alive, &observed.conditions, &now_in_seconds());
    // An object that changed meanwhile is reconciled again, and its summary is written then.
    if newest.metadata.generation == Some(generation) && !observed.matches(&summary) {
        context.status.write_summary(newest, &summary).await?;
    }
    Ok(())
}

/// Removes this replica's entry from every policy, so that the others do not wait for it.
pub(crate) async fn withdraw(context: &Context) {
    let policies = futures::stream::iter(context.policies.all());
    let withdrawn = policies.for_each_concurrent(None, async |(name, state)| {
        match tokio::time::timeout(SHUTDOWN_TIMEOUT, remove_own_entry(context, &name, &state)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(policy = name, error = chain(&error), "failed to remove our entry");
            }
            Err(_) => tracing::debug!(policy = name, "the API server was too slow to remove our entry"),
        }
    });
    withdrawn.await;
}

async fn remove_own_entry(context: &Context, name: &str, state: &SharedState) -> Result<(), kube::Error> {
    // A reconcile that was cancelled unlocks it when it is gone.
    let state = state.lock().await;
    if let (Some(_), Some(object)) = (&state.entry, context.object(name)) {
        context.status.remove_entry(&object, &context.replica, false).await?;
    }
    Ok(())
}

/// Now, in whole seconds, so that what is read again from a status equals what was written.
fn now_in_seconds() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}
