//! A question to whoever sits at the terminal.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use netmarks_core::printable;

/// Whether the answer is `yes`. Ctrl-C and the end of the input say no.
///
/// # Errors
/// If the terminal cannot be written to or read from.
pub(super) async fn is_yes(question: &str) -> Result<bool> {
    {
        let mut stderr = std::io::stderr().lock();
        write!(stderr, "{}", printable::lines(question))?;
        stderr.flush()?;
    }
    let (answer, answered) = tokio::sync::oneshot::channel();
    // A thread of its own: a runtime would wait for its end, and nothing ends a read from a terminal.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line).map(|_| line);
        let _ = answer.send(read);
    });
    tokio::select! {
        line = answered => {
            let line = line.context("failed to read the answer")?.context("failed to read the answer")?;
            Ok(line.trim() == "yes")
        }
        interrupted = tokio::signal::ctrl_c() => {
            // What is said next begins a line of its own.
            writeln!(std::io::stderr())?;
            interrupted.map(|()| false).context("failed to handle SIGINT")
        }
    }
}
