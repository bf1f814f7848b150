//! Policies from Kubernetes in the running program: two replicas, the real API server, a real registry.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{LIMIT, binaries, scratch};
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::{Process, Program, isolated};
use netmarks_test_cluster::{
    ControlPlane, NodeSpec, OciOptions, OciRegistry, Options, User, repository, until,
};
use serde_json::{Value, json};

const NAMESPACE: &str = "kube-system";

/// kubectl as the user who may do everything; what it printed.
fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    run(plane.kubectl_command().args(["--namespace", NAMESPACE]).args(arguments))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("failed to run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}

/// `netmarks serve` with policies and access from Kubernetes.
struct Replica {
    process: Process,
    name: &'static str,
    url: String,
    admin: String,
    /// How often its addresses were found.
    starts: usize,
}

impl Replica {
    async fn start(plane: &ControlPlane, name: &'static str, kubeconfig: &Path) -> Result<Self> {
        let config = json!({
            "server": {"listen": "127.0.0.1:0"},
            "cluster": {"kubeconfig": kubeconfig},
            "policies": {"kubernetes": {"enabled": true, "namespace": NAMESPACE, "replica": name}},
            "admin": {"listen": "127.0.0.1:0", "kubernetes": true},
            "log": {"format": "json"},
        });
        let file = scratch(plane, &format!("{name}.yaml"), &config.to_string())?;
        let arguments = vec!["serve".to_owned(), "--config".to_owned(), file.display().to_string()];
        let program = Program::new(name, env!("CARGO_BIN_EXE_netmarks"), arguments, plane.folder());
        let mut replica =
            Self { process: program.start()?, name, url: String::new(), admin: String::new(), starts: 0 };
        replica.find_addresses().await?;
        Ok(replica)
    }

    async fn find_addresses(&mut self) -> Result<()> {
        let starts = self.starts;
        let (url, admin) = until("both addresses are in the log", LIMIT, async || {
            self.process.check_alive()?;
            // One line for each start: the log goes on where it was.
            let address = |message: &str| -> Result<Option<String>> {
                let addresses = self.process.addresses(message)?;
                Ok(addresses.get(starts).map(|address| format!("http://{address}")))
            };
            Ok(address("listening")?.zip(address("listening for changes of policies")?))
        })
        .await?;
        (self.url, self.admin, self.starts) = (url, admin, starts + 1);
        Ok(())
    }

    fn log(&self) -> Result<String> {
        self.process.log()
    }

    /// `netmarks policy` against this replica's admin listener, with a token.
    fn policy(&self, token_file: &Path, arguments: &[&str]) -> Result<String> {
        let token_file = token_file.to_string_lossy();
        let server = ["--server", &self.admin, "--token-file", &token_file];
        run(isolated(&mut Command::new(env!("CARGO_BIN_EXE_netmarks")))
            .arg("policy")
            .args(arguments)
            .args(server))
    }

    /// `name state` of every policy that it has.
    fn states(&self, token_file: &Path) -> Result<Vec<String>> {
        let report: Value = serde_json::from_str(&self.policy(token_file, &["list", "-o", "json"])?)?;
        let policies = report["policies"].as_array().context("no policies")?;
        Ok(policies
            .iter()
            .map(|policy| format!("{} {}", text(&policy["name"]), text(&policy["state"])))
            .collect())
    }

    /// Waits until it has these policies in these states, and no others.
    async fn wait(&self, token_file: &Path, expected: &[&str]) -> Result<()> {
        until(&format!("{} has {expected:?}", self.name), LIMIT, async || {
            let states = self.states(token_file)?;
            ensure!(states == expected, "it has {states:?}");
            Ok(Some(()))
        })
        .await
    }

    async fn get(&self, path: &str) -> Result<String> {
        Ok(reqwest::get(format!("{}{path}", self.url)).await?.error_for_status()?.text().await?)
    }

    /// Whether the page would let the owner of a token change policies.
    async fn lets_change(&self, token_file: &Path) -> Result<bool> {
        let token = std::fs::read_to_string(token_file)?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client.get(format!("{}/v1/about", self.admin)).bearer_auth(token.trim());
        let about: Value = request.send().await?.error_for_status()?.json().await?;
        about["changes"].as_bool().with_context(|| about.to_string())
    }

    /// The policies that scored a request, as the decision about it says.
    async fn scored_by(&self, pod: &str) -> Result<Vec<String>> {
        let body = json!({
            "Pod": {"metadata": {"name": pod, "namespace": "shop", "labels": {"app": pod}}},
            "NodeNames": ["node-0", "node-1"],
        });
        let client = reqwest::Client::builder().no_proxy().build()?;
        client
            .post(format!("{}/prioritize", self.url))
            .body(body.to_string())
            .send()
            .await?
            .error_for_status()?;
        until("the decision is remembered", LIMIT, async || {
            let decisions: Value =
                serde_json::from_str(&self.get(&format!("/v1/decisions?limit=1&pod=shop/{pod}")).await?)?;
            let policies = decisions.pointer("/0/policies").and_then(Value::as_array);
            Ok(policies.map(|policies| policies.iter().map(|policy| text(&policy["policy"])).collect()))
        })
        .await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn scoring_policy(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "netmarks.dev/v1alpha1",
        "kind": "ScoringPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    })
    .to_string()
}

fn apply(plane: &ControlPlane, name: &str, spec: &Value) -> Result<()> {
    let file = scratch(plane, &format!("{name}-policy.json"), &scoring_policy(name, spec))?;
    kubectl(plane, &["apply", "--validate=strict", "-f", &file.to_string_lossy()]).map(drop)
}

/// Waits until a condition of a ScoringPolicy has this status; returns its message.
async fn wait_condition(plane: &ControlPlane, name: &str, kind: &str, status: &str) -> Result<String> {
    until(&format!("{name} has {kind}={status}"), LIMIT, async || {
        let object: Value =
            serde_json::from_str(&kubectl(plane, &["get", "scoringpolicy", name, "-o", "json"])?)?;
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition =
            conditions.iter().find(|condition| condition["type"] == kind).context("not yet there")?;
        ensure!(condition["status"] == status, "it is {condition}");
        ensure!(
            condition["observedGeneration"] == object["metadata"]["generation"],
            "it is of an older spec"
        );
        Ok(Some(text(&condition["message"])))
    })
    .await
}

/// A token of the API server for a service account of its own, which may do what `role` says.
fn token(plane: &ControlPlane, account: &str, verbs: &str) -> Result<PathBuf> {
    kubectl(plane, &["create", "serviceaccount", account])?;
    if !verbs.is_empty() {
        let (verbs, bound) = (format!("--verb={verbs}"), format!("--serviceaccount={NAMESPACE}:{account}"));
        kubectl(plane, &["create", "role", account, &verbs, "--resource=scoringpolicies.netmarks.dev"])?;
        kubectl(plane, &["create", "rolebinding", account, &format!("--role={account}"), &bound])?;
    }
    scratch(plane, &format!("{account}.token"), &kubectl(plane, &["create", "token", account])?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_follow_the_cluster_s_policies_and_roles() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let account = User::service_account(NAMESPACE, "netmarks");
    let options = Options { users: vec![account.clone()], ..Options::default() };
    let mut plane = ControlPlane::start(&binaries(), options).await.unwrap();
    plane.create_nodes(&NodeSpec::numbered(2)).await.unwrap();
    let registry = OciRegistry::start(OciOptions::default()).await.unwrap();
    plane.apply_chart(NAMESPACE, &["crd", "serviceaccount", "rbac"], &["admin.enabled=true"]).unwrap();
    let (reader, writer, nobody) = (
        token(&plane, "reader", "get,list").unwrap(),
        token(&plane, "writer", "get,list,create,update,delete").unwrap(),
        token(&plane, "nobody", "").unwrap(),
    );
    // With no more rights than those that we ship.
    let kubeconfig = plane.kubeconfig_for(&account.name).unwrap();
    let mut first = Replica::start(&plane, "first", &kubeconfig).await.unwrap();
    let second = Replica::start(&plane, "second", &kubeconfig).await.unwrap();
    for replica in [&first, &second] {
        replica.wait(&reader, &["netmarks active"]).await.unwrap();
    }

    // The page is told what its reader may do, and looking at it does not count as doing it.
    until("the writer's role counts", LIMIT, async || Ok(first.lets_change(&writer).await?.then_some(())))
        .await
        .unwrap();
    assert!(!first.lets_change(&reader).await.unwrap());
    let turned_away =
        first.process.json_log().unwrap().into_iter().filter(|line| line["message"] == "turned away");
    assert_eq!(turned_away.filter(|line| line["operation"] == "update").count(), 0);

    // Who may do what is the cluster's to say.
    for (who, arguments, says) in [
        (&nobody, &["list"][..], "may not list"),
        (&reader, &["remove", "netmarks"], "may not delete"),
        (&reader, &["push", "policies/spread.wasm"], "may not create"),
    ] {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match argument.strip_suffix(".wasm") {
                Some(_) => repository(argument).display().to_string(),
                None => (*argument).to_owned(),
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let error = first.policy(who, &arguments).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let stranger = scratch(&plane, "stranger.token", "no-such-token").unwrap();
    let error = first.policy(&stranger, &["list"]).unwrap_err().to_string();
    assert!(error.contains("not valid for this cluster"), "{error}");

    // From a ConfigMap, into both replicas, and into the answers.
    let spread = format!("--from-file=policy.wasm={}", repository::policy_file("spread").display());
    kubectl(&plane, &["create", "configmap", "spread", &spread]).unwrap();
    let source = json!({"configMap": {"name": "spread", "key": "policy.wasm"}});
    apply(&plane, "spread", &json!({"source": source, "weight": 2})).unwrap();
    wait_condition(&plane, "spread", "Ready", "True").await.unwrap();
    wait_condition(&plane, "spread", "Converged", "True").await.unwrap();
    for replica in [&first, &second] {
        replica.wait(&reader, &["netmarks active", "spread active"]).await.unwrap();
        assert_eq!(replica.scored_by("cart").await.unwrap(), ["netmarks", "spread"]);
    }
    // A second master of the same policy would undo the first.
    let error = first.policy(&writer, &["ready", "spread"]).unwrap_err().to_string();
    assert!(error.contains("managed by a ScoringPolicy"), "{error}");

    // From a registry, by the command line that pushes there.
    let reference = format!("{}/policies/zone-cost:v1", registry.address());
    let zone_cost = repository::policy_file("zone-cost");
    run(isolated(&mut Command::new(env!("CARGO_BIN_EXE_netmarks")))
        .args(["policy", "push"])
        .arg(&zone_cost)
        .args(["--registry", &reference]))
    .unwrap();
    let from_registry = json!({"source": {"oci": {"reference": reference}}, "mode": "shadow"});
    apply(&plane, "zone-cost", &from_registry).unwrap();
    wait_condition(&plane, "zone-cost", "Ready", "True").await.unwrap();
    let with_shadow = ["netmarks active", "spread active", "zone-cost shadow"];
    first.wait(&reader, &with_shadow).await.unwrap();

    // A hostile one is refused with its reason; the good one of the same name stays.
    let hostile = format!("--from-file=policy.wasm={}", repository::guest_file("trap-describe").display());
    kubectl(&plane, &["create", "configmap", "hostile", &hostile]).unwrap();
    let bad = json!({"source": {"configMap": {"name": "hostile", "key": "policy.wasm"}}});
    apply(&plane, "spread", &bad).unwrap();
    let reason = wait_condition(&plane, "spread", "Accepted", "False").await.unwrap();
    assert!(reason.contains("failed at describe"), "{reason}");
    until("an event tells", LIMIT, async || {
        let events = kubectl(&plane, &["get", "events.events.k8s.io", "-o", "json"])?;
        Ok(events.contains("failed at describe").then_some(()))
    })
    .await
    .unwrap();
    first.wait(&reader, &with_shadow).await.unwrap();

    // A replica that comes back, also while the API server is away, follows again.
    apply(&plane, "spread", &json!({"source": source, "weight": 3})).unwrap();
    wait_condition(&plane, "spread", "Ready", "True").await.unwrap();
    plane.kill_apiserver().unwrap();
    first.process.kill().unwrap();
    assert_eq!(second.scored_by("frontend").await.unwrap(), ["netmarks", "spread"]);
    plane.restart_apiserver().await.unwrap();
    first.process.restart().unwrap();
    first.find_addresses().await.unwrap();
    first.wait(&reader, &with_shadow).await.unwrap();

    // What is deleted goes; what an operator with the right to uploads beside it stays.
    first.policy(&writer, &["push", &repository::policy_file("load-blend").display().to_string()]).unwrap();
    kubectl(&plane, &["delete", "scoringpolicy", "spread", "zone-cost"]).unwrap();
    first.wait(&reader, &["load-blend ready", "netmarks active"]).await.unwrap();
    second.wait(&reader, &["netmarks active"]).await.unwrap();
    let audit = first.log().unwrap();
    let upload =
        audit.lines().find(|line| line.contains("netmarks::audit") && line.contains("load-blend")).unwrap();
    assert!(
        upload.contains("system:serviceaccount:kube-system:writer") && upload.contains("sha256:"),
        "{upload}"
    );
}
