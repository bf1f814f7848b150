//! `netmarks doctor` as a user runs it, and what it said.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::isolated;
use serde_json::Value;

/// What one run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    /// Check, status, what was found, advice.
    pub(crate) findings: Vec<(String, String, String, String)>,
    pub(crate) errors: String,
}

impl Said {
    /// The findings of these statuses, as check and advice.
    pub(crate) fn only(&self, statuses: &[&str]) -> Vec<(&str, &str)> {
        let wanted = self.findings.iter().filter(|(_, status, ..)| statuses.contains(&status.as_str()));
        wanted.map(|(check, _, _, advice)| (check.as_str(), advice.as_str())).collect()
    }

    /// Fails unless these are all the problems, each with advice that says so.
    pub(crate) fn ensure_problems(&self, expected: &[(&str, &str)]) -> Result<()> {
        let problems = self.only(&["problem"]);
        ensure!(problems.len() == expected.len(), "{self:#?}");
        for ((check, advice), (expected, says)) in problems.iter().zip(expected) {
            ensure!(check == expected && advice.contains(says), "{self:#?}");
        }
        ensure!(self.code == Some(1), "{self:#?}");
        let noun = if expected.len() == 1 { "problem" } else { "problems" };
        ensure!(self.errors == format!("error: found {} {noun}\n", expected.len()), "{self:#?}");
        Ok(())
    }

    pub(crate) fn found(&self, wanted: &str) -> &str {
        self.findings.iter().find(|(check, ..)| check == wanted).map_or("", |(_, _, found, _)| found)
    }
}

/// Runs it with the same short window as the extenders of these tests.
pub(crate) fn doctor(arguments: &[&str]) -> Result<Said> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
    isolated(&mut command)
        .args(["doctor", "-o", "json"])
        .args(arguments)
        .env("NETMARKS_METRICS_WINDOW_SECONDS", "5");
    let output = command.output().context("netmarks does not start")?;
    let errors = String::from_utf8(output.stderr)?;
    let report: Value = serde_json::from_slice(&output.stdout).with_context(|| errors.clone())?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().context("no findings")?;
    let findings = findings.iter().map(|finding| {
        (text(finding, "check"), text(finding, "status"), text(finding, "found"), text(finding, "advice"))
    });
    Ok(Said { code: output.status.code(), findings: findings.collect(), errors })
}
