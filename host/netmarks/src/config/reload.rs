//! Follows the configuration file and the policy file while we run.
//!
//! Deciding what a change means is separate from acting on it: [`compare`] is a function of two configurations.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use netmarks_files::FileWatch;
use netmarks_policies::Registry;
use netmarks_scoring::Scorer;
use prometheus_client::metrics::counter::Counter;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::load::{self, Flags};
use super::{Config, schema};
use crate::policies;
use crate::telemetry::LogControl;

/// What changed between two configurations, by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Takes effect at once.
    pub live: Vec<String>,
    /// Needs a restart.
    pub restart: Vec<String>,
}

/// Compares two configurations key by key.
#[must_use]
pub fn compare(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes::default();
    // A configuration always serialises; if it did not, nothing would be seen to change.
    if let (Ok(old), Ok(new)) = (serde_json::to_value(old), serde_json::to_value(new)) {
        differences(&old, &new, String::new(), &mut changes);
    }
    changes
}

fn differences(old: &Value, new: &Value, key: String, changes: &mut Changes) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let missing = Value::Null;
                differences(
                    old.get(name).unwrap_or(&missing),
                    new.get(name).unwrap_or(&missing),
                    inner,
                    changes,
                );
            }
        }
        _ if schema::is_live(&key) => changes.live.push(key),
        _ => changes.restart.push(key),
    }
}

/// The files whose change is a change of the configuration.
#[must_use]
pub fn watched(file: Option<&Path>, config: &Config) -> Vec<PathBuf> {
    file.into_iter().chain(config.policy.file.as_deref()).map(Path::to_path_buf).collect()
}

/// Follows the files until cancelled. A change that cannot be taken over leaves everything as it was.
#[derive(Debug)]
pub struct Reloader {
    /// Where the configuration came from.
    pub file: Option<PathBuf>,
    /// The environment at the start, which still overrides the file.
    pub environment: Vec<(String, String)>,
    /// The flags, which still override both.
    pub flags: Flags,
    /// What is in force.
    pub config: Config,
    /// Takes a new policy.
    pub registry: Registry,
    /// Takes new settings.
    pub scorer: Arc<Scorer>,
    /// Counts what could not be taken over.
    pub failures: Counter,
    /// Takes a new log filter.
    pub log: LogControl,
    /// Watches both files since before they were first read.
    pub watch: FileWatch,
}

impl Reloader {
    /// Watches and reloads until cancelled.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while self.watch.changed(&shutdown).await {
            if let Err(error) = self.reload().await {
                self.failures.inc();
                tracing::error!(
                    error = format!("{error:#}").replace('\n', "; "),
                    "configuration not taken over, the old one stays in force"
                );
            }
        }
    }

    async fn reload(&mut self) -> anyhow::Result<()> {
        let config = load::load(self.file.as_deref(), &self.environment, &self.flags)?.config;
        let changes = compare(&self.config, &config);
        // Before the policy is read, and also if it will be refused: mending its file is then a change, too.
        self.watch.follow(watched(self.file.as_deref(), &config));
        // Whatever changed, the policy file may have. What was applied before is recognised and left alone.
        let policy = config.policy.clone();
        let configured = tokio::task::spawn_blocking(move || policies::read(&policy)).await??;
        policies::apply(&self.registry, configured).await?;
        self.scorer.configure(config.scoring.clone());
        self.log.set_filter(&config.log.filter)?;
        if !changes.live.is_empty() {
            tracing::info!(keys = changes.live.join(", "), "configuration taken over");
        }
        if !changes.restart.is_empty() {
            tracing::warn!(
                keys = changes.restart.join(", "),
                "configuration changed where it takes effect only after a restart"
            );
        }
        self.config = config;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_apart_by_what_they_need() {
        let old = Config::default();
        let mut new = old.clone();
        assert_eq!(compare(&old, &new), Changes::default());
        new.scoring.top = 100;
        new.scoring.decisions = 1;
        new.server.max_concurrent = 1;
        new.policy.parameters.insert("x".into(), netmarks_engine::ParameterValue::Toggle(true));
        new.log.filter = "debug".into();
        new.log.format = super::super::LogFormat::Json;
        let changes = compare(&old, &new);
        assert_eq!(changes.live, ["log.filter", "policy.parameters.x", "scoring.top"]);
        assert_eq!(changes.restart, ["log.format", "scoring.decisions", "server.max_concurrent"]);
    }
}
