//! What a figure was measured on.

use std::fs;

use anyhow::{Context as _, Result};

/// Its processor, and how many cores there are.
pub(crate) fn machine() -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").context("failed to read /proc/cpuinfo")?;
    let models: Vec<&str> = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name))
        .collect();
    Ok(format!("{} cores of {}", models.len(), models.first().unwrap_or(&"an unknown processor")))
}
