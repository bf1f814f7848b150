//! The mesh's figures before the first move, against which later ones are held.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use netmarks_evictions::health::Comparison;
use netmarks_evictions::run::Limits;
use netmarks_evictions::{Guard, Move};
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::client::Client as Store;
use netmarks_sources::prometheus::service_level::{Figures, Queries};

use super::super::terminal::print_remark;
use super::seconds::seconds;

/// When moves stop because the mesh serves worse.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Watching the mesh while pods move (--metrics-url)")]
#[group(skip)]
pub(super) struct Flags {
    /// By which share of what they were before the first move errors and the 99th percentile of response times may rise
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, requires = "apply")]
    most_worse: f64,
    /// For how long they may be worse; no move begins meanwhile
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().worse_for.as_secs(), value_parser = seconds(), requires = "apply")]
    pub(super) worse_seconds: u64,
    /// Move pods without looking at the mesh's figures
    #[arg(long, requires = "apply")]
    without_guard: bool,
}

impl Flags {
    /// Measures the namespaces of the moves. None where nothing can be watched, which is said.
    ///
    /// # Errors
    /// If the store does not answer: then nothing is evicted.
    pub(super) async fn guard(
        &self,
        config: &MetricsConfig,
        moves: &[Move],
        begun: bool,
    ) -> Result<Option<Guard>> {
        if !(self.most_worse >= 0.0 && self.most_worse.is_finite()) {
            bail!("--most-worse is {}; give a share from 0, such as 0.2", self.most_worse);
        }
        if self.without_guard || moves.is_empty() {
            return Ok(None);
        }
        if !config.is_configured() {
            print_remark("errors and response times are not watched: no --metrics-url");
            return Ok(None);
        }
        let mut namespaces: Vec<&str> = moves.iter().map(|planned| planned.parts().0).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let unwatched = "the settings of the metrics store cannot work";
        let Some(queries) = Queries::new(config, &namespaces, config.window_seconds).context(unwatched)?
        else {
            print_remark("errors and response times are not watched: the preset's series count no requests");
            return Ok(None);
        };
        let mut store = Store::new(config).context(unwatched)?;
        let before = queries.ask(&mut store).await.context(
            "failed to measure errors and response times before the first move, so nothing was evicted; --without-guard moves pods \
             without looking at them",
        )?;
        let Figures { error_share, p99_seconds } = before;
        // What was measured before an earlier run's first move is compared in any case.
        if !begun && error_share.is_none() && p99_seconds.is_none() {
            print_remark(&format!(
                "errors and response times are not watched: no requests were measured in {}",
                namespaces.join(", ")
            ));
            return Ok(None);
        }
        let when = if begun { "before this run's moves" } else { "before the first move" };
        print_remark(&format!("{when}, {}", words(&before)));
        Ok(Some(Guard {
            store,
            queries,
            // Only after both do figures have nothing of before a move.
            window: Duration::from_secs_f64(config.window_seconds + config.query_offset_seconds),
            comparison: Comparison::new(before, self.most_worse),
        }))
    }
}

/// What was measured, in words that follow a comma.
pub(super) fn words(figures: &Figures) -> String {
    let Figures { error_share, p99_seconds } = figures;
    let mut shown = Vec::new();
    shown.extend(error_share.map(|share| format!("{:.2}% of the requests fail", share * 100.0)));
    shown.extend(
        p99_seconds
            .map(|seconds| format!("the 99th percentile of response times is {:.1} ms", seconds * 1_000.0)),
    );
    if shown.is_empty() { "no requests are measured".to_owned() } else { shown.join(" and ") }
}
