//! `cargo xtask release`: what a release has, in one folder.
//!
//! Nothing is pushed from here: `.github/workflows/release.yaml` runs this and then pushes what is in the folder. The same
//! commit gives the same files ([`archive`]), so that anybody can make them again and compare.

mod archive;
mod checksums;
mod provenance;
mod readiness;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::Binaries;

use crate::command::{cargo, output as output_of, run as run_command};
use crate::image::{self, Architecture, PROGRAM, Source};
use archive::Archiver;

const EXAMPLES: &str = "Examples:
  cargo xtask release --dry-run                  into target/release-files, of whatever is here
  cargo xtask release --output files             of a commit with the tag of its version, as CI does
  cargo xtask release --dry-run --program target/image/netmarks
                                                 pack the program that `cargo xtask image` compiled";

/// What `cargo xtask release` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Make the files of a commit that is not tagged, or of files that differ from the commit
    #[arg(long)]
    dry_run: bool,
    /// Where to put them; what is there is replaced [default: target/release-files]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// For this machine's kind, pack this program, which `cargo xtask image` compiled, instead of compiling one; for others
    /// make nothing
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Makes the files. Compiles in release mode, for minutes, unless a program is given.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { dry_run, output, program } = args;
    let source = Source::of(root)?;
    if !dry_run {
        readiness::check(root, &source)?;
    }
    let folder = output.clone().unwrap_or_else(|| root.join("target/release-files"));
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let folder = folder.canonicalize().with_context(|| format!("failed to find {}", folder.display()))?;
    checksums::clear(&folder)?;
    let work = folder.join("work");
    image::replace(&work)?;
    let release = Release { root, source, folder, archiver: Archiver };
    release.make(program.as_deref(), &work)?;
    image::remove(&work)?;
    release.tell()
}

/// A release that is being made.
struct Release<'a> {
    root: &'a Path,
    source: Source,
    folder: PathBuf,
    archiver: Archiver,
}

impl Release<'_> {
    fn make(&self, program: Option<&Path>, work: &Path) -> Result<()> {
        let own = Architecture::of_this_machine()?;
        for architecture in Architecture::ALL {
            if let Err(missing) = architecture.toolchain() {
                println!("left out linux {architecture}: {missing:#}");
            } else if program.is_none() || architecture == own {
                self.program_and_image(architecture, program, work)?;
            } else {
                println!("left out linux {architecture}: the program that was given is for {own}");
            }
        }
        self.chart(work)?;
        self.deploy(work)?;
        provenance::write(self.root, &self.source, &self.folder, &self.named(".intoto.json"))?;
        checksums::write(&self.folder)
    }

    /// The path of a file of the release: `netmarks-VERSION` and this.
    fn named(&self, rest: &str) -> PathBuf {
        self.folder.join(format!("netmarks-{}{rest}", self.source.version))
    }

    fn program_and_image(
        &self,
        architecture: Architecture,
        program: Option<&Path>,
        work: &Path,
    ) -> Result<()> {
        let scratch = work.join(architecture.to_string());
        let built = image::build(self.root, &self.source, architecture, program, &scratch)?;
        let name = format!("netmarks-{}-linux-{architecture}", self.source.version);
        let to = |extension: &str| self.folder.join(format!("{name}.{extension}"));
        copy(&built.sbom, &to("cdx.json"))?;

        let layout = work.join(format!("{architecture}-layout"));
        fs::create_dir(&layout).with_context(|| format!("failed to create {}", layout.display()))?;
        run_command(Command::new("tar").arg("-xf").arg(&built.archive).arg("-C").arg(&layout))?;
        self.archiver.tar(&layout, &["."], self.source.epoch, &to("oci.tar"))?;

        let beside = work.join(&name);
        fs::create_dir(&beside).with_context(|| format!("failed to create {}", beside.display()))?;
        copy(&built.files.join(PROGRAM), &beside.join("netmarks"))?;
        for file in ["LICENSE", "CHANGELOG.md"] {
            copy(&self.root.join(file), &beside.join(file))?;
        }
        self.archiver.tar_gz(work, &[&name], self.source.epoch, &to("tar.gz"))?;
        println!("linux {architecture}: image {}", built.digest);
        Ok(())
    }

    /// As helm packs it, but with the date of the commit, where helm writes the present one.
    fn chart(&self, work: &Path) -> Result<()> {
        let helm = Binaries::ensure(&|line| eprintln!("{line}"))?.helm;
        let packed = work.join("chart");
        fs::create_dir(&packed).with_context(|| format!("failed to create {}", packed.display()))?;
        let mut command = Command::new(helm);
        command.arg("package").arg(self.root.join("deploy/helm/netmarks"));
        output_of(command.arg("--destination").arg(&packed))?;
        let file = format!("netmarks-{}.tgz", self.source.version);
        run_command(Command::new("tar").arg("-xzf").arg(packed.join(&file)).arg("-C").arg(&packed))?;
        self.archiver.tar_gz(&packed, &["netmarks"], self.source.epoch, &self.folder.join(file))
    }

    /// Everything below `deploy` and the committed policies, where the documents' commands find them. What git does not know stays out.
    fn deploy(&self, work: &Path) -> Result<()> {
        let name = format!("netmarks-{}-deploy", self.source.version);
        let git = Command::new("git")
            .arg("-C")
            .arg(self.root)
            .args(["ls-files", "-z", "deploy", "policies"])
            .output();
        let listed = git.context("failed to run git")?;
        ensure!(listed.status.success(), "git does not list the files of deploy; this is not a clone");
        let listed = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
        for file in listed.split_terminator('\0') {
            let to = work.join(&name).join(file);
            let folder = to.parent().context("a file without a folder")?;
            fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
            copy(&self.root.join(file), &to)?;
        }
        self.archiver.tar_gz(work, &[&name], self.source.epoch, &self.named("-deploy.tar.gz"))
    }

    fn tell(&self) -> Result<()> {
        println!("{}", fs::read_to_string(self.folder.join(checksums::FILE))?.trim_end());
        println!("release {} of {}: {}", self.source.version, self.source.revision, self.folder.display());
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))
        .map(drop)
}

/// The version of a tool, by its first line.
fn version_of(command: &mut Command) -> Result<String> {
    let text = output_of(command)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// What compiles, by the toolchain that runs us.
fn rustc_version() -> Result<String> {
    version_of(Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version"))
}

fn cargo_version() -> Result<String> {
    version_of(cargo().arg("--version"))
}
