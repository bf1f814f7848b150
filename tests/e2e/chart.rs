//! The Helm chart and the plain manifests, by real helm and kubectl into a real API server.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

mod notes;
mod rebalance;
mod refused;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::release::{NAMESPACE, Release, chart, previous_chart, stand_in, values};
use crate::support::{LIMIT, binaries, opted_in, scratch};
use anyhow::{Result, ensure};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{ControlPlane, NodeSpec, Options, SchedulerOptions, repository, until};

const METRICS: &str = "http://prometheus.monitoring:9090";

async fn plane() -> Result<ControlPlane> {
    let options = Options { service_accounts: true, stand_ins: vec![stand_in()], ..Options::default() };
    ControlPlane::start(&binaries(), options).await
}

/// `namespace/kind/name` of everything that carries the release's label.
fn objects(plane: &ControlPlane) -> Result<Vec<String>> {
    let listed = |namespaced: &str| -> Result<Vec<String>> {
        let namespaced = format!("--namespaced={namespaced}");
        let kinds = plane.kubectl(&["api-resources", "--verbs=list", "--output=name", &namespaced])?;
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

/// What the chart makes of these values.
fn rendered(plane: &ControlPlane, flags: &[&str], more: &[&str]) -> Result<PathBuf> {
    let (chart, values) = (chart(), values(METRICS, more));
    let chart = chart.to_string_lossy();
    let mut arguments = vec!["template", "netmarks", &chart, "--namespace", NAMESPACE];
    arguments.extend(flags.iter().copied().chain(values.iter().map(String::as_str)));
    scratch(plane, "rendered.yaml", &plane.helm(&arguments)?)
}

/// What the API server says to all that the chart makes of these values.
fn accepted(plane: &ControlPlane, more: &[&str]) -> Result<()> {
    // As helm does itself when it installs, but with unknown and doubled fields refused.
    let manifests = rendered(plane, &["--validate"], more)?;
    let manifests = manifests.to_string_lossy();
    plane.kubectl(&["create", "--dry-run=server", "--validate=strict", "-f", &manifests]).map(drop)
}

/// The file `config.yaml` that the chart makes of these values, of the one ConfigMap in a template.
fn config(plane: &ControlPlane, template: &str, more: &[&str]) -> Result<String> {
    let manifests = rendered(plane, &[&format!("--show-only=templates/{template}.yaml")], more)?;
    let output = r"-o=jsonpath={.data.config\.yaml}";
    plane.kubectl(&["create", "--dry-run=client", output, "-f", &manifests.to_string_lossy()])
}

/// Where accounts and what they may do are somebody else's to make.
const WITHOUT_RIGHTS: [&str; 4] = [
    "scheduler.enabled=true",
    "rbac.create=false",
    "serviceAccount.create=false",
    "scheduler.serviceAccount.name=mine",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_can_be_chosen_is_accepted_by_the_api_server() {
    let plane = plane().await.unwrap();
    plane.install_definitions().unwrap();
    plane.create_namespace(NAMESPACE).await.unwrap();
    let combinations: [&[&str]; 14] = [
        &[],
        &[
            "tls.mode=certManager",
            "monitoring.podMonitor.enabled=true",
            "monitoring.rules.enabled=true",
            "monitoring.dashboard.enabled=true",
            "monitoring.dashboard.annotations.grafana_folder=Scheduling",
        ],
        &[
            "tls.mode=certManager",
            "tls.certManager.issuerRef.kind=ClusterIssuer",
            "tls.certManager.issuerRef.name=corporate",
        ],
        &[
            "tls.mode=certManager",
            "tls.certManager.issuerRef.group=awspca.cert-manager.io",
            "tls.certManager.issuerRef.kind=AWSPCAClusterIssuer",
            "tls.certManager.issuerRef.name=corporate",
        ],
        &WITHOUT_RIGHTS,
        &["admission.enabled=true", "admission.mode=preview"],
        &[
            "admission.enabled=true",
            "tls.mode=certManager",
            "admission.namespaces.matchLabels=null",
            "admission.namespaces.matchExpressions[0].key=team",
            "admission.namespaces.matchExpressions[0].operator=Exists",
            "config.admission.schedulers[0]=default-scheduler",
            "config.admission.schedulers[1]=mine",
            "config.admission.opt_out_label=example.com/by-traffic",
        ],
        &[
            "admission.enabled=true",
            "tls.mode=secret",
            "tls.secret.server=mine",
            // The API server looks at it.
            concat!("admission.caBundle=", include_str!("chart/authority.pem.b64")),
        ],
        &["tls.mode=secret", "tls.secret.server=mine", "tls.secret.client=mine", "scheduler.enabled=true"],
        &["tls.mode=none", "scheduler.enabled=true", "scheduler.optIn.enabled=false", "scheduler.replicas=1"],
        &["scheduler.enabled=true", "scheduler.optIn.enabled=true", "scheduler.percentageOfNodesToScore=50"],
        &[
            "admin.enabled=true",
            "policies.kubernetes.enabled=false",
            "replicas=1",
            "service.clusterIP=10.96.3.3",
        ],
        &[
            "rebalance.enabled=true",
            "rebalance.namespaces[0]=default",
            "rebalance.namespaces[1]=kube-system",
            "rebalance.timeZone=Europe/Berlin",
            "rebalance.extraArgs[0]=--keep-spread",
            "nameOverride=a-name-that-is-as-long-as-it-may-be-here",
        ],
        &[
            "networkPolicy.from[0].ipBlock.cidr=10.0.0.0/24",
            "networkPolicy.dnsPorts[0]=1053",
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
        ],
    ];
    for more in combinations {
        accepted(&plane, more).unwrap_or_else(|error| panic!("{more:?}: {error:#}"));
    }
    let manifests = std::fs::read_to_string(rendered(&plane, &[], &WITHOUT_RIGHTS).unwrap()).unwrap();
    let kinds: Vec<&str> = manifests.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert!(kinds.contains(&"Deployment"), "{kinds:?}");
    let of_rights = |kind: &&&str| kind.contains("Role") || **kind == "ServiceAccount";
    assert_eq!(kinds.iter().find(of_rights), None, "they are there already");

    // The extender reads what the chart writes for it; without certificates, which are not here.
    for more in [
        &[
            "tls.mode=none",
            "config.scoring.map=rank",
            "config.metrics.max_response_bytes=67108864",
            "config.log.filter=debug",
        ][..],
        &["config.metrics.headers.X-Scope-OrgID=shop", "tls.mode=none"],
    ] {
        let config = scratch(&plane, "config.yaml", &config(&plane, "configmap", more).unwrap()).unwrap();
        let output = isolated(&mut Command::new(env!("CARGO_BIN_EXE_netmarks")))
            .args(["serve", "--check", "--config"])
            .arg(config)
            .output()
            .unwrap();
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    // Whatever profiles are given to the second scheduler, it never takes the pods of the cluster's own.
    for (profiles, names) in [
        (&["scheduler.config.profiles=null"][..], &["netmarks"][..]),
        (&["scheduler.config.profiles[0].percentageOfNodesToScore=70"], &["netmarks"]),
        (
            &[
                "scheduler.config.profiles[0].schedulerName=batch",
                "scheduler.config.profiles[1].percentageOfNodesToScore=70",
            ],
            &["batch", "netmarks"],
        ),
    ] {
        let config = config(&plane, "scheduler/configmap", &[&["scheduler.enabled=true"], profiles].concat());
        let config = config.unwrap();
        let of_line = |line: &'_ str| line.split_once("schedulerName: ").map(|(_, name)| name.to_owned());
        let called: Vec<String> = config.lines().filter_map(of_line).collect();
        assert_eq!(called, names, "{config}");
    }
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
    // It leads by the lease that came with the release, and no upgrade takes it away.
    let second = release.scheduler().await.unwrap();
    let lease =
        "-o=jsonpath={.spec.holderIdentity} {.spec.leaseTransitions} {.metadata.labels.helm\\.sh/chart}";
    let lease = || plane.kubectl(&["-n", NAMESPACE, "get", "lease", "netmarks-scheduler", lease]);
    let leads = until("the second scheduler leads", LIMIT, async || {
        Ok(Some(lease()?).filter(|lease| !lease.starts_with(' ')))
    });
    let leads = leads.await.unwrap();
    assert!(leads.ends_with(concat!("netmarks-", env!("CARGO_PKG_VERSION"))), "of the release: {leads}");
    // What takes effect while the extender runs rolls nothing out, and the rest does.
    let template = "-o=jsonpath={.spec.template.metadata.annotations.checksum/config}";
    let rollout = || plane.kubectl(&["-n", NAMESPACE, "get", "deployment", "netmarks", template]).unwrap();
    let first = rollout();
    assert_eq!(first.len(), 64, "{first}");
    for (value, rolls_out) in [
        ("config.scoring.map=rank", false),
        ("config.policy.limits.deadline_ms=60", false),
        ("config.scoring.decisions=100", true),
        ("config.metrics.interval_seconds=30", true),
    ] {
        let values = [values.clone(), vec!["--set".to_owned(), value.to_owned()]].concat();
        Release::install(&plane, &chart(), &values).unwrap();
        assert_eq!(rollout() != first, rolls_out, "{value}");
    }
    assert_eq!(lease().unwrap(), leads);
    drop(second);

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
    // It is taken over again, and goes where it is told to. A lease that a scheduler made for itself is left alone.
    let values = [values, vec!["--set".to_owned(), "policies.crd.keep=false".to_owned()]].concat();
    let lease = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: netmarks-scheduler}}";
    let lease = scratch(&plane, "lease.yaml", lease).unwrap();
    plane.kubectl(&["-n", NAMESPACE, "create", "-f", &lease.to_string_lossy()]).unwrap();
    Release::install(&plane, &chart(), &values).unwrap();
    plane.kubectl(&["-n", NAMESPACE, "delete", "lease", "netmarks-scheduler"]).unwrap();
    plane.helm(&["uninstall", "netmarks", "--namespace", NAMESPACE, "--wait"]).unwrap();
    wait_left(&plane, &[]).await.unwrap();
    let secrets =
        plane.kubectl(&["-n", NAMESPACE, "get", "secrets,configmaps,leases", "-o", "name"]).unwrap();
    let of_ours: Vec<&str> = secrets.lines().filter(|name| name.contains("netmarks")).collect();
    assert_eq!(of_ours, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_scheduler_leaves_kube_system_and_itself_alone() {
    let plane = plane().await.unwrap();
    let more = ["rbac.authenticationReader=false", "scheduler.enabled=true", "scheduler.httpTimeout=0.4s"];
    let release = Release::install(&plane, &chart(), &values(METRICS, &more)).unwrap();
    // It is ready without any right in kube-system.
    let _second = release.scheduler().await.unwrap();
    let bindings = ["-n", "kube-system", "get", "rolebindings", "-o", "name"];
    assert!(!plane.kubectl(&bindings).unwrap().contains("netmarks"));

    // A label there would have it wait for itself. What is seen of the last namespace is true of all.
    plane.create_namespace("shop").await.unwrap();
    for namespace in [NAMESPACE, "kube-system", "shop"] {
        plane.kubectl(&["label", "namespace", namespace, "netmarks.dev/scheduler=enabled"]).unwrap();
    }
    for (namespace, scheduler) in
        [("shop", "netmarks"), (NAMESPACE, "default-scheduler"), ("kube-system", "default-scheduler")]
    {
        opted_in(&plane, namespace, scheduler).await.unwrap();
    }
}

/// A copy of the example, with the components that it leaves out.
fn example_with_all(folder: &Path) -> Result<PathBuf> {
    let copied = Command::new("cp").arg("-r").arg(repository("deploy/kustomize")).arg(folder).status()?;
    ensure!(copied.success(), "cp failed");
    let example = folder.join("kustomize/example");
    let file = example.join("kustomization.yaml");
    let text = std::fs::read_to_string(&file)?;
    let mut chosen = text;
    for component in ["opt-in", "admission"] {
        let without = format!("  # - ../{component}\n");
        ensure!(chosen.contains(&without), "the example does not say how to have {component}");
        chosen = chosen.replace(&without, &format!("  - ../{component}\n"));
    }
    std::fs::write(&file, chosen)?;
    Ok(example)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_manifests_are_accepted_and_name_the_same_objects() {
    let plane = plane().await.unwrap();
    plane.install_definitions().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let example = example_with_all(folder.path()).unwrap();
    let example = example.to_string_lossy();
    plane.kubectl(&["apply", "--server-side", "--kustomize", &example]).unwrap();
    let of_kustomize = objects(&plane).unwrap();
    // The extender gets to where its variable says that the metrics are.
    let url =
        r#"-o=jsonpath={.spec.template.spec.containers[0].env[?(@.name=="NETMARKS_METRICS_URL")].value}"#;
    let url = plane.kubectl(&["-n", NAMESPACE, "get", "deployment", "netmarks", url]).unwrap();
    let port = reqwest::Url::parse(&url).unwrap().port_or_known_default().unwrap().to_string();
    let ports = "-o=jsonpath={.spec.egress[*].ports[*].port}";
    let ports = plane.kubectl(&["-n", NAMESPACE, "get", "networkpolicy", "netmarks", ports]).unwrap();
    assert!(ports.split(' ').any(|open| open == port), "{url}, but only to {ports}");
    let webhook = |plane: &ControlPlane| {
        let name = "mutatingwebhookconfiguration/netmarks-netmarks";
        plane.kubectl(&["get", name, "-o=jsonpath={.webhooks}"]).unwrap()
    };
    let ports = |plane: &ControlPlane| {
        let container = r#"-o=jsonpath={.spec.template.spec.containers[0].ports[*].name}"#;
        let service = "-o=jsonpath={.spec.ports[*].targetPort}";
        let policy = "-o=jsonpath={.spec.ingress[*].ports[*].port}";
        [("deployment", container), ("service", service), ("networkpolicy", policy)].map(|(kind, path)| {
            let ports = plane.kubectl(&["-n", NAMESPACE, "get", kind, "netmarks", path]).unwrap();
            ports.split(' ').map(str::to_owned).collect::<BTreeSet<String>>()
        })
    };
    let of_the_webhook = (webhook(&plane), ports(&plane));
    assert!(of_the_webhook.1.iter().all(|ports| ports.contains("admission")), "{of_the_webhook:?}");
    plane.kubectl(&["delete", "--kustomize", &example]).unwrap();
    let plain = |object: &&String| {
        // What controllers make of them.
        !["/Pod/", "/ReplicaSet/", "/EndpointSlice/", "/PodMetrics/"].iter().any(|kind| object.contains(kind))
            // The chart has these settings in the configuration's file.
            && !object.ends_with("/ConfigMap/netmarks-admission")
    };
    wait_left(&plane, &[]).await.unwrap();
    let values =
        values(METRICS, &["tls.mode=certManager", "scheduler.enabled=true", "admission.enabled=true"]);
    Release::install(&plane, &chart(), &values).unwrap();
    assert_eq!((webhook(&plane), ports(&plane)), of_the_webhook);
    let of_helm = objects(&plane).unwrap();
    let (of_helm, of_kustomize): (Vec<_>, Vec<_>) =
        (of_helm.iter().filter(plain).collect(), of_kustomize.iter().filter(plain).collect());
    assert_eq!(of_helm, of_kustomize);
    assert!(of_helm.len() > 20, "{of_helm:?}");
}
