//! One reconcile: brings one ScoringPolicy into the registry and reports what became of it.
//!
//! What to do is decided in [`crate::decide`]; this file acts on it. kube runs the reconciles of different policies side
//! by side and those of one policy one after the other. A reconcile that fails or panics concerns its own policy only.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use netmarks_core::errors::chain;
use netmarks_policies::PolicyName;
use tokio::time::Instant;

use crate::config_map::ConfigMapWatch;
use crate::context::{Context, MAX_POLICIES, PolicyState};
use crate::decide::{Next, Registered, ReplicaCondition, pause};
use crate::failure::PolicyFailure;
use crate::liveness::HEARTBEAT;
use crate::report::report;
use crate::spec::{self, DesiredPolicy, Location};
use crate::submit::{registered, submit};

/// Pause after a reconcile that panicked, whatever triggers the next: what it did may be the trigger.
const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// Why a reconcile failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error("failed to write the status")]
    Status {
        #[source]
        error: kube::Error,
        /// Failures in a row, this one included.
        failures: u32,
        requeue_after: Duration,
    },
    #[error("there are more than {MAX_POLICIES} ScoringPolicies")]
    TooMany,
    #[error("the reconcile panicked: {message}")]
    Panicked { message: String },
}

/// Reconciles a policy once, and asks to be called again when something is due.
pub(crate) async fn reconcile(
    object: Arc<DynamicObject>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let shared = context.policies.get(&name, || context.new_state()).ok_or(ReconcileError::TooMany)?;
    let mut state = shared.lock().await;
    let result = match pause_left(&state) {
        Some(pause) => Ok(Action::requeue(pause)),
        None => {
            let run = AssertUnwindSafe(Box::pin(run(&context, &mut state, &object))).catch_unwind();
            run.await.unwrap_or_else(|panic| {
                // What it was doing may be half done.
                let paused_until = Some(Instant::now() + PANIC_PAUSE);
                *state = PolicyState { paused_until, ..context.new_state() };
                Err(ReconcileError::Panicked { message: panic_message(&*panic) })
            })
        }
    };
    // A policy that is being reconciled is not removed. So if its resource is gone by now, its removal is due.
    drop(state);
    drop(shared);
    if context.object(&name).is_none() {
        context.remove_orphans.notify_one();
    }
    result
}

/// When to reconcile again after a failure; logs it.
#[allow(clippy::needless_pass_by_value, reason = "kube's signature")]
pub(crate) fn error_policy(object: Arc<DynamicObject>, error: &ReconcileError, _: Arc<Context>) -> Action {
    let policy = object.metadata.name.as_deref().unwrap_or_default();
    match error {
        ReconcileError::Status { error, failures, requeue_after } => {
            // The watch brings what caused a conflict; anything else is logged, once in a row of failures.
            if is_conflict(error) {
                tracing::debug!(policy, "status changed meanwhile");
            } else if *failures == 1 {
                tracing::warn!(policy, error = chain(error), "failed to write a status; it is retried");
            }
            Action::requeue(*requeue_after)
        }
        ReconcileError::TooMany => {
            tracing::error!(policy, most = MAX_POLICIES, "too many ScoringPolicies; this one is not used");
            Action::requeue(HEARTBEAT)
        }
        ReconcileError::Panicked { .. } => {
            tracing::error!(
                policy,
                error = chain(error),
                "the reconcile of a policy panicked; it is retried"
            );
            Action::requeue(PANIC_PAUSE)
        }
    }
}

async fn run(
    context: &Context,
    state: &mut PolicyState,
    object: &DynamicObject,
) -> Result<Action, ReconcileError> {
    let generation = object.metadata.generation.unwrap_or_default();
    let name = object.metadata.name.as_deref().and_then(|name| name.parse::<PolicyName>().ok());
    let (condition, registered, due) = match spec::parse(object) {
        Err(error) => {
            state.config_map = None;
            let registered = name.map(|name| Registered::of(&context.registry.manifest(), &name, None));
            (ReplicaCondition::failed(&PolicyFailure::from(&error)), registered.unwrap_or_default(), None)
        }
        Ok((location, desired)) => {
            watch_source(context, state, &location);
            let due = advance(context, state, object, &location, &desired).await;
            let registered = match (name, state.history.digest()) {
                (Some(name), Some(digest)) => registered(&context.registry, &name, digest, &desired),
                (Some(name), None) => Registered::of(&context.registry.manifest(), &name, None),
                (None, _) => Registered::default(),
            };
            (state.history.condition(&desired, &registered), registered, due)
        }
    };
    state.events.publish(object, generation, &condition).await;
    let written = report(context, state, object, condition, registered.in_use).await;
    let due = due.map_or(HEARTBEAT, |due| due.saturating_duration_since(Instant::now()).min(HEARTBEAT));
    match written {
        Ok(()) => {
            state.failures = 0;
            Ok(Action::requeue(due))
        }
        Err(error) => {
            state.failures = state.failures.saturating_add(1);
            let (failures, requeue_after) = (state.failures, due.min(pause(state.failures)));
            Err(ReconcileError::Status { error, failures, requeue_after })
        }
    }
}

/// Watches the ConfigMap at `location`, if it is one; what changed there has to be read again.
fn watch_source(context: &Context, state: &mut PolicyState, location: &Location) {
    let Location::ConfigMap(source) = location else {
        state.config_map = None;
        return;
    };
    let current = state.config_map.take().filter(|watch| watch.is_of(&source.name));
    let watch = state.config_map.insert(current.unwrap_or_else(|| {
        let changed = Arc::clone(&context.reconcile_all);
        ConfigMapWatch::new(context.client.clone(), &context.namespace, &source.name, changed)
    }));
    if watch.take_change().is_some_and(|version| version.as_deref() != state.history.version()) {
        state.history.invalidate();
    }
}

/// Does what is due; returns when something will be.
async fn advance(
    context: &Context,
    state: &mut PolicyState,
    object: &DynamicObject,
    location: &Location,
    desired: &DesiredPolicy,
) -> Option<Instant> {
    let history = &mut state.history;
    let known = match history.next(location, desired, Instant::now()) {
        Next::Wait(until) => return until,
        Next::Fetch => None,
        Next::Recheck => history.version().map(str::to_owned),
    };
    // It is never closed; and the permit is held until the registry has the component.
    let Ok(_permit) = context.fetches.acquire().await else { return None };
    let read = context.sources.read(location, known.as_deref()).await;
    let (now, random) = (Instant::now(), fastrand::f64());
    match read {
        Ok(None) => history.record_unchanged(now, random),
        Err(error) => {
            let failure = PolicyFailure::from(&error);
            history.record_read_failure(location, failure, known.is_some(), now, random);
        }
        Ok(Some(component)) => {
            let digest = component.digest;
            history.record_component(location, digest, component.version.clone(), now, random);
            if history.should_submit(&digest, desired, now) {
                let result = submit(context, object, history, component, desired).await;
                let (now, random) = (Instant::now(), fastrand::f64());
                history.record_submission(digest, desired.clone(), result, now, random);
            }
        }
    }
    match history.next(location, desired, Instant::now()) {
        Next::Wait(until) => until,
        Next::Fetch | Next::Recheck => Some(Instant::now()),
    }
}

fn pause_left(state: &PolicyState) -> Option<Duration> {
    let left = state.paused_until?.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// 404: the resource was deleted, which the watch brings, too.
fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409 || status.code == 404)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}
