//! The webhook beside a real API server and a stock kube-scheduler that knows no extender: where do the pods go, and what if it is
//! not there?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod burst;
mod elsewhere;
mod faults;
mod left_alone;
mod own;
mod quota;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use netmarks_test_cluster::{
    Authority, ControlPlane, DeploymentSpec, Port, Scheduler, SchedulerOptions, until,
};
use netmarks_test_traffic::Edge;
use serde_json::{Value, json};

use crate::support::release::{NAMESPACE, chart, values};
use crate::support::setting::Setting;
use crate::support::steered::{choose, decision, wait_steered};
use crate::support::{Extender, LIMIT, scratch};

/// Applications that talk to `shop/hub`.
const SPOKES: [&str; 6] = ["deployment", "statefulset", "job", "bare", "scaled", "cronjob"];

/// As the API server names it.
const WEBHOOK: &str = "admission.netmarks.dev";

/// Counts the pods that are assumed to be where they were sent.
const ASSUMED_PODS: &str = "netmarks_admission_assumed_pods";

/// The configuration of the webhook as the chart makes it, for a server outside of the cluster.
fn configuration(plane: &ControlPlane, url: &str, authority: &Authority) -> Result<Value> {
    let (chart, values) = (chart(), values("http://prometheus:9090", &["admission.enabled=true"]));
    let chart = chart.to_string_lossy();
    let mut arguments = vec!["template", "netmarks", &chart, "--namespace", NAMESPACE];
    arguments.push("--show-only=templates/admission.yaml");
    arguments.extend(values.iter().map(String::as_str));
    let mut configuration: Value = serde_saphyr::from_str(&plane.helm(&arguments)?)?;
    let ca = base64::engine::general_purpose::STANDARD.encode(authority.pem());
    configuration["webhooks"][0]["clientConfig"] = json!({"url": format!("{url}/admission"), "caBundle": ca});
    Ok(configuration)
}

/// Of the oldest Kubernetes that the chart takes the API server knows the conditions; with an older one helm says so.
fn is_refused_where_it_cannot_be(plane: &ControlPlane) -> Result<()> {
    let (chart, values) = (chart(), values("http://prometheus:9090", &["admission.enabled=true"]));
    let template = |version: &str| {
        let (chart, version) = (chart.to_string_lossy(), format!("--kube-version={version}"));
        let mut arguments = vec!["template", "netmarks", &chart, "--namespace", NAMESPACE, &version];
        arguments.extend(values.iter().map(String::as_str));
        plane.helm(&arguments)
    };
    ensure!(template("1.31.0")?.contains("matchConditions:"));
    let refused = format!("{:#}", template("1.30.14").err().context("1.30 is taken")?);
    ensure!(refused.contains("chart requires kubeVersion: >=1.31.0-0"), "{refused}");
    Ok(())
}

/// The door with a certificate of this authority; returns where it is.
fn start(setting: &Setting, authority: &Authority) -> Result<(Extender, Port, String)> {
    let port = Port::reserve()?;
    let address = format!("127.0.0.1:{}", port.number());
    let (certificate, key) = authority.issue()?;
    let certificate = scratch(&setting.plane, "admission.crt", &certificate)?;
    let key = scratch(&setting.plane, "admission.key", &key)?;
    let text = |path: &PathBuf| path.display().to_string();
    let extender = Extender::start(
        &setting.plane,
        &setting.prometheus,
        &[
            ("NETMARKS_ADMISSION_LISTEN", &address),
            ("NETMARKS_ADMISSION_TLS_CERT_FILE", &text(&certificate)),
            ("NETMARKS_ADMISSION_TLS_KEY_FILE", &text(&key)),
        ],
    )?;
    Ok((extender, port, format!("https://{address}")))
}

fn apply(plane: &ControlPlane, object: &Value) -> Result<()> {
    let file = scratch(plane, "object.json", &object.to_string())?;
    plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).map(drop)
}

fn template(app: &str) -> Value {
    let requests = json!({"requests": {"cpu": "100m", "memory": "16Mi"}});
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": "none.invalid/app", "resources": requests}]},
    })
}

fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": "shop", "name": name}, "spec": spec})
}

fn pod(app: &str) -> Value {
    let template = template(app);
    let mut pod = object("v1", "Pod", app, &template["spec"]);
    pod["metadata"]["labels"] = template["metadata"]["labels"].clone();
    pod
}

/// The webhook beside a kube-scheduler, and `shop/hub`, which runs.
struct Opened {
    extender: Extender,
    url: String,
    authority: Authority,
    /// The node of the hub.
    hub: String,
    scheduler: Scheduler,
    _port: Port,
}

/// Waits until new pods of `shop` get terms.
async fn open(setting: &Setting) -> Result<Opened> {
    let plane = &setting.plane;
    let authority = Authority::new("webhook")?;
    plane.create_namespace("shop").await?;
    choose(plane, "shop")?;
    let (extender, port, url) = start(setting, &authority)?;
    extender.wait_ready().await?;
    extender.wait_flows(&setting.edges).await?;
    let scheduler = plane.start_scheduler(SchedulerOptions::default()).await?;
    plane.create_deployment(&DeploymentSpec::new("shop", "hub", 1)).await?;
    let hub = plane.wait_bound("shop", 1, LIMIT).await?.remove(0).node;
    extender.wait_pods("shop", 1).await?;
    apply(plane, &configuration(plane, &url, &authority)?)?;
    wait_steered(plane, "shop", "bare").await?;
    Ok(Opened { extender, url, authority, hub, scheduler, _port: port })
}

/// Waits until every pod that was assumed is bound, gone or given up.
async fn nothing_is_assumed(extender: &Extender, limit: Duration) -> Result<()> {
    until("nothing is assumed", limit, async || {
        let assumed = extender.metric(ASSUMED_PODS).await?;
        ensure!(assumed == 0.0, "{assumed} are");
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_of_every_kind_land_beside_their_peers_and_are_created_whatever_the_webhook_does() {
    let mut edges = SPOKES.map(|spoke| Edge::new("shop", spoke, "hub", 400_000.0)).to_vec();
    let from_elsewhere = Edge::new("shop", "bare", "hub", 400_000.0);
    edges.push(Edge { source_namespace: left_alone::WAREHOUSE.to_owned(), ..from_elsewhere });
    let setting = Setting::start(edges).await.unwrap();
    let plane = &setting.plane;
    let mut opened = open(&setting).await.unwrap();
    let Opened { extender, url, authority, hub, scheduler, .. } = &mut opened;
    assert_eq!(extender.json("/v1/decisions").await.unwrap(), json!([]), "dry runs change nothing here");

    let selected = |app: &str| json!({"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template(app)});
    apply(plane, &object("apps/v1", "Deployment", "deployment", &selected("deployment"))).unwrap();
    apply(plane, &object("apps/v1", "StatefulSet", "statefulset", &selected("statefulset"))).unwrap();
    let mut job = template("job");
    job["spec"]["restartPolicy"] = json!("Never");
    apply(plane, &object("batch/v1", "Job", "job", &json!({"template": job}))).unwrap();
    let mut each_minute = template("cronjob");
    each_minute["spec"]["restartPolicy"] = json!("Never");
    let each_minute = json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": each_minute}}});
    apply(plane, &pod("bare")).unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "scaled", 1)).await.unwrap();
    plane.wait_bound("shop", 1 + 2 + 2 + 1 + 1 + 1, LIMIT).await.unwrap();
    plane.scale_deployment("shop", "scaled", 3).await.unwrap();
    let pods = plane.wait_bound("shop", 10, LIMIT).await.unwrap();
    for pod in &pods {
        assert_eq!(pod.node, *hub, "{pod:?}");
    }

    // Each names its decision, and the decision has got its name.
    apply(plane, &object("batch/v1", "CronJob", "cronjob", &each_minute)).unwrap();
    let template = r#"-o=jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.netmarks\.dev/decision}{"\n"}{end}"#;
    let named = plane.kubectl(&["-n", "shop", "get", "pods", template]).unwrap();
    let named: Vec<(&str, &str)> = named.lines().filter_map(|line| line.split_once(' ')).collect();
    let ours = named.iter().filter(|(_, id)| !id.is_empty());
    assert_eq!(ours.clone().count(), 9, "{named:?}");
    for (name, id) in ours {
        until("the decision has its pod's name", LIMIT, async || {
            let decisions = extender.json(&format!("/v1/decisions?id={id}&pod=shop/{name}")).await?;
            let decision = decisions.as_array().and_then(|all| all.first()).context("not yet")?;
            ensure!(decision["door"] == "admission" && decision["outcome"] == "patched", "{decision}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }
    nothing_is_assumed(extender, LIMIT).await.unwrap();
    assert_eq!(extender.answers().await.unwrap().values().sum::<u64>(), 0, "the scheduler knows no extender");

    plane.create_namespace("other").await.unwrap();
    until("pods can be created there", LIMIT, async || decision(plane, "other", "bare").map(Some))
        .await
        .unwrap();
    own::keeps_what_the_user_wrote(plane, hub).await.unwrap();
    is_refused_where_it_cannot_be(plane).unwrap();
    plane.create_deployment(&DeploymentSpec::new("other", "bare", 2)).await.unwrap();
    plane.wait_bound("other", 2, LIMIT).await.unwrap();
    let called = plane.webhooks_called("shop").unwrap();
    assert!(called.iter().filter(|webhooks| *webhooks == &[WEBHOOK]).count() >= 9, "{called:?}");
    let called = plane.webhooks_called("other").unwrap();
    assert!(
        called.len() >= 2 && called.iter().all(Vec::is_empty),
        "a namespace without the label: {called:?}"
    );
    left_alone::are_not_asked_about(plane, hub).await.unwrap();

    until("the CronJob has made a pod", LIMIT, async || {
        let pods = plane.placement("shop").await?;
        let made = pods.iter().find(|pod| pod.app == "cronjob");
        Ok(made.map(|pod| assert_eq!(pod.node, *hub, "{pod:?}")))
    })
    .await
    .unwrap();
    elsewhere::is_explained(plane, extender, scheduler, hub).await.unwrap();
    faults::pods_are_created_and_scheduled(plane, extender, url, authority).await.unwrap();
}
