//! `netmarks doctor` on a real cluster: nothing in a healthy one, and each sickness by its name with what to do about it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

pub(crate) mod said;
mod second;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Extender, LIMIT, applications, binaries, roll_out, scratch};
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use netmarks_test_cluster::{
    ControlPlane, DeploymentSpec, ExtenderConfig, NodeSpec, Options, PrometheusServer, SchedulerOptions,
    User, until,
};
use netmarks_test_traffic::{
    Edge, Mesh, Pods, Protocol, Topology, TrafficServer, online_boutique, wall_clock,
};
use said::doctor;
use serde_json::{Value, json};

/// Gives the extender's account the rights that the chart gives it.
fn grant(plane: &ControlPlane) -> Result<()> {
    plane.apply_chart("kube-system", &["serviceaccount", "rbac"], &["policies.kubernetes.enabled=false"])
}

/// A pod that comes with its node, so that nobody schedules it.
async fn pin(plane: &ControlPlane, namespace: &str, application: &str, node: &str) -> Result<()> {
    let pod = serde_json::from_value(json!({
        "metadata": {"name": format!("{application}-0"), "labels": {"app": application}},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "image": "none.invalid/none"}],
            "automountServiceAccountToken": false,
        },
    }))?;
    let api: Api<Pod> = Api::namespaced(plane.client().clone(), namespace);
    api.create(&PostParams::default(), &pod).await.context("failed to create a pod")?;
    Ok(())
}

/// Waits until an extender has seen as many bound pods.
async fn wait_seen(extender: &Extender, pods: usize) {
    until(&format!("the extender has seen {pods} bound pods"), LIMIT, async || {
        let snapshot = extender.json("/v1/snapshot").await?;
        let seen = snapshot["pods"].as_array().context("no pods")?;
        Ok((seen.iter().filter(|pod| pod["node"].is_string()).count() == pods).then_some(()))
    })
    .await
    .unwrap();
}

async fn mesh(edges: &[Edge]) -> (TrafficServer, PrometheusServer) {
    let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges.to_vec(), &Pods::default(), wall_clock());
    let server = TrafficServer::start(Arc::new(mesh)).await.unwrap();
    let prometheus = PrometheusServer::start(&server.targets(), Duration::from_millis(500)).await.unwrap();
    (server, prometheus)
}

fn with_extender(url: &str, weight: i64, percentage: Option<u32>) -> Value {
    let extender = json!({
        "urlPrefix": url, "prioritizeVerb": "prioritize", "weight": weight, "nodeCacheCapable": true, "ignorable": true,
        "httpTimeout": "400ms",
    });
    json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "extenders": [extender], "percentageOfNodesToScore": percentage,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_cluster_is_healthy_and_every_sickness_is_named() {
    let mut edges = online_boutique().unwrap();
    let namespace = edges[0].source_namespace.clone();
    let names = applications(&edges);
    edges.push(Edge::new("filtered", "web", "db", 50_000.0));
    let (_traffic, prometheus) = mesh(&edges).await;
    // What the mesh calls `web` and `db`, the pods call `web-v1` and `db-v1`, except in the label of the canonical service.
    let (_other_traffic, other_prometheus) = mesh(&[Edge::new("renamed", "web", "db", 50_000.0)]).await;
    let account = User::service_account("kube-system", "netmarks");
    let options = Options { users: vec![account.clone()], ..Options::default() };
    let plane = ControlPlane::start(&binaries(), options).await.unwrap();
    let mut nodes = NodeSpec::numbered(4);
    nodes.push(NodeSpec::new("tiny").with_capacity("100m", "32Gi"));
    plane.create_nodes(&nodes).await.unwrap();
    for namespace in [&namespace, "filtered", "renamed"] {
        plane.create_namespace(namespace).await.unwrap();
    }
    grant(&plane).unwrap();
    let kubeconfig = plane.kubeconfig_for(&account.name).unwrap();
    let extender = Extender::start_as(&plane, &kubeconfig, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();
    let extenders = Some(ExtenderConfig { weight: 2, ..ExtenderConfig::new(extender.url()) });
    let options = SchedulerOptions { extender: extenders, ..SchedulerOptions::default() };
    let mut scheduler = plane.start_scheduler(options).await.unwrap();
    roll_out(&plane, &namespace, &["productcatalogservice".to_owned()], 1, "10m").await.unwrap();
    wait_seen(&extender, 1).await;
    plane.create_deployment(&DeploymentSpec::new(&namespace, "frontend", 1)).await.unwrap();
    let pods = plane.wait_bound(&namespace, 2, LIMIT).await.unwrap();
    let frontend = format!("{namespace}/{}", pods.iter().find(|pod| pod.app == "frontend").unwrap().pod);
    for name in names.iter().filter(|name| !["productcatalogservice", "frontend"].contains(&name.as_str())) {
        plane.create_deployment(&DeploymentSpec::new(&namespace, name, 1)).await.unwrap();
    }
    plane.wait_bound(&namespace, names.len(), LIMIT).await.unwrap();

    let file = |name: &str, config: Value| -> PathBuf { scratch(&plane, name, &config.to_string()).unwrap() };
    let scheduler_config = file("asks.yaml", with_extender(extender.url(), 2, None)).display().to_string();
    let kubeconfig = plane.kubeconfig().display().to_string();
    let cluster = ["--kubeconfig", &kubeconfig, "--service-account", "kube-system/netmarks"];
    let store = ["--metrics-url", prometheus.url()];
    let running = ["--server", extender.url(), "--scheduler-config", &scheduler_config];
    let run = |parts: &[&[&str]]| doctor(&parts.concat());

    // Healthy, from the API server to the pod.
    let healthy = run(&[&cluster, &store, &running, &["--pod", &frontend]]).unwrap();
    let checks: Vec<&str> = healthy.findings.iter().map(|(check, ..)| check.as_str()).collect();
    assert_eq!(healthy.only(&["warning", "problem", "skipped"]), [], "{healthy:#?}");
    let expected = [
        "cluster",
        "rights",
        "watches",
        "metrics store",
        "series",
        "flows",
        "applications",
        "extender",
        "calls",
        "answers",
        "candidates",
        "scheduler",
        "weight",
        "nodes scored",
        "pod",
    ];
    assert_eq!(checks, expected);
    assert_eq!((healthy.code, healthy.errors.as_str()), (Some(0), ""));
    assert!(
        healthy.found("applications").contains("11 of 11 pods in namespaces with flows have some"),
        "{healthy:#?}"
    );

    // A right is taken away.
    let roles: Api<ClusterRole> = Api::all(plane.client().clone());
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
    ]);
    roles
        .patch("kube-system-netmarks", &PatchParams::default(), &Patch::Merge(json!({"rules": rules})))
        .await
        .unwrap();
    let sick = until("the missing right is seen", LIMIT, async || {
        let said = run(&[&cluster, &store, &running])?;
        Ok((said.code == Some(1)).then_some(said))
    })
    .await
    .unwrap();
    sick.ensure_problems(&[("rights", "ClusterRole")]).unwrap();
    assert!(sick.found("rights").contains("may not watch nodes"), "{sick:#?}");
    grant(&plane).unwrap();
    until("the right is back", LIMIT, async || Ok((run(&[&cluster, &store])?.code == Some(0)).then_some(())))
        .await
        .unwrap();

    // No store, and the metrics of another mesh.
    let sick = run(&[&cluster, &["--metrics-url", "http://127.0.0.1:1"], &running]).unwrap();
    sick.ensure_problems(&[("metrics store", "--metrics-url")]).unwrap();
    let sick = run(&[&cluster, &store, &running, &["--metrics-preset", "linkerd", "--identity", "workload"]])
        .unwrap();
    sick.ensure_problems(&[("series", "`istio`")]).unwrap();

    // Pods and mesh mean different things.
    for name in ["web", "db"] {
        let mut renamed = DeploymentSpec::new("renamed", format!("{name}-v1"), 1);
        renamed.labels.insert("app.kubernetes.io/name".to_owned(), name.to_owned());
        plane.create_deployment(&renamed).await.unwrap();
    }
    plane.wait_bound("renamed", 2, LIMIT).await.unwrap();
    let other_store = ["--metrics-url", other_prometheus.url()];
    until("the other store has flows", LIMIT, async || {
        let said = run(&[&cluster, &other_store])?;
        ensure!(!said.found("flows").is_empty(), "{said:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    let sick = run(&[&cluster, &other_store, &running]).unwrap();
    sick.ensure_problems(&[("applications", "`identity: canonical-service`")]).unwrap();
    assert!(sick.found("applications").contains("; pods say db-v1)"), "{sick:#?}");
    let well = run(&[&cluster, &other_store, &running, &["--identity", "canonical-service"]]).unwrap();
    assert_eq!(well.code, Some(0), "{well:#?}");

    // The node of the peer has no room: the pod goes elsewhere, and it is said why.
    pin(&plane, "filtered", "db", "tiny").await.unwrap();
    wait_seen(&extender, names.len() + 3).await;
    let web = DeploymentSpec::new("filtered", "web", 1).with_requests("200m", "16Mi");
    plane.create_deployment(&web).await.unwrap();
    let pods = plane.wait_bound("filtered", 2, LIMIT).await.unwrap();
    let web = format!("filtered/{}", pods.iter().find(|pod| pod.app == "web").unwrap().pod);
    let explained = until("the decision is remembered", LIMIT, async || {
        let said = run(&[&cluster, &store, &running, &["--pod", &web]])?;
        ensure!(said.found("pod").contains("tiny has the most of its traffic"), "{said:?}");
        Ok(Some(said))
    })
    .await
    .unwrap();
    assert!(explained.found("pod").ends_with("a filter ruled it out"), "{explained:#?}");
    let [("pod", advice)] = explained.only(&["warning", "problem", "skipped"])[..] else {
        panic!("{explained:#?}")
    };
    assert!(advice.contains("kubectl describe node tiny"), "{advice}");
    assert_eq!(explained.code, Some(0));

    // An extender that no scheduler asks.
    let idle = Extender::start_as(&plane, plane.kubeconfig(), &prometheus, &[]).unwrap();
    idle.wait_ready().await.unwrap();
    idle.wait_flows(&edges).await.unwrap();
    let deaf = json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"});
    let deaf = file("deaf.yaml", deaf).display().to_string();
    let not_asked = ["--server", idle.url(), "--scheduler-config", &deaf];
    let mut replicas = 1;
    let sick = until("some pods are younger than the idle extender", LIMIT, async || {
        replicas += 1;
        plane.scale_deployment(&namespace, "frontend", replicas).await?;
        let said = run(&[&cluster, &store, &not_asked])?;
        ensure!(said.found("calls").contains("created"), "{said:?}");
        Ok((said.only(&["problem"]).len() == 2).then_some(said))
    })
    .await
    .unwrap();
    sick.ensure_problems(&[("calls", "`extenders`"), ("scheduler", "deploy/kube-scheduler/config.yaml")])
        .unwrap();

    // A scheduler that asked, and no longer does: as after an upgrade that wrote its manifest again.
    scheduler.kill().unwrap();
    let options = SchedulerOptions { name: "written-again".to_owned(), ..SchedulerOptions::default() };
    let _scheduler = plane.start_scheduler(options).await.unwrap();
    let sick = until("some pods are younger than the last request", LIMIT, async || {
        replicas += 1;
        plane.scale_deployment(&namespace, "frontend", replicas).await?;
        let said = run(&[&cluster, &store, &running])?;
        ensure!(said.only(&["problem"]).len() == 1, "{said:?}");
        Ok(Some(said))
    })
    .await
    .unwrap();
    sick.ensure_problems(&[("calls", "still has --config")]).unwrap();
    assert!(sick.found("calls").contains(" answered, the last "), "{sick:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_cut_away_for_one_pod_and_outvoted_for_another() {
    let edges = [Edge::new("shop", "web", "db", 50_000.0)];
    let (_traffic, prometheus) = mesh(&edges).await;
    let plane = ControlPlane::start(&binaries(), Options::default()).await.unwrap();
    // kube-scheduler scores a hundred nodes, however few percent they are.
    plane.create_nodes(&NodeSpec::numbered(140)).await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    let extender = Extender::start(&plane, &prometheus, &[]).unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(&edges).await.unwrap();
    let options = SchedulerOptions {
        // A replica on the node costs it 200 points, more than traffic gives it with this weight.
        extender: Some(ExtenderConfig { weight: 1, ..ExtenderConfig::new(extender.url()) }),
        percentage_of_nodes_to_score: Some(1),
        ..SchedulerOptions::default()
    };
    let _scheduler = plane.start_scheduler(options).await.unwrap();
    pin(&plane, "shop", "db", "node-0070").await.unwrap();
    wait_seen(&extender, 1).await;

    // It goes round the cluster: the node is missing for some pods, and offered for others.
    plane.create_deployment(&DeploymentSpec::new("shop", "web", 1)).await.unwrap();
    let mut replicas = 1;
    let (missed, offered) =
        until("the node was cut away for a pod, and not for another", LIMIT, async || {
            replicas += 1;
            plane.scale_deployment("shop", "web", replicas).await?;
            let decisions = extender.json("/v1/decisions?limit=100").await?;
            // Of those that were offered it the oldest: later ones are spread away from their replicas.
            let of = |offered: bool| {
                let mut wanted = decisions.as_array()?.iter().filter(|decision| {
                    let nodes = decision["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
                    nodes.iter().any(|node| node["node"] == "node-0070") == offered
                });
                Some(wanted.next_back()?["pod"].as_str()?.to_owned())
            };
            Ok(of(false).zip(of(true)))
        })
        .await
        .unwrap();

    let scheduler_config =
        scratch(&plane, "few.yaml", &with_extender(extender.url(), 1, Some(1)).to_string()).unwrap();
    let (kubeconfig, scheduler_config) =
        (plane.kubeconfig().display().to_string(), scheduler_config.display().to_string());
    let arguments = [
        "--kubeconfig",
        &kubeconfig,
        "--metrics-url",
        prometheus.url(),
        "--server",
        extender.url(),
        "--scheduler-config",
        &scheduler_config,
    ];
    let explained = doctor(&[&arguments[..], &["--pod", &missed]].concat()).unwrap();
    let [("nodes scored", _), ("pod", advice)] = explained.only(&["warning", "problem", "skipped"])[..]
    else {
        panic!("{explained:#?}")
    };
    assert!(advice.starts_with("raise `percentageOfNodesToScore`"), "{advice}");
    assert!(explained.found("pod").contains("node-0070 has the most of its traffic"), "{explained:#?}");
    assert!(explained.found("pod").contains("with 140 nodes it stops looking after 100"), "{explained:#?}");
    assert!(explained.found("nodes scored").contains("100 of 140 nodes"), "{explained:#?}");
    let explained = doctor(&[&arguments[..], &["--pod", &offered]].concat()).unwrap();
    assert!(explained.found("pod").contains("went to node-0070, which scored 10"), "{explained:#?}");

    // Offered, best by traffic, and yet the plugins had their way.
    let outvoted = until("the plugins outweighed it for a pod", LIMIT, async || {
        replicas += 1;
        plane.scale_deployment("shop", "web", replicas).await?;
        let decisions = extender.json("/v1/decisions?limit=100").await?;
        let preferred = decisions.as_array().context("no decisions")?.iter();
        for decision in preferred.filter(|decision| decision["nodes"][0]["node"] == "node-0070") {
            let pod = decision["pod"].as_str().context("no pod")?;
            let said = doctor(&[&arguments[..], &["--pod", pod]].concat())?;
            if said.found("pod").contains("the plugins outweighed our lead") {
                return Ok(Some(said));
            }
        }
        Ok(None)
    })
    .await
    .unwrap();
    assert!(
        outvoted.found("pod").ends_with("our lead of 100 points, of the 1200 that they can give"),
        "{outvoted:#?}"
    );
    let advice = outvoted.only(&["warning"]).into_iter().find(|(check, _)| *check == "pod").unwrap().1;
    assert!(advice.starts_with("raise the extender's `weight`"), "{advice}");

    // The configuration of a second scheduler is found in the cluster. One of the same name would race with the first.
    let mut second = with_extender(extender.url(), 1, None);
    second["leaderElection"] = json!({"leaderElect": false});
    let found_with = |second: &Value, pod: &str| {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "netmarks-scheduler", "namespace": "kube-system"},
            "data": {"config.yaml": second.to_string()},
        });
        let map = scratch(&plane, "map.json", &map.to_string())?.display().to_string();
        plane.kubectl(&["apply", "-f", &map])?;
        let said = doctor(&[&arguments[..6], &["--namespace", "kube-system", "--pod", pod]].concat())?;
        let found = said.found("scheduler");
        ensure!(found.starts_with("ConfigMap kube-system/netmarks-scheduler"), "{said:#?}");
        Ok(said)
    };
    let said = found_with(&second, &offered).unwrap();
    said.ensure_problems(&[("scheduler", "`schedulerName` of its own")]).unwrap();
    // With one of its own, pods of others do not concern it, except those that the extender was asked about.
    second["profiles"] = json!([{"schedulerName": "netmarks"}]);
    let said = found_with(&second, &offered).unwrap();
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert!(said.found("pod").contains("went to node-0070, which scored 10"), "{said:#?}");
    assert!(said.found("2nd scheduler").starts_with("there is no Deployment"), "{said:#?}");
    pin(&plane, "shop", "unasked", "node-0001").await.unwrap();
    let said = found_with(&second, "shop/unasked-0").unwrap();
    said.ensure_problems(&[("pod", "set `schedulerName: netmarks`")]).unwrap();
}
