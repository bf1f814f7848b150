//! kubectl and helm, as people run them.

use crate::control_plane::ControlPlane;
use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::repository;
use std::path::Path;
use std::process::Command;

impl ControlPlane {
    /// kubectl as the user who may do everything, as a command to be completed.
    pub fn kubectl_command(&self) -> Command {
        self.tool(&self.binaries().kubectl)
    }

    /// Runs kubectl; returns what it printed. A warning is a failure.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let (printed, warnings) = run(self.kubectl_command().args(arguments))?;
        ensure!(warnings.is_empty(), "kubectl {arguments:?} warned: {warnings}");
        Ok(printed)
    }

    /// Runs helm; returns what it printed. A warning is a failure.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        let (printed, warnings) = run(self.tool(&self.binaries().helm).args(arguments))?;
        ensure!(warnings.is_empty(), "helm {arguments:?} warned: {warnings}");
        Ok(printed)
    }

    /// Applies what the chart renders from these of its templates, as a release `netmarks` in this namespace: for tests of one
    /// part of it.
    pub fn apply_chart(&self, namespace: &str, templates: &[&str], values: &[&str]) -> Result<()> {
        let chart = repository("deploy/helm/netmarks").display().to_string();
        let mut arguments = vec!["template", "netmarks", &chart, "--namespace", namespace];
        arguments.extend(["--set", "image.repository=none.invalid/netmarks"]);
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        let templates: Vec<String> = templates.iter().map(|name| format!("templates/{name}.yaml")).collect();
        arguments.extend(templates.iter().flat_map(|template| ["--show-only", template]));
        let file = self.folder().join("chart.yaml");
        std::fs::write(&file, self.helm(&arguments)?).context("failed to write what the chart renders")?;
        let file = file.to_string_lossy();
        // A test may have changed what it applied.
        let force = "--force-conflicts";
        self.kubectl(&["apply", "--server-side", force, "--validate=strict", "-f", &file]).map(drop)
    }

    fn tool(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Nothing of the user's own: neither clusters, nor plugins and caches.
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", self.folder());
        for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env_remove(name);
        }
        command
    }
}

fn run(command: &mut Command) -> Result<(String, String)> {
    let output = command.output().with_context(|| format!("failed to run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?} failed: {errors}");
    Ok((String::from_utf8(output.stdout).context("it printed something not UTF-8")?, errors))
}
