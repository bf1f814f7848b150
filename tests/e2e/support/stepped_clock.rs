//! A wall clock of a process that is set while it runs, as an administrator or a time service sets one that was wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::repository;

/// Holds how far the clock is off, for whoever was started with [`Self::environment`].
pub struct SteppedClock {
    library: PathBuf,
    file: PathBuf,
}

impl SteppedClock {
    /// Right at first.
    pub fn new(folder: &Path) -> Result<Self> {
        let clock = Self { library: folder.join("stepped_clock.so"), file: folder.join("stepped_clock") };
        let source = repository("tests/e2e/support/stepped_clock.c");
        let mut clang = Command::new("clang");
        let built = clang.args(["-shared", "-fPIC", "-o"]).args([&clock.library, &source]).status();
        ensure!(built.context("failed to run clang")?.success(), "clang failed");
        clock.set(0)?;
        Ok(clock)
    }

    pub fn environment(&self) -> [(&'static str, String); 2] {
        let text = |path: &Path| path.display().to_string();
        [("LD_PRELOAD", text(&self.library)), ("STEPPED_CLOCK", text(&self.file))]
    }

    /// From now on it is off by so many seconds.
    pub fn set(&self, seconds: i64) -> Result<()> {
        // In place: it is mapped.
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.write(true).create(true).truncate(false).open(&self.file)?;
        std::io::Write::write_all(&mut file, &seconds.to_ne_bytes()).context("failed to set the clock")
    }
}
