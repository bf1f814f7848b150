//! One call of `netmarks simulate`, and what is read of its report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::application::Application;
use super::cluster::{Cluster, snapshot};
use crate::command::output;

/// The program, and a folder for its inputs.
pub(super) struct Simulator {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
}

/// What is simulated beside the application and its cluster.
#[derive(Clone, Debug)]
pub(super) struct Settings<'a> {
    pub(super) arms: &'a [&'a str],
    pub(super) order: &'a str,
    pub(super) repetitions: usize,
    pub(super) extender_weight: u32,
    pub(super) score_map: &'a str,
    /// Steps of the arm `optimal`; by default as the cluster's size asks for.
    pub(super) optimal_steps: Option<u64>,
    /// What else `netmarks simulate` is told.
    pub(super) flags: &'a [&'a str],
}

/// A mean with half of its 95% interval's width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) half_width: f64,
}

/// The figures of one simulation.
pub(super) struct Outcome(Value);

impl Simulator {
    pub(super) fn run(
        &self,
        application: &Application,
        cluster: &Cluster,
        settings: &Settings<'_>,
    ) -> Result<Outcome> {
        let file = self.folder.join("snapshot.json");
        fs::write(&file, snapshot(application, cluster).to_string())
            .with_context(|| format!("failed to write {}", file.display()))?;
        self.run_file(&file, settings)
    }

    /// What `netmarks plan` prints for a snapshot with these flags.
    pub(super) fn plan(&self, file: &Path, flags: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.arg("plan").arg("--snapshot").arg(file).args(["-o", "json"]).args(flags);
        serde_json::from_str(&output(&mut command)?).context("the plan is not JSON")
    }

    pub(super) fn run_file(&self, file: &Path, settings: &Settings<'_>) -> Result<Outcome> {
        let mut command = Command::new(&self.program);
        command.arg("simulate").arg("--snapshot").arg(file);
        command.args(["-o", "json", "--order", settings.order]);
        if !settings.flags.contains(&"--seed") {
            command.args(["--seed", "1"]);
        }
        command.args(["--repetitions", &settings.repetitions.to_string()]);
        command.args(["--extender-weight", &settings.extender_weight.to_string()]);
        command.args(["--score-map", settings.score_map]);
        command.args(settings.flags);
        if let Some(steps) = settings.optimal_steps {
            command.args(["--optimal-steps", &steps.to_string()]);
        }
        for arm in settings.arms {
            command.args(["--arm", arm]);
        }
        let printed = output(&mut command)?;
        Ok(Outcome(serde_json::from_str(&printed).context("the report is not JSON")?))
    }
}

impl Outcome {
    /// A figure of an arm by its place; `None` where it does not apply.
    pub(super) fn figure(&self, arm: usize, name: &str) -> Option<Estimate> {
        let figure = self.0.pointer(&format!("/arms/{arm}/figures/{name}"))?;
        Some(Estimate { mean: figure["mean"].as_f64()?, half_width: figure["half_width"].as_f64()? })
    }
}
