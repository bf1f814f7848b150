//! The task that keeps the flows fresh: ask, decode, average, publish, wait.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use bytes::Bytes;
use foldhash::fast::RandomState;
use netmarks_core::application::Identity;
use netmarks_core::errors::chain;
use netmarks_core::flow::book::Completeness;
use netmarks_core::flow::numbered::NumberedFlows;
use netmarks_core::idle::WhenIdle;
use netmarks_core::round_trips::RoundTrip;
use netmarks_core::rules;
use tokio_util::sync::CancellationToken;

use super::averages::Averages;
pub use super::averages::Refresh;
use super::background::Background;
use super::client::{Client, QueryError};
use super::config::{ConfigError, MetricsConfig};
use super::past::Past;
use super::presets::Preset;
use super::{round_trips, warnings};
use netmarks_core::clock::Measured;
use netmarks_state::{ClusterState, MetricsReport, Turn};

/// How far the time between two refreshes is moved at random, so that many extenders do not ask in step.
const JITTER: f64 = 0.1;

/// Longest time for asking about the past: a slow store must not keep a replica from being ready with what it knows.
const LEARNING: Duration = Duration::from_secs(30);

/// Most kinds of warnings that are logged before an answer comes without one.
const MOST_KINDS: usize = 32;

/// Holds the connection, the queries and the running averages.
#[derive(Debug)]
pub struct Poller {
    config: MetricsConfig,
    client: Client,
    preset: Arc<Preset>,
    /// What to ask before the first refresh, and how.
    past: Option<(Past, Arc<Preset>)>,
    averages: Averages,
    background: Background,
    /// Whether any flows were published. Until then requests wait for them, and not they for requests.
    published: bool,
    /// How long to wait after each of the failures in a row; `None` after a success.
    retries: Option<ExponentialBackoff>,
    /// Whether the last question for round-trip times was answered.
    measures_round_trips: bool,
    /// Kinds of warnings that were logged.
    warned: HashSet<String, RandomState>,
}

impl Poller {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// For settings that cannot work, and for an identity that the preset's metrics do not know.
    pub fn new(config: MetricsConfig, identity: Identity) -> Result<Self, ConfigError> {
        rules::check(&config)?;
        config.check_combinations()?;
        round_trips::check(&config.round_trips)?;
        let preset = |config: &MetricsConfig| Preset::new(config, identity).map(Arc::new);
        let past = Past::new(&config).map(|past| {
            let config = MetricsConfig { window_seconds: past.step_seconds, ..config.clone() };
            Ok::<_, ConfigError>((past, preset(&config)?))
        });
        Ok(Self {
            client: Client::new(&config)?,
            preset: preset(&config)?,
            past: past.transpose()?,
            averages: Averages::new(config.estimator),
            background: Background::default(),
            published: false,
            retries: None,
            measures_round_trips: true,
            warned: HashSet::default(),
            config,
        })
    }

    /// The same, which has `when_idle` decode and average: beside a program that answers requests.
    #[must_use]
    pub fn working_when_idle(self, when_idle: WhenIdle) -> Self {
        Self { background: Background::new(when_idle), ..self }
    }

    /// What it asks and how it reads the answers.
    #[must_use]
    pub fn preset(&self) -> &Preset {
        &self.preset
    }

    /// Where it asks, without the parameters of its URL.
    #[must_use]
    pub fn address(&self) -> &str {
        self.client.address()
    }

    /// Refreshes `state` forever, until `shutdown`.
    ///
    /// A failure leaves the flows as they are (their age tells readers), is counted in [`ClusterState::health`], is
    /// logged when failures begin and when they end, and is retried ever more slowly.
    ///
    /// Cancel safe: a refresh that is cut off changes nothing or everything.
    pub async fn run(mut self, state: Arc<ClusterState>, shutdown: CancellationToken) {
        let work = async {
            loop {
                self.refresh_and_record(&state).await;
                tokio::time::sleep(self.pause()).await;
            }
        };
        shutdown.run_until_cancelled(Box::pin(work)).await;
    }

    async fn refresh_and_record(&mut self, state: &Arc<ClusterState>) {
        let start = Instant::now();
        let health = &state.health().metrics;
        match self.refresh_now(state).await {
            Ok((at, refresh)) => {
                self.retries = None;
                let Refresh {
                    samples,
                    skipped: _,
                    flows,
                    dropped_flows,
                    response_bytes,
                    implausible,
                    warnings,
                    round_trips: _,
                } = refresh;
                let partial = warnings.completeness() == Completeness::Partial;
                let warnings = warnings.texts();
                self.log(&warnings, implausible);
                let turn = health.record_success(MetricsReport {
                    last_success_at: Some(at),
                    warnings,
                    partial,
                    implausible_flows: implausible,
                    samples,
                    flows,
                    dropped_flows,
                    response_bytes,
                    duration_seconds: start.elapsed().as_secs_f64(),
                    ..MetricsReport::default()
                });
                if turn == Turn::Recovered {
                    tracing::info!(url = self.client.address(), "the metrics store answers again");
                }
            }
            Err(error) => {
                self.retries.get_or_insert_with(|| retries(&self.config));
                let error = chain(&error);
                if health.record_failure(error.clone()) == Turn::Failed {
                    tracing::warn!(
                        error,
                        "failed to refresh the flows; they stay as last measured while it is retried"
                    );
                } else {
                    tracing::debug!(error, "failed to refresh the flows again");
                }
            }
        }
    }

    /// Each kind of warning once, until an answer comes without one: a store repeats them with every answer.
    fn log(&mut self, warnings: &[String], implausible: u64) {
        if warnings.is_empty() && implausible == 0 {
            self.warned.clear();
        }
        for warning in warnings {
            if self.warned.len() < MOST_KINDS && self.warned.insert(warnings::kind(warning)) {
                tracing::warn!(warning, "the metrics store warns");
            }
        }
        if implausible > 0 && self.warned.insert("implausible".to_owned()) {
            tracing::warn!(
                flows = implausible,
                "flows above 1 TB/s are left out; look for counters that jump"
            );
        }
    }

    /// Asks about now, as the store's clock has it; gives that instant as well.
    async fn refresh_now(&mut self, state: &Arc<ClusterState>) -> Result<(f64, Refresh), QueryError> {
        let preset = self.preset.clone();
        self.client.now_was_wrong();
        let mut asked = self.lately();
        let mut answers = self.ask(&preset, asked.at()).await;
        // Whatever there was or was not at that instant, it was another one than was meant.
        if self.client.now_was_wrong() {
            asked = self.lately();
            answers = self.ask(&preset, asked.at()).await;
        }
        let refresh = self.take(asked, answers?, state).await?;
        Ok((asked.at(), refresh))
    }

    /// The latest instant that the store is asked about.
    fn lately(&self) -> Measured {
        let offset = self.config.query_offset_seconds;
        Measured::ago(self.client.now() - offset, offset)
    }

    /// Asks once for the instant `at` (seconds since the Unix epoch) and publishes what came of it. The first time it
    /// asks for the past as well, once the store has shown that it answers.
    ///
    /// # Errors
    /// For any query that fails; nothing is changed then. The past is not worth one: without it averages begin now.
    pub async fn refresh(&mut self, at: f64, state: &Arc<ClusterState>) -> Result<Refresh, QueryError> {
        let (preset, asked) = (self.preset.clone(), Measured::from(at));
        let answers = self.ask(&preset, at).await?;
        self.take(asked, answers, state).await
    }

    /// Takes the answers about an instant, and asks what belongs to it.
    async fn take(
        &mut self,
        asked: Measured,
        answers: Vec<Bytes>,
        state: &Arc<ClusterState>,
    ) -> Result<Refresh, QueryError> {
        let (preset, at) = (self.preset.clone(), asked.at());
        if let Some((past, preset)) = self.past.take() {
            let failed = match tokio::time::timeout(LEARNING, self.learn(past, &preset, at)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(chain(&error)),
                Err(_) => Some(format!("it took longer than {LEARNING:?}")),
            };
            if let Some(error) = failed {
                tracing::warn!(
                    error,
                    "failed to ask for past flows; until the averages have covered that time again, this replica's scores \
                     can differ from others'"
                );
            }
        }
        let round_trips = self.round_trips(at).await;
        self.apply(asked, preset, answers, Some((state, round_trips))).await
    }

    /// `None` where they are not asked for, or were not answered: they stay as last measured.
    async fn round_trips(&mut self, at: f64) -> Option<Vec<RoundTrip>> {
        let asked = round_trips::ask(&self.config.round_trips, &mut self.client, at).await;
        let answered = asked.is_ok();
        let answer = asked.unwrap_or_else(|error| {
            if self.measures_round_trips {
                let error = chain(&error);
                tracing::warn!(
                    error,
                    "failed to ask for round-trip times; they stay as last measured. See `metrics.round_trips`"
                );
            }
            None
        });
        self.measures_round_trips = answered;
        answer
    }

    async fn learn(&mut self, past: Past, preset: &Arc<Preset>, at: f64) -> Result<(), QueryError> {
        for instant in past.instants(at) {
            let answers = self.ask(preset, instant).await?;
            match self.apply(instant.into(), preset.clone(), answers, None).await {
                // Of that instant nothing is known.
                Ok(_) | Err(QueryError::Empty { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn ask(&mut self, preset: &Preset, at: f64) -> Result<Vec<Bytes>, QueryError> {
        let mut answers = Vec::with_capacity(preset.queries.len());
        for query in &preset.queries {
            answers.push(self.client.query(query, at).await?);
        }
        Ok(answers)
    }

    /// Averages these answers, and publishes the flows if there is where to, with the round-trip times if there are any.
    async fn apply(
        &mut self,
        asked: Measured,
        preset: Arc<Preset>,
        answers: Vec<Bytes>,
        publish: Option<(&Arc<ClusterState>, Option<Vec<RoundTrip>>)>,
    ) -> Result<Refresh, QueryError> {
        // Decoding and averaging take milliseconds to a second: not on a thread that answers requests. If this
        // future is dropped meanwhile the work still ends by publishing, and only the averages are lost.
        let estimator = self.config.estimator;
        let mut averages = std::mem::replace(&mut self.averages, Averages::new(estimator));
        let mut background = self.background;
        let publishes = publish.is_some();
        let publish = publish.map(|(state, round_trips)| (state.clone(), round_trips));
        let (limit, urgent) = (self.config.max_flows, !self.published);
        let url = self.client.address().to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let mut turn = background.begin(urgent);
            let added = turn.run(|| {
                let refresh = averages.add(asked.at(), &preset, &answers, limit, &url)?;
                // Some MB; to free them takes a moment as well.
                drop(answers);
                let flows = publish.is_some().then(|| NumberedFlows::new(averages.flows()));
                Ok::<_, QueryError>((refresh, flows))
            });
            if added.is_none() {
                // Half changed by what panicked.
                averages = Averages::new(estimator);
            }
            let refresh = added.unwrap_or(Err(QueryError::Panicked)).and_then(|(mut refresh, flows)| {
                if let (Some((state, round_trips)), Some(flows)) = (publish, flows) {
                    refresh.flows = flows.count() as u64;
                    // Not when idle: others wait for the index meanwhile.
                    let ids = state.application_ids(flows.applications());
                    let table = turn.run(|| flows.into_table(&ids));
                    state.replace_flows(asked, table.ok_or(QueryError::Panicked)?, round_trips.as_deref());
                    state.metrics_answered(asked.at());
                    refresh.round_trips = round_trips.unwrap_or_default();
                }
                Ok(refresh)
            });
            background.end(&turn);
            (averages, background, refresh)
        });
        let (averages, background, refresh) = work.await.map_err(|source| QueryError::Ended { source })?;
        (self.averages, self.background) = (averages, background);
        self.published |= publishes && refresh.is_ok();
        refresh
    }

    /// How long to wait until the next refresh.
    fn pause(&mut self) -> Duration {
        let interval = self.config.interval_seconds;
        let retry = self.retries.as_mut().and_then(Iterator::next);
        retry.unwrap_or_else(|| {
            Duration::from_secs_f64(interval * (1.0 + JITTER * (2.0 * fastrand::f64() - 1.0)))
        })
    }
}

/// The waits between failures: twice as long each time up to the limit, of which the random half keeps many extenders from
/// coming back at once.
fn retries(config: &MetricsConfig) -> ExponentialBackoff {
    let MetricsConfig { interval_seconds, max_backoff_seconds, .. } = *config;
    // Jitter adds up to as much again, so half is what jitter is added to.
    let half = |seconds: f64| Duration::from_secs_f64(seconds / 2.0);
    ExponentialBuilder::new()
        .with_min_delay(half(interval_seconds))
        .with_max_delay(half(max_backoff_seconds.max(interval_seconds)))
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests;
