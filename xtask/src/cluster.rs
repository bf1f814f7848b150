//! `cargo xtask cluster`: the control plane of the tests, for people to try things on.

use anyhow::{Context as _, Result, bail};
use netmarks_test_cluster::{
    Binaries, ControlPlane, ExtenderConfig, NodeSpec, Options, SchedulerOptions, cache_folder,
};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// What to do with the cluster.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    /// Build what is missing (minutes, once), start everything and run until Ctrl-C
    Up {
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
    },
    /// Stop the cluster that runs in another terminal
    Down,
    /// Only build what is missing
    Build,
}

pub(crate) fn run(action: Action) -> Result<()> {
    match action {
        Action::Up { nodes, zones, extender, weight } => {
            let extender = extender.map(|url| ExtenderConfig { weight, ..ExtenderConfig::new(&url) });
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("failed to start the async runtime")?
                .block_on(up(nodes, zones, extender))
        }
        Action::Down => down(),
        Action::Build => build().map(drop),
    }
}

fn build() -> Result<Binaries> {
    Binaries::ensure(&|line| eprintln!("{line}"))
}

async fn up(nodes: usize, zones: usize, extender: Option<ExtenderConfig>) -> Result<()> {
    let binaries = build()?;
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

/// A file that is locked, and names the process, while a cluster runs.
fn claim_path() -> Result<PathBuf> {
    Ok(cache_folder()?.join("cluster.pid"))
}

fn open_claim() -> Result<(File, PathBuf)> {
    let path = claim_path()?;
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    Ok((file.with_context(|| format!("failed to open {}", path.display()))?, path))
}

fn claim() -> Result<File> {
    let (mut file, path) = open_claim()?;
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

fn down() -> Result<()> {
    let (file, path) = open_claim()?;
    match file.try_lock() {
        Ok(()) => {
            println!("no cluster runs");
            return Ok(());
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("failed to lock {}", path.display()));
        }
    }
    let process =
        std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    // The lock says that this process is alive, so the number is not somebody else's by now.
    crate::command::run(Command::new("kill").args(["-TERM", process.trim()]))?;
    file.lock().context("failed to wait for the cluster to stop")?;
    println!("stopped");
    Ok(())
}
