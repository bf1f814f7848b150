//! [`Console`]: what the routes of the page read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netmarks_core::snapshot::Snapshot;
use netmarks_map::{History, PlaceNames, Scene};
use netmarks_scoring::{Decisions, Scorer};
use netmarks_state::ClusterState;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::replica::Filters;
use crate::answers::Answers;
use crate::error_answer::ErrorAnswer;

/// Streams of decisions at once.
const STREAMS: usize = 64;

/// Lists of decisions at once, each with a thread that writes it until its client has read it.
const LISTS: usize = 4;

/// How long a scene is shown without making it again.
const FRESH: Duration = Duration::from_secs(1);

/// What the routes of the page read; cheap to clone.
#[derive(Clone, Debug)]
pub struct Console {
    pub(crate) state: Arc<ClusterState>,
    pub(crate) scorer: Arc<Scorer>,
    pub(crate) decisions: Arc<Decisions>,
    pub(crate) history: Arc<Mutex<History>>,
    pub(crate) answers: Answers,
    /// One permit per stream.
    pub(crate) streams: Arc<Semaphore>,
    /// One permit per list of decisions that is being read.
    pub(crate) lists: Arc<Semaphore>,
    /// Cancelled when the process was told to stop.
    pub(crate) stopping: CancellationToken,
    /// Where there is a model of the scheduler.
    pub(super) filters: Option<Filters>,
    scene: Arc<Mutex<Option<Seen>>>,
}

/// A scene, and when it was made.
type Seen = (Instant, Arc<Scene>);

impl Console {
    /// Over the cluster that is scored by, its last hour, and the last decisions. `stopping` is cancelled when the process was told to
    /// stop.
    #[must_use]
    pub fn new(
        state: Arc<ClusterState>,
        scorer: Arc<Scorer>,
        decisions: Arc<Decisions>,
        history: Arc<Mutex<History>>,
        stopping: CancellationToken,
    ) -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self {
            state,
            scorer,
            decisions,
            history,
            answers: Answers::default(),
            streams: permits(STREAMS),
            lists: permits(LISTS),
            stopping,
            filters: None,
            scene: Arc::default(),
        }
    }

    /// The same, which asks `filters` where another pod like a running one (`namespace/name`) could go; `None` where it does not know.
    #[must_use]
    pub fn with_filters(self, filters: impl Fn(&str) -> Option<Vec<String>> + Send + Sync + 'static) -> Self {
        Self { filters: Some(Filters::new(filters)), ..self }
    }

    /// The cluster as it is, at most a second old; for a blocking thread.
    pub(crate) fn now(&self) -> Arc<Scene> {
        let mut kept = self.scene.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((at, scene)) if at.elapsed() < FRESH => scene.clone(),
            _ => {
                let scene = Arc::new(scene_of(&self.state));
                *kept = Some((Instant::now(), scene.clone()));
                scene
            }
        }
    }

    /// The cluster as it is, or as it was `at` (seconds since the Unix epoch); for a blocking thread.
    ///
    /// # Errors
    /// If that is longer ago than what is kept.
    pub(crate) fn at(&self, at: Option<f64>) -> Result<Arc<Scene>, ErrorAnswer> {
        let Some(at) = at else { return Ok(self.now()) };
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let scene = history.at(at).map(Arc::new);
        scene.ok_or_else(|| ErrorAnswer::not_found("nothing is kept of that time; see GET /v1/history"))
    }
}

/// What a scene is made of.
#[derive(Debug)]
pub(crate) struct Taken {
    snapshot: Snapshot,
    names: PlaceNames,
}

impl Taken {
    /// The cluster as it is now. Takes microseconds, in which others wait for the index.
    #[must_use]
    pub(crate) fn of(state: &ClusterState) -> Self {
        state.read(|index| Self {
            snapshot: index.snapshot(),
            names: PlaceNames { zones: index.zones().to_vec(), regions: index.regions().to_vec() },
        })
    }

    /// Walks all of it, so it is for a blocking thread.
    #[must_use]
    pub(crate) fn scene(&self) -> Scene {
        Scene::new(&self.snapshot, &self.names)
    }
}

/// The cluster as it is now; for a blocking thread.
#[must_use]
pub(crate) fn scene_of(state: &ClusterState) -> Scene {
    Taken::of(state).scene()
}
