//! From the answers of one refresh to one average per flow.

use bytes::Bytes;
use netmarks_core::flow::book::{Completeness, Flow, FlowBook, Sample};
use netmarks_core::flow::estimator::Estimator;
use netmarks_core::round_trips::RoundTrip;
use reqwest::StatusCode;

use super::client::{QueryError, beginning};
use super::decode::{Interner, decode};
use super::presets::Preset;
use super::warnings::Warnings;

/// What one refresh came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refresh {
    /// Series in the answers that name a flow.
    pub samples: u64,
    /// Series that do not.
    pub skipped: u64,
    /// Flows that were published.
    pub flows: u64,
    /// Flows left out because there were more than the limit.
    pub dropped_flows: u64,
    /// Size of the answers in bytes.
    pub response_bytes: u64,
    /// Edges that carried more than any network does, and were left out.
    pub implausible: u64,
    /// Warnings of the metrics store.
    pub warnings: Warnings,
    /// Where they are asked for and were answered.
    pub round_trips: Vec<RoundTrip>,
}

/// Holds one average per flow.
#[derive(Debug)]
pub(super) struct Averages {
    book: FlowBook,
    estimator: Estimator,
    last_at: f64,
}

impl Averages {
    pub(super) fn new(estimator: Estimator) -> Self {
        Self { book: FlowBook::new(estimator), estimator, last_at: f64::NEG_INFINITY }
    }

    /// All flows as they are now.
    pub(super) fn flows(&self) -> impl Iterator<Item = Flow> {
        self.book.flows()
    }

    /// Adds the answers to all queries for the instant `at`.
    pub(super) fn add(
        &mut self,
        at: f64,
        preset: &Preset,
        answers: &[Bytes],
        limit: usize,
        url: &str,
    ) -> Result<Refresh, QueryError> {
        let mut refresh = Refresh::default();
        let mut interner = Interner::default();
        let mut samples: Vec<Sample> = Vec::new();
        for (body, query) in answers.iter().zip(&preset.queries) {
            let answer = decode(body, &preset.labels, &mut interner).map_err(|source| {
                QueryError::Decode { url: url.to_owned(), body: beginning(body), source }
            })?;
            if let Some(error) = answer.error {
                return Err(QueryError::Api { url: url.to_owned(), status: StatusCode::OK, error });
            }
            if let Some(found) = answer.unexpected_type {
                return Err(QueryError::ResultType { found, query: query.clone() });
            }
            refresh.response_bytes += body.len() as u64;
            refresh.skipped += answer.skipped;
            refresh.warnings.extend(&answer.warnings);
            if samples.is_empty() {
                samples = answer.samples;
            } else {
                samples.extend(answer.samples);
            }
        }
        refresh.samples = samples.len() as u64;
        let completeness = refresh.warnings.completeness();
        // Either the store lost its series, or all traffic ended at once. Nothing tells the two apart, so the flows stay as last
        // measured, and fade as they do when the store is silent.
        if samples.is_empty() && (completeness == Completeness::Partial || !self.book.is_empty()) {
            return Err(QueryError::Empty {
                url: url.to_owned(),
                flows: self.book.len(),
                warnings: refresh.warnings.texts(),
            });
        }
        // A clock that was set back: the averages' time lies in the future, and they would ignore every answer.
        if at <= self.last_at {
            self.book = FlowBook::new(self.estimator);
        }
        self.last_at = at;
        refresh.implausible = self.book.update(at, preset.reading, completeness, samples);
        refresh.dropped_flows = self.book.keep_heaviest(limit) as u64;
        Ok(refresh)
    }
}
