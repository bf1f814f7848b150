//! Starting, stopping and hurting a control plane.

use crate::components::{AUDIT_POLICY, KWOK_STAGES, Layout};
use crate::health::wait_healthy;
use crate::http;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::scheduler::{Scheduler, SchedulerOptions};
use crate::stand_in::{Forward, StandIn};
use crate::wait::until_ready;
use crate::workdir::WorkDir;
use anyhow::{Context as _, Result};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use netmarks_test_tools::Binaries;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The member of `system:masters` that the components and [`ControlPlane::client`] act as.
const ADMIN: &str = "admin";

/// What may differ between control planes.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Keep the working folder, with every log, when this is dropped. A panicking test keeps it anyway.
    pub keep: bool,
    /// Users beside `admin`, who may do nothing until a RoleBinding allows it. To be used through
    /// [`ControlPlane::kubeconfig_for`], for instance to try the RBAC rules that a chart installs.
    pub users: Vec<User>,
    /// Whether namespaces get a default service account, and pods must have one, as in real clusters.
    pub service_accounts: bool,
    /// Processes that stand for pods.
    pub stand_ins: Vec<StandIn>,
    /// Whether the API server has pod groups, an alpha feature; a scheduler is told by [`crate::GANGS`].
    pub gangs: bool,
}

/// A user of the API server, known by a fixed token.
#[derive(Debug, Clone)]
pub struct User {
    /// User name as RBAC sees it, such as `system:serviceaccount:kube-system:netmarks`.
    pub name: String,
    /// Groups of the user, such as `system:serviceaccounts`.
    pub groups: Vec<String>,
}

impl User {
    /// The user that a pod with this service account would be, with the groups it would have.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        }
    }
}

/// Holds a running etcd, kube-apiserver, kube-controller-manager and kwok. The scheduler is started separately, so that one
/// control plane can see several.
pub struct ControlPlane {
    // Fields drop in this order: clients of the API server first, their folder last.
    kwok: Process,
    controller_manager: Process,
    apiserver: Process,
    _etcd: Process,
    client: Client,
    kubeconfig: PathBuf,
    users: Vec<User>,
    api_port: u16,
    etcd_url: String,
    binaries: Binaries,
    _ports: Vec<Port>,
    forwards: Vec<Forward>,
    folder: Arc<WorkDir>,
}

impl ControlPlane {
    /// Starts everything and returns once the API server is ready and the controllers are healthy.
    ///
    /// On failure the error carries the end of the log of the process that failed.
    pub async fn start(binaries: &Binaries, options: Options) -> Result<Self> {
        let Options { keep, users, service_accounts, stand_ins, gangs } = options;
        let folder = Arc::new(WorkDir::create("cluster", keep)?);
        let mut ports = Vec::new();
        let mut reserve = || -> Result<u16> {
            let port = Port::reserve()?;
            let number = port.number();
            ports.push(port);
            Ok(number)
        };
        let kubeconfig = folder.path().join("kubeconfig");
        let layout = Layout {
            folder: folder.path(),
            kubeconfig: &kubeconfig,
            etcd_client_port: reserve()?,
            etcd_peer_port: reserve()?,
            api_port: reserve()?,
            manager_port: reserve()?,
            kwok_port: reserve()?,
            service_accounts,
            gangs,
        };
        let key = rcgen::KeyPair::generate().context("failed to generate the service account key")?;
        folder.write("service-account.key", &key.serialize_pem())?;
        folder.write("service-account.pub", &key.public_key_pem())?;
        folder.write("tokens.csv", &token_file(&users))?;
        let mut kwok_objects = KWOK_STAGES.to_owned();
        let mut forwards = Vec::new();
        for stand_in in &stand_ins {
            forwards.extend(stand_in.reserve()?);
            kwok_objects.push_str(&format!("\n---\n{}", stand_in.object(&forwards)));
        }
        folder.write("kwok.yaml", &kwok_objects)?;
        folder.write("audit-policy.yaml", AUDIT_POLICY)?;

        let mut etcd = layout.etcd(binaries).start()?;
        let etcd_url = format!("http://127.0.0.1:{}", layout.etcd_client_port);
        wait_healthy(&mut etcd, &etcd_url, "/health").await?;

        let mut apiserver = layout.kube_apiserver(binaries).start()?;
        let certificate = folder.path().join("apiserver/apiserver.crt");
        wait_for_authority(&mut apiserver, &certificate).await?;
        write_kubeconfig(&kubeconfig, layout.api_port, &certificate, ADMIN, &token(ADMIN))?;
        let client = client_for(&kubeconfig).await?;
        wait_ready(&mut apiserver, &client).await?;

        let mut controller_manager = layout.kube_controller_manager(binaries).start()?;
        let mut kwok = layout.kwok(binaries).start()?;
        let manager_url = format!("https://127.0.0.1:{}", layout.manager_port);
        wait_healthy(&mut controller_manager, &manager_url, "/healthz").await?;
        wait_healthy(&mut kwok, &format!("http://127.0.0.1:{}", layout.kwok_port), "/healthz").await?;

        let api_port = layout.api_port;
        Ok(Self {
            kwok,
            controller_manager,
            apiserver,
            _etcd: etcd,
            client,
            kubeconfig,
            users,
            api_port,
            etcd_url,
            binaries: binaries.clone(),
            _ports: ports,
            forwards,
            folder,
        })
    }

    /// A client that may do everything.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A kubeconfig file of the user who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes a kubeconfig file for one of [`Options::users`].
    pub fn kubeconfig_for(&self, user: &str) -> Result<PathBuf> {
        let known: Vec<&str> = self.users.iter().map(|user| user.name.as_str()).collect();
        let index = known
            .iter()
            .position(|name| *name == user)
            .with_context(|| format!("no user {user:?} was given in `Options::users`, only {known:?}"))?;
        let path = self.folder.path().join(format!("kubeconfig-{index}"));
        self.write_kubeconfig(&path, user, &token(user))?;
        Ok(path)
    }

    /// Writes a kubeconfig file with a token of this service account, of the kind that is mounted into its pods.
    pub async fn kubeconfig_of_account(&self, namespace: &str, name: &str) -> Result<PathBuf> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let request = api.create_token_request(name, &PostParams::default(), &TokenRequest::default()).await;
        let token = request
            .with_context(|| format!("failed to make a token of the service account {namespace}/{name}"))?
            .status
            .and_then(|status| status.token)
            .with_context(|| format!("the API server made no token for {namespace}/{name}"))?;
        let path = self.folder.path().join(format!("kubeconfig-{namespace}-{name}"));
        self.write_kubeconfig(&path, name, &token)?;
        Ok(path)
    }

    fn write_kubeconfig(&self, path: &Path, user: &str, token: &str) -> Result<()> {
        let certificate = self.folder.path().join("apiserver/apiserver.crt");
        write_kubeconfig(path, self.api_port, &certificate, user, token)
    }

    /// The programs it was started from; `kubectl` is among them.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Where the API server listens: `https://127.0.0.1:<port>`.
    pub fn api_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    pub(crate) fn forwards(&self) -> &[Forward] {
        &self.forwards
    }

    /// The folder with the logs (`<component>.log`) and data of all components.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where on loopback the process must listen that stands for this port of a namespace's pods.
    pub fn local_port(&self, namespace: &str, pod_port: u16) -> Result<u16> {
        let forward = self
            .forwards()
            .iter()
            .find(|forward| forward.namespace == namespace && forward.pod_port == pod_port);
        let forward =
            forward.with_context(|| format!("nothing stands for port {pod_port} in {namespace}"))?;
        Ok(forward.local.number())
    }

    /// Starts a kube-scheduler and returns once it has synchronised with the API server. Drop it before starting another
    /// with the same name, or two would race for the same pods.
    pub async fn start_scheduler(&self, options: SchedulerOptions) -> Result<Scheduler> {
        Scheduler::start(&self.binaries, Arc::clone(&self.folder), &self.kubeconfig, options).await
    }

    /// Starts a kube-scheduler that is told everything but where it listens, and returns once it has synchronised.
    pub async fn run_scheduler(&self, program: Program) -> Result<Scheduler> {
        Scheduler::run(Arc::clone(&self.folder), program).await
    }

    /// Kills the API server with SIGKILL; watches break and requests are refused from here on.
    pub fn kill_apiserver(&mut self) -> Result<()> {
        self.apiserver.kill()
    }

    /// Starts the API server on the same port and data, killing it first if it runs, and waits until it is ready.
    pub async fn restart_apiserver(&mut self) -> Result<()> {
        self.apiserver.restart()?;
        wait_ready(&mut self.apiserver, &self.client).await
    }

    /// Makes etcd forget all that was before what it holds now, as the API server asks it to from time to time. The API server may still have
    /// some of it in memory, until it starts again.
    pub async fn compact_history(&self) -> Result<()> {
        let client = http::client(&self.etcd_url)?;
        // Any key will do: each answer says which revision it is of.
        let answer = http::post(&client, "/v3/kv/range", &json!({"key": "AA=="})).await?;
        let revision = answer.pointer("/header/revision").context("etcd's answer has no revision")?;
        http::post(&client, "/v3/kv/compaction", &json!({"revision": revision, "physical": true})).await?;
        Ok(())
    }

    /// Kills kwok with SIGKILL: from here on new nodes stay not ready and bound pods stay pending.
    pub fn kill_kwok(&mut self) -> Result<()> {
        self.kwok.kill()
    }

    /// Starts kwok again.
    pub fn restart_kwok(&mut self) -> Result<()> {
        self.kwok.restart()
    }

    /// Kills the controller manager with SIGKILL: Deployments are no longer acted on.
    pub fn kill_controller_manager(&mut self) -> Result<()> {
        self.controller_manager.kill()
    }

    /// Starts the controller manager again.
    pub fn restart_controller_manager(&mut self) -> Result<()> {
        self.controller_manager.restart()
    }
}

async fn wait_ready(process: &mut Process, client: &Client) -> Result<()> {
    until_ready(process, async || http::get(client, "/readyz").await.map(Some)).await.map(drop)
}

/// Waits until the file holds the API server's certificate and the authority that signed it. That it exists is not enough: it
/// is made empty first, and a client that read it then would trust nobody for as long as it lives.
async fn wait_for_authority(process: &mut Process, path: &Path) -> Result<()> {
    until_ready(process, async || {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read the API server's certificate {}", path.display()))?;
        Ok((text.matches("-----END CERTIFICATE-----").count() == 2).then_some(()))
    })
    .await
}

fn token(user: &str) -> String {
    format!("token-of-{}", user.replace(':', "-"))
}

fn token_file(users: &[User]) -> String {
    let mut text = format!("{},{ADMIN},{ADMIN},\"system:masters\"\n", token(ADMIN));
    for User { name, groups } in users {
        text.push_str(&format!("{},{name},{name},\"{}\"\n", token(name), groups.join(",")));
    }
    text
}

/// JSON is YAML, so what reads kubeconfig files reads this.
fn write_kubeconfig(path: &Path, api_port: u16, certificate: &Path, user: &str, token: &str) -> Result<()> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{api_port}"),
            // Holds the certificate that the API server made for itself and the authority that signed it.
            "certificate-authority": certificate,
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    });
    let text = serde_json::to_string_pretty(&config).context("failed to encode a kubeconfig")?;
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

async fn client_for(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("failed to read {}", kubeconfig.display()))?;
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("failed to use {}", kubeconfig.display()))?;
    config.proxy_url = None;
    Client::try_from(config).context("failed to make a Kubernetes client")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_certificate_that_is_still_being_written_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("apiserver.crt");
        let program = Program::new("sleep", "sleep", vec!["60".to_owned()], folder.path());
        let mut process = program.start().unwrap();
        let mut waiting = std::pin::pin!(wait_for_authority(&mut process, &path));
        let certificate = || {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            made.cert.pem()
        };
        for so_far in [String::new(), certificate()] {
            std::fs::write(&path, so_far).unwrap();
            tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.unwrap_err();
        }
        std::fs::write(&path, certificate() + &certificate()).unwrap();
        waiting.await.unwrap();
    }
}
