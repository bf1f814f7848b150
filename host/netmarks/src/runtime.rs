//! The runtime of the process, and the signals that end it.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::config::Config;

/// Resolves on SIGTERM or SIGINT.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn stop_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("failed to handle SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to handle SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
        }
    })
}

/// How long work on blocking threads may go on once everything else has ended. It is a file that is being read or written: what
/// is written is there whole or not at all, and a volume that hangs must not keep the process.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Runs `main` to its end on a runtime of its own.
///
/// # Errors
/// If the runtime cannot be started, and as `main`.
pub fn run(config: &Config, main: impl Future<Output = Result<()>>) -> Result<()> {
    run_within(LAST_WORK, config, main)
}

fn run_within(last_work: Duration, config: &Config, main: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = new(config)?;
    let result = runtime.block_on(main);
    runtime.shutdown_timeout(last_work);
    result
}

/// Workers for connections, and enough blocking threads for every request that may be scored.
fn new(config: &Config) -> Result<tokio::runtime::Runtime> {
    // Beside scoring: loading a policy, writing a snapshot, resolving names.
    const OTHER_BLOCKING_WORK: usize = 8;
    if config.server.max_concurrent == 0 {
        bail!("`server.max_concurrent` must be at least 1");
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(config.server.max_concurrent as usize + OTHER_BLOCKING_WORK)
        .build()
        .context("failed to start the runtime")
}

#[cfg(test)]
mod tests {
    use super::*;

    mod hostile {
        use super::*;

        /// As with a volume that hangs: the work cannot be stopped, and the process ends all the same.
        #[test]
        fn the_end_does_not_wait_for_work_that_hangs() {
            let (_release, held) = std::sync::mpsc::channel::<()>();
            let (begin, begun) = tokio::sync::oneshot::channel();
            let main = async {
                tokio::task::spawn_blocking(move || {
                    let _ = begin.send(());
                    let _ = held.recv();
                });
                begun.await?;
                Ok(())
            };
            run_within(Duration::from_millis(1), &Config::default(), main).unwrap();
        }
    }
}
