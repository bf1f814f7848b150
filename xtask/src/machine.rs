//! What a figure was measured on.

use std::fmt;
use std::fs;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::command::{cargo, output};

/// Where something was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    /// MiB; 0 if it was not written down.
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) toolchain: String,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Result<Self> {
        let read = |file: &str| fs::read_to_string(file).with_context(|| format!("failed to read {file}"));
        let (processor, memory) = (read("/proc/cpuinfo")?, read("/proc/meminfo")?);
        let model =
            processor.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1));
        let memory =
            memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
        Ok(Self {
            processor: model.unwrap_or("an unknown processor").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory.and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib / 1024),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease")?.trim()),
            toolchain: output(cargo().arg("--version"))?.trim().to_owned(),
        })
    }

    /// How many cores of which processor.
    pub(crate) fn processors(&self) -> String {
        format!("{} cores of {}", self.cores, self.processor)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_mib, kernel, toolchain, .. } = self;
        f.write_str(&self.processors())?;
        if *memory_mib > 0 {
            write!(f, ", {memory_mib} MiB")?;
        }
        for known in [kernel, toolchain].into_iter().filter(|text| !text.is_empty()) {
            write!(f, ", {known}")?;
        }
        Ok(())
    }
}
