//! A pod of a Deployment on this machine: what the API server says that its container is given, laid out in a folder.
//!
//! Nothing here is about our release. Each path that the program is told is replaced by where that volume is
//! here. One that nothing is mounted at, or that no file is at, is an error: in the pod the program would not find it either.
//!
//! Not as in the pod are the user, the read-only root and the limits; the test of the image has the first two.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Secret, Volume};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use netmarks_test_cluster::ControlPlane;
use netmarks_test_cluster::process::Program;

/// What an image starts that is given no command; that of ours, as the test of the image holds it to.
const ENTRYPOINT: &str = "netmarks";

/// A pod of one container.
pub struct Pod<'a> {
    plane: &'a ControlPlane,
    namespace: String,
    deployment: String,
    pub labels: BTreeMap<String, String>,
    spec: PodSpec,
    container: Container,
}

/// Where a volume is in the pod, and where it is here.
struct Mount {
    path: String,
    here: PathBuf,
    /// The program makes what is in it.
    empty: bool,
}

impl<'a> Pod<'a> {
    pub async fn of(plane: &'a ControlPlane, namespace: &str, deployment: &str) -> Result<Self> {
        let api: Api<Deployment> = Api::namespaced(plane.client().clone(), namespace);
        let template = api.get(deployment).await?.spec.template;
        let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
        let mut spec = template.spec.context("a Deployment of nothing")?;
        let container = spec.containers.pop().context("no container")?;
        ensure!(spec.containers.is_empty() && spec.init_containers.is_none(), "more than one container");
        let (namespace, deployment) = (namespace.to_owned(), deployment.to_owned());
        Ok(Self { plane, namespace, deployment, labels, spec, container })
    }

    /// A kubeconfig with a token of its account, which is what is mounted into every pod.
    pub async fn kubeconfig(&self) -> Result<PathBuf> {
        let account = self.spec.service_account_name.as_deref().unwrap_or("default");
        self.plane.kubeconfig_of_account(&self.namespace, account).await
    }

    /// A port by its number, or by the name that the container gives it.
    pub fn port(&self, port: &IntOrString) -> Result<u16> {
        let name = match port {
            IntOrString::Int(number) => return Ok(u16::try_from(*number)?),
            IntOrString::String(name) => name,
        };
        let mut ports = self.container.ports.iter().flatten();
        let port = ports.find(|port| port.name.as_ref() == Some(name));
        Ok(u16::try_from(port.with_context(|| format!("no port is called {name}"))?.container_port)?)
    }

    /// Every port that the container names.
    pub fn ports(&self) -> Result<Vec<u16>> {
        let ports = self.container.ports.iter().flatten();
        ports.map(|port| Ok(u16::try_from(port.container_port)?)).collect()
    }

    /// What the kubelet asks for this probe: scheme, port, path.
    pub fn probe(&self, kind: &str) -> Result<(String, u16, String)> {
        let probe = match kind {
            "startup" => &self.container.startup_probe,
            "liveness" => &self.container.liveness_probe,
            "readiness" => &self.container.readiness_probe,
            _ => bail!("there is no {kind} probe in Kubernetes"),
        };
        let get = probe.as_ref().and_then(|probe| probe.http_get.as_ref());
        let get = get.with_context(|| format!("{} has no {kind} probe over HTTP", self.deployment))?;
        let scheme = get.scheme.as_deref().unwrap_or("HTTP").to_lowercase();
        Ok((scheme, self.port(&get.port)?, get.path.clone().unwrap_or_default()))
    }

    /// The container's program, with arguments, environment and files as the container has them. `instead` names what the
    /// program is told in the cluster and what it is told here, where that cannot be the same; each must be found.
    pub async fn program(&self, executable: &Path, instead: &[(String, String)]) -> Result<Program> {
        let mut command = self.container.command.clone().unwrap_or_else(|| vec![ENTRYPOINT.to_owned()]);
        let started = command.remove(0);
        ensure!(executable.ends_with(&started), "the container starts {started}");

        // Each is a pod of its own, with a name of its own, and finds nothing of another's.
        let prefix = format!("{}-", self.deployment);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(self.plane.folder())?.keep();
        let mounts = self.mounts(&folder)?;
        let mut told = Vec::new();
        for volume in self.spec.volumes.iter().flatten() {
            told.extend(self.lay_out(volume, &folder.join(&volume.name)).await?);
        }
        let mut before = String::new();
        let mut here = |text: &str| -> Result<String> {
            before.push_str(text);
            let mut text = localised(text, &mounts)?;
            for (from, to) in instead {
                text = text.replace(from, to);
            }
            ensure!(
                !text.contains("0.0.0.0:"),
                "it listens on a port that the container does not name: {text}"
            );
            Ok(text)
        };
        for file in told {
            std::fs::write(&file, here(&std::fs::read_to_string(&file)?)?)?;
        }
        let arguments = command.iter().chain(self.container.args.iter().flatten());
        let arguments = arguments.map(|argument| here(argument)).collect::<Result<_>>()?;
        let name = folder.file_name().context("a folder without a name")?.to_string_lossy().into_owned();
        let mut program = Program::new(&name, executable, arguments, self.plane.folder());
        for variable in self.container.env.iter().flatten() {
            let value = variable.value.as_deref().context("a variable that comes from elsewhere")?;
            program.environment.push((variable.name.clone(), here(value)?));
        }
        for (from, _) in instead {
            ensure!(before.contains(from), "the container is not told {from:?}: {before}");
        }
        Ok(program)
    }

    fn mounts(&self, folder: &Path) -> Result<Vec<Mount>> {
        let volumes: Vec<&Volume> = self.spec.volumes.iter().flatten().collect();
        let mut mounts = Vec::new();
        for mount in self.container.volume_mounts.iter().flatten() {
            ensure!(mount.sub_path.is_none() && mount.sub_path_expr.is_none(), "a part of a volume");
            let volume = volumes.iter().find(|volume| volume.name == mount.name);
            let volume = volume.with_context(|| format!("there is no volume {}", mount.name))?;
            let (path, here) = (mount.mount_path.clone(), folder.join(&mount.name));
            mounts.push(Mount { path, here, empty: volume.empty_dir.is_some() });
        }
        Ok(mounts)
    }

    /// Writes a volume's files; returns those that the program is told something by.
    async fn lay_out(&self, volume: &Volume, folder: &Path) -> Result<Vec<PathBuf>> {
        std::fs::create_dir(folder)?;
        let client = || self.plane.client().clone();
        let mut told = Vec::new();
        if let Some(source) = &volume.config_map {
            ensure!(source.items.is_none(), "a part of a ConfigMap");
            let map = Api::<ConfigMap>::namespaced(client(), &self.namespace).get(&source.name).await?;
            for (key, content) in map.data.iter().flatten() {
                std::fs::write(folder.join(key), content)?;
                told.push(folder.join(key));
            }
        } else if let Some(source) = &volume.secret {
            ensure!(source.items.is_none(), "a part of a Secret");
            let name = source.secret_name.as_deref().context("a Secret without a name")?;
            let secret = Api::<Secret>::namespaced(client(), &self.namespace).get(name).await?;
            write_secret(&secret, folder)?;
        } else {
            ensure!(volume.empty_dir.is_some(), "nobody here knows how to mount {volume:?}");
        }
        Ok(told)
    }
}

/// A file for each key.
pub fn write_secret(secret: &Secret, folder: &Path) -> Result<()> {
    for (key, content) in secret.data.iter().flatten() {
        std::fs::write(folder.join(key), &content.0)?;
    }
    Ok(())
}

/// The text with each path in it as it is here.
fn localised(text: &str, mounts: &[Mount]) -> Result<String> {
    let ends = |character: char| character.is_whitespace() || "=,\"'[]{}".contains(character);
    let word = |word: &str| -> Result<String> {
        let path = word.trim_end_matches(ends);
        if !path.starts_with('/') {
            return Ok(word.to_owned());
        }
        let inside = |mount: &&Mount| Path::new(path).starts_with(&mount.path);
        let mount = mounts.iter().filter(inside).max_by_key(|mount| mount.path.len());
        let mount = mount.with_context(|| format!("{path} is under nothing that is mounted"))?;
        let here = mount.here.join(Path::new(path).strip_prefix(&mount.path)?);
        ensure!(mount.empty || here.exists(), "{path} is not in the volume that is mounted there");
        Ok(word.replacen(path, &here.to_string_lossy(), 1))
    };
    text.split_inclusive(ends).map(word).collect()
}
