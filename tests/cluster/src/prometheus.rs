//! A real Prometheus server that scrapes what a test tells it to.

use crate::health::wait_healthy;
use crate::http;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::wait::until;
use crate::workdir::WorkDir;
use anyhow::{Context as _, Result, bail};
use kube::Client;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something to scrape, and the labels that a scrape configuration would have given its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// Host and port, such as `127.0.0.1:15020`.
    pub address: String,
    /// Path of the metrics, such as `/metrics`.
    pub path: String,
    /// Target labels, such as `namespace`, `pod`, `node`, `app`, `job` and `instance`.
    pub labels: BTreeMap<String, String>,
}

/// What a Prometheus is started with.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    /// What it scrapes from the start.
    pub targets: Vec<ScrapeTarget>,
    /// Time between two scrapes, and between two evaluations of rules.
    pub scrape_interval: Duration,
    /// Further top-level keys of its configuration file, such as `rule_files` or `remote_write`; its `scrape_configs` come
    /// after the one of the targets.
    pub configuration: Map<String, Value>,
    /// Whether it scrapes and keeps native histograms.
    pub native_histograms: bool,
}

impl PrometheusOptions {
    /// Scrapes these targets and does nothing else.
    pub fn new(targets: &[ScrapeTarget], scrape_interval: Duration) -> Self {
        Self {
            targets: targets.to_vec(),
            scrape_interval,
            configuration: Map::new(),
            native_histograms: false,
        }
    }

    /// The same with a further key of the configuration.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.configuration.insert(key.to_owned(), value);
        self
    }

    /// The configuration file's content.
    fn configuration(&self, targets_file: &Path) -> Value {
        let interval = format!("{}ms", self.scrape_interval.as_millis());
        let mut configuration = self.configuration.clone();
        let mut jobs = vec![json!({
            "job_name": "kubernetes-pods",
            // As in Istio's own scrape configuration.
            "honor_labels": true,
            "file_sd_configs": [{"files": [targets_file], "refresh_interval": "1s"}],
        })];
        if let Some(Value::Array(more)) = configuration.remove("scrape_configs") {
            jobs.extend(more);
        }
        configuration.insert("scrape_configs".to_owned(), Value::Array(jobs));
        let global =
            json!({"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval});
        configuration.insert("global".to_owned(), global);
        Value::Object(configuration)
    }
}

/// One series of a query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Labels, with `__name__` if the query kept it.
    pub labels: BTreeMap<String, String>,
    /// Value.
    pub value: f64,
}

/// Holds a running Prometheus with a store of its own; dropping it kills it.
pub struct PrometheusServer {
    process: Process,
    client: Client,
    url: String,
    targets_file: PathBuf,
    _port: Port,
    _folder: WorkDir,
}

impl PrometheusServer {
    /// Starts Prometheus from `PATH` and waits until it is ready. It scrapes for the first time some five seconds later, as its
    /// service discovery hands targets on at that interval; see [`Self::wait_scraped`].
    pub async fn start(targets: &[ScrapeTarget], scrape_interval: Duration) -> Result<Self> {
        Self::start_with(&PrometheusOptions::new(targets, scrape_interval)).await
    }

    /// The same with rules, further scrape jobs and the like.
    pub async fn start_with(options: &PrometheusOptions) -> Result<Self> {
        let executable = find_on_path("prometheus").context(
            "`prometheus` is not on PATH; `cargo xtask test` installs it, or install the Debian package `prometheus`",
        )?;
        let folder = WorkDir::create("prometheus", false)?;
        let port = Port::reserve()?;
        let targets_file = folder.path().join("targets.json");
        write_targets(&targets_file, &options.targets)?;
        let text = serde_json::to_string_pretty(&options.configuration(&targets_file))
            .context("failed to encode Prometheus' configuration")?;
        let config_file = folder.write("prometheus.yml", &text)?;
        let mut arguments = vec![
            format!("--config.file={}", config_file.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", port.number()),
            // A restart of the test's server must find what was scraped before.
            "--storage.tsdb.wal-compression".to_owned(),
        ];
        if options.native_histograms {
            arguments.push("--enable-feature=native-histograms".to_owned());
        }
        let url = format!("http://127.0.0.1:{}", port.number());
        let client = http::client(&url)?;
        let process = Program::new("prometheus", executable, arguments, folder.path()).start()?;
        let mut server = Self { process, client, url, targets_file, _port: port, _folder: folder };
        server.wait_ready().await?;
        Ok(server)
    }

    async fn wait_ready(&mut self) -> Result<()> {
        wait_healthy(&mut self.process, &self.url, "/-/ready").await
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it with SIGKILL: queries are refused from here on.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same port and store, killing it first if it runs, and waits until it is ready.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.restart()?;
        self.wait_ready().await
    }

    /// Replaces all targets. Series of targets that are gone become stale; new ones are scraped within some five seconds.
    pub fn set_targets(&self, targets: &[ScrapeTarget]) -> Result<()> {
        write_targets(&self.targets_file, targets)
    }

    /// Waits until exactly `targets` targets are known and each was scraped at least once with success.
    pub async fn wait_scraped(&self, targets: usize, limit: Duration) -> Result<()> {
        until(&format!("{targets} targets to be scraped"), limit, async || {
            let answer = self.get("/api/v1/targets?state=active").await?;
            let active = answer.pointer("/data/activeTargets").and_then(Value::as_array);
            let active = active.context("the list of targets has no `activeTargets`")?;
            let up = active.iter().filter(|target| target.get("health") == Some(&json!("up"))).count();
            let errors: Vec<&Value> = active.iter().filter_map(|target| target.get("lastError")).collect();
            anyhow::ensure!(
                up == targets && active.len() == targets,
                "{up} of {} targets are up, last errors {errors:?}",
                active.len()
            );
            Ok(Some(()))
        })
        .await
    }

    /// Evaluates an instant query at the present time.
    pub async fn query(&self, promql: &str) -> Result<Vec<Sample>> {
        let answer = self.get(&format!("/api/v1/query?query={}", percent_encoded(promql))).await?;
        let series = answer.pointer("/data/result").and_then(Value::as_array);
        let series = series.with_context(|| format!("the answer to {promql:?} has no series"))?;
        series.iter().map(sample).collect()
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let text = http::get(&self.client, path).await?;
        serde_json::from_str(&text).with_context(|| format!("the answer to {path} is not JSON"))
    }
}

fn sample(series: &Value) -> Result<Sample> {
    let labels = series.get("metric").cloned().context("a series has no labels")?;
    let value =
        series.pointer("/value/1").and_then(Value::as_str).context("a series has no instant value")?;
    Ok(Sample {
        labels: serde_json::from_value(labels).context("the labels of a series are not strings")?,
        value: value.parse().with_context(|| format!("{value:?} is not a number"))?,
    })
}

/// Writes beside the file and renames, as Prometheus watches it and must never read half of it.
pub(crate) fn write_targets(path: &Path, targets: &[ScrapeTarget]) -> Result<()> {
    let groups: Vec<Value> = targets
        .iter()
        .map(|ScrapeTarget { address, path, labels }| {
            let mut labels = labels.clone();
            labels.insert("__metrics_path__".to_owned(), path.clone());
            json!({"targets": [address], "labels": labels})
        })
        .collect();
    let text = serde_json::to_string_pretty(&groups).context("failed to encode scrape targets")?;
    let new = path.with_extension("new");
    std::fs::write(&new, text).with_context(|| format!("failed to write {}", new.display()))?;
    std::fs::rename(&new, path).with_context(|| format!("failed to replace {}", path.display()))
}

fn find_on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    match std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()) {
        Some(file) => Ok(file),
        None => bail!("no {name} in {}", path.display()),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_scrape_jobs_stand_beside_the_targets() {
        let options = PrometheusOptions::new(&[], Duration::from_millis(500))
            .with("rule_files", json!(["rules.yaml"]))
            .with("scrape_configs", json!([{"job_name": "federate"}]));
        let configuration = options.configuration(Path::new("targets.json"));
        assert_eq!(configuration["rule_files"], json!(["rules.yaml"]));
        assert_eq!(configuration["global"]["evaluation_interval"], "500ms");
        assert_eq!(configuration["scrape_configs"][0]["job_name"], "kubernetes-pods");
        assert_eq!(configuration["scrape_configs"][1]["job_name"], "federate");
    }

    #[test]
    fn queries_survive_the_url() {
        assert_eq!(percent_encoded("a{b=\"c\"}+1"), "a%7Bb%3D%22c%22%7D%2B1");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = find_on_path("no-such-program").unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
