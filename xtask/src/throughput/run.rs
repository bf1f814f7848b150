//! One run of scheduler_perf: what it is to do, and what came of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use netmarks_test_tools::ThroughputPrograms;
use serde_json::{Value, json};

/// How often a run is tried that fails or whose counts do not agree, before its place stays empty.
const ATTEMPTS: u32 = 3;

/// The programs of every run, and where its files are.
pub(super) struct Bench {
    programs: ThroughputPrograms,
    netmarks: PathBuf,
    folder: PathBuf,
}

/// What one run measures; `setting_test.go` reads it.
pub(super) struct Setting {
    pub(super) nodes: u32,
    pub(super) pods: u32,
    /// `none`, `blind`, `dense` or `netmarks`.
    pub(super) extender: &'static str,
    pub(super) terms: u32,
    /// Of nodes to score; 0: the scheduler decides.
    pub(super) percentage: u32,
    /// Looks at the candidates of each pod, too.
    pub(super) candidates: bool,
    pub(super) record: Option<PathBuf>,
    pub(super) load: Option<Load>,
}

/// Load on the extenders by themselves.
pub(super) struct Load {
    pub(super) bodies: PathBuf,
    pub(super) requests: u32,
    pub(super) rounds: u32,
    /// Requests under way at once.
    pub(super) connections: u32,
}

/// What came of a run: `result` in `setting_test.go`.
pub(super) struct Outcome(Value);

impl Bench {
    /// Builds what is missing.
    pub(super) fn new(netmarks: PathBuf, folder: PathBuf) -> Result<Self> {
        let programs = ThroughputPrograms::ensure(&|line| eprintln!("{line}"))?;
        Ok(Self { programs, netmarks, folder })
    }

    /// An empty folder for files that outlive a run.
    pub(super) fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        empty(&folder)?;
        Ok(folder)
    }

    /// Runs it, again if it fails or its counts do not agree. None if that never helps: the figure of an extender that
    /// did not answer every pod would be a wrong one, and the other runs of an hour are still worth having.
    pub(super) fn measure(&self, name: &str, setting: &Setting) -> Option<Outcome> {
        for _ in 0..ATTEMPTS {
            let started = Instant::now();
            let outcome = self.once(name, setting);
            let seconds = started.elapsed().as_secs_f64();
            match outcome {
                Err(error) => eprintln!("{name}: failed, {error:#} ({seconds:.0} s)"),
                Ok(outcome) => match outcome.refusal(setting) {
                    Some(reason) => eprintln!("{name}: refused, {reason} ({seconds:.0} s)"),
                    None => {
                        eprintln!("{name}: {} ({seconds:.0} s)", outcome.summary());
                        return Some(outcome);
                    }
                },
            }
        }
        eprintln!("{name}: not measured; {} has the logs", self.folder.join(name).display());
        None
    }

    fn once(&self, name: &str, setting: &Setting) -> Result<Outcome> {
        let folder = self.scratch(name)?;
        let file = |name: &str| folder.join(name);
        let (description, result) = (file("setting.json"), file("result.json"));
        fs::write(&description, setting.to_json(self, &folder).to_string())
            .with_context(|| format!("failed to write {}", description.display()))?;
        let log = file("scheduler_perf.log");
        let output = File::create(&log).with_context(|| format!("failed to create {}", log.display()))?;
        let status = Command::new(&self.programs.benchmark)
            // As upstream runs it: the benchmark is its own measurement, to be done once.
            .args(["-test.run=^$", "-test.bench=BenchmarkPerfScheduling", "-test.benchtime=1x"])
            .arg("-setting")
            .arg(&description)
            .arg("-result")
            .arg(&result)
            .arg("-data-items-dir")
            .arg(&folder)
            .current_dir(&folder)
            .env("PATH", self.path()?)
            .stdout(output.try_clone().context("failed to share the log")?)
            .stderr(output)
            .status()
            .with_context(|| format!("failed to run {}", self.programs.benchmark.display()))?;
        let Ok(text) = fs::read_to_string(&result) else {
            bail!("scheduler_perf ended with {status}; {} says why", log.display());
        };
        let outcome = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what the benchmark writes", result.display()))?;
        Ok(Outcome(outcome))
    }

    /// With etcd in front: scheduler_perf looks for it there.
    fn path(&self) -> Result<OsString> {
        let etcd = self.programs.etcd.parent().context("etcd is in no folder")?.to_owned();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(etcd).chain(std::env::split_paths(&rest));
        std::env::join_paths(all).context("a folder's name cannot be in PATH")
    }
}

impl Setting {
    /// Nothing but the throughput.
    pub(super) fn new(nodes: u32, pods: u32, extender: &'static str) -> Self {
        Self { nodes, pods, extender, terms: 0, percentage: 0, candidates: false, record: None, load: None }
    }

    fn to_json(&self, bench: &Bench, folder: &Path) -> Value {
        let Self { nodes, pods, extender, terms, percentage, candidates, record, load } = self;
        let load = load.as_ref().map(|Load { bodies, requests, rounds, connections }| {
            json!({"bodies": bodies, "requests": requests, "rounds": rounds, "connections": connections})
        });
        json!({
            "nodes": nodes,
            "pods": pods,
            "extender": extender,
            "terms": terms,
            "percentage": percentage,
            "candidates": candidates,
            "record": record.as_deref().unwrap_or(Path::new("")),
            "load": load,
            "program": bench.netmarks,
            "tools": bench.programs.tools,
            "folder": folder,
        })
    }
}

impl Outcome {
    /// A figure of the whole run.
    pub(super) fn figure(&self, name: &str) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or_default()
    }

    /// All that the benchmark wrote.
    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// Why its figures do not count, if they do not.
    fn refusal(&self, setting: &Setting) -> Option<String> {
        let pods = f64::from(setting.pods);
        let counts: &[&str] = match setting.extender {
            "none" => &["bound"],
            "netmarks" => &["bound", "calls", "scored"],
            _ => &["bound", "calls"],
        };
        let wrong = counts.iter().find(|name| (self.figure(name) - pods).abs() > 0.5)?;
        Some(format!("{wrong} {} instead of {pods}", self.figure(wrong)))
    }

    fn summary(&self) -> String {
        let rate = self.figure("pods_per_second");
        match self.figure("candidates") {
            0.0 => format!("{rate:.0} pods/s"),
            candidates => format!("{rate:.0} pods/s, {candidates:.0} candidates"),
        }
    }
}

fn empty(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))
}
