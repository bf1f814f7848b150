//! `docs/install.md`, `docs/operate.md` and `docs/troubleshoot.md`, followed to the letter with real kubectl and helm.
//!
//! kwok runs no containers; the programs of the release's pods run beside the cluster with what the pods would be given
//! ([`support::release`]).

mod support;

use anyhow::{Error, Result, ensure};
use netmarks_test_cluster::{DeploymentSpec, SchedulerOptions};
use netmarks_test_traffic::Edge;
use support::reader::Reader;
use support::release::{NAMESPACE, Release, repository};
use support::setting::{SCHEDULER, Setting};
use support::{LIMIT, scratch};

/// The two Deployments of the documents, as the mesh has seen them.
fn edges() -> Vec<Edge> {
    vec![Edge::new("shop", "frontend", "cart", 2_000_000.0)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    let variables = [("REGISTRY", "registry.example"), ("METRICS_URL", setting.prometheus.url())];
    let reader = Reader::new(plane, "docs/install.md", &variables).unwrap();
    let own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    reader.follow(&["What you need", "The extender"], "sh").unwrap();
    let release = Release::of(plane);
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();

    // The cluster's own kube-scheduler, with the folder that is copied to its node.
    reader.follow(&["Your own kube-scheduler"], "sh").unwrap();
    let folder = reader.folder().join("kube-scheduler");
    let config = std::fs::read_to_string(folder.join("config.yaml")).unwrap();
    let address = ["-n", NAMESPACE, "get", "service", "netmarks", "-o=jsonpath={.spec.clusterIP}"];
    let address = plane.kubectl(&address).unwrap();
    let kubeconfig = plane.kubeconfig_for(SCHEDULER).unwrap();
    let port = plane.local_port(NAMESPACE, 9820).unwrap();
    let mut here = config;
    for (there, instead) in [
        (format!("https://{address}:9820"), format!("https://127.0.0.1:{port}")),
        ("/etc/kubernetes/scheduler.conf".to_owned(), kubeconfig.display().to_string()),
        ("/etc/kubernetes/netmarks".to_owned(), folder.display().to_string()),
    ] {
        assert!(here.contains(&there), "no {there}");
        here = here.replace(&there, &instead);
    }
    drop(own);
    let config_file = Some(scratch(plane, "own.yaml", &here).unwrap());
    let options = SchedulerOptions { name: "own".to_owned(), config_file, ..SchedulerOptions::default() };
    let _own = plane.start_scheduler(options).await.unwrap();
    let before: u64 = extender.answers().await.unwrap().values().sum();

    // A second one; its own pods are placed by the first, which asks the extender.
    reader.follow(&["A second kube-scheduler"], "sh").unwrap();
    let after: u64 = extender.answers().await.unwrap().values().sum();
    assert_eq!(after - before, 2, "the two pods of the second scheduler");
    let _second = release.scheduler().await.unwrap();
    extender.wait_flows_exist().await.unwrap();

    let printed = reader.follow(&["See that it works"], "sh").unwrap();
    let lines: Vec<Vec<&str>> =
        printed[0].lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let pods: Vec<&Vec<&str>> =
        lines.iter().filter(|words| matches!(words[..], ["cart" | "frontend", _])).collect();
    assert_eq!(pods.len(), 2, "{printed:?}");
    assert_eq!(pods[0][1], pods[1][1], "{printed:?}");
    assert!(printed[2].contains("no other of 4 candidates"), "{printed:?}");

    let authority =
        || std::fs::read_to_string(release.secret("netmarks-tls")?.join("ca.crt")).map_err(Error::new);
    let before = authority().unwrap();
    reader.follow(&["Certificates"], "sh").unwrap();
    assert_ne!(authority().unwrap(), before);
    reader.follow(&["Upgrading"], "sh").unwrap();
    reader.follow(&["Removing it"], "sh remove").unwrap();
    let left = plane.kubectl(&["get", "clusterroles,clusterrolebindings,crds", "-o", "name"]).unwrap();
    assert!(!left.contains("netmarks"), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installing_without_helm() {
    let setting = Setting::start(edges()).await.unwrap();
    let plane = &setting.plane;
    plane.install_definitions().unwrap();
    let variables = [("REGISTRY", "registry.example"), ("METRICS_URL", setting.prometheus.url())];
    let reader = Reader::new(plane, "docs/install.md", &variables).unwrap();
    reader.follow(&["Without Helm"], "sh kustomize").unwrap();
    let deployment =
        plane.kubectl(&["-n", NAMESPACE, "get", "deployment", "netmarks", "-o", "json"]).unwrap();
    assert!(deployment.contains("registry.example/netmarks:0.1.0"), "{deployment}");
    assert!(deployment.contains(setting.prometheus.url()), "{deployment}");
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
    let printed = reader.follow(&sections, "sh").unwrap();
    assert!(printed.iter().any(|text| text.contains("netmarks_ready 1")), "{printed:?}");
    assert!(printed.iter().all(|text| !text.contains("may not")), "{printed:?}");

    let reader = Reader::new(plane, "docs/configuration.md", &[]).unwrap();
    let printed = reader.follow(&["Check it before it is used"], "sh").unwrap();
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
    support::opted_in(plane, "shop", "netmarks").await.unwrap();
    for (count, app) in [(1, "cart"), (2, "frontend")] {
        plane.create_deployment(&DeploymentSpec::new("shop", app, 1)).await.unwrap();
        plane.wait_running("shop", count, LIMIT).await.unwrap();
        extender.wait_pods("shop", count).await.unwrap();
    }
    let reader =
        Reader::new(plane, "docs/troubleshoot.md", &[("METRICS_URL", setting.prometheus.url())]).unwrap();
    let sections = reader.sections();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let printed = reader.follow(&sections, "sh").unwrap();
    assert!(printed.iter().any(|text| text.contains("no other of 4 candidates")), "{printed:?}");
}

#[test]
fn every_block_is_of_a_kind_that_somebody_reads() -> Result<()> {
    // Blocks of other kinds than those that are typed are configuration; a new kind would be typed by nobody.
    for document in ["install", "certificates", "configuration", "operate", "troubleshoot"] {
        let path = repository(&format!("docs/{document}.md"));
        let text = std::fs::read_to_string(path)?;
        let kinds = text.lines().filter_map(|line| line.strip_prefix("```")).filter(|kind| !kind.is_empty());
        for kind in kinds {
            ensure!(
                ["sh", "sh remove", "sh kustomize", "yaml", "text"].contains(&kind),
                "{document}: {kind}"
            );
        }
    }
    Ok(())
}
