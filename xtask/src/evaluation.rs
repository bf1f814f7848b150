//! `cargo xtask evaluation`: the simulations that `docs/evaluation` reports, each written by one command.
//!
//! Inputs are made here, `netmarks simulate` places them, and the tables of its figures become a page. Everything is seeded, so
//! a page changes only with the code.

mod admission;
mod application;
mod cluster;
mod company;
mod demos;
mod generated;
mod markdown;
mod placement;
mod settlers;
mod simulation;
mod speed;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::simulation::Simulator;
use crate::command::{cargo, run as run_command, target_folder};

/// What `cargo xtask evaluation` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which reports; all of them unless named
    #[arg(value_enum)]
    reports: Vec<Report>,
    /// With a development build: sooner there, and several times slower
    #[arg(long)]
    dev: bool,
    /// With this program, which was built before
    #[arg(long, conflicts_with = "dev")]
    program: Option<PathBuf>,
}

/// A page of `docs/evaluation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Report {
    /// The paper's application
    Settlers,
    /// Online Boutique, Bookinfo and the Social Network with their measured traffic
    Demos,
    /// Made-up applications of 50, 200 and 1,000 services
    Generated,
    /// Clusters of the shape that a large company published
    Company,
    /// The webhook beside the extender, by how many terms it adds
    Admission,
    /// How good placements and plans are that see all pods, by the time that is spent on them
    Placement,
    /// How long a simulation takes, by the size of the cluster
    Speed,
}

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { reports, dev, program } = args;
    let folder = folder()?;
    let program = match program {
        Some(program) => program.clone(),
        None => built(root, *dev)?,
    };
    let simulator = Simulator { program, folder };
    let all = [
        Report::Settlers,
        Report::Demos,
        Report::Generated,
        Report::Company,
        Report::Admission,
        Report::Placement,
        Report::Speed,
    ];
    for report in if reports.is_empty() { &all } else { reports.as_slice() } {
        let (name, text) = match report {
            Report::Settlers => ("settlers", settlers::report(&simulator)?),
            Report::Demos => ("demos", demos::report(&simulator)?),
            Report::Generated => ("generated", generated::report(&simulator)?),
            Report::Company => ("company", company::report(&simulator)?),
            Report::Admission => ("admission", admission::report(&simulator)?),
            Report::Placement => ("placement", placement::report(&simulator)?),
            Report::Speed => ("speed", speed::report(&simulator)?),
        };
        let page = root.join(format!("docs/evaluation/{name}.md"));
        fs::write(&page, text).with_context(|| format!("failed to write {}", page.display()))?;
        eprintln!("wrote {}", page.display());
    }
    Ok(())
}

/// How many seconds the arm `netmarks` takes at so many nodes with this program, and how many pods it places.
pub(crate) fn speed_of_one_arm(program: &Path, nodes: usize) -> Result<(f64, u32)> {
    let simulator = Simulator { program: program.to_owned(), folder: folder()? };
    let application = speed::application(nodes);
    Ok((speed::seconds(&simulator, &application, nodes, "netmarks")?, speed::pods(&application)))
}

/// Where inputs are written.
fn folder() -> Result<PathBuf> {
    let folder = target_folder()?.join("evaluation");
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    Ok(folder)
}

fn built(root: &Path, dev: bool) -> Result<PathBuf> {
    let mut build = cargo();
    build.current_dir(root).args(["build", "--workspace", "--bin", "netmarks"]);
    if !dev {
        build.arg("--release");
    }
    run_command(&mut build)?;
    Ok(target_folder()?.join(if dev { "debug" } else { "release" }).join("netmarks"))
}
