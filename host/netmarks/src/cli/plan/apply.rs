//! `netmarks plan --apply`: a plan carried out, or what the API server would say to it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use netmarks_core::clock::unix_now;
use netmarks_evictions::journal::JournalError;
use netmarks_evictions::report::MoveResult;
use netmarks_evictions::run::Limits;
use netmarks_evictions::stop::Stop;
use netmarks_evictions::{ApplyError, Applying, Checked, Move, Report, apply, dry_run};
use netmarks_planner::Plan;
use netmarks_sources::kubernetes;

use super::super::exit::Ended;
use super::super::interrupt::shutdown;
use super::super::snapshot::cluster;
use super::super::terminal::{print_remark, print_warning, say, say_json, width};
use super::applied::{self, told};
use super::seconds::seconds;
use super::{ask, guard, table};

/// A plan that is older is worth a remark: the traffic and the pods have changed since.
const OLD_SECONDS: f64 = 3_600.0;

/// Carrying a plan out.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Carrying it out")]
#[group(skip)]
pub(super) struct Flags {
    /// Evict the pods of the plan, one after the other, and wait for each replacement
    #[arg(long, requires = cluster::WAY, requires = "kept")]
    pub(super) apply: bool,
    /// Do not ask before the first eviction
    #[arg(long, requires = "apply")]
    yes: bool,
    /// Evict nothing, and print what would become of each move now
    #[arg(long, value_name = "WHO", value_enum, requires = "apply", conflicts_with_all = ["yes", "journal"])]
    dry_run: Option<DryRun>,
    /// What was done, from which the same command goes on; by default the plan's file with `.journal` behind its name
    #[arg(long, value_name = "FILE", requires = "apply")]
    journal: Option<PathBuf>,
    /// Stop when more moves than this turned out otherwise than planned
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().most_elsewhere, requires = "apply")]
    most_elsewhere: u32,
    /// How long an eviction may be refused, as a rule by a disruption budget
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().patience.as_secs(), value_parser = seconds(), requires = "apply")]
    patience_seconds: u64,
    /// How long a replacement may take to be ready, beside the time that the old pod may take to end
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().ready_within.as_secs(), value_parser = seconds(), requires = "apply")]
    ready_seconds: u64,
    /// Between the end of one move and the beginning of the next; where the mesh is watched, at least `metrics.window_seconds` and `metrics.query_offset_seconds`
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().pause.as_secs(), value_parser = seconds(), requires = "apply")]
    pause_seconds: u64,
    /// Begin no move later than this after the first
    #[arg(long, value_name = "SECONDS", value_parser = seconds(), requires = "apply")]
    window_seconds: Option<u64>,
    #[command(flatten)]
    guard: guard::Flags,
}

/// Who is asked what would become of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// The API server, with its budgets and admission webhooks
    Server,
}

impl Flags {
    /// Where the journal is, if one is written.
    ///
    /// # Errors
    /// If it has no place, or a plan was begun that a new one would replace.
    pub(super) fn journal(&self, from: Option<&Path>, file: Option<&Path>) -> Result<Option<PathBuf>> {
        if !self.apply || self.dry_run.is_some() {
            return Ok(None);
        }
        let plan = from.filter(|from| from.as_os_str() != "-").or(file);
        let beside = plan.map(|plan| {
            let mut name = plan.as_os_str().to_owned();
            name.push(".journal");
            PathBuf::from(name)
        });
        let Some(journal) = self.journal.clone().or(beside) else {
            bail!(Ended::refused(
                "a plan from stdin has no file beside which its journal could be; give --journal FILE"
            ));
        };
        // The plan's file would be replaced, and nothing could go on with what was begun.
        if let (None, Some(file)) = (from, file)
            && std::fs::metadata(&journal).is_ok_and(|metadata| metadata.len() > 0)
        {
            bail!(Ended::refused(format!(
                "there is a journal at {} already, so a plan was begun; go on with it by `netmarks plan --from {} --apply`, or remove the \
                 journal",
                journal.display(),
                file.display()
            )));
        }
        Ok(Some(journal))
    }

    /// Carries the plan out, and prints what became of it.
    ///
    /// # Errors
    /// If it cannot be begun, and if it ends before its last move.
    pub(super) fn run(
        self,
        plan: &Plan,
        kept: Option<&Path>,
        journal: Option<PathBuf>,
        cluster: &cluster::Args,
        json: bool,
    ) -> Result<()> {
        if plan.made_from.anonymised {
            bail!(Ended::refused(
                "the plan is of an anonymised snapshot, so the cluster knows none of its pods; make one of the cluster itself"
            ));
        }
        let age = unix_now() - plan.made_from.taken_at;
        if age > OLD_SECONDS {
            let hours = age / 3_600.0;
            print_warning(&format!(
                "the plan is of what was {hours:.0} h ago; moves that do not fit any more are left out, and a new plan gains more"
            ));
        }
        let config = cluster.config()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let moves = moves(plan);
        let Some(journal) = journal else {
            let shutdown = shutdown(&runtime)?;
            let client = runtime.block_on(kubernetes::client_that_asks_once(&config.cluster))?;
            let checked =
                runtime.block_on(dry_run(&client, &moves, &shutdown, &mut |_| ())).map_err(ended)?;
            return checks(&checked, moves.len(), json);
        };
        if self.yes {
            print_remark(&table::headline(plan));
        } else {
            confirm(plan, cluster, &runtime)?;
        }
        let shutdown = shutdown(&runtime)?;
        let report = runtime.block_on(async {
            let client = kubernetes::client_that_asks_once(&config.cluster).await?;
            let begun = std::fs::metadata(&journal).is_ok_and(|metadata| metadata.len() > 0);
            let guard = self.guard.guard(&config.metrics, &moves, begun).await?;
            let applying = Applying { moves, limits: self.limits(), journal: journal.clone() };
            let mut tell = |progress: netmarks_evictions::progress::Progress<'_>| {
                if let Some(line) = told(&progress) {
                    print_remark(&line);
                }
            };
            apply(&client, applying, guard, &shutdown, &mut tell).await.map_err(ended)
        })?;
        match json {
            true => say_json(&report)?,
            false => say(&applied::report(&report, width()))?,
        }
        done(&report, kept, &journal)
    }

    fn limits(&self) -> Limits {
        let time = Duration::from_secs;
        Limits {
            most_elsewhere: self.most_elsewhere,
            patience: time(self.patience_seconds),
            ready_within: time(self.ready_seconds),
            pause: time(self.pause_seconds),
            window: self.window_seconds.map(time),
            worse_for: time(self.guard.worse_seconds),
        }
    }
}

fn moves(plan: &Plan) -> Vec<Move> {
    let each = plan.moves.iter().map(|planned| Move {
        pod: planned.pod.clone(),
        uid: planned.uid.clone(),
        application: planned.application.to_string(),
        from: planned.from.clone(),
        to: planned.to.clone(),
        or: planned.or.clone(),
        gain: planned.gain.within_nodes_bytes_per_second,
    });
    each.collect()
}

/// Shows what would be done, and goes on if somebody says so.
fn confirm(plan: &Plan, cluster: &cluster::Args, runtime: &tokio::runtime::Runtime) -> Result<()> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        bail!(Ended::refused(
            "nothing was evicted: there is no terminal to ask on; look at the plan, then give --yes"
        ));
    }
    let question = format!(
        "{}\n\nUp to {} pods are evicted in {}, one after the other. Go on? Type yes: ",
        table::plan(plan, width()),
        plan.moves.len(),
        cluster.name(),
    );
    if runtime.block_on(ask::is_yes(&question))? {
        return Ok(());
    }
    bail!(Ended::refused("nothing was evicted"))
}

/// Prints what would become of each move.
fn checks(checked: &[Checked], all: usize, json: bool) -> Result<()> {
    match json {
        true => say_json(&checked)?,
        false => say(&applied::checks(checked, width()))?,
    }
    if checked.len() < all {
        bail!(Ended::partly(format!("stopped: {} of {all} moves were asked for", checked.len())));
    }
    match checked.iter().filter(|checked| !checked.is_allowed()).count() {
        0 => Ok(()),
        not => bail!("{not} of {all} moves would not be made now"),
    }
}

/// What cannot be begun. A journal that cannot be used was looked at and left as it is.
fn ended(error: ApplyError) -> anyhow::Error {
    match &error {
        ApplyError::Journal(
            JournalError::OtherPlan { .. } | JournalError::Version { .. } | JournalError::Line { .. },
        ) => Ended::refused(error.to_string()).into(),
        _ => error.into(),
    }
}

/// Whether anything is left to do.
fn done(report: &Report, kept: Option<&Path>, journal: &Path) -> Result<()> {
    let Some(stopped) = &report.stopped else { return Ok(()) };
    let all = report.moves.len();
    let again = kept.map_or_else(
        || "the same command goes on".to_owned(),
        |file| format!("`netmarks plan --from {} --apply` goes on", file.display()),
    );
    let next = match &stopped.stop {
        // The same command would stop at the same move.
        Stop::Loss { .. } => format!("Remove the journal {} and make a new plan", journal.display()),
        _ => format!("Later, {again}"),
    };
    let message = format!("{} of {all} moves are left: {}. {next}", report.counts.left, stopped.text);
    let evicted = |moved: &netmarks_evictions::report::Moved| {
        matches!(
            moved.result,
            MoveResult::Moved | MoveResult::Elsewhere | MoveResult::Unreplaced | MoveResult::Evicted
        )
    };
    // Whoever says to stop gets the same code as for every other command.
    if stopped.stop == Stop::Interrupted || report.moves.iter().any(evicted) {
        bail!(Ended::partly(message));
    }
    bail!(Ended::failed(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(journal: Option<&str>) -> Flags {
        #[derive(clap::Parser)]
        #[command(group = clap::ArgGroup::new("kept").args(["file"]))]
        struct Line {
            #[command(flatten)]
            flags: Flags,
            #[command(flatten)]
            cluster: cluster::Args,
            #[arg(long)]
            file: Option<PathBuf>,
        }
        let journal = journal.into_iter().flat_map(|file| ["--journal", file]);
        let line = ["netmarks", "--apply", "--in-cluster", "--file", "plan.json"].into_iter().chain(journal);
        let Line { flags, cluster, file } = <Line as clap::Parser>::parse_from(line);
        assert!(cluster.is_wanted() && file.is_some());
        flags
    }

    #[test]
    fn a_run_that_would_lose_does_not_go_on() {
        let says = |stop: Stop| {
            let stopped = netmarks_evictions::report::Stopped { text: stop.to_string(), stop };
            let plan = netmarks_evictions::moves::digest(&[]);
            let report =
                Report { plan, counts: Default::default(), stopped: Some(stopped), moves: Vec::new() };
            let error = done(&report, Some(Path::new("plan.json")), Path::new("plan.json.journal"));
            error.unwrap_err().to_string()
        };
        let (pod, costs, gained) = ("shop/cart".to_owned(), "2 B/s".to_owned(), "1 B/s".to_owned());
        let loss = says(Stop::Loss { pod, costs, gained });
        assert!(loss.ends_with("Remove the journal plan.json.journal and make a new plan"), "{loss}");
        assert!(!loss.contains("goes on"), "{loss}");
        assert!(says(Stop::Window).ends_with("`netmarks plan --from plan.json --apply` goes on"));
    }

    #[test]
    fn the_journal_is_beside_the_plan_unless_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join("plan.json");
        let beside = folder.path().join("plan.json.journal");
        assert_eq!(flags(None).journal(Some(&plan), None).unwrap(), Some(beside.clone()));
        assert_eq!(flags(None).journal(None, Some(&plan)).unwrap(), Some(beside.clone()));
        assert_eq!(flags(Some("mine")).journal(Some(&plan), None).unwrap(), Some("mine".into()));
        let stdin = Path::new("-");
        assert!(flags(None).journal(Some(stdin), None).unwrap_err().to_string().contains("--journal"));
        assert_eq!(flags(Some("mine")).journal(Some(stdin), None).unwrap(), Some("mine".into()));
        std::fs::write(&beside, "begun\n").unwrap();
        let begun = flags(None).journal(None, Some(&plan)).unwrap_err().to_string();
        assert!(begun.contains("--from") && begun.contains("--apply"), "{begun}");
        assert_eq!(flags(None).journal(Some(&plan), None).unwrap(), Some(beside));
    }
}
