//! The chart, installed with helm; and the programs of its pods, started beside the cluster with what the pods would be
//! given: their configuration, their certificates, a token of their service account.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::Program;
use netmarks_test_cluster::{ControlPlane, Scheduler, SchedulerOptions, StandIn};
use serde_json::Value;

use super::{Extender, scratch};

/// Namespace and name of the release, as in the documentation.
pub const NAMESPACE: &str = "netmarks";

/// Where the server's certificate says that it is.
pub const SERVER_NAME: &str = "netmarks.netmarks.svc";

/// Ports of the extender's pods: extender, health.
pub const PORTS: [u16; 2] = [9820, 9821];

/// What a control plane needs so that [`Release::extender`] can stand for the pods of the release.
pub fn stand_in() -> StandIn {
    StandIn { namespace: NAMESPACE.to_owned(), ports: PORTS.to_vec() }
}

pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

pub fn chart() -> PathBuf {
    repository("deploy/helm/netmarks")
}

/// The chart as it was before the last commit that changed it, written into `folder`; none in a shallow clone whose history does
/// not reach back so far.
pub fn previous_chart(folder: &Path) -> Result<Option<PathBuf>> {
    let git = |arguments: &[&str]| -> Result<Vec<u8>> {
        let output = Command::new("git").current_dir(repository("")).args(arguments).output();
        let output = output.context("failed to run git")?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    const PATH: &str = "deploy/helm/netmarks";
    // Uncommitted changes have the last commit for their predecessor.
    let changed = !git(&["status", "--porcelain", "--", PATH])?.is_empty();
    let log = String::from_utf8(git(&["log", "--format=%H", "--", PATH])?)?;
    let Some(commit) = log.lines().nth(usize::from(!changed)) else {
        let shallow = git(&["rev-parse", "--is-shallow-repository"])?;
        ensure!(shallow == b"true\n", "the whole history is here, and yet no earlier version of {PATH}");
        return Ok(None);
    };
    let archive = folder.join("chart.tar");
    std::fs::write(&archive, git(&["archive", "--format=tar", commit, PATH])?)?;
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder).status()?;
    ensure!(unpacked.success(), "tar failed");
    Ok(Some(folder.join(PATH)))
}

/// The values that every installation here has: without an image there is no chart, and tests do not wait for minutes.
pub fn values<'a>(metrics_url: &'a str, more: &[&'a str]) -> Vec<String> {
    let quick = [
        "image.repository=registry.example/netmarks",
        "config.metrics.window_seconds=5",
        "config.metrics.interval_seconds=1",
        "config.metrics.max_backoff_seconds=2",
        "config.metrics.estimator.window.seconds=5",
    ];
    let set = quick.iter().chain(more).flat_map(|value| ["--set".to_owned(), (*value).to_owned()]);
    set.chain(["--set".to_owned(), format!("config.metrics.url={metrics_url}")]).collect()
}

/// A release of the chart.
pub struct Release<'a> {
    plane: &'a ControlPlane,
}

impl<'a> Release<'a> {
    /// `helm install`, or `helm upgrade` of what is there.
    pub fn install(plane: &'a ControlPlane, chart: &Path, values: &[String]) -> Result<Self> {
        let chart = chart.to_string_lossy();
        let mut arguments = vec!["upgrade", "--install", "netmarks", &chart, "--namespace", NAMESPACE];
        arguments.extend(["--create-namespace"]);
        arguments.extend(values.iter().map(String::as_str));
        plane.helm(&arguments)?;
        Ok(Self::of(plane))
    }

    /// The release that is there already.
    pub fn of(plane: &'a ControlPlane) -> Self {
        Self { plane }
    }

    /// The file `config.yaml` of a ConfigMap.
    pub fn config(&self, name: &str) -> Result<String> {
        let path = r"-o=jsonpath={.data.config\.yaml}";
        self.plane.kubectl(&["--namespace", NAMESPACE, "get", "configmap", name, path])
    }

    /// A folder with the files of a Secret, as it would be mounted.
    pub fn secret(&self, name: &str) -> Result<PathBuf> {
        let folder = self.plane.folder().join(format!("secret-{name}"));
        std::fs::create_dir_all(&folder)?;
        let text = self.plane.kubectl(&["--namespace", NAMESPACE, "get", "secret", name, "-o", "json"])?;
        let secret: Value = serde_json::from_str(&text)?;
        for key in secret["data"].as_object().context("a Secret without data")?.keys() {
            let template = format!("-o=go-template={{{{index .data {key:?} | base64decode}}}}");
            let content =
                self.plane.kubectl(&["--namespace", NAMESPACE, "get", "secret", name, &template])?;
            std::fs::write(folder.join(key), content)?;
        }
        Ok(folder)
    }

    /// Starts the extender as its pods would, with its own account, where [`stand_in`] says that its pods are.
    pub async fn extender(&self) -> Result<Extender> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plane = self.plane;
        let config = scratch(plane, "extender.yaml", &self.config("netmarks")?)?;
        let kubeconfig = plane.kubeconfig_of_account(NAMESPACE, "netmarks").await?;
        let (server, client) = (self.secret("netmarks-tls")?, self.secret("netmarks-scheduler-client")?);
        let [port, health] = PORTS;
        let (port, health) = (plane.local_port(NAMESPACE, port)?, plane.local_port(NAMESPACE, health)?);
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["serve", "--config", &config.to_string_lossy(), "--listen", &listen]
            .into_iter()
            .chain(["--kubeconfig", &kubeconfig.to_string_lossy()])
            .map(str::to_owned)
            .collect();
        let mut program = Program::new("netmarks", env!("CARGO_BIN_EXE_netmarks"), arguments, plane.folder());
        let file = |name: &str| server.join(name).display().to_string();
        // Where the pod's mounts are here; everything else is as the chart says.
        program.environment = [
            ("NETMARKS_SERVER_HEALTH_LISTEN", format!("127.0.0.1:{health}")),
            ("NETMARKS_SERVER_TLS_CERT_FILE", file("tls.crt")),
            ("NETMARKS_SERVER_TLS_KEY_FILE", file("tls.key")),
            ("NETMARKS_SERVER_TLS_CLIENT_CA_FILE", file("ca.crt")),
            ("NETMARKS_POLICIES_STATE_FOLDER", plane.folder().join("state").display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let read = |name: &str| std::fs::read(client.join(name));
        let identity = [read("tls.crt")?, read("tls.key")?].concat();
        let client = reqwest::Client::builder()
            .identity(reqwest::Identity::from_pem(&identity)?)
            .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")?)?])
            .resolve(SERVER_NAME, listen.parse()?)
            .build()?;
        Extender::run(program, format!("https://{SERVER_NAME}:{port}"), client)
    }

    /// An entry of `extenders` that asks it at this address, with the paths of the certificates as they are here.
    fn localised(&self, text: &str) -> Result<String> {
        let client = self.secret("netmarks-scheduler-client")?;
        let port = self.plane.local_port(NAMESPACE, PORTS[0])?;
        let here = text
            .replace(&format!("https://{SERVER_NAME}:9820"), &format!("https://127.0.0.1:{port}"))
            .replace("/etc/netmarks/tls", &client.to_string_lossy());
        ensure!(here != text, "nothing of the scheduler's configuration is of the chart: {text}");
        Ok(here)
    }

    /// Starts the chart's second scheduler as its pods would, with its own account.
    pub async fn scheduler(&self) -> Result<Scheduler> {
        let kubeconfig = self.plane.kubeconfig_of_account(NAMESPACE, "netmarks-scheduler").await?;
        let config = self.localised(&self.config("netmarks-scheduler")?)?;
        // In a pod, kube-scheduler finds the cluster by itself.
        let connection = format!("clientConnection: {{kubeconfig: {}}}\n", kubeconfig.display());
        let config = scratch(self.plane, "second-scheduler.yaml", &(connection + &config))?;
        let options = SchedulerOptions {
            name: "second-scheduler".to_owned(),
            config_file: Some(config),
            kubeconfig: Some(kubeconfig),
            ..SchedulerOptions::default()
        };
        self.plane.start_scheduler(options).await
    }
}
