//! [`ClusterState`]: the live index, its published snapshot, and readiness.
//!
//! A reader never waits: it loads a pointer.
//! A writer holds the index for as long as its change takes, and publishes before it lets go, so that snapshots
//! appear in the order of the changes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use netmarks_core::application::Application;
use netmarks_core::assumed::Assumed;
use netmarks_core::clock::Measured;
use netmarks_core::facts::ApplicationId;
use netmarks_core::flow::table::FlowTable;
use netmarks_core::index::Index;
use netmarks_core::round_trips::RoundTrip;
use netmarks_core::snapshot::Snapshot;

use crate::health::Health;
use crate::origin::ClusterOrigin;

/// Holds the cluster as the sources see it.
#[derive(Debug)]
pub struct ClusterState {
    index: Mutex<Index>,
    published: ArcSwap<Snapshot>,
    assumed: Arc<Assumed>,
    readiness: ArcSwap<Readiness>,
    health: Health,
    origin: ClusterOrigin,
}

/// What the sources have delivered so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readiness {
    /// The list of pods.
    pub pods: ListState,
    /// The list of nodes.
    pub nodes: ListState,
    /// The metrics source.
    pub metrics: MetricsState,
}

/// Whether an initial list is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListState {
    /// It is not, or only in part.
    NotYet,
    /// It was complete once; a later broken watch does not take that back.
    Listed,
}

/// What is known of the metrics source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricsState {
    /// It is configured and has not answered yet.
    NotYet,
    /// It last answered at this instant, in seconds since the Unix epoch.
    Answered {
        /// Seconds since the Unix epoch.
        at: f64,
    },
    /// No source is configured, on purpose: flows come from a snapshot file, or the cluster has no flows.
    Absent,
}

/// One reason for not being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// The initial list of pods is not complete.
    PodsNotListed,
    /// The initial list of nodes is not complete.
    NodesNotListed,
    /// The metrics source has not answered yet.
    MetricsNotAnswered,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PodsNotListed => "the list of pods is not complete yet",
            Self::NodesNotListed => "the list of nodes is not complete yet",
            Self::MetricsNotAnswered => "the metrics source has not answered yet",
        })
    }
}

impl Readiness {
    /// Of what no source delivers.
    const FIXED: Self =
        Self { pods: ListState::Listed, nodes: ListState::Listed, metrics: MetricsState::Absent };

    /// Why the sources are not ready; empty when they are.
    #[must_use]
    pub fn reasons(&self) -> Vec<NotReady> {
        let Self { pods, nodes, metrics } = self;
        let checks = [
            (*pods == ListState::NotYet, NotReady::PodsNotListed),
            (*nodes == ListState::NotYet, NotReady::NodesNotListed),
            (*metrics == MetricsState::NotYet, NotReady::MetricsNotAnswered),
        ];
        checks.into_iter().filter(|(missing, _)| *missing).map(|(_, reason)| reason).collect()
    }
}

impl ClusterState {
    /// An empty cluster whose pods and nodes are still to be listed. `metrics` is [`MetricsState::NotYet`] where a
    /// poller will run and [`MetricsState::Absent`] where none is configured.
    #[must_use]
    pub fn new(metrics: MetricsState) -> Self {
        let readiness = Readiness { pods: ListState::NotYet, nodes: ListState::NotYet, metrics };
        Self::with(Index::default(), readiness, ClusterOrigin::Sources)
    }

    /// A cluster that no source will change any more, such as one read from a snapshot file; ready at once.
    #[must_use]
    pub fn fixed(index: Index) -> Self {
        Self::with(index, Readiness::FIXED, ClusterOrigin::SnapshotFile)
    }

    /// The cluster that is built in.
    #[must_use]
    pub fn demo(index: Index) -> Self {
        Self::with(index, Readiness::FIXED, ClusterOrigin::Demo)
    }

    fn with(index: Index, readiness: Readiness, origin: ClusterOrigin) -> Self {
        Self {
            published: ArcSwap::from_pointee(index.snapshot()),
            index: Mutex::new(index),
            assumed: Arc::default(),
            readiness: ArcSwap::from_pointee(readiness),
            health: Health::default(),
            origin,
        }
    }

    /// The cluster as last published. Lock-free; a request takes it once and keeps it to the end.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// Pods that were answered and not yet seen bound.
    #[must_use]
    pub fn assumed(&self) -> &Arc<Assumed> {
        &self.assumed
    }

    /// Where all this comes from.
    #[must_use]
    pub fn origin(&self) -> ClusterOrigin {
        self.origin
    }

    /// How the sources are doing.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Applies `change` and publishes the result as one new snapshot. Not to be called from within `change`.
    pub fn update<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        let (answer, replaced) = {
            let mut index = self.lock();
            let answer = change(&mut index);
            (answer, self.published.swap(Arc::new(index.snapshot())))
        };
        // The last reference to an old snapshot frees whole tables: not while others wait for the index.
        drop(replaced);
        answer
    }

    /// The ids of applications whose flows are about to be replaced ([`Self::replace_flows`]); nothing is published.
    pub fn application_ids(&self, applications: &[Application]) -> Vec<ApplicationId> {
        self.lock().application_ids(applications)
    }

    /// Replaces all flows by a table made with the ids of [`Self::application_ids`], and round-trip times if there are new ones, in one
    /// new snapshot. Only one caller at a time may be between the two.
    pub fn replace_flows(
        &self,
        at: impl Into<Measured>,
        table: FlowTable,
        round_trips: Option<&[RoundTrip]>,
    ) {
        self.update(|index| {
            index.replace_flow_table(at, table);
            if let Some(round_trips) = round_trips {
                index.replace_round_trips(round_trips);
            }
        });
    }

    /// Reads the index, which also has what snapshots leave out: each pod by name. Writers wait meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.lock())
    }

    /// What the sources have delivered so far.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        **self.readiness.load()
    }

    /// Notes that the initial list of pods is complete and published.
    pub fn pods_listed(&self) {
        self.change_readiness(|readiness| readiness.pods = ListState::Listed);
    }

    /// Notes that the initial list of nodes is complete and published.
    pub fn nodes_listed(&self) {
        self.change_readiness(|readiness| readiness.nodes = ListState::Listed);
    }

    /// Notes that the metrics source answered for the instant `at` (seconds since the Unix epoch).
    pub fn metrics_answered(&self, at: f64) {
        self.change_readiness(|readiness| readiness.metrics = MetricsState::Answered { at });
    }

    fn change_readiness(&self, change: impl Fn(&mut Readiness)) {
        self.readiness.rcu(|readiness| {
            let mut next = **readiness;
            change(&mut next);
            next
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Index> {
        // A panic half-way through a change leaves counts that the next relist corrects; to stop for good would
        // be worse.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_core::facts::{PodFacts, Resources};

    fn pod(node: &str) -> PodFacts {
        PodFacts {
            key: "shop/web-1".to_owned(),
            application: Some(Application::new("shop", "web")),
            node: Some(node.to_owned()),
            gone: false,
            requests: Resources::default(),
            confined: false,
            revision: 0,
        }
    }

    #[test]
    fn a_snapshot_taken_before_a_change_never_sees_it() {
        let state = ClusterState::new(MetricsState::Absent);
        let before = state.snapshot();
        state.update(|index| index.apply_pod(&pod("a")));
        assert!(before.application_id("shop/web").is_none());
        assert!(state.snapshot().application_id("shop/web").is_some());
    }

    #[test]
    fn every_missing_part_is_a_reason_of_its_own() {
        let state = ClusterState::new(MetricsState::NotYet);
        assert_eq!(
            state.readiness().reasons(),
            [NotReady::PodsNotListed, NotReady::NodesNotListed, NotReady::MetricsNotAnswered]
        );
        state.pods_listed();
        state.metrics_answered(1.0);
        assert_eq!(state.readiness().reasons(), [NotReady::NodesNotListed]);
        state.pods_listed();
        assert_eq!(state.readiness().reasons(), [NotReady::NodesNotListed], "a relist changes nothing");
        state.nodes_listed();
        assert!(state.readiness().reasons().is_empty());
    }
}
