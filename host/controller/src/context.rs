//! What all reconciles share, and what is kept about each policy between two of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::{ObjectRef, Store};
use netmarks_policies::Registry;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::config_map::ConfigMapWatch;
use crate::decide::History;
use crate::events::EventPublisher;
use crate::liveness::Liveness;
use crate::source::Sources;
use crate::status::ReplicaStatus;
use crate::status_writer::StatusWriter;

/// Most resources that are reconciled; the registry takes fewer.
pub(crate) const MAX_POLICIES: usize = 128;

/// Holds what all reconciles of a controller share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) replica: String,
    pub(crate) resource: ApiResource,
    pub(crate) registry: Registry,
    pub(crate) sources: Sources,
    pub(crate) status: StatusWriter,
    /// The ScoringPolicies as the watch sees them.
    pub(crate) store: Store<DynamicObject>,
    /// How many components may be in memory at once on their way to the registry.
    pub(crate) fetches: Semaphore,
    /// Asks for a reconcile of every resource.
    pub(crate) reconcile_all: Arc<Notify>,
    /// Asks for the removal of policies whose resource is gone.
    pub(crate) remove_orphans: Notify,
    pub(crate) policies: PolicyStates,
}

impl Context {
    /// The newest state of a resource; `None` if it does not exist.
    pub(crate) fn object(&self, name: &str) -> Option<Arc<DynamicObject>> {
        self.store.get(&ObjectRef::new_with(name, self.resource.clone()).within(&self.namespace))
    }

    pub(crate) fn new_state(&self) -> PolicyState {
        PolicyState {
            history: History::default(),
            liveness: Liveness::default(),
            events: EventPublisher::new(self.client.clone(), &self.replica),
            config_map: None,
            entry: None,
            renewed: None,
            failures: 0,
            paused_until: None,
        }
    }
}

/// What is kept about one policy.
pub(crate) struct PolicyState {
    pub(crate) history: History,
    pub(crate) liveness: Liveness,
    pub(crate) events: EventPublisher,
    pub(crate) config_map: Option<ConfigMapWatch>,
    /// The entry of this replica as it was written last, and since when it says that.
    pub(crate) entry: Option<ReplicaStatus>,
    pub(crate) renewed: Option<Instant>,
    /// Writes of the status that failed in a row.
    pub(crate) failures: u32,
    /// After a panic, nothing is done before this instant.
    pub(crate) paused_until: Option<Instant>,
}

/// A policy's state. Locked by its reconcile, and by the removal of the policy.
pub(crate) type SharedState = Arc<tokio::sync::Mutex<PolicyState>>;

/// Holds the state of each policy, by name.
#[derive(Default)]
pub(crate) struct PolicyStates(Mutex<BTreeMap<String, SharedState>>);

impl PolicyStates {
    /// The state of a policy, made by `new` if it is missing; `None` if there are too many policies.
    pub(crate) fn get(&self, name: &str, new: impl FnOnce() -> PolicyState) -> Option<SharedState> {
        let mut states = self.lock();
        if let Some(state) = states.get(name) {
            return Some(Arc::clone(state));
        }
        if states.len() >= MAX_POLICIES {
            return None;
        }
        let state = SharedState::new(new().into());
        states.insert(name.to_owned(), Arc::clone(&state));
        Some(state)
    }

    /// The state of a policy, if it was ever reconciled.
    pub(crate) fn existing(&self, name: &str) -> Option<SharedState> {
        self.lock().get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(String, SharedState)> {
        self.lock().iter().map(|(name, state)| (name.clone(), Arc::clone(state))).collect()
    }

    /// Drops the states of policies that do not exist, except those that are in use.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.lock().retain(|name, state| Arc::strong_count(state) > 1 || exists(name));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SharedState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
