//! Long work that Ctrl-C ends early, with what is done until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use netmarks_evictions::Shutdown;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::terminal::print_remark;

/// Becomes true with the first Ctrl-C, as long as the runtime lives.
pub(super) fn interrupted(runtime: &Runtime) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    runtime.spawn({
        let flag = flag.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    });
    flag
}

/// Says to stop after the move that is under way with the first Ctrl-C, and at once with the second or SIGTERM, as long as the runtime
/// lives.
///
/// # Errors
/// If the signals cannot be handled.
pub(super) fn shutdown(runtime: &Runtime) -> Result<Shutdown> {
    let _entered = runtime.enter();
    let mut interrupts = signal(SignalKind::interrupt()).context("failed to handle SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to handle SIGTERM")?;
    let shutdown = Shutdown::default();
    runtime.spawn({
        let shutdown = shutdown.clone();
        async move {
            tokio::select! {
                _ = interrupts.recv() => {
                    print_remark("it stops after the move that is under way; Ctrl-C again stops at once, which undoes nothing");
                    shutdown.after_move();
                }
                _ = terminate.recv() => return shutdown.now(),
            }
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminate.recv() => {}
            }
            shutdown.now();
        }
    });
    Ok(shutdown)
}
