//! A control plane for people to try things on: `cargo xtask cluster up` builds and starts this.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is run by people who read what it prints")]

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use netmarks_test_cluster::{
    Binaries, ControlPlane, ExtenderConfig, NodeSpec, Options, SchedulerOptions, claim_path,
};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use tokio::signal::unix::{SignalKind, signal};

/// Run a Kubernetes control plane on this machine, without containers, until Ctrl-C
#[derive(Debug, Parser)]
struct Args {
    /// How many nodes to create
    #[arg(long, default_value_t = 4)]
    nodes: usize,
    /// Over how many zones to spread them
    #[arg(long, default_value_t = 2)]
    zones: usize,
    /// URL of an extender for kube-scheduler to ask, such as http://127.0.0.1:8888
    #[arg(long)]
    extender: Option<String>,
    /// Weight of the extender's scores
    #[arg(long, default_value_t = 1)]
    weight: i64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Args { nodes, zones, extender, weight } = Args::parse();
    let extender = extender.map(|url| ExtenderConfig { weight, ..ExtenderConfig::new(&url) });
    up(nodes, zones, extender).await
}

async fn up(nodes: usize, zones: usize, extender: Option<ExtenderConfig>) -> Result<()> {
    let binaries = Binaries::ensure(&|line| eprintln!("{line}"))?;
    let _running = claim()?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to wait for SIGTERM")?;
    eprintln!("starting the control plane");
    let plane = ControlPlane::start(&binaries, Options::default()).await?;
    let _scheduler =
        plane.start_scheduler(SchedulerOptions { extender, ..SchedulerOptions::default() }).await?;
    let specs: Vec<NodeSpec> = NodeSpec::numbered(nodes)
        .into_iter()
        .enumerate()
        .map(|(index, node)| node.in_zone(format!("zone-{}", index % zones.max(1))))
        .collect();
    plane.create_nodes(&specs).await?;
    let kubectl = plane.binaries().kubectl.display();
    println!("ready with {nodes} nodes; kubeconfig and logs are in {}", plane.folder().display());
    println!("try:\n  export KUBECONFIG={}", plane.kubeconfig().display());
    println!("  {kubectl} get nodes");
    println!("  {kubectl} create deployment web --image=none --replicas=3");
    println!("  {kubectl} get pods -o wide");
    println!("Ctrl-C stops it and removes all");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("stopping");
    Ok(())
}

fn claim() -> Result<File> {
    let path = claim_path()?;
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = file.with_context(|| format!("failed to open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("a cluster runs already; stop it with `cargo xtask cluster down`")
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("failed to lock {}", path.display()));
        }
    }
    file.set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()))
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(file)
}
