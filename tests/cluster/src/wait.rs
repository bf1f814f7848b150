//! Waiting for something outside this process: poll a condition until a deadline.
//!
//! Every wait reports in the same way what it waited for and what it saw last.

use crate::process::Process;
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};

/// Time between two looks. Short beside the start of any process here, long beside one HTTP request.
const INTERVAL: Duration = Duration::from_millis(25);

/// A start takes about four seconds on two idle cores; a machine that also compiles gets plenty more.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Calls `probe` until it gives `Ok(Some(_))`, and returns that.
///
/// `Ok(None)` means "not yet". An error also means "not yet", and becomes the cause in the final error, as a process that
/// starts refuses connections for a while. Fails once `limit` has passed, naming `what`.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let last = match probe().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if Instant::now() >= deadline {
            let message = format!("waited {limit:?} for {what}");
            match last {
                Some(error) => return Err(error).context(message),
                None => bail!(message),
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Waits until `probe` says that `process` is ready. Fails at once if the process ends, and with the end of its log.
pub(crate) async fn until_ready<T>(
    process: &mut Process,
    mut probe: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let what = format!("{} to be ready", process.program().name);
    let outcome = until(&what, START_LIMIT, async || match process.check_alive() {
        Err(ended) => Ok(Some(Err(ended))),
        Ok(()) => Ok(probe().await?.map(Ok)),
    })
    .await;
    outcome.unwrap_or_else(|error| Err(error.context(process.log_tail())))
}
