//! One policy, from the first sight of its resource to its end: a task that acts, says what came of it, and waits.
//!
//! All deciding is in [`crate::decide`] and [`crate::conditions`]; here is what touches the world. One task for each
//! policy, so that a slow source delays others only when several are slow at once.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::DynamicObject;
use netmarks_core::errors::chain;
use netmarks_policies::{Actor, Mode, Origin, PolicyName, Registry, RevisionId, Submission};
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{Scribe, Written};
use crate::conditions::summarise;
use crate::config_map::ConfigMapWatch;
use crate::decide::{Memory, Next, Saying, Standing, pause};
use crate::events::Events;
use crate::problem::Problem;
use crate::replicas::{HEARTBEAT, Liveness};
use crate::source::{Found, Sources};
use crate::status::ReplicaStatus;
use crate::text::cut;
use crate::wish::{self, Place, Wish};

/// Longest message of an entry, in bytes.
const MESSAGE_BYTES: usize = 1_024;

/// Longest wait for the API server when a replica takes leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all workers of a controller share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) replica: String,
    pub(crate) registry: Registry,
    pub(crate) sources: Sources,
    pub(crate) scribe: Scribe,
    /// How many components may be in memory at once on their way to the registry.
    pub(crate) fetches: Semaphore,
}

/// The newest state of a resource; `None` once it is deleted.
pub(crate) type Latest = Option<Arc<DynamicObject>>;

/// Works for one policy.
pub(crate) struct Worker {
    context: Arc<Context>,
    name: String,
    memory: Memory,
    liveness: Liveness,
    events: Events,
    config_map: Option<ConfigMapWatch>,
    /// What this replica wrote last.
    entry: Option<ReplicaStatus>,
    entry_at: Option<Instant>,
    failures: u32,
}

impl Worker {
    pub(crate) fn new(context: Arc<Context>, name: String) -> Self {
        let events = Events::new(context.client.clone(), &context.replica);
        Self {
            context,
            name,
            memory: Memory::default(),
            liveness: Liveness::default(),
            events,
            config_map: None,
            entry: None,
            entry_at: None,
            failures: 0,
        }
    }

    /// Runs until the resource is deleted and the policy removed, or until `shutdown`.
    pub(crate) async fn run(mut self, mut latest: watch::Receiver<Latest>, shutdown: CancellationToken) {
        let mut notices = self.context.registry.subscribe();
        let last = loop {
            let object = latest.borrow_and_update().clone();
            let Some(object) = object else {
                match self.remove().await {
                    None if !latest.has_changed().unwrap_or(false) => return,
                    None => {}
                    Some(again) => tokio::select! {
                        () = shutdown.cancelled() => return,
                        changed = latest.changed() => if changed.is_err() { return },
                        () = tokio::time::sleep_until(again) => {}
                    },
                }
                continue;
            };
            let Some(due) = Box::pin(shutdown.run_until_cancelled(self.reconcile(&object))).await else {
                break object;
            };
            let read = self.memory.mark().map(str::to_owned);
            tokio::select! {
                () = shutdown.cancelled() => break object,
                changed = latest.changed() => if changed.is_err() { break object },
                () = differs(self.config_map.as_mut(), read.as_deref()) => self.memory.outdate(),
                // Whatever happened, also to others: a rollback moves all. Missed ones are told by the next.
                notice = notices.recv() => if matches!(notice, Err(broadcast::error::RecvError::Closed)) { break object },
                () = tokio::time::sleep_until(due) => {}
            }
        };
        self.take_leave(&last).await;
    }

    /// Acts once and says what came of it; returns when to look again if nothing happens.
    async fn reconcile(&mut self, object: &DynamicObject) -> Instant {
        let generation = object.metadata.generation.unwrap_or_default();
        let (saying, rest, standing) = match wish::read(object) {
            Err(error) => {
                self.config_map = None;
                (Saying::invalid(&Problem::from(&error)), None, self.standing(None))
            }
            Ok((place, wish)) => {
                self.follow(&place);
                let rest = self.act(object, &place, &wish).await;
                let standing = self.standing(Some(&wish));
                (self.memory.saying(&wish, &standing), rest, standing)
            }
        };
        self.events.publish(object, generation, &saying).await;
        let now = Instant::now();
        let mut due = now + HEARTBEAT;
        if let Some(rest) = rest {
            due = due.min(rest);
        }
        match self.say(object, generation, saying, standing.in_use).await {
            Ok(()) => self.failures = 0,
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                // A conflict is somebody else's news, which the watch brings; anything else is worth a line.
                if is_conflict(&error) {
                    tracing::debug!(policy = self.name, "status changed meanwhile");
                } else if self.failures == 1 {
                    tracing::warn!(
                        policy = self.name,
                        error = chain(&error),
                        "failed to write a status; it is retried"
                    );
                }
                due = due.min(now + pause(self.failures));
            }
        }
        due
    }

    /// Does what is due; returns when something will be.
    async fn act(&mut self, object: &DynamicObject, place: &Place, wish: &Wish) -> Option<Instant> {
        let mark = match self.memory.next(place, wish, Instant::now()) {
            Next::Rest(until) => return until,
            Next::Fetch => None,
            Next::Look => self.memory.mark().map(str::to_owned),
        };
        let context = Arc::clone(&self.context);
        // Closed never; and the permit is held until the registry has the bytes.
        let Ok(_permit) = context.fetches.acquire().await else { return None };
        let looked = context.sources.look(place, mark.as_deref()).await;
        let (now, random) = (Instant::now(), fastrand::f64());
        match looked {
            Ok(Found::Same) => self.memory.same(now, random),
            Err(error) => self.memory.not_found(place, Problem::from(&error), mark.is_some(), now, random),
            Ok(Found::Bytes { bytes, digest, mark }) => {
                self.memory.found(place, digest.clone(), mark, now, random);
                if self.memory.is_submitted(&digest, wish, now) {
                    let outcome = self.submit(object, bytes, &digest, wish).await;
                    self.memory.attempted(digest, wish.clone(), outcome, Instant::now(), fastrand::f64());
                }
            }
        }
        match self.memory.next(place, wish, Instant::now()) {
            Next::Rest(until) => until,
            Next::Fetch | Next::Look => Some(Instant::now()),
        }
    }

    async fn submit(
        &mut self,
        object: &DynamicObject,
        bytes: Vec<u8>,
        digest: &str,
        wish: &Wish,
    ) -> Result<(), Problem> {
        let registry = &self.context.registry;
        let name: PolicyName = self.name.parse().map_err(|refusal| Problem::from(&refusal))?;
        let generation = object.metadata.generation.unwrap_or_default();
        let from = format!("ScoringPolicy {}/{}, generation {generation}", self.context.namespace, self.name);
        let actor = Actor::own("kubernetes", from);
        let wanted = RevisionId::new(&name, digest, &wish.settings);
        let standing = || Standing::of(&registry.manifest(), &name, Some(&wanted));
        let before = standing();
        // To move what is there is an operation of its own: a submission of what was withdrawn is refused, and one of
        // what is active never takes it out of the set. Who asks for another mode after a withdrawal means it.
        let moves = before.is_newest
            && match &before.wanted {
                Some((mode, None)) => *mode != wish.mode,
                Some((_, Some(_))) => self.memory.asked_otherwise(digest, wish),
                None => false,
            };
        let origin = Origin::Kubernetes;
        if moves {
            registry.set_mode(name.clone(), wish.mode, origin, actor.clone()).await
        } else {
            let (settings, mode) = (wish.settings.clone(), wish.mode);
            let (name, actor) = (name.clone(), actor.clone());
            let bytes = bytes.into();
            registry.submit(Submission { name, bytes, settings, mode, origin, actor }).await
        }
        .map_err(|refusal| Problem::from(&refusal))?;
        // Back to the revision that is still active: the one that was to follow it, perhaps a canary, must not go on.
        let after = standing();
        if matches!(after.wanted, Some((Mode::Active, None))) && !after.is_newest {
            let stopped = registry.set_mode(name, Mode::Ready, origin, actor).await;
            stopped.map_err(|refusal| Problem::from(&refusal))?;
        }
        Ok(())
    }

    fn standing(&self, wish: Option<&Wish>) -> Standing {
        let Ok(name) = self.name.parse::<PolicyName>() else { return Standing::default() };
        let wanted = wish
            .zip(self.memory.digest())
            .map(|(wish, digest)| RevisionId::new(&name, digest, &wish.settings));
        Standing::of(&self.context.registry.manifest(), &name, wanted.as_ref())
    }

    /// Watches the ConfigMap of `place`, if it is one.
    fn follow(&mut self, place: &Place) {
        match place {
            Place::ConfigMap(source) => {
                if self.config_map.as_ref().is_none_or(|watch| watch.name() != source.name) {
                    let context = &self.context;
                    let watch = ConfigMapWatch::new(context.client.clone(), &context.namespace, &source.name);
                    self.config_map = Some(watch);
                }
            }
            Place::Remote { .. } => self.config_map = None,
        }
    }

    /// Writes what changed: our entry, those of replicas that are gone, what all share.
    async fn say(
        &mut self,
        object: &DynamicObject,
        generation: i64,
        saying: Saying,
        in_use: Option<String>,
    ) -> Result<(), kube::Error> {
        let context = Arc::clone(&self.context);
        let now = Instant::now();
        let mut entry = ReplicaStatus {
            name: context.replica.clone(),
            generation,
            state: saying.state,
            reason: saying.reason.to_owned(),
            message: cut(&saying.message, MESSAGE_BYTES).to_owned(),
            digest: in_use,
            fetched_digest: self.memory.digest().map(str::to_owned),
            last_update: unix_time(),
        };
        if let Some(before) = &self.entry
            && self.entry_at.is_some_and(|at| now.duration_since(at) < HEARTBEAT)
            && (ReplicaStatus { last_update: before.last_update.clone(), ..entry.clone() }) == *before
        {
            entry = before.clone();
        }
        let mut newest = None;
        if !Written::of(object).replicas.contains(&entry) {
            newest = Some(context.scribe.entry(object, &entry).await?);
            if self.entry.as_ref() != Some(&entry) {
                self.entry_at = Some(now);
            }
            self.entry = Some(entry);
        }
        let seen = newest.as_ref().unwrap_or(object);
        let (alive, gone) = self.liveness.part(Written::of(seen).replicas, &context.replica, now);
        for name in gone {
            let removed = context.scribe.remove_entry(newest.as_ref().unwrap_or(object), &name, true).await?;
            tracing::info!(
                policy = self.name,
                replica = name,
                "a replica has gone silent; its entry is removed"
            );
            newest = Some(removed);
        }
        let seen = newest.as_ref().unwrap_or(object);
        let written = Written::of(seen);
        let summary = summarise(generation, &alive, &written.conditions, &unix_time());
        // Of an object that changed meanwhile there will be more to hear, and more to say.
        if seen.metadata.generation == Some(generation) && !written.says(&summary) {
            context.scribe.summary(seen, &summary).await?;
        }
        Ok(())
    }

    /// Removes the policy of a deleted resource; returns when to try again if that failed.
    async fn remove(&mut self) -> Option<Instant> {
        (self.memory, self.config_map, self.entry) = (Memory::default(), None, None);
        let registry = &self.context.registry;
        let Ok(name) = self.name.parse::<PolicyName>() else { return None };
        let is_ours =
            |entry: &netmarks_policies::Entry| entry.name == name && entry.origin == Origin::Kubernetes;
        if !registry.manifest().entries.iter().any(is_ours) {
            return None;
        }
        let from = format!("ScoringPolicy {}/{}, deleted", self.context.namespace, self.name);
        match registry.remove(name, Origin::Kubernetes, Actor::own("kubernetes", from)).await {
            Ok(_) => None,
            Err(refusal) => {
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(
                    policy = self.name,
                    error = chain(&refusal),
                    "failed to remove a policy; it is retried"
                );
                Some(Instant::now() + pause(self.failures))
            }
        }
    }

    /// Removes our entry: who leaves in peace is not waited for.
    async fn take_leave(self, object: &DynamicObject) {
        if self.entry.is_none() {
            return;
        }
        let context = &self.context;
        let leave = context.scribe.remove_entry(object, &context.replica, false);
        match tokio::time::timeout(FAREWELL, leave).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(policy = self.name, error = chain(&error), "failed to take leave");
            }
            Err(_) => tracing::debug!(policy = self.name, "the API server was too slow to take leave"),
        }
    }
}

async fn differs(watch: Option<&mut ConfigMapWatch>, read: Option<&str>) {
    match watch {
        Some(watch) => watch.differs_from(read).await,
        None => std::future::pending().await,
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    // 404: the resource was deleted, which the watch brings, too.
    matches!(error, kube::Error::Api(status) if status.code == 409 || status.code == 404)
}

/// Now, in whole seconds, so that what is read again from a status equals what was written.
fn unix_time() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}
