//! The log: set up before anything else runs, since it is global to the process, and filtered anew while it runs.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{Log, LogFormat};

/// Changes the log filter.
#[derive(Clone, Debug)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Sets the log up: lines on stderr, with colours only on a terminal.
///
/// # Errors
/// If the filter is not one, or it was done before.
pub fn start(log: &Log) -> Result<LogControl> {
    let filter = log.filter.parse::<EnvFilter>().context("`log.filter` is not a filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let writer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => writer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .context("logging was set up before")?;
    Ok(LogControl { filter: handle })
}

impl LogControl {
    /// Logs by another filter from now on.
    ///
    /// # Errors
    /// If it is not a filter.
    pub fn set_filter(&self, filter: &str) -> Result<()> {
        let filter = filter.parse::<EnvFilter>().context("`log.filter` is not a filter")?;
        self.filter.reload(filter).context("logging has ended")
    }
}
