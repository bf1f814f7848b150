//! Carries moves out: does what [`Run`] says, and tells it what happened.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use netmarks_sources::prometheus::client::Client as Store;
use netmarks_sources::prometheus::service_level::Queries;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cluster::{Answer, Said, Watch, evict, node};
use crate::controller::controller;
use crate::event::Event;
use crate::health::Comparison;
use crate::journal::{Journal, JournalError};
use crate::moves::Move;
use crate::progress::Progress;
use crate::report::Report;
use crate::run::{Action, Facts, Health, Limits, Run, UNANSWERED_FOR};
use crate::seen::{ControllerSeen, NodeSeen};
use crate::shutdown::Shutdown;
use crate::stop::Stop;

/// Between two looks at the mesh's figures: the usual interval of scrapes.
const MEASURED_EVERY: Duration = Duration::from_secs(15);

/// Between two tries to see a node.
const LOOKED_EVERY: Duration = Duration::from_secs(5);

/// Between two looks at how many pods a controller wants.
const SEEN_EVERY: Duration = Duration::from_secs(30);

/// Why nothing could be begun, or the journal be kept.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The thread that opens it died.
    #[error("failed to open the journal: its thread ended early")]
    Ended(#[source] tokio::task::JoinError),
    /// The API server does not show its pods.
    #[error(
        "failed to watch the pods of {namespace}: {error}; nothing was evicted. `netmarks plan --print-role` prints the rights that it \
         takes"
    )]
    Pods { namespace: String, error: String },
}

/// What to carry out, and how.
#[derive(Clone, Debug)]
pub struct Applying {
    pub moves: Vec<Move>,
    pub limits: Limits,
    /// The journal's file.
    pub journal: PathBuf,
}

/// Holds the way to the mesh's figures, and what they were before the first move.
#[derive(Debug)]
pub struct Guard {
    pub store: Store,
    pub queries: Queries,
    /// How far back the queries look, until the instant that they ask for and from there on. Between two moves it is at least as long.
    pub window: Duration,
    pub comparison: Comparison,
}

/// Carries the moves out, one after the other, and resumes where the journal ends. It ends when all are done, when something stops it, or
/// after `shutdown`, as soon as that says.
///
/// `client` must be one that asks once: a refused eviction is an answer here, and tried again in its own time.
///
/// Not cancel safe: a dropped future may lose the answer to an eviction, which the next run finds out.
///
/// # Errors
/// If pods cannot be watched, or the journal cannot be kept. What was done stays.
pub async fn apply(
    client: &Client,
    applying: Applying,
    mut guard: Option<Guard>,
    shutdown: &Shutdown,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Report, ApplyError> {
    let Applying { moves, mut limits, journal: path } = applying;
    if let Some(guard) = &guard {
        limits.pause = limits.pause.max(guard.window);
    }
    let (moves, opened) = tokio::task::spawn_blocking(move || {
        let opened = Journal::open(&path, &moves);
        (moves, opened)
    })
    .await
    .map_err(ApplyError::Ended)?;
    let (journal, past) = opened?;
    let run = Run::new(moves, limits, &past);
    let (done, all) = (run.outcomes().len(), run.moves().len());
    tell(Progress::Began { done, all });
    if run.is_finished() {
        journal.headed().await?;
        return Ok(Report::new(&run, None));
    }
    let watch = listed(client, run.moves(), shutdown, tell).await?;
    let measured = guard.as_mut().and_then(|guard| match journal.before() {
        // Moves were made since: what they did to the mesh is not what was before them.
        Some(before) => {
            guard.comparison.resume(before);
            tell(Progress::Before { figures: before });
            None
        }
        None => Some(guard.comparison.before()),
    });
    let journal = journal.began(measured).await?;
    let health = if guard.is_some() { Health::Unknown } else { Health::Fine };
    let (started, measured) = (Instant::now(), Duration::ZERO);
    let (nodes, controller) = (Vec::new(), None);
    let mut driver = Driver { client, run, watch, guard, health, measured, nodes, controller, started, tell };
    let (journal, stop) = driver.drive(journal, shutdown).await?;
    journal.ended(stop.as_ref()).await?;
    Ok(Report::new(&driver.run, stop))
}

/// Watches the pods of the moves' namespaces, and waits until all are known.
pub(crate) async fn listed(
    client: &Client,
    moves: &[Move],
    shutdown: &Shutdown,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Watch, ApplyError> {
    let mut watch = Watch::start(client, moves);
    let mut last = None;
    let listing = async {
        while !watch.is_complete() && !shutdown.is_asked() {
            if let Some(Said::Failed(failure)) = shutdown.token(false).run_until_cancelled(watch.next()).await
            {
                if failure.refused {
                    return Err(failure);
                }
                tell(Progress::WatchFailed { namespace: &failure.namespace, error: &failure.error });
                last = Some(failure);
            }
        }
        Ok(())
    };
    let failed = match timeout(UNANSWERED_FOR, listing).await {
        Ok(Ok(())) => return Ok(watch),
        Ok(Err(failure)) => Some(failure),
        Err(_) => last,
    };
    let (namespace, error) = match failed {
        Some(failure) => (failure.namespace, failure.error),
        None => ("the moves".to_owned(), format!("no answer within {} s", UNANSWERED_FOR.as_secs())),
    };
    Err(ApplyError::Pods { namespace, error })
}

struct Driver<'a, 't> {
    client: &'a Client,
    run: Run,
    watch: Watch,
    guard: Option<Guard>,
    health: Health,
    /// When the figures were last measured.
    measured: Duration,
    nodes: Vec<(String, NodeSeen)>,
    /// The controller of the pod that was evicted last, and when it was looked at.
    controller: Option<(Duration, ControllerSeen)>,
    started: Instant,
    tell: &'t mut dyn FnMut(Progress<'_>),
}

impl Driver<'_, '_> {
    async fn drive(
        &mut self,
        mut journal: Journal,
        shutdown: &Shutdown,
    ) -> Result<(Journal, Option<Stop>), ApplyError> {
        loop {
            if shutdown.token(self.run.is_evicted()).is_cancelled() {
                return Ok((journal, Some(Stop::Interrupted)));
            }
            let facts = Facts {
                pods: &self.watch.pods,
                nodes: &self.nodes,
                controller: self.controller.as_ref().map(|(_, seen)| seen),
                health: &self.health,
                measured: self.measured,
            };
            match self.run.next(&facts, self.started.elapsed()) {
                Action::Finish => return Ok((journal, None)),
                Action::Stop(stop) => return Ok((journal, Some(stop))),
                Action::Measure => self.measure().await,
                Action::Look { node } => {
                    let Some(seen) = self.look(&node, shutdown).await else { continue };
                    match seen {
                        Ok(seen) => self.nodes.push((node, seen)),
                        Err(error) => return Ok((journal, Some(Stop::Node { node, error }))),
                    }
                }
                Action::See { namespace, controller: of } => {
                    let seen = controller(self.client, &namespace, &of);
                    let seen = shutdown.token(self.run.is_evicted()).run_until_cancelled(seen).await;
                    self.controller = seen.map(|seen| (self.started.elapsed(), seen));
                }
                Action::Record { number, event } => journal = self.record(journal, number, event).await?,
                Action::Evict { number, event } => {
                    let Event::Evicting(subject) = &event else { continue };
                    let uid = subject.pod_uid.clone();
                    let Some(planned) = self.run.moves().get(number).cloned() else { continue };
                    journal = self.record(journal, number, event).await?;
                    let answered = match evict(self.client, &planned, &uid, false).await {
                        Answer::Accepted => Event::Evicted,
                        Answer::Missing => self.run.missing(),
                        Answer::Refused(answer) => Event::Refused { answer },
                        Answer::Unanswered(error) => Event::Unanswered { error },
                        Answer::Denied(answer) => {
                            return Ok((journal, Some(Stop::Denied { pod: planned.pod, answer })));
                        }
                    };
                    self.nodes.clear();
                    self.controller = None;
                    journal = self.record(journal, number, answered).await?;
                }
                Action::Wait { until } => self.wait(until, shutdown).await,
            }
        }
    }

    /// The journal first: what is not in it did not happen.
    async fn record(&mut self, journal: Journal, number: usize, event: Event) -> Result<Journal, ApplyError> {
        let journal = journal.happened(number, event.clone()).await?;
        self.run.happened(&event, self.started.elapsed());
        let all = self.run.moves().len();
        if let Some(planned) = self.run.moves().get(number) {
            (self.tell)(Progress::Move { number, all, planned, event: &event });
        }
        Ok(journal)
    }

    async fn measure(&mut self) {
        let Some(Guard { store, queries, comparison, .. }) = &mut self.guard else {
            (self.health, self.measured) = (Health::Fine, self.started.elapsed());
            return;
        };
        let figures = queries.ask(store).await.map_err(|error| netmarks_core::errors::chain(&error));
        let now = self.started.elapsed();
        let was_worse = comparison.is_worse();
        self.health = comparison.take(figures, now);
        self.measured = now;
        match (&self.health, was_worse) {
            (Health::Worse { why, .. }, false) => (self.tell)(Progress::Worse { why }),
            (Health::Fine, true) => (self.tell)(Progress::Fine),
            _ => {}
        }
    }

    /// None when told to stop first.
    async fn look(&self, name: &str, shutdown: &Shutdown) -> Option<Result<NodeSeen, String>> {
        let until = Instant::now() + UNANSWERED_FOR;
        let shutdown = shutdown.token(self.run.is_evicted());
        loop {
            let seen = shutdown.run_until_cancelled(node(self.client, name)).await?;
            match seen {
                Err(_) if Instant::now() < until => {
                    shutdown.run_until_cancelled(sleep_until(Instant::now() + LOOKED_EVERY)).await?;
                }
                seen => return Some(seen),
            }
        }
    }

    /// Until something is seen to change, a figure is due or it is time.
    async fn wait(&mut self, until: Duration, shutdown: &Shutdown) {
        let due = self.measured + MEASURED_EVERY;
        let until = if matches!(self.health, Health::Worse { .. }) { until.min(due) } else { until };
        let seen_again = self.controller.as_ref().map(|(at, _)| *at + SEEN_EVERY);
        let until = seen_again.map_or(until, |again| until.min(again));
        let shutdown = shutdown.token(self.run.is_evicted());
        tokio::select! {
            said = self.watch.next() => {
                if let Said::Failed(failure) = said {
                    (self.tell)(Progress::WatchFailed { namespace: &failure.namespace, error: &failure.error });
                }
            }
            () = sleep_until(self.started + until) => {}
            () = shutdown.cancelled() => {}
        }
        // What was asked for before is old now.
        self.nodes.clear();
        if seen_again.is_some_and(|again| self.started.elapsed() >= again) {
            self.controller = None;
        }
        if self.guard.is_some() && self.started.elapsed() >= due {
            self.health = Health::Unknown;
        }
    }
}
