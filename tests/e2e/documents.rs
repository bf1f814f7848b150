//! `docs/install.md`, `docs/operate.md` and `docs/troubleshoot.md`, followed to the letter with real kubectl and helm.
//!
//! kwok runs no containers; the programs of the release's pods run beside the cluster with what the pods would be given
//! ([`crate::support::release`]).

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::node::Node;
use crate::support::reader::Reader;
use crate::support::release::{NAMESPACE, Release};
use crate::support::setting::Setting;
use crate::support::steered::wait_steered;
use crate::support::{Extender, LIMIT};
use anyhow::{Context as _, Error, Result, ensure};
use netmarks_test_cluster::{ControlPlane, DeploymentSpec, SchedulerOptions, repository};
use netmarks_test_traffic::Edge;
use serde_json::Value;

/// The two Deployments of the documents, as the mesh has seen them.
fn edges() -> Vec<Edge> {
    vec![Edge::new("shop", "frontend", "cart", 2_000_000.0)]
}

/// A reader of docs/install.md for whom the store is in one place, seen from a pod or not.
fn installer(setting: &Setting) -> Result<Reader<'_>> {
    let store = setting.prometheus.url();
    let variables = [("REGISTRY", "registry.example"), ("METRICS_URL", store), ("METRICS_HERE", store)];
    Reader::new(&setting.plane, "docs/install.md", &variables)
}

/// What comes before the choice of a scheduler. A kube-scheduler without extender must be there: its two pods of `shop` keep apart.
async fn begin<'a>(setting: &'a Setting, reader: &Reader<'a>) -> Result<(Release<'a>, Extender)> {
    reader.follow(&["What you need", "The extender"], &["sh"])?;
    let nodes: BTreeSet<String> =
        setting.plane.placement("shop").await?.into_iter().map(|pod| pod.node).collect();
    ensure!(nodes.len() == 2, "without the extender they are on {nodes:?}");
    let release = Release::of(&setting.plane);
    let extender = release.extender().await?;
    extender.wait_ready().await?;
    // Of whatever size: the document leaves the mean its half-life of minutes.
    extender.wait_flows_exist().await?;
    Ok((release, extender))
}

/// The last step shows both pods on one node, and doctor says why.
fn see_that_it_works(reader: &Reader<'_>, kinds: &[&str], why: &str) -> Result<()> {
    let printed = reader.follow(&["See that it works"], kinds)?;
    let (pods, says) = (printed.first().context("no pods")?, printed.last().context("no doctor")?);
    let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let rows = pods
        .lines()
        .map(words)
        .filter(|words| matches!(&words[..], [app, _] if app == "cart" || app == "frontend"));
    let nodes: Vec<String> = rows.filter_map(|words| words.get(1).cloned()).collect();
    ensure!(nodes.len() == 2 && nodes.first() == nodes.last(), "{pods}");
    let words: Vec<&str> = says.split_whitespace().collect();
    ensure!(words.join(" ").contains(why), "{says}");
    Ok(())
}

/// Why, where kube-scheduler asked the extender.
const BEST_OF_THE_CANDIDATES: &str = "no other of 4 candidates";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing_on_a_managed_cluster() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let reader = installer(&setting).unwrap();
    let _stock = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let (release, extender) = begin(&setting, &reader).await.unwrap();
    drop(extender);
    reader.follow(&["The webhook"], &["sh"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows_exist().await.unwrap();
    release.reach_webhook().unwrap();
    wait_steered(plane, "shop", "frontend").await.unwrap();
    see_that_it_works(&reader, &["sh"], "which it prefers most by the webhook's decision").unwrap();
    assert_eq!(extender.answers().await.unwrap().values().sum::<u64>(), 0, "no scheduler knows the extender");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing_with_ones_own_scheduler() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let reader = installer(&setting).unwrap();
    let before = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let (_release, _extender) = begin(&setting, &reader).await.unwrap();

    let kubeadm = netmarks_test_cluster::kubeadm(&|line| eprintln!("{line}")).unwrap();
    // As `kubeadm init` left it.
    let defaults = "kubeadm config print init-defaults | sed '1,/^---$/d' > defaults.yaml
        kubectl -n kube-system create configmap kubeadm-config --from-file=ClusterConfiguration=defaults.yaml";
    reader.program("kubeadm", &format!("exec {} \"$@\"", kubeadm.display())).unwrap();
    reader.shell(&format!("set -e\n{defaults}")).unwrap();
    // It would write into /etc/kubernetes; what it would write is what matters.
    let dry = "mkdir -p manifests
        case \"$*\" in *control-plane*) set -- \"$@\" --dry-run ;; esac";
    let folder = "KUBEADM_INIT_DRYRUN_DIR=manifests";
    reader.program("kubeadm", &format!("{dry}\n{folder} exec {} \"$@\"", kubeadm.display())).unwrap();
    reader.follow(&["Your own kube-scheduler"], &["sh", "sh kubeadm"]).unwrap();
    let options = as_kubeadm_starts_it(plane, reader.folder()).unwrap();
    drop(before);
    let _own = plane.start_scheduler(options).await.unwrap();
    see_that_it_works(&reader, &["sh", "sh own"], BEST_OF_THE_CANDIDATES).unwrap();
    let lease = ["-n", "kube-system", "get", "lease", "kube-scheduler", "-o=jsonpath={.spec.holderIdentity}"];
    assert!(!plane.kubectl(&lease).unwrap().is_empty(), "the manifest's flag of leader election counts");

    reader.follow(&["Your own kube-scheduler"], &["sh k3s"]).unwrap();
    let config = std::fs::read_to_string(reader.folder().join("kube-scheduler/config.yaml")).unwrap();
    assert!(config.contains("kubeconfig: /var/lib/rancher/k3s/server/cred/scheduler.kubeconfig"), "{config}");
}

/// kube-scheduler by the manifest that kubeadm made, on a node with the folder that the reader put together in its place. Whatever
/// the configuration names must be mounted.
fn as_kubeadm_starts_it(plane: &ControlPlane, reader: &Path) -> Result<SchedulerOptions> {
    let manifest = reader.join("manifests/kube-scheduler.yaml").display().to_string();
    let manifest =
        plane.kubectl(&["create", "--dry-run=server", "--output=json", "--filename", &manifest])?;
    let manifest: Value = serde_json::from_str(&manifest)?;
    let container = manifest.pointer("/spec/containers/0").context("no container")?;
    let list = |key: &str| container[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let mounts: Vec<&str> =
        list("volumeMounts").iter().filter_map(|mount| mount["mountPath"].as_str()).collect();
    let config = std::fs::read_to_string(reader.join("kube-scheduler/config.yaml"))?;
    let paths = config.split_whitespace().filter(|word| word.starts_with("/etc/"));
    for path in paths {
        ensure!(
            mounts.iter().any(|mount| Path::new(path).starts_with(mount)),
            "{path} is not among {mounts:?}"
        );
    }
    let address =
        plane.kubectl(&["-n", NAMESPACE, "get", "service", "netmarks", "-o=jsonpath={.spec.clusterIP}"])?;
    let command = list("command").iter().filter_map(Value::as_str);
    let (given, arguments): (Vec<&str>, Vec<&str>) =
        command.skip(1).partition(|flag| flag.starts_with("--config="));
    ensure!(given == ["--config=/etc/kubernetes/netmarks/config.yaml"], "{given:?}");
    let node = Node::new(plane, &reader.join("kube-scheduler"))?;
    let options = node.scheduler("own", &config, &format!("https://{address}:9820"))?;
    Ok(SchedulerOptions {
        arguments: arguments.into_iter().map(|argument| node.here(argument)).collect(),
        ..options
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing_a_second_scheduler_and_removing_it_all() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let reader = installer(&setting).unwrap();
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let (release, _extender) = begin(&setting, &reader).await.unwrap();
    reader.follow(&["A second kube-scheduler"], &["sh"]).unwrap();
    let second = release.scheduler().await.unwrap();
    crate::support::opted_in(plane, "shop", "netmarks").await.unwrap();
    see_that_it_works(&reader, &["sh"], BEST_OF_THE_CANDIDATES).unwrap();

    // In a cluster without the admission policy the pods' template says it.
    plane.kubectl(&["delete", "mutatingadmissionpolicybindings", "--all"]).unwrap();
    crate::support::opted_in(plane, "shop", "default-scheduler").await.unwrap();
    reader.follow(&["A second kube-scheduler"], &["sh older"]).unwrap();
    see_that_it_works(&reader, &["sh"], BEST_OF_THE_CANDIDATES).unwrap();
    drop(second);

    let authority =
        || std::fs::read_to_string(release.secret("netmarks-tls")?.join("ca.crt")).map_err(Error::new);
    let before = authority().unwrap();
    reader.follow(&["Certificates"], &["sh"]).unwrap();
    assert_ne!(authority().unwrap(), before);
    reader.follow(&["Upgrading"], &["sh"]).unwrap();
    reader.follow(&["Removing it"], &["sh remove"]).unwrap();
    let left = plane.kubectl(&["get", "clusterroles,clusterrolebindings,crds", "-o", "name"]).unwrap();
    assert!(!left.contains("netmarks"), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing_without_helm() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    plane.install_definitions().unwrap();
    let reader = installer(&setting).unwrap();
    reader.follow(&["Without Helm"], &["sh kustomize"]).unwrap();
    let deployment =
        plane.kubectl(&["-n", NAMESPACE, "get", "deployment", "netmarks", "-o", "json"]).unwrap();
    assert!(deployment.contains("registry.example/netmarks:0.1.0"), "{deployment}");
    assert!(deployment.contains(setting.prometheus.url()), "{deployment}");
    let egress =
        ["-n", NAMESPACE, "get", "networkpolicy", "netmarks", "-o=jsonpath={.spec.egress[0].ports[*].port}"];
    let (egress, url) = (plane.kubectl(&egress).unwrap(), setting.prometheus.url());
    let port = url.rsplit(':').next().unwrap();
    assert!(egress.split(' ').any(|allowed| allowed == port), "{port} is not among {egress}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operating() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let release = setting.install(&["scheduler.enabled=true"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges()).await.unwrap();
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    plane.wait_running(NAMESPACE, 4, LIMIT).await.unwrap();
    let reader = Reader::new(plane, "docs/operate.md", &[]).unwrap();
    let sections = reader.sections();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let printed = reader.follow(&sections, &["sh"]).unwrap();
    assert!(printed.iter().any(|text| text.contains("netmarks_ready 1")), "{printed:?}");
    assert!(printed.iter().all(|text| !text.contains("may not")), "{printed:?}");

    let reader = Reader::new(plane, "docs/configuration.md", &[]).unwrap();
    let printed = reader.follow(&["Check it before it is used"], &["sh"]).unwrap();
    assert!(printed[0].starts_with("configuration is valid; policy netmarks sha256:"), "{printed:?}");
    assert!(printed[1].contains("did you mean NETMARKS_SCORING_TOP?"), "{printed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn troubleshooting() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let release = setting.install(&["scheduler.enabled=true", "scheduler.optIn.enabled=true"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges()).await.unwrap();
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let _second = release.scheduler().await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    plane.kubectl(&["label", "namespace", "shop", "netmarks.dev/scheduler=enabled"]).unwrap();
    crate::support::opted_in(plane, "shop", "netmarks").await.unwrap();
    for (count, app) in [(1, "cart"), (2, "frontend")] {
        plane.create_deployment(&DeploymentSpec::new("shop", app, 1)).await.unwrap();
        plane.wait_running("shop", count, LIMIT).await.unwrap();
        extender.wait_pods("shop", count).await.unwrap();
    }
    let reader =
        Reader::new(plane, "docs/troubleshoot.md", &[("METRICS_HERE", setting.prometheus.url())]).unwrap();
    let sections = reader.sections();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let printed = reader.follow(&sections, &["sh"]).unwrap();
    assert!(printed.iter().any(|text| text.contains("no other of 4 candidates")), "{printed:?}");
}

/// Those that are typed, each by a test, and configuration.
const KINDS: [&str; 9] =
    ["sh", "sh kubeadm", "sh k3s", "sh own", "sh older", "sh kustomize", "sh remove", "yaml", "text"];

#[test]
fn every_block_is_of_a_kind_that_somebody_reads() -> Result<()> {
    // Blocks of other kinds than those that are typed are configuration; a new kind would be typed by nobody.
    for document in ["install", "certificates", "configuration", "operate", "troubleshoot"] {
        let path = repository(&format!("docs/{document}.md"));
        let text = std::fs::read_to_string(path)?;
        let kinds = text.lines().filter_map(|line| line.strip_prefix("```")).filter(|kind| !kind.is_empty());
        for kind in kinds {
            ensure!(KINDS.contains(&kind), "{document}: {kind}");
        }
    }
    Ok(())
}
