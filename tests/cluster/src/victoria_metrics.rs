//! A real VictoriaMetrics in one process, and vmauth, which sends callers to the store of their tenant.

use crate::control_plane::wait_healthy;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::prometheus::{ScrapeTarget, write_targets};
use crate::workdir::WorkDir;
use anyhow::{Context as _, Result};
use netmarks_test_tools::MetricsStores;
use serde_json::{Value, json};
use std::time::Duration;

/// Holds a running VictoriaMetrics with a store of its own; dropping it kills it.
pub struct VictoriaMetrics {
    _process: Process,
    url: String,
    _port: Port,
    _folder: WorkDir,
}

impl VictoriaMetrics {
    /// Starts it and waits until it is ready. `flags` are its own, such as `-http.pathPrefix=/tenant`.
    pub async fn start(
        stores: &MetricsStores,
        targets: &[ScrapeTarget],
        scrape_interval: Duration,
        flags: &[&str],
    ) -> Result<Self> {
        let folder = WorkDir::create("victoria-metrics", false)?;
        let port = Port::reserve()?;
        let targets_file = folder.path().join("targets.json");
        write_targets(&targets_file, targets)?;
        let interval = format!("{}ms", scrape_interval.as_millis());
        let configuration = json!({
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "scrape_configs": [{
                "job_name": "kubernetes-pods",
                "honor_labels": true,
                "file_sd_configs": [{"files": [targets_file]}],
            }],
        });
        let configuration = folder.write("scrape.yml", &configuration.to_string())?;
        let mut arguments = vec![
            format!("-httpListenAddr=127.0.0.1:{}", port.number()),
            format!("-storageDataPath={}", folder.path().join("data").display()),
            format!("-promscrape.config={}", configuration.display()),
            "-promscrape.fileSDCheckInterval=1s".to_owned(),
            // It answers for half a minute ago otherwise, which a test would have to wait for.
            "-search.latencyOffset=0s".to_owned(),
            // The share of the machine that it takes for caches by itself is meant for a server of its own.
            "-memory.allowedBytes=256MiB".to_owned(),
        ];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let prefix = flags.iter().find_map(|flag| flag.strip_prefix("-http.pathPrefix=")).unwrap_or_default();
        let origin = format!("http://127.0.0.1:{}", port.number());
        let program = Program::new("victoria-metrics", &stores.victoria_metrics, arguments, folder.path());
        let mut process = program.start()?;
        wait_healthy(&mut process, &origin, &format!("{prefix}/health")).await?;
        Ok(Self { _process: process, url: format!("{origin}{prefix}"), _port: port, _folder: folder })
    }

    /// Where it listens, with its path prefix: `http://127.0.0.1:<port>/<prefix>`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Holds a running vmauth; dropping it kills it.
pub struct VmAuth {
    _process: Process,
    url: String,
    _port: Port,
    _folder: WorkDir,
}

impl VmAuth {
    /// Starts it with this configuration (`users`, `unauthorized_user`) and waits until it is ready.
    pub async fn start(stores: &MetricsStores, configuration: &Value) -> Result<Self> {
        let folder = WorkDir::create("vmauth", false)?;
        let port = Port::reserve()?;
        let text = serde_json::to_string(configuration).context("failed to encode vmauth's configuration")?;
        let configuration = folder.write("auth.yml", &text)?;
        let arguments = vec![
            format!("-httpListenAddr=127.0.0.1:{}", port.number()),
            format!("-auth.config={}", configuration.display()),
        ];
        let url = format!("http://127.0.0.1:{}", port.number());
        let mut process = Program::new("vmauth", &stores.vmauth, arguments, folder.path()).start()?;
        wait_healthy(&mut process, &url, "/health").await?;
        Ok(Self { _process: process, url, _port: port, _folder: folder })
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }
}
