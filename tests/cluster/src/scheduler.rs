//! kube-scheduler, with or without an extender.

use crate::health::wait_healthy;
use crate::http;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::workdir::WorkDir;
use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::Binaries;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What may differ between schedulers. Score plugins and their weights are kube-scheduler's defaults.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Name of its log and configuration files; two that run in turn in one test are told apart by it.
    pub name: String,
    /// The extender to call, if any.
    pub extender: Option<ExtenderConfig>,
    /// A whole configuration file instead of one made from the other options, which must then be unset. It names its own
    /// kubeconfig.
    pub config_file: Option<PathBuf>,
    /// Percentage of the cluster's nodes to score, 1 to 100. `None` leaves the default: all up to 100 nodes, then fewer.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// As whom it runs, where that is not the user who may do everything. With a configuration file it must be the one
    /// that the file names.
    pub kubeconfig: Option<PathBuf>,
    /// klog verbosity. From 5 on the scores of each plugin and each extender call can be read in the log, at a price in speed.
    pub verbosity: u8,
    /// Further arguments, such as those of a manifest; those that would make it collide with others on this
    /// machine are overridden.
    pub arguments: Vec<String>,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            name: "kube-scheduler".to_owned(),
            extender: None,
            config_file: None,
            percentage_of_nodes_to_score: None,
            kubeconfig: None,
            verbosity: 2,
            arguments: Vec::new(),
        }
    }
}

impl SchedulerOptions {
    /// Writes a configuration file with everything that these options say.
    fn write_config(&self, folder: &WorkDir, kubeconfig: &Path) -> Result<PathBuf> {
        let mut config = json!({
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            // The default of 50 requests/s would be what a benchmark measures.
            "clientConnection": {"kubeconfig": kubeconfig, "qps": 5000, "burst": 10000},
            "leaderElection": {"leaderElect": false},
            "extenders": self.extender.iter().map(ExtenderConfig::to_json).collect::<Vec<_>>(),
        });
        if let (Some(percentage), Some(config)) = (self.percentage_of_nodes_to_score, config.as_object_mut())
        {
            config.insert("percentageOfNodesToScore".to_owned(), json!(percentage));
        }
        let text = serde_json::to_string_pretty(&config)
            .context("failed to encode the scheduler's configuration")?;
        folder.write(&format!("{}.yaml", self.name), &text)
    }
}

/// One entry of `extenders:` in the scheduler's configuration. Only its prioritize verb is used.
#[derive(Debug, Clone)]
pub struct ExtenderConfig {
    /// Where the extender listens; the verb is added as the last part of the path.
    pub url_prefix: String,
    /// What is appended to the prefix for scoring.
    pub prioritize_verb: String,
    /// Multiplies the extender's scores.
    pub weight: i64,
    /// Send node names only (`true`) or whole Node objects.
    pub node_cache_capable: bool,
    /// How long one pod waits for an answer.
    pub http_timeout: Duration,
    /// Set for an `https` prefix.
    pub tls: Option<ExtenderTls>,
}

/// How the scheduler speaks TLS with the extender.
#[derive(Debug, Clone, Default)]
pub struct ExtenderTls {
    /// PEM file of the authority that signed the extender's certificate. `None`: the certificate is not verified.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the client certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Name to expect in the certificate, when it is not the host of the URL.
    pub server_name: Option<String>,
}

impl ExtenderConfig {
    /// The configuration that is recommended for production: node names only, weight 1, one second.
    pub fn new(url_prefix: &str) -> Self {
        Self {
            url_prefix: url_prefix.to_owned(),
            prioritize_verb: "prioritize".to_owned(),
            weight: 1,
            node_cache_capable: true,
            http_timeout: Duration::from_secs(1),
            tls: None,
        }
    }

    fn to_json(&self) -> Value {
        let Self { url_prefix, prioritize_verb, weight, node_cache_capable, http_timeout, tls } = self;
        let mut entry = json!({
            "urlPrefix": url_prefix,
            "prioritizeVerb": prioritize_verb,
            "weight": weight,
            "nodeCacheCapable": node_cache_capable,
            "httpTimeout": format!("{}ms", http_timeout.as_millis()),
            "enableHTTPS": tls.is_some(),
            "ignorable": true,
        });
        if let (Some(ExtenderTls { ca_file, client, server_name }), Some(entry)) =
            (tls, entry.as_object_mut())
        {
            let mut settings = serde_json::Map::new();
            settings.insert("insecure".to_owned(), json!(ca_file.is_none()));
            if let Some(file) = ca_file {
                settings.insert("caFile".to_owned(), json!(file));
            }
            if let Some((certificate, key)) = client {
                settings.insert("certFile".to_owned(), json!(certificate));
                settings.insert("keyFile".to_owned(), json!(key));
            }
            if let Some(name) = server_name {
                settings.insert("serverName".to_owned(), json!(name));
            }
            entry.insert("tlsConfig".to_owned(), Value::Object(settings));
        }
        entry
    }
}

/// Holds a running kube-scheduler; dropping it kills it.
#[derive(Debug)]
pub struct Scheduler {
    process: Process,
    url: String,
    port: Port,
    // Keeps the folder of its control plane: the log in it is needed until this process has ended.
    _folder: Arc<WorkDir>,
}

impl Scheduler {
    pub(crate) async fn start(
        binaries: &Binaries,
        folder: Arc<WorkDir>,
        kubeconfig: &Path,
        options: SchedulerOptions,
    ) -> Result<Self> {
        let kubeconfig = options.kubeconfig.as_deref().unwrap_or(kubeconfig);
        let config_file = match &options.config_file {
            Some(file) => {
                ensure!(
                    options.extender.is_none() && options.percentage_of_nodes_to_score.is_none(),
                    "the extender and the percentage are up to {}",
                    file.display()
                );
                file.clone()
            }
            None => options.write_config(&folder, kubeconfig)?,
        };
        let SchedulerOptions { name, verbosity, mut arguments, .. } = options;
        let kubeconfig = kubeconfig.display();
        // Of a flag that is there twice, the latter counts.
        arguments.extend([
            format!("--config={}", config_file.display()),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics".to_owned(),
            format!("--cert-dir={}", folder.path().join(&name).display()),
            format!("--v={verbosity}"),
        ]);
        let program = Program::new(&name, &binaries.kube_scheduler, arguments, folder.path());
        Self::run(folder, program).await
    }

    /// Adds where it listens to what the program is told.
    pub(crate) async fn run(folder: Arc<WorkDir>, mut program: Program) -> Result<Self> {
        let port = Port::reserve()?;
        let number = port.number();
        program.arguments.extend([format!("--secure-port={number}"), "--bind-address=127.0.0.1".to_owned()]);
        let url = format!("https://127.0.0.1:{number}");
        let mut scheduler = Self { process: program.start()?, url, port, _folder: folder };
        scheduler.wait_ready().await?;
        Ok(scheduler)
    }

    async fn wait_ready(&mut self) -> Result<()> {
        wait_healthy(&mut self.process, &self.url, "/readyz").await
    }

    /// Kills it with SIGKILL. Pods stay pending from here on.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same port with the same configuration, killing it first if it runs, and waits until it has
    /// synchronised.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.restart()?;
        self.wait_ready().await
    }

    /// Where on loopback it listens.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its metrics in the Prometheus text format.
    pub async fn metrics(&self) -> Result<String> {
        http::get(&http::client(&self.url)?, "/metrics").await
    }

    /// Everything it has logged so far, over restarts.
    pub fn log(&self) -> Result<String> {
        self.process.log()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_settings_appear_only_with_tls() {
        let mut extender = ExtenderConfig::new("http://127.0.0.1:1");
        assert_eq!(extender.to_json().get("tlsConfig"), None);
        extender.tls = Some(ExtenderTls { ca_file: Some("/ca.pem".into()), ..ExtenderTls::default() });
        let entry = extender.to_json();
        assert_eq!(entry.pointer("/tlsConfig/caFile"), Some(&json!("/ca.pem")));
        assert_eq!(entry.pointer("/tlsConfig/insecure"), Some(&json!(false)));
        assert_eq!(entry.pointer("/enableHTTPS"), Some(&json!(true)));
    }
}
