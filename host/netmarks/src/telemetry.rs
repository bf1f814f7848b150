//! The log: set up before anything else runs, since it is global to the process, and filtered again while it runs.

use std::io::{self, Write};

use anyhow::{Context as _, Result};
use netmarks_core::printable;
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

/// Sets the log up: lines on stderr. They have no colours, since whatever a terminal would act on is escaped.
///
/// # Errors
/// If the filter is not one, or it was done before.
pub fn start(log: &Log) -> Result<LogControl> {
    let filter = log.filter.parse::<EnvFilter>().context("`log.filter` is not a filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let (format, layer) = (log.format, tracing_subscriber::fmt::layer().with_ansi(false));
    let layer = layer.with_writer(move || Lines { format, to: io::stderr() });
    let lines = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .context("logging was set up before")?;
    Ok(LogControl { filter: handle })
}

/// Writes log lines so that no name in them makes a line of its own or moves a terminal's cursor.
struct Lines<W> {
    format: LogFormat,
    to: W,
}

impl<W: Write> Write for Lines<W> {
    /// Takes one event, whole: so the subscriber writes them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.trim_end_matches('\n');
        let shown = match self.format {
            LogFormat::Text => printable::one_line(line),
            LogFormat::Json => printable::json(line),
        };
        self.to.write_all(format!("{shown}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
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

#[cfg(test)]
mod hostile {
    use super::*;

    #[test]
    fn a_name_in_the_log_is_no_line_and_no_command_to_the_terminal() {
        let event = b"INFO pushed name=a\nERROR all is lost \x1b[2J\xc2\x9b\n";
        for (format, shown) in [
            (LogFormat::Text, "INFO pushed name=a\\nERROR all is lost \\u{1b}[2J\\u{9b}\n"),
            (LogFormat::Json, "INFO pushed name=a\nERROR all is lost \\u001b[2J\\u009b\n"),
        ] {
            let mut lines = Lines { format, to: Vec::new() };
            lines.write_all(event).unwrap();
            assert_eq!(String::from_utf8(lines.to).unwrap(), shown);
        }
    }
}
