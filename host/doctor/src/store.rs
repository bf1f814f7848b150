//! What the metrics store says: the preset's own queries, and which series they read. What follows from it is decided elsewhere,
//! without a store.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use netmarks_core::application::{Application, Identity};
use netmarks_core::clock::unix_now;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::client::{Client, QueryError};
use netmarks_sources::prometheus::config::ConfigError;
use netmarks_sources::prometheus::decode::{Interner, decode};
use netmarks_sources::prometheus::presets::Preset;
use netmarks_sources::prometheus::selectors::{Selector, selectors};
use netmarks_sources::prometheus::warnings::Warnings;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use serde_json::Value;
use strum::VariantArray as _;

use super::series_facts::{Missing, SeriesFacts};

/// What was found of the metrics.
#[derive(Debug)]
pub(super) enum StoreResult {
    /// There is no store.
    NotConfigured,
    /// The settings cannot work.
    Misconfigured(ConfigError),
    /// It does not answer, or refuses.
    Failed(StoreFailure),
    /// It answers.
    Answers(Answers),
}

/// A query that failed.
#[derive(Debug)]
pub(super) enum StoreFailure {
    Query(QueryError),
    /// An answer that cannot be read, and how.
    Answer(String),
}

impl From<QueryError> for StoreFailure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

/// What the store has.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) url: String,
    /// How long the preset's own queries took.
    pub(super) took: Duration,
    /// What each selector of the queries finds.
    pub(super) selected: Vec<Selected>,
    /// What came of the queries, under the configured identity and any other that the preset can have.
    pub(super) edges: BTreeMap<Identity, Edges>,
    /// What their series say about the store and the mesh.
    pub(super) facts: SeriesFacts,
    /// Presets whose metrics are there, where those of the configured one are not.
    pub(super) others: Vec<PresetName>,
}

/// What one selector finds.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    pub(super) selector: Selector,
    /// Series of the metric, whatever their labels.
    pub(super) all: u64,
    /// Series that match.
    pub(super) matching: u64,
    /// Matchers that no series of the metric satisfies.
    pub(super) unmatched: Vec<String>,
    /// Samples of the middle series within the window.
    pub(super) samples: Option<f64>,
}

/// The flows as the preset's queries give them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Edges {
    /// Source, destination, and how much: bytes per second, or bytes where the preset reads counters.
    pub(super) edges: Vec<(Application, Application, f64)>,
    /// Series that lack a name at one end.
    pub(super) skipped: u64,
    /// What the store warned of.
    pub(super) warnings: Warnings,
}

/// Most names of clusters that are read.
const MOST_CLUSTERS: usize = 10;

/// Families of bytes, the one that every proxy reports with them, and their name as a native histogram.
const FAMILIES_OF: [(PresetName, &str, &str, Option<&str>); 6] = [
    (PresetName::Istio, "istio_request_bytes_sum", "istio_requests_total", Some("istio_request_bytes")),
    (PresetName::Istio, "istio_response_bytes_sum", "istio_requests_total", Some("istio_response_bytes")),
    (PresetName::Istio, "istio_tcp_sent_bytes_total", "istio_tcp_connections_opened_total", None),
    (PresetName::Istio, "istio_tcp_received_bytes_total", "istio_tcp_connections_opened_total", None),
    (PresetName::Linkerd, "tcp_write_bytes_total", "tcp_open_total", None),
    (PresetName::Linkerd, "tcp_read_bytes_total", "tcp_open_total", None),
];

/// Asks the store.
pub(super) async fn fetch(config: &MetricsConfig, identity: Identity) -> StoreResult {
    if !config.is_configured() {
        return StoreResult::NotConfigured;
    }
    let preset = match Poller::new(config.clone(), identity) {
        Ok(poller) => poller.preset().clone(),
        Err(error) => return StoreResult::Misconfigured(error),
    };
    let client = match Client::new(config) {
        Ok(client) => client,
        Err(error) => return StoreResult::Misconfigured(error),
    };
    match (Asking { client, config, at: unix_now() - config.query_offset_seconds })
        .everything(&preset, identity)
        .await
    {
        Ok(answers) => StoreResult::Answers(answers),
        Err(failure) => StoreResult::Failed(failure),
    }
}

/// Queries of one instant.
struct Asking<'c> {
    client: Client,
    config: &'c MetricsConfig,
    at: f64,
}

impl Asking<'_> {
    async fn everything(&mut self, preset: &Preset, identity: Identity) -> Result<Answers, StoreFailure> {
        let started = Instant::now();
        let edges = self.edges(preset).await?;
        let mut answers = Answers {
            url: self.client.address().to_owned(),
            took: started.elapsed(),
            edges: BTreeMap::from([(identity, edges)]),
            ..Answers::default()
        };
        for other in Identity::VARIANTS.iter().copied().filter(|other| *other != identity) {
            // A preset that reads workloads only refuses the others: then there is nothing to compare.
            if let Ok(preset) = Preset::new(self.config, other) {
                answers.edges.insert(other, self.edges(&preset).await?);
            }
        }
        let mut all: Vec<Selector> = preset.queries.iter().flat_map(|query| selectors(query)).collect();
        all.sort();
        all.dedup();
        for selector in all {
            answers.selected.push(self.select(selector).await?);
        }
        answers.facts = self.facts(&answers.selected).await?;
        if answers.selected.iter().all(|selected| selected.all == 0) {
            answers.others = self.other_presets().await?;
        }
        Ok(answers)
    }

    async fn edges(&mut self, preset: &Preset) -> Result<Edges, StoreFailure> {
        let mut edges = Edges::default();
        let mut interner = Interner::default();
        let mut sums: BTreeMap<(Application, Application), f64> = BTreeMap::new();
        for query in &preset.queries {
            let body = self.client.query(query, self.at).await?;
            let answer = decode(&body, &preset.labels, &mut interner).map_err(unreadable)?;
            if let Some(found) = answer.unexpected_type {
                return Err(StoreFailure::Answer(format!(
                    "the query gives a {found}; only an instant vector has flows: {query}"
                )));
            }
            edges.skipped += answer.skipped;
            edges.warnings.extend(&answer.warnings);
            for sample in answer.samples {
                *sums.entry((sample.source, sample.destination)).or_default() += sample.value;
            }
        }
        edges.edges =
            sums.into_iter().map(|((source, destination), value)| (source, destination, value)).collect();
        Ok(edges)
    }

    async fn select(&mut self, selector: Selector) -> Result<Selected, StoreFailure> {
        let metric = Selector { matchers: Vec::new(), ..selector.clone() };
        let nameless = selector.metric.is_empty();
        let all = self.series(if nameless { &selector } else { &metric }).await?;
        let matching = self.series(&selector).await?;
        let mut selected = Selected { all, matching, ..Selected::default() };
        if matching == 0 && all > 0 {
            for matcher in &selector.matchers {
                let one = Selector { matchers: vec![matcher.clone()], ..selector.clone() };
                if self.series(&one).await? == 0 {
                    selected.unmatched.push(matcher.clone());
                }
            }
        }
        if matching > 0 {
            let milliseconds = (self.config.window_seconds * 1_000.0).round();
            let query = format!("quantile(0.5, count_over_time({selector}[{milliseconds}ms]))");
            selected.samples = number(&self.client.query(&query, self.at).await?)?;
        }
        Ok(Selected { selector, ..selected })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of series")]
    async fn series(&mut self, selector: &Selector) -> Result<u64, StoreFailure> {
        let answer = self.client.query(&format!("count({selector})"), self.at).await?;
        Ok(number(&answer)?.unwrap_or(0.0) as u64)
    }

    /// The number that `query` gives, if it gives one.
    async fn number(&mut self, query: &str) -> Result<Option<f64>, StoreFailure> {
        number(&self.client.query(query, self.at).await?)
    }

    /// The values that `label` has in the answer to `query`, at most `most` of them.
    async fn values(&mut self, query: &str, label: &str, most: usize) -> Result<Vec<String>, StoreFailure> {
        let body = self.client.query(query, self.at).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(unreadable)?;
        let series = answer.pointer("/data/result").and_then(Value::as_array);
        let values =
            series.into_iter().flatten().filter_map(|series| series.pointer("/metric")?.get(label)?.as_str());
        let mut values: Vec<String> = values.filter(|value| !value.is_empty()).map(str::to_owned).collect();
        values.sort();
        values.truncate(most);
        Ok(values)
    }

    async fn other_presets(&mut self) -> Result<Vec<PresetName>, StoreFailure> {
        let mut others = Vec::new();
        for preset in [PresetName::Istio, PresetName::Linkerd, PresetName::Beyla] {
            let config = MetricsConfig { preset, ..self.config.clone() };
            let Ok(filled) = Preset::new(&config, Identity::Workload) else { continue };
            let mut metrics: Vec<String> = filled
                .queries
                .iter()
                .flat_map(|query| selectors(query))
                .map(|selector| selector.metric)
                .collect();
            metrics.sort();
            metrics.dedup();
            let mut there = 0;
            for metric in metrics {
                there += self.series(&Selector { metric, matchers: Vec::new() }).await?;
            }
            if there > 0 {
                others.push(preset);
            }
        }
        Ok(others)
    }
}

impl Asking<'_> {
    /// Asks about the series that the preset's queries select.
    async fn facts(&mut self, selected: &[Selected]) -> Result<SeriesFacts, StoreFailure> {
        let metrics: Vec<&str> = selected
            .iter()
            .map(|selected| selected.selector.metric.as_str())
            .filter(|metric| !metric.is_empty())
            .collect();
        let mut facts = SeriesFacts { lag: self.lag(&metrics).await?, ..SeriesFacts::default() };
        let preset = match self.config.preset {
            PresetName::IstioLogical => PresetName::Istio,
            preset => preset,
        };
        for (_, family, beside, native) in FAMILIES_OF.into_iter().filter(|(of, ..)| *of == preset) {
            let gone =
                selected.iter().any(|selected| selected.selector.metric == family && selected.all == 0);
            let there = if gone { self.series(&of(beside)).await? } else { 0 };
            if there == 0 {
                continue;
            }
            let mut missing = Missing { family, beside: (beside, there), native: None };
            if let Some(native) = native
                && self.series(&of(native)).await? > 0
            {
                missing.native = Some(native);
            }
            facts.missing.push(missing);
        }
        if preset == PresetName::Istio
            && let Some(metric) =
                selected.iter().find(|selected| selected.all > 0).map(|selected| &selected.selector.metric)
        {
            let query = format!("count by (source_cluster) ({metric})");
            facts.clusters = self.values(&query, "source_cluster", MOST_CLUSTERS).await?;
            facts.clusters.retain(|cluster| cluster != "unknown");
        }
        Ok(facts)
    }

    /// The age of the newest sample, also where it is too old for a plain query to see it.
    async fn lag(&mut self, metrics: &[&str]) -> Result<Option<f64>, StoreFailure> {
        for newest in ["max(timestamp({}))", "max(max_over_time(timestamp({})[1h:30s]))"] {
            for metric in metrics {
                let query = format!("time() - {}", newest.replace("{}", metric));
                if let Some(lag) = self.number(&query).await? {
                    return Ok(Some(lag));
                }
            }
        }
        Ok(None)
    }
}

fn of(metric: &str) -> Selector {
    Selector { metric: metric.to_owned(), matchers: Vec::new() }
}

/// The one number of an answer; `None` for an empty vector.
fn number(body: &Bytes) -> Result<Option<f64>, StoreFailure> {
    let answer: Value = serde_json::from_slice(body).map_err(unreadable)?;
    let value = answer.pointer("/data/result/0/value/1").and_then(Value::as_str);
    Ok(value.and_then(|value| value.parse().ok()).filter(|value: &f64| value.is_finite()))
}

#[allow(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn unreadable(error: serde_json::Error) -> StoreFailure {
    StoreFailure::Answer(format!("it did not answer like the Prometheus HTTP API: {error}"))
}
