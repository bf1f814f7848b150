//! The chart, installed with helm; and the programs of its pods, started beside the cluster with what the pods would be
//! given ([`Pod`]).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use netmarks_test_cluster::{ControlPlane, Scheduler, StandIn, repository, until};

use super::pod::{Pod, write_secret};
use super::{Extender, LIMIT};

/// Namespace and name of the release, as in the documentation.
pub const NAMESPACE: &str = "netmarks";

/// Where the server's certificate says that it is.
pub const SERVER_NAME: &str = "netmarks.netmarks.svc";

/// Ports of the extender's pods: extender, health, admin, admission.
const PORTS: [u16; 4] = [9820, 9821, 9822, 9823];

/// What a control plane needs so that [`Release::extender`] can stand for the pods of the release.
pub fn stand_in() -> StandIn {
    StandIn { namespace: NAMESPACE.to_owned(), ports: PORTS.to_vec() }
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
        // Cores that others keep busy are not the subject; it stays below the request's own, which is as shipped.
        "config.policy.limits.deadline_ms=150",
        "scheduler.httpTimeout=5s",
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
        self.write_secret(name, &folder)?;
        Ok(folder)
    }

    /// Writes the files of a Secret into this volume of a running extender, as the kubelet does when they have changed.
    pub fn remount(&self, extender: &Extender, volume: &str, secret: &str) -> Result<PathBuf> {
        let folder = self.plane.folder().join(&extender.process.program().name).join(volume);
        ensure!(folder.is_dir(), "it has no volume {volume}");
        self.write_secret(secret, &folder)?;
        Ok(folder)
    }

    fn write_secret(&self, name: &str, folder: &Path) -> Result<()> {
        let text = self.plane.kubectl(&["--namespace", NAMESPACE, "get", "secret", name, "-o", "json"])?;
        write_secret(&serde_json::from_str(&text)?, folder)
    }

    async fn pod(&self, deployment: &str) -> Result<Pod<'_>> {
        Pod::of(self.plane, NAMESPACE, deployment).await
    }

    /// Where on this machine a client arrives who asks for this port of the Service.
    async fn behind_service(&self, port: u16) -> Result<u16> {
        let services: Api<Service> = Api::namespaced(self.plane.client().clone(), NAMESPACE);
        let service = services.get("netmarks").await?.spec.context("a Service without spec")?;
        let pod = self.pod("netmarks").await?;
        let selected = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
        ensure!(service.selector.iter().flatten().all(selected), "the Service selects other pods");
        let mut ports = service.ports.iter().flatten();
        let found = ports.find(|candidate| candidate.port == i32::from(port));
        let target = found.and_then(|found| found.target_port.as_ref()).context("no such port")?;
        self.plane.local_port(NAMESPACE, pod.port(target)?)
    }

    /// What the extender's pods answer to a probe of the kubelet's.
    pub async fn probe(&self, kind: &str) -> Result<String> {
        let (scheme, port, path) = self.pod("netmarks").await?.probe(kind)?;
        asked(&scheme, self.plane.local_port(NAMESPACE, port)?, &path).await
    }

    /// Starts the extender as its pods would, with its own account, where [`stand_in`] says that its pods are; it is alive then.
    pub async fn extender(&self) -> Result<Extender> {
        self.extender_asked_with("netmarks-scheduler-client").await
    }

    /// The same; and what asks it shows the certificate in this Secret.
    pub async fn extender_asked_with(&self, client: &str) -> Result<Extender> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pod = self.pod("netmarks").await?;
        let loopback = |port: u16| -> Result<_> {
            let local = self.plane.local_port(NAMESPACE, port)?;
            Ok((format!("0.0.0.0:{port}"), format!("127.0.0.1:{local}")))
        };
        // Here, each port is another one, of loopback alone.
        let instead = pod.ports()?.into_iter().map(loopback).collect::<Result<Vec<_>>>()?;
        let mut program = pod.program(env!("CARGO_BIN_EXE_netmarks").as_ref(), &instead).await?;
        // In a pod it finds the cluster, and its token, by itself.
        let kubeconfig = pod.kubeconfig().await?.display().to_string();
        program.arguments.extend(["--kubeconfig".to_owned(), kubeconfig]);

        let port = self.behind_service(9820).await?;
        let client = self.secret(client)?;
        let read = |name: &str| std::fs::read(client.join(name));
        let identity = [read("tls.crt")?, read("tls.key")?].concat();
        let client = reqwest::Client::builder()
            .no_proxy()
            .identity(reqwest::Identity::from_pem(&identity)?)
            .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")?)?])
            .resolve(SERVER_NAME, SocketAddr::from(([127, 0, 0, 1], port)))
            .build()?;
        let extender = Extender::run(program, format!("https://{SERVER_NAME}:{port}"), client)?;
        for kind in ["startup", "liveness"] {
            let probe = async || self.probe(kind).await.map(Some);
            let probed = until(&format!("its {kind} probe succeeds"), LIMIT, probe).await;
            probed.with_context(|| extender.log().unwrap_or_default())?;
        }
        Ok(extender)
    }

    /// Makes the API server call the webhook where [`stand_in`] says that its pods are: nothing forwards what is sent to a Service here.
    pub fn reach_webhook(&self) -> Result<()> {
        let url = format!("https://localhost:{}/admission", self.plane.local_port(NAMESPACE, 9823)?);
        let patch = format!(
            r#"[{{"op": "remove", "path": "/webhooks/0/clientConfig/service"}}, {{"op": "add", "path": "/webhooks/0/clientConfig/url", "value": "{url}"}}]"#
        );
        let name = "mutatingwebhookconfiguration/netmarks-netmarks";
        self.plane.kubectl(&["patch", name, "--type=json", "--patch", &patch]).map(drop)
    }

    /// Starts the chart's second scheduler as its pods would, with its own account.
    pub async fn scheduler(&self) -> Result<Scheduler> {
        let pod = self.pod("netmarks-scheduler").await?;
        let kubeconfig = pod.kubeconfig().await?.display().to_string();
        let extender = format!("https://127.0.0.1:{}", self.behind_service(9820).await?);
        let kind = "kind: KubeSchedulerConfiguration\n";
        let instead = [
            // No name server knows Services here; what the certificate must be of is said beside it.
            (format!("https://{SERVER_NAME}:9820"), extender),
            // In a pod it finds the cluster, and its token, by itself; the same holds for the flags below.
            (kind.to_owned(), format!("{kind}clientConnection: {{kubeconfig: {kubeconfig}}}\n")),
        ];
        let mut program = pod.program(&self.plane.binaries().kube_scheduler, &instead).await?;
        for purpose in ["authentication", "authorization"] {
            program.arguments.push(format!("--{purpose}-kubeconfig={kubeconfig}"));
        }
        let scheduler = self.plane.run_scheduler(program).await?;
        for kind in ["startup", "liveness", "readiness"] {
            let (scheme, port, path) = pod.probe(kind)?;
            // It listens there unless it is told otherwise, as it is here.
            ensure!(port == 10259, "the {kind} probe asks port {port}");
            let probe = async || asked(&scheme, scheduler.port(), &path).await.map(Some);
            until(&format!("its {kind} probe succeeds"), LIMIT, probe).await?;
        }
        Ok(scheduler)
    }
}

/// As the kubelet asks: whose certificate it is does not matter.
async fn asked(scheme: &str, port: u16, path: &str) -> Result<String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build()?;
    let response = client.get(format!("{scheme}://127.0.0.1:{port}{path}")).send().await?;
    let status = response.status();
    let text = response.text().await?;
    ensure!(status.is_success(), "{path} answered {status}: {text}");
    Ok(text)
}
