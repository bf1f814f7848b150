//! Waiting for a program to say that it is healthy.

use crate::http;
use crate::process::Process;
use crate::wait::until_ready;
use anyhow::Result;

/// Waits until a health endpoint answers 200, failing at once if the process ends.
pub(crate) async fn wait_healthy(process: &mut Process, url: &str, path: &str) -> Result<()> {
    let client = http::client(url)?;
    until_ready(process, async || http::get(&client, path).await.map(Some)).await.map(drop)
}
