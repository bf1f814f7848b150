//! The runtime of the process, and the signals that end it.

use std::future::Future;

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

/// The runtime: workers for connections, and enough blocking threads for every request that may be scored.
///
/// # Errors
/// If threads cannot be started.
pub fn new(config: &Config) -> Result<tokio::runtime::Runtime> {
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
