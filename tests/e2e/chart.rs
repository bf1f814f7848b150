//! The Helm chart and the plain manifests, by real helm and kubectl into a real API server.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

mod support;

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, NodeSpec, Options, SchedulerOptions, until};
use serde_json::Value;
use support::release::{NAMESPACE, Release, chart, previous_chart, repository, values};
use support::{LIMIT, binaries, scratch};

const METRICS: &str = "http://prometheus.monitoring:9090";

async fn plane() -> Result<ControlPlane> {
    let options = Options { service_accounts: true, ..Options::default() };
    ControlPlane::start(&binaries(), options).await
}

/// `namespace/kind/name` of everything that carries the release's label.
fn objects(plane: &ControlPlane) -> Result<Vec<String>> {
    let listed = |namespaced: &str| -> Result<Vec<String>> {
        let arguments = ["api-resources", "--verbs=list", "--output=name", "--namespaced", namespaced];
        let kinds = plane.kubectl(&[&arguments[..4], &[&format!("--namespaced={namespaced}")]].concat())?;
        // Events stay for an hour by themselves; the slices and pods of what was removed go with their owner.
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !kind.starts_with("events") && *kind != "componentstatuses")
            .collect();
        let template = r#"{range .items[*]}{.metadata.namespace}/{.kind}/{.metadata.name}{"\n"}{end}"#;
        let output = plane
            .kubectl_command()
            .args(["get", &kinds.join(","), "--all-namespaces", "--ignore-not-found"])
            .args([
                "--selector=app.kubernetes.io/instance=netmarks",
                &format!("--output=jsonpath={template}"),
            ])
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    };
    let mut all = listed("true")?;
    all.extend(listed("false")?);
    all.sort();
    Ok(all)
}

/// Waits until these objects of the release are left, and no others.
async fn wait_left(plane: &ControlPlane, expected: &[&str]) -> Result<()> {
    until(&format!("only {expected:?} is left"), LIMIT, async || {
        let left = objects(plane)?;
        ensure!(left == expected, "{left:?}");
        Ok(Some(()))
    })
    .await
}

/// What the API server says to all that the chart makes of these values.
fn accepted(plane: &ControlPlane, values: &[String]) -> Result<()> {
    let chart = chart();
    let chart = chart.to_string_lossy();
    // As helm does itself when it installs, but with unknown and doubled fields refused.
    let mut arguments = vec!["template", "netmarks", &chart, "--namespace", NAMESPACE, "--validate"];
    arguments.extend(values.iter().map(String::as_str));
    let manifests = scratch(plane, "rendered.yaml", &plane.helm(&arguments)?)?;
    let manifests = manifests.to_string_lossy();
    plane.kubectl(&["create", "--dry-run=server", "--validate=strict", "-f", &manifests]).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_can_be_chosen_is_accepted_by_the_api_server() {
    let plane = plane().await.unwrap();
    plane.install_definitions().unwrap();
    plane.create_namespace(NAMESPACE).await.unwrap();
    let combinations: [&[&str]; 8] = [
        &[],
        &["tls.mode=certManager", "monitoring.podMonitor.enabled=true", "monitoring.rules.enabled=true"],
        &[
            "tls.mode=certManager",
            "tls.certManager.issuerRef.kind=ClusterIssuer",
            "tls.certManager.issuerRef.name=corporate",
        ],
        &["tls.mode=secret", "tls.secret.server=mine", "tls.secret.client=mine", "scheduler.enabled=true"],
        &["tls.mode=none", "scheduler.enabled=true", "scheduler.optIn.enabled=false"],
        &["scheduler.enabled=true", "scheduler.optIn.enabled=true", "scheduler.percentageOfNodesToScore=50"],
        &[
            "admin.enabled=true",
            "policies.kubernetes.enabled=false",
            "replicas=1",
            "service.clusterIP=10.96.3.3",
        ],
        &[
            "networkPolicy.from[0].ipBlock.cidr=10.0.0.0/24",
            "podDisruptionBudget.maxUnavailable=50%",
            "image.digest=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "tolerations[0].operator=Exists",
            "nodeSelector.pool=infrastructure",
            "priorityClassName=system-cluster-critical",
            "tls.ipAddresses[0]=10.0.0.7",
            "extraEnv[0].name=NETMARKS_METRICS_PRESET",
            "extraEnv[0].value=linkerd",
            "extraVolumes[0].name=metrics",
            "extraVolumes[0].secret.secretName=metrics",
            "extraVolumeMounts[0].name=metrics",
            "extraVolumeMounts[0].mountPath=/etc/netmarks/metrics",
            "podSecurityContext.runAsUser=null",
            "config.traces.otlp_endpoint=http://collector:4318/v1/traces",
        ],
    ];
    for more in combinations {
        accepted(&plane, &values(METRICS, more)).unwrap_or_else(|error| panic!("{more:?}: {error:#}"));
    }

    // The extender reads what the chart writes for it; without certificates, which are not here.
    for more in [
        &[
            "tls.mode=none",
            "config.scoring.map=rank",
            "config.metrics.max_response_bytes=67108864",
            "config.log.filter=debug",
        ][..],
        &["config.metrics.headers.X-Scope-OrgID=shop", "config.traces.sample_ratio=1", "tls.mode=none"],
    ] {
        let mut arguments = vec!["template", "netmarks"];
        let (chart, values) = (chart(), values(METRICS, more));
        let chart = chart.to_string_lossy();
        arguments.extend([&*chart, "--namespace", NAMESPACE, "--show-only=templates/configmap.yaml"]);
        arguments.extend(values.iter().map(String::as_str));
        let config_map = scratch(&plane, "config-map.yaml", &plane.helm(&arguments).unwrap()).unwrap();
        let output = r"-o=jsonpath={.data.config\.yaml}";
        let file = config_map.to_string_lossy();
        let config = plane.kubectl(&["create", "--dry-run=client", output, "-f", &file]).unwrap();
        let config = scratch(&plane, "config.yaml", &config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_netmarks"))
            .args(["serve", "--check", "--config"])
            .arg(config)
            .output()
            .unwrap();
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_value_is_refused_with_a_sentence() {
    let plane = plane().await.unwrap();
    let install = |values: &[String]| Release::install(&plane, &chart(), values).map(drop);
    for (value, says) in [
        ("replicas=0", "at '/replicas': minimum: got 0, want 1"),
        ("image.repositry=x", "at '/image': additional properties 'repositry' not allowed"),
        (
            "tls.mode=self-signed",
            "at '/tls/mode': value must be one of 'chart', 'certManager', 'secret', 'none'",
        ),
        ("config.metrics.urll=x", "at '/config/metrics': additional properties 'urll' not allowed"),
        ("config.scoring.map=cubic", "at '/config/scoring/map': value must be one of"),
        ("tls.mode=secret", "tls.secret.server does not name one"),
        ("tls.certManager.issuerRef.name=mine", "needs both `kind` (Issuer or ClusterIssuer) and `name`"),
        ("admin.enabled=true,tls.mode=none", "tokens of the cluster must not travel in the clear"),
        ("shutdownDelay=30", "terminationGracePeriod (30) must be at least 3 longer than shutdownDelay (30)"),
        ("scheduler.enabled=true,scheduler.name=default-scheduler", "two schedulers would race"),
        ("image.repository=", "image.repository is not set: build the image with"),
    ] {
        let mut values = values(METRICS, &[]);
        values.extend(["--set".to_owned(), value.to_owned()]);
        let error = format!("{:#}", install(&values).unwrap_err());
        assert!(error.contains(says), "{value}: {error}");
    }
    assert_eq!(objects(&plane).unwrap(), Vec::<String>::new(), "nothing of a refused installation is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_installed_upgraded_and_removed_without_residue() {
    let plane = plane().await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(3)).await.unwrap();
    let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    // The strictest admission there is.
    plane.create_namespace(NAMESPACE).await.unwrap();
    let level = "pod-security.kubernetes.io/enforce=restricted";
    plane.kubectl(&["label", "namespace", NAMESPACE, level]).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let previous = previous_chart(folder.path()).unwrap();
    let more = ["scheduler.enabled=true", "admin.enabled=true"];
    let values = values(METRICS, &more);
    let before = previous.clone().unwrap_or_else(chart);
    let release = Release::install(&plane, &before, &values).unwrap();
    plane.wait_running(NAMESPACE, 4, LIMIT).await.unwrap();
    let certificate = release.secret("netmarks-tls").unwrap().join("ca.crt");
    let authority = std::fs::read_to_string(&certificate).unwrap();

    // Upgraded to what the next commit installs: the certificates stay, or every kube-scheduler would be locked out.
    let release = Release::install(&plane, &chart(), &values).unwrap();
    for deployment in ["deployment/netmarks", "deployment/netmarks-scheduler"] {
        plane.kubectl(&["-n", NAMESPACE, "rollout", "status", deployment, "--timeout=90s"]).unwrap();
    }
    release.secret("netmarks-tls").unwrap();
    assert_eq!(std::fs::read_to_string(&certificate).unwrap(), authority, "from {previous:?}");
    // What takes effect while the extender runs rolls nothing out, and the rest does.
    let template = "-o=jsonpath={.spec.template.metadata.annotations.checksum/config}";
    let rollout = || plane.kubectl(&["-n", NAMESPACE, "get", "deployment", "netmarks", template]).unwrap();
    let first = rollout();
    assert_eq!(first.len(), 64, "{first}");
    for (value, rolls_out) in
        [("config.scoring.map=rank", false), ("config.metrics.interval_seconds=30", true)]
    {
        let values = [values.clone(), vec!["--set".to_owned(), value.to_owned()]].concat();
        Release::install(&plane, &chart(), &values).unwrap();
        assert_eq!(rollout() != first, rolls_out, "{value}");
    }

    // Replicas keep apart, and an eviction of one at a time is allowed.
    until("replicas are apart", LIMIT, async || {
        let pods = plane.placement(NAMESPACE).await?;
        let nodes: Vec<&str> =
            pods.iter().filter(|pod| !pod.pod.contains("scheduler")).map(|pod| pod.node.as_str()).collect();
        Ok((nodes.len() == 2 && nodes.first() != nodes.last()).then_some(()))
    })
    .await
    .unwrap();
    until("the budget allows an eviction", LIMIT, async || {
        let allowed = "-o=jsonpath={.status.disruptionsAllowed}";
        let allowed = plane.kubectl(&["-n", NAMESPACE, "get", "pdb", "netmarks", allowed])?;
        Ok((allowed == "1").then_some(()))
    })
    .await
    .unwrap();

    // By default the definition stays, or every ScoringPolicy would be gone with it.
    plane.helm(&["uninstall", "netmarks", "--namespace", NAMESPACE, "--wait"]).unwrap();
    wait_left(&plane, &["/CustomResourceDefinition/scoringpolicies.netmarks.dev"]).await.unwrap();
    // It is taken over again, and goes where it is told to.
    let values = [values, vec!["--set".to_owned(), "policies.crd.keep=false".to_owned()]].concat();
    Release::install(&plane, &chart(), &values).unwrap();
    plane.helm(&["uninstall", "netmarks", "--namespace", NAMESPACE, "--wait"]).unwrap();
    wait_left(&plane, &[]).await.unwrap();
    let secrets =
        plane.kubectl(&["-n", NAMESPACE, "get", "secrets,configmaps,leases", "-o", "name"]).unwrap();
    let of_ours: Vec<&str> = secrets.lines().filter(|name| name.contains("netmarks")).collect();
    assert_eq!(of_ours, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_manifests_are_accepted_and_name_the_same_objects() {
    let plane = plane().await.unwrap();
    plane.install_definitions().unwrap();
    let folder = repository("deploy/kustomize/example");
    plane.kubectl(&["apply", "--server-side", "--kustomize", &folder.to_string_lossy()]).unwrap();
    let of_kustomize = objects(&plane).unwrap();
    plane.kubectl(&["delete", "--kustomize", &folder.to_string_lossy()]).unwrap();
    let plain = |object: &&String| {
        // What controllers make of them.
        !["/Pod/", "/ReplicaSet/", "/EndpointSlice/", "/PodMetrics/"].iter().any(|kind| object.contains(kind))
    };
    wait_left(&plane, &[]).await.unwrap();
    let values = values(METRICS, &["tls.mode=certManager", "scheduler.enabled=true"]);
    Release::install(&plane, &chart(), &values).unwrap();
    let of_helm = objects(&plane).unwrap();
    let (of_helm, of_kustomize): (Vec<_>, Vec<_>) =
        (of_helm.iter().filter(plain).collect(), of_kustomize.iter().filter(plain).collect());
    assert_eq!(of_helm, of_kustomize);
    assert!(of_helm.len() > 20, "{of_helm:?}");
}

/// Every section and key of the configuration, with its defaults.
fn keys(value: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        // These are free to grow; the extender checks what is in them.
        const OPEN: [&str; 10] = [
            "metrics.auth",
            "metrics.custom",
            "metrics.estimator",
            "metrics.headers",
            "metrics.match_labels",
            "metrics.tls",
            "policies.kubernetes",
            "policies.promotion",
            "policies.rollback",
            "policy.parameters",
        ];
        if value.is_object() && !OPEN.contains(&path.as_str()) {
            keys(value, &path, into);
        } else {
            into.push(path);
        }
    }
}

fn schema_keys(schema: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value["properties"].is_object() {
            true => schema_keys(value, &path, into),
            false => into.push(path),
        }
    }
}

#[test]
fn the_schema_knows_the_keys_of_the_configuration_and_no_others() -> Result<()> {
    let schema: Value = serde_json::from_str(include_str!("../../deploy/helm/netmarks/values.schema.json"))?;
    let config = serde_json::to_value(netmarks::config::Config::default())?;
    let (mut of_schema, mut of_config) = (Vec::new(), Vec::new());
    schema_keys(schema.pointer("/properties/config").context("no config")?, "", &mut of_schema);
    keys(&config, "", &mut of_config);
    of_schema.sort();
    of_config.sort();
    assert_eq!(of_schema, of_config);
    Ok(())
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = include_str!("../../deploy/helm/netmarks/Chart.yaml");
    for line in [
        format!("\nversion: {}\n", env!("CARGO_PKG_VERSION")),
        format!("\nappVersion: {}\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(chart.contains(&line), "no{line}in Chart.yaml");
    }
}
