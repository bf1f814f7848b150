//! Does as `docs/meshes.md` says: every configuration is read by the program that it is for, every command is run, and
//! every preset in it finds flows, against a real Prometheus that scrapes every kind of mesh.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use netmarks::config::Config;
use netmarks_core::application::Identity;
use netmarks_core::clock::unix_now;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_state::{ClusterState, MetricsState};
use netmarks_test_cluster::documents::{Block, blocks, headings};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{
    MetricsStores, PrometheusOptions, PrometheusServer, ScrapeTarget, repository, until,
};
use netmarks_test_traffic::EveryTopology;
use serde_json::{Value, json};

/// Longest wait for anything; far above what it takes.
const LIMIT: Duration = Duration::from_secs(120);

const RULES: &str = "recording-rules.yaml";

/// How a scrape job of the document finds pods.
const PODS: &str = "kubernetes_sd_configs: [{role: pod}]";

/// Every section with its blocks.
fn sections(document: &str) -> Vec<(&str, Vec<Block>)> {
    headings(document)
        .into_iter()
        .map(|heading| (heading, blocks(document, heading).unwrap_or_default()))
        .collect()
}

fn document() -> Result<String> {
    repository::read("docs/meshes.md")
}

/// A folder with the rules in it, as the document assumes.
fn folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(repository("deploy/prometheus").join(RULES), folder.path().join(RULES))?;
    Ok(folder)
}

/// Runs a program, which must succeed; gives what it printed.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} does not start"))?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}:\n{out}\n{errors}", output.status);
    Ok(out.into_owned())
}

/// Has a configuration checked by the program that reads it, which its keys tell.
fn check(text: &str, folder: &Path) -> Result<()> {
    let configuration: Value = serde_saphyr::from_str(text)?;
    let file = folder.join("configuration.yaml");
    std::fs::write(&file, text)?;
    let has = |key: &str| configuration.get(key).is_some();
    if has("metrics") {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netmarks"));
        let printed = run(isolated(&mut command).args(["serve", "--check", "--config"]).arg(&file))?;
        ensure!(printed.contains("configuration is valid"), "{printed}");
    } else if has("scrape_configs") || has("rule_files") {
        // Debian's Prometheus is built without Kubernetes; the relabelling has a test of its own.
        std::fs::write(&file, text.replace(PODS, "static_configs: []"))?;
        run(Command::new("promtool").args(["check", "config"]).arg(&file))?;
    } else if has("unauthorized_user") {
        #[expect(clippy::print_stderr, reason = "a build takes minutes, and whoever waits should know")]
        let stores = MetricsStores::ensure(&|line| eprintln!("{line}"))?;
        let file = format!("-auth.config={}", file.display());
        run(Command::new(stores.vmauth).arg("-dryRun").arg(file))?;
    } else {
        bail!("no program is known to read this");
    }
    Ok(())
}

#[test]
fn every_configuration_is_valid() -> Result<()> {
    let document = document()?;
    let mut checked = 0;
    for (heading, blocks) in sections(&document) {
        for Block { kind, text } in &blocks {
            match kind.as_str() {
                "yaml" => {
                    let folder = folder()?;
                    check(text, folder.path()).with_context(|| format!("section {heading}:\n{text}"))?;
                    checked += 1;
                }
                "sh" => {}
                other => bail!("section {heading}: a block of kind `{other}`"),
            }
        }
    }
    // Nothing got lost between the document and here.
    assert_eq!(checked, document.matches("```yaml\n").count());
    assert!(checked >= 15, "{checked} configurations");
    Ok(())
}

/// A Prometheus that knows all that the document asks for: every mesh, and the rules as they are.
async fn prometheus(traffic: &EveryTopology, folder: &Path) -> Result<PrometheusServer> {
    let mut targets = traffic.targets();
    for target in &mut targets {
        target.labels.insert("cluster".to_owned(), "prod-1".to_owned());
    }
    let rules = std::fs::read_to_string(folder.join(RULES))?;
    // The document's range of a minute, but not its quarter of one until the next evaluation.
    std::fs::write(folder.join("quick.yaml"), rules.replace("interval: 15s", "interval: 1s"))?;
    let rules = folder.join("quick.yaml");
    let options = PrometheusOptions::new(&targets, Duration::from_secs(1)).with("rule_files", json!([rules]));
    let prometheus = PrometheusServer::start_with(&options).await?;
    prometheus.wait_scraped(targets.len(), LIMIT).await?;
    Ok(prometheus)
}

/// The Prometheus of the section about federation: with the section's own job, pointed at the other one.
async fn federating(document: &str, from: &PrometheusServer) -> Result<PrometheusServer> {
    let blocks = blocks(document, "Federated").context("no section Federated")?;
    let block = blocks.iter().find(|block| block.text.contains("/federate")).context("no job")?;
    let stated = "prometheus.istio-system:9090";
    ensure!(block.text.contains(stated), "{stated} is not what is federated from");
    let job: Value =
        serde_saphyr::from_str(&block.text.replace(stated, from.url().trim_start_matches("http://")))?;
    let options = PrometheusOptions::new(&[], Duration::from_secs(1))
        .with("scrape_configs", job.get("scrape_configs").cloned().unwrap_or_default());
    PrometheusServer::start_with(&options).await
}

/// How many flows an extender with this section `metrics` finds there.
async fn flows(config: &Config, url: &str) -> Result<u64> {
    let metrics = MetricsConfig { url: url.to_owned(), ..config.metrics.clone() };
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    Ok(Poller::new(metrics, config.identity)?.refresh(unix_now(), &state).await?.flows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_and_every_preset_finds_something() -> Result<()> {
    let document = document()?;
    let folder = folder()?;
    let traffic = EveryTopology::start().await?;
    let prometheus = prometheus(&traffic, folder.path()).await?;
    let central = federating(&document, &prometheus).await?;
    let (mut commands, mut presets) = (0, 0);
    let mut variables = String::new();
    for (heading, blocks) in sections(&document) {
        let url = if heading == "Federated" { central.url() } else { prometheus.url() };
        for Block { kind, text } in &blocks {
            let what = format!("section {heading} to find something:\n{text}");
            if kind == "sh" {
                for line in text.lines() {
                    commands += 1;
                    if line.starts_with("export ") {
                        variables += line;
                        variables.push('\n');
                        continue;
                    }
                    let script = format!("{variables}{line}");
                    until(&what, LIMIT, async || {
                        let mut command = Command::new("sh");
                        isolated(&mut command).args(["-ec", &script]).current_dir(folder.path());
                        let printed = run(command.env("PROMETHEUS", url))?;
                        Ok((!printed.trim().is_empty()).then_some(()))
                    })
                    .await?;
                }
            } else if text.contains("\nmetrics:\n") {
                let config: Config = serde_saphyr::from_str(text)?;
                if config.metrics.url.starts_with("https:") {
                    // `metrics_tls.rs` has a real server with TLS.
                    continue;
                }
                until(&what, LIMIT, async || Ok((flows(&config, url).await? > 0).then_some(()))).await?;
                presets += 1;
            }
        }
    }
    let stated = document.matches("\npromtool ").count() + document.matches("\nexport ").count();
    assert_eq!(commands, stated, "what is not a query is not run");
    assert!(commands >= 10 && presets >= 10, "{commands} commands, {presets} configurations");
    Ok(())
}

/// What Kubernetes says of the pod behind a target, as labels for relabelling.
fn discovered(target: &ScrapeTarget) -> Value {
    let label = |name: &str| target.labels.get(name).cloned().unwrap_or_default();
    let (container, port_name, port) = match label("job").as_str() {
        "linkerd-proxy" => ("linkerd-proxy", "linkerd-admin", "4191"),
        _ if label("app") == "ztunnel" => ("istio-proxy", "ztunnel-stats", "15020"),
        _ => ("istio-proxy", "http-envoy-prom", "15090"),
    };
    let mut labels = json!({
        "__metrics_path__": target.path,
        "__meta_kubernetes_namespace": label("namespace"),
        "__meta_kubernetes_pod_name": label("pod"),
        "__meta_kubernetes_pod_label_app": label("app"),
        "__meta_kubernetes_pod_container_name": container,
        "__meta_kubernetes_pod_container_port_name": port_name,
        "__meta_kubernetes_pod_container_port_number": port,
        "instance": label("instance"),
    });
    if container == "linkerd-proxy" {
        let owner = "__meta_kubernetes_pod_label_linkerd_io_proxy_deployment".to_owned();
        labels.as_object_mut().map(|labels| labels.insert(owner, json!(label("deployment"))));
    }
    json!({"targets": [target.address], "labels": labels})
}

/// The document's scrape jobs, given pods directly, keep what the presets need, with the labels that they ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scrape_jobs_give_the_presets_what_they_ask_for() -> Result<()> {
    let document = document()?;
    let traffic = EveryTopology::start().await?;
    let pods: Vec<Value> = traffic.targets().iter().map(discovered).collect();
    let mut jobs = Vec::new();
    for (_, blocks) in sections(&document) {
        for Block { text, .. } in blocks.iter().filter(|block| block.text.contains(PODS)) {
            let mut configuration: Value = serde_saphyr::from_str(text)?;
            let job = configuration.pointer_mut("/scrape_configs/0").and_then(Value::as_object_mut);
            let job = job.context("a block without a job")?;
            job.remove("kubernetes_sd_configs");
            job.insert("static_configs".to_owned(), json!(pods));
            jobs.push(Value::Object(job.clone()));
        }
    }
    assert_eq!(jobs.len(), 3, "sidecars and waypoints, ztunnels, Linkerd's proxies");
    let options = PrometheusOptions::new(&[], Duration::from_secs(1)).with("scrape_configs", json!(jobs));
    let prometheus = PrometheusServer::start_with(&options).await?;
    // Five topologies show both edges, one shows four hops; Linkerd shows two edges.
    for (preset, expected) in
        [(PresetName::Istio, 14), (PresetName::IstioLogical, 12), (PresetName::Linkerd, 2)]
    {
        let metrics = MetricsConfig { preset, window_seconds: 5.0, ..MetricsConfig::default() };
        let config = Config { identity: Identity::Workload, metrics, ..Config::default() };
        until(&format!("{expected} flows of {preset:?}"), LIMIT, async || {
            let found = flows(&config, prometheus.url()).await?;
            ensure!(found == expected, "{found} flows");
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}
