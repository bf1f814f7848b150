//! The flows of a metrics store, asked once, as an extender that has just started asks them: with their past, so that averages
//! are those of an extender that has run for long.

use std::sync::Arc;

use netmarks_core::application::Identity;
use netmarks_core::errors::chain;
use netmarks_core::flow::book::{Completeness, Reading};
use netmarks_core::round_trips::RoundTrip;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::poller::Refresh;
use netmarks_sources::prometheus::{ConfigError, MetricsConfig, Poller};
use netmarks_sources::snapshot_file::{FileFlow, Missing, SnapshotFile};
use netmarks_state::{ClusterState, MetricsState};

use super::progress::{Progress, Step};

/// How far back a store is asked that has no flows now, in minutes: samples of remote writers and receivers arrive late.
const LAGS: [u32; 4] = [1, 5, 15, 60];

/// A store with how it is asked.
#[derive(Debug)]
pub(super) struct Store {
    config: MetricsConfig,
    identity: Identity,
    /// Where it is asked, as it may be shown.
    address: String,
    poller: Poller,
}

/// What a store said.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// When, in seconds since the Unix epoch.
    pub(super) at: Option<f64>,
    pub(super) flows: Vec<FileFlow>,
    pub(super) round_trips: Vec<RoundTrip>,
    pub(super) missing: Vec<Missing>,
}

impl Store {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// For settings that cannot work.
    pub(super) fn new(config: MetricsConfig, identity: Identity) -> Result<Self, ConfigError> {
        let poller = Poller::new(config.clone(), identity)?;
        Ok(Self { address: poller.address().to_owned(), poller, config, identity })
    }

    /// The flows as they were just before `now`, or at the latest instant of the last hour that has any.
    pub(super) async fn measure(self, now: f64, progress: &dyn Progress) -> Measured {
        let Self { config, identity, address, poller } = self;
        let now = now - config.query_offset_seconds;
        let mut measured = Measured::default();
        let mut poller = Some(poller);
        for minutes_ago in std::iter::once(0).chain(LAGS) {
            progress.step(Step::Asking { address: &address, minutes_ago });
            // A new one for each instant: averages only go forwards.
            let poller = match poller.take().map_or_else(|| Poller::new(config.clone(), identity), Ok) {
                Ok(poller) => poller,
                Err(error) => {
                    measured.miss(chain(&error));
                    return measured;
                }
            };
            let at = now - f64::from(minutes_ago) * 60.0;
            match ask(poller, at, &config).await {
                Ok((mut refresh, flows)) if !flows.is_empty() => {
                    progress.step(Step::Answered { flows: flows.len() });
                    measured.at = Some(at);
                    measured.flows = flows;
                    measured.round_trips = std::mem::take(&mut refresh.round_trips);
                    measured.remark(&refresh, minutes_ago);
                    return measured;
                }
                Ok(_) | Err(QueryError::Empty { .. }) => {}
                Err(error) => {
                    progress.step(Step::NotAnswered);
                    measured.miss(chain(&error));
                    return measured;
                }
            }
        }
        progress.step(Step::Answered { flows: 0 });
        measured.miss(format!(
            "{address} answered without a single flow of the last hour; see that it has the mesh's metrics, and that the \
             preset is that mesh's"
        ));
        measured
    }
}

impl Measured {
    fn miss(&mut self, why: String) {
        self.missing.push(Missing { what: "flows".to_owned(), why });
    }

    /// What is not as it should be, though there are flows.
    fn remark(&mut self, refresh: &Refresh, minutes_ago: u32) {
        if minutes_ago > 0 {
            self.miss(format!(
                "the store lags: it has none of the last minutes, so these are of {minutes_ago} min before; set \
                 `metrics.query_offset_seconds`"
            ));
        }
        if refresh.warnings.completeness() == Completeness::Partial {
            self.miss(format!("the store warned: {}", refresh.warnings.texts().join("; ")));
        }
        if refresh.dropped_flows > 0 {
            let dropped = refresh.dropped_flows;
            self.miss(format!("{dropped} light flows are left out; raise `metrics.max_flows`"));
        }
        if refresh.implausible > 0 {
            let implausible = refresh.implausible;
            self.miss(format!("{implausible} flows above 1 TB/s are left out; look for counters that jump"));
        }
    }
}

async fn ask(
    mut poller: Poller,
    at: f64,
    config: &MetricsConfig,
) -> Result<(Refresh, Vec<FileFlow>), QueryError> {
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    if poller.preset().reading == Reading::Counter {
        // A counter says something only beside an earlier value.
        poller.refresh(at - config.window_seconds, &state).await?;
    }
    let refresh = poller.refresh(at, &state).await?;
    let file = state.read(|index| SnapshotFile::from_index(index, Identity::default(), at));
    Ok((refresh, file.flows))
}
