//! `netmarks plan --apply` on a real control plane: budgets, cordoned nodes, pods that find no node, and what goes on where it ended.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod changing;
mod cron_job;
mod killed;
mod watched;

use std::collections::BTreeMap;
use std::process::{Child, Command, Output, Stdio};

use crate::support::{LIMIT, binaries, scratch};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{ControlPlane, NodeSpec, Options, Scheduler, SchedulerOptions, User, until};
use serde_json::{Value, json};

/// Where pods are, where they should be, and where nothing goes.
const NODES: [&str; 3] = ["from", "to", "closed"];

const SHOP: &str = "shop";

/// `metrics.window_seconds`: Prometheus scrapes twice a second here.
const WINDOW_SECONDS: f64 = 5.0;

/// Who may do what the printed roles say.
const MOVER: &str = "mover";

/// A cluster with Deployments on one node, which is cordoned then, so that replacements go to the other.
struct Cluster {
    plane: ControlPlane,
    kubeconfig: String,
}

impl Cluster {
    async fn start() -> Result<Self> {
        let users = vec![User { name: MOVER.to_owned(), groups: Vec::new() }];
        let plane = ControlPlane::start(&binaries(), Options { users, ..Options::default() }).await?;
        plane.create_nodes(&NODES.map(NodeSpec::new)).await?;
        plane.create_namespace(SHOP).await?;
        let kubeconfig = plane.kubeconfig_for(MOVER)?.display().to_string();
        Ok(Self { plane, kubeconfig })
    }

    /// With Deployments on the node `from`. What replaces their pods goes to the node `to`, as soon as there is a scheduler. Whoever carries
    /// plans out may do everything.
    async fn held(deployments: &[(&str, usize)]) -> Result<Self> {
        let mut cluster = Self::start().await?;
        cluster.kubeconfig = cluster.plane.kubeconfig().display().to_string();
        let mut scheduler = cluster.schedule().await?;
        for node in ["to", "closed"] {
            cluster.plane.kubectl(&["cordon", node])?;
        }
        for (name, replicas) in deployments {
            cluster.deploy(name, *replicas, &json!({})).await?;
        }
        scheduler.kill()?;
        cluster.plane.kubectl(&["cordon", "from"])?;
        cluster.plane.kubectl(&["uncordon", "to"])?;
        Ok(cluster)
    }

    async fn schedule(&self) -> Result<Scheduler> {
        self.plane.start_scheduler(SchedulerOptions::default()).await
    }

    fn apply(&self, name: &str, objects: &str) -> Result<()> {
        let file = scratch(&self.plane, name, objects)?;
        self.plane.kubectl(&["apply", "-f", &file.to_string_lossy()]).map(drop)
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.plane.kubectl(&[&["--namespace", SHOP], arguments].concat())
    }

    /// A Deployment whose pods end at once, on the node `from`.
    async fn deploy(&self, name: &str, replicas: usize, selector: &Value) -> Result<()> {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": SHOP},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {
                    "terminationGracePeriodSeconds": 1, "nodeSelector": selector,
                    "containers": [{"name": "main", "image": "none.invalid/none"}]}},
            },
        });
        self.apply("deployment.json", &deployment.to_string())?;
        let running = async || {
            let running = self.pods(name).await?.into_iter().filter(|(_, node)| node == "from").count();
            Ok((running == replicas).then_some(()))
        };
        until(&format!("{replicas} pods of {name} are running"), LIMIT, running).await
    }

    /// Running pods of an application, and their nodes.
    async fn pods(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let pods = self.plane.placement(SHOP).await?.into_iter();
        Ok(pods.filter(|pod| pod.app == name && pod.running).map(|pod| (pod.pod, pod.node)).collect())
    }

    /// A budget that says how many must be healthy, and waits until it allows so many evictions.
    async fn budget(&self, name: &str, least: usize, allowed: i64) -> Result<()> {
        let budget = json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": SHOP},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": name}}},
        });
        self.apply("budget.json", &budget.to_string())?;
        until(&format!("the budget of {name} allows {allowed}"), LIMIT, async || {
            let budget = self.kubectl(&["get", "poddisruptionbudget", name, "-o", "json"])?;
            let budget: Value = serde_json::from_str(&budget)?;
            let seen = budget["status"]["observedGeneration"] == budget["metadata"]["generation"];
            Ok((seen && budget["status"]["disruptionsAllowed"] == allowed).then_some(()))
        })
        .await
    }

    /// A plan of these pods and targets, all of them on the node `from`.
    fn plan(&self, name: &str, moves: &[(&str, &str)]) -> Result<String> {
        let moves = moves.iter().map(|(pod, to)| {
            let application = pod.split('-').next().unwrap_or_default();
            json!({
                "pod": format!("{SHOP}/{pod}"), "application": format!("{SHOP}/{application}"),
                "owner": {"kind": "ReplicaSet", "name": application}, "from": "from", "to": to,
                "gain": {"within_nodes_bytes_per_second": 1.0, "within_zones_bytes_per_second": 0.0},
            })
        });
        let limits = json!({
            "share_of_pods": 1.0, "stop_at": 1.0, "most_on_node": 1.0, "most_in_zone": 1.0, "headroom": 0.0,
            "keep_spread": false, "stateful": false, "singletons": true,
        });
        let taken_at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs_f64();
        let plan = json!({
            "version": 1,
            "made_from": {"digest": format!("sha256:{}", "0".repeat(64)), "taken_at": taken_at},
            "conditions": {
                "policy": "default", "extender_weight": 1, "percentage_of_nodes_to_score": 0, "limits": limits,
                "routing": "services", "mesh": "service",
                "prices": {"across_nodes_per_gb": 0.0, "across_zones_per_gb": 0.0, "across_regions_per_gb": 0.0},
                "seed": 1, "steps": 1,
            },
            "moves": moves.collect::<Vec<_>>(),
        });
        Ok(scratch(&self.plane, name, &plan.to_string())?.display().to_string())
    }

    fn command(&self, plan: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
        isolated(&mut command).args(["plan", "--apply", "--from", plan, "--kubeconfig", &self.kubeconfig]);
        let window = WINDOW_SECONDS.to_string();
        command.args(["-o", "json"]).args(more).env("NETMARKS_METRICS_WINDOW_SECONDS", window);
        command
    }

    fn run(&self, plan: &str, more: &[&str]) -> Result<Ended> {
        Ended::of(self.command(plan, more).output().context("netmarks does not start")?)
    }

    /// Runs it, and waits until its journal has this text.
    async fn begin(&self, plan: &str, more: &[&str], journalled: &str) -> Result<Child> {
        let mut command = self.command(plan, more);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let journal = format!("{plan}.journal");
        until(&format!("the journal says {journalled}"), LIMIT, async || {
            let text = std::fs::read_to_string(&journal)?;
            Ok(text.contains(journalled).then_some(()))
        })
        .await?;
        Ok(child)
    }
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    said: String,
    /// Null where nothing was printed.
    report: Value,
}

impl Ended {
    fn of(output: Output) -> Result<Self> {
        let said = String::from_utf8(output.stderr)?;
        let report =
            if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout)? };
        Ok(Self { code: output.status.code(), said, report })
    }

    /// The counts of moved, elsewhere, skipped and left.
    fn counts(&self) -> [i64; 4] {
        ["moved", "elsewhere", "skipped", "left"]
            .map(|count| self.report["counts"][count].as_i64().unwrap_or(-1))
    }
}

fn interrupt(child: &Child) -> Result<()> {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    ensure!(sent.success(), "kill failed");
    Ok(())
}

async fn ended(child: Child) -> Result<Ended> {
    Ended::of(tokio::task::spawn_blocking(move || child.wait_with_output()).await??)
}

fn names(pods: &BTreeMap<String, String>) -> Vec<&str> {
    pods.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_carried_out_refused_resumed_and_stopped() {
    let cluster = Cluster::start().await.unwrap();
    let plane = &cluster.plane;
    let _scheduler = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    for node in ["to", "closed"] {
        plane.kubectl(&["cordon", node]).unwrap();
    }
    for (name, replicas) in [("cart", 3), ("ads", 1), ("web", 2)] {
        cluster.deploy(name, replicas, &json!({})).await.unwrap();
    }
    let only_from = json!({"kubernetes.io/hostname": "from"});
    cluster.deploy("bound", 2, &only_from).await.unwrap();
    cluster.budget("cart", 2, 1).await.unwrap();
    cluster.budget("ads", 1, 0).await.unwrap();
    plane.kubectl(&["cordon", "from"]).unwrap();
    plane.kubectl(&["uncordon", "to"]).unwrap();
    let (cart, ads) = (cluster.pods("cart").await.unwrap(), cluster.pods("ads").await.unwrap());
    let (first, second, third, ad) = (names(&cart)[0], names(&cart)[1], names(&cart)[2], names(&ads)[0]);
    let plan = cluster.plan("plan.json", &[(first, "to"), (second, "closed"), (ad, "to"), (third, "to")]);
    let plan = plan.unwrap();

    // No right at all.
    let denied = cluster.run(&plan, &["--yes"]).unwrap();
    assert_eq!(denied.code, Some(1), "{denied:?}");
    assert!(
        denied.said.contains("nothing was evicted") && denied.said.contains("--print-role"),
        "{denied:?}"
    );
    let journal = std::fs::metadata(format!("{plan}.journal")).unwrap();
    assert_eq!(journal.len(), 0, "nothing was begun, so another plan may take the place of this one");
    let roles =
        isolated(&mut Command::new(env!("CARGO_BIN_EXE_netmarks"))).args(["plan", "--print-role"]).output();
    cluster.apply("roles.yaml", &String::from_utf8(roles.unwrap().stdout).unwrap()).unwrap();
    let user = format!("--user={MOVER}");
    let bind = ["create", "clusterrolebinding", MOVER, "--clusterrole=netmarks-snapshot", &user];
    plane.kubectl(&bind).unwrap();
    cluster.kubectl(&["create", "rolebinding", MOVER, "--clusterrole=netmarks-evictions", &user]).unwrap();

    // What would become of each move now.
    let asked = until("the rights are granted", LIMIT, async || {
        let asked = cluster.run(&plan, &["--dry-run", "server"])?;
        let granted = asked.report.is_array() && !asked.report.to_string().contains("\"denied\"");
        Ok(granted.then_some(asked))
    });
    let asked = asked.await.unwrap();
    assert_eq!(asked.code, Some(1), "{asked:?}");
    let answers: Vec<&str> =
        asked.report.as_array().unwrap().iter().map(|check| check["result"].as_str().unwrap()).collect();
    assert_eq!(answers, ["allowed", "skipped", "refused", "allowed"], "{asked:?}");
    assert!(asked.said.contains("2 of 4 moves would not be made now"), "{asked:?}");
    assert_eq!(cluster.pods("cart").await.unwrap(), cart, "nothing was evicted");

    // A store that does not answer: nobody would see that calls get worse.
    let nobody = netmarks_test_cluster::Port::reserve().unwrap();
    let gone = format!("http://127.0.0.1:{}", nobody.number());
    let blind = cluster.run(&plan, &["--yes", "--metrics-url", &gone]).unwrap();
    assert!(
        blind.code == Some(1) && blind.said.contains("nothing was evicted; --without-guard"),
        "{blind:?}"
    );

    // One move, one that is left out, and one that the budget refuses.
    let refused = cluster.run(&plan, &["--yes", "--patience-seconds", "1"]).unwrap();
    assert_eq!((refused.code, refused.counts()), (Some(5), [1, 0, 1, 2]), "{refused:?}");
    assert_eq!(refused.report["stopped"]["reason"], "refused");
    for says in
        ["2 of 4 moves are left", "kubectl get poddisruptionbudgets", "goes on", "its target is cordoned"]
    {
        assert!(refused.said.contains(says), "{says}: {refused:?}");
    }
    let moved = cluster.pods("cart").await.unwrap();
    assert!(
        !moved.contains_key(first) && moved.contains_key(second) && moved.contains_key(third),
        "{moved:?}"
    );
    assert_eq!(moved.values().filter(|node| *node == "to").count(), 1);
    assert_eq!(cluster.pods("ads").await.unwrap(), ads);

    // Once the budget allows it, the same command goes on; and after the end it does nothing.
    cluster.budget("ads", 0, 1).await.unwrap();
    let resumed = cluster.run(&plan, &["--yes"]).unwrap();
    assert_eq!((resumed.code, resumed.counts()), (Some(0), [3, 0, 1, 0]), "{resumed:?}");
    assert!(resumed.said.contains("the journal has 2 of 4 moves"), "{resumed:?}");
    let after = cluster.pods("cart").await.unwrap();
    let again = cluster.run(&plan, &["--yes"]).unwrap();
    assert_eq!((again.code, again.report), (Some(0), resumed.report));
    assert_eq!(cluster.pods("cart").await.unwrap(), after);

    // The journal of another plan.
    let web = cluster.pods("web").await.unwrap();
    let other = cluster.plan("other.json", &[(names(&web)[0], "to"), (names(&web)[1], "to")]).unwrap();
    let journal = format!("{plan}.journal");
    let foreign = cluster.run(&other, &["--yes", "--journal", &journal]).unwrap();
    assert!(foreign.code == Some(3) && foreign.said.contains("is of another plan"), "{foreign:?}");
    assert_eq!(cluster.pods("web").await.unwrap(), web);

    // Ctrl-C between two moves.
    let between = cluster.begin(&other, &["--yes", "--pause-seconds", "3600"], "replaced").await.unwrap();
    interrupt(&between).unwrap();
    let between = ended(between).await.unwrap();
    assert_eq!((between.code, between.counts()), (Some(5), [1, 0, 0, 1]), "{between:?}");
    assert_eq!(between.report["stopped"]["reason"], "interrupted");

    // A replacement that finds no node; once it does, the same command goes on.
    let bound = cluster.pods("bound").await.unwrap();
    let pending = cluster.plan("pending.json", &[(names(&bound)[0], "to")]).unwrap();
    let stopped = cluster.run(&pending, &["--yes", "--ready-seconds", "1"]).unwrap();
    assert_eq!((stopped.code, stopped.counts()), (Some(5), [0, 0, 0, 1]), "{stopped:?}");
    assert_eq!(stopped.report["moves"][0]["result"], "evicted");
    assert!(
        stopped.said.contains("is pending") && stopped.said.contains("taken back by force"),
        "{stopped:?}"
    );
    plane.kubectl(&["uncordon", "from"]).unwrap();
    let ready = cluster.run(&pending, &["--yes"]).unwrap();
    assert_eq!((ready.code, ready.counts()), (Some(0), [0, 1, 0, 0]), "{ready:?}");
    plane.kubectl(&["cordon", "from"]).unwrap();

    // Ctrl-C while a replacement is awaited: it is awaited to its end, and no other pod is evicted.
    let bound = cluster.pods("bound").await.unwrap();
    let awaited =
        cluster.plan("awaited.json", &[(names(&bound)[0], "to"), (names(&bound)[1], "to")]).unwrap();
    let awaiting = cluster.begin(&awaited, &["--yes"], r#""event":"evicted""#).await.unwrap();
    interrupt(&awaiting).unwrap();
    plane.kubectl(&["uncordon", "from"]).unwrap();
    let awaiting = ended(awaiting).await.unwrap();
    assert_eq!((awaiting.code, awaiting.counts()), (Some(5), [0, 1, 0, 1]), "{awaiting:?}");
    plane.kubectl(&["cordon", "from"]).unwrap();

    // A Deployment that is scaled down while a replacement is awaited makes none, and the run goes on.
    let bound = cluster.pods("bound").await.unwrap();
    let scaled = cluster.plan("scaled.json", &[(names(&bound)[0], "to")]).unwrap();
    let stopped = cluster.run(&scaled, &["--yes", "--ready-seconds", "1"]).unwrap();
    assert_eq!((stopped.code, stopped.counts()), (Some(5), [0, 0, 0, 1]), "{stopped:?}");
    cluster.kubectl(&["scale", "deployment/bound", "--replicas=1"]).unwrap();
    let unreplaced = cluster.run(&scaled, &["--yes"]).unwrap();
    assert_eq!((unreplaced.code, unreplaced.counts()), (Some(0), [0, 0, 0, 0]), "{unreplaced:?}");
    assert_eq!(unreplaced.report["counts"]["unreplaced"], 1, "{unreplaced:?}");
}
