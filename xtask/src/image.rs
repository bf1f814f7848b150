//! `cargo xtask image`: the container image, without a container engine.
//!
//! Three steps: [`binary`] compiles, [`files`] lays out the root file system with the [`sbom`] in it, and buildah makes the
//! last stage of `deploy/image/Dockerfile` of that. With an engine, the Dockerfile's builder stage calls the first two.

mod architecture;
mod binary;
mod files;
mod sbom;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

pub(crate) use architecture::Architecture;
pub(crate) use binary::PROGRAM;

use crate::command::{cargo, output, run as run_command};

/// The archive that tests and people load, below the folder of the output.
const ARCHIVE: &str = "netmarks.oci.tar";

const EXAMPLES: &str = "Examples:
  cargo xtask image                                      into target/image
  cargo xtask image --push registry.example/netmarks:0.1.0
  cargo xtask image --push 127.0.0.1:5000/netmarks:0.1.0 --plain-http
  cargo xtask image --program target/image/netmarks      pack again what was compiled before
  cargo xtask image --arch arm64 --output target/image-arm64";

/// What `cargo xtask image` takes.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What the image is called in the archive [default: netmarks: and the version]
    #[arg(long, value_name = "NAME:TAG")]
    tag: Option<String>,
    /// Also push it there; `buildah login` or `docker login` before, if that asks for a password
    #[arg(long, value_name = "REFERENCE")]
    push: Option<String>,
    /// The registry speaks plain HTTP
    #[arg(long, requires = "push")]
    plain_http: bool,
    /// Where to put the image and its SBOM [default: target/image]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Pack this program, which was built for the image before, instead of compiling one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Only make what goes into the image, as the Dockerfile's builder stage does
    #[arg(long, conflicts_with_all = ["tag", "push"])]
    files_only: bool,
    /// The machines that the image is for [default: this one's]
    #[arg(long, value_enum)]
    arch: Option<Architecture>,
}

/// What the image is made of, beside its files.
pub(crate) struct Source {
    pub(crate) version: String,
    /// The commit, with `-dirty` if the files differ from it.
    pub(crate) revision: String,
    /// Seconds since 1970; the date of everything in the image, so that the same commit makes the same image.
    pub(crate) epoch: u64,
}

/// What goes into an image.
struct Content {
    /// The root file system.
    files: PathBuf,
    /// The bill of materials, beside it.
    sbom: PathBuf,
}

/// An image and what belongs to it.
pub(crate) struct Built {
    /// An OCI layout in a tar archive.
    pub(crate) archive: PathBuf,
    /// `sha256:` and the digest of the manifest.
    pub(crate) digest: String,
    pub(crate) sbom: PathBuf,
    /// The root file system, with the program at [`PROGRAM`].
    pub(crate) files: PathBuf,
}

/// Builds the image; a release build of minutes the first time, seconds afterwards.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { tag, push, plain_http, output: folder, program, files_only, arch } = args;
    let architecture = arch.map_or_else(Architecture::of_this_machine, Ok)?;
    let folder = folder.clone().unwrap_or_else(|| root.join("target/image"));
    let source = Source::of(root)?;
    let content = content(root, &source, architecture, program.as_deref(), &folder)?;
    if *files_only {
        println!("files of the image: {}", content.files.display());
        return Ok(());
    }
    let buildah = Buildah::new(&folder)?;
    let tag = tag.clone().unwrap_or_else(|| format!("netmarks:{}", source.version));
    let built = pack(root, &source, architecture, &buildah, content, &tag, &folder)?;
    println!("image: {} {}", built.archive.display(), built.digest);
    println!("SBOM: {}", built.sbom.display());
    println!("symbols: {}", folder.join("netmarks.debug").display());
    if let Some(reference) = push {
        let image = format!("localhost/{tag}");
        let digest = buildah.push(&image, &format!("docker://{reference}"), *plain_http)?;
        println!("pushed: {reference} {digest}");
    }
    buildah.clear()
}

/// The image for one kind of machine, in `folder`, of `program` if that is given.
pub(crate) fn build(
    root: &Path,
    source: &Source,
    architecture: Architecture,
    program: Option<&Path>,
    folder: &Path,
) -> Result<Built> {
    let content = content(root, source, architecture, program, folder)?;
    let buildah = Buildah::new(folder)?;
    let tag = format!("netmarks:{}", source.version);
    let built = pack(root, source, architecture, &buildah, content, &tag, folder)?;
    buildah.clear()?;
    Ok(built)
}

fn content(
    root: &Path,
    source: &Source,
    architecture: Architecture,
    program: Option<&Path>,
    folder: &Path,
) -> Result<Content> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let sbom = sbom::write(root, architecture, source.epoch, &folder.join("netmarks.cdx.json"))?;
    let files = folder.join("files");
    replace(&files)?;
    let program = match program {
        Some(program) => program.to_owned(),
        None => binary::build(root, architecture, &source.revision, folder)?,
    };
    binary::install(&program, &files)?;
    files::lay_out(root, &sbom, &files)?;
    Ok(Content { files, sbom })
}

fn pack(
    root: &Path,
    source: &Source,
    architecture: Architecture,
    buildah: &Buildah,
    content: Content,
    tag: &str,
    folder: &Path,
) -> Result<Built> {
    let Content { files, sbom } = content;
    let image = format!("localhost/{tag}");
    buildah.build(root, source, architecture, &files, &image)?;
    let archive = folder.join(ARCHIVE);
    remove_file(&archive)?;
    let digest = buildah.push(&image, &format!("oci-archive:{}:{tag}", archive.display()), false)?;
    Ok(Built { archive, digest, sbom, files })
}

impl Source {
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(root).args(arguments));
        let revision = git(&["describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]);
        let committed = git(&["log", "-1", "--format=%ct"]);
        // A source archive, or the builder stage, has no history.
        let revision = revision.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned());
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text,
            Err(_) => committed.unwrap_or_else(|_| "0".to_owned()),
        };
        let epoch = epoch.trim().parse().with_context(|| format!("SOURCE_DATE_EPOCH is {epoch:?}"))?;
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), revision, epoch })
    }
}

/// Debian's buildah with a storage of its own, so that neither the user's images nor a storage driver that needs
/// kernel support are involved.
struct Buildah {
    storage: PathBuf,
    digest: PathBuf,
    context: PathBuf,
}

impl Buildah {
    fn new(folder: &Path) -> Result<Self> {
        let storage = folder.join("storage");
        let context = folder.join("context");
        replace(&storage)?;
        replace(&context)?;
        Ok(Self { storage, digest: folder.join("digest"), context })
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.storage.join("root")).arg("--runroot").arg(self.storage.join("run"));
        command.args(["--storage-driver", "vfs", verb]);
        command
    }

    fn build(
        &self,
        root: &Path,
        source: &Source,
        architecture: Architecture,
        files: &Path,
        image: &str,
    ) -> Result<()> {
        let Source { version, revision, epoch } = source;
        let mut command = self.command("build");
        command.args(["--quiet", "--isolation", "chroot", "--identity-label=false"]);
        command.args(["--timestamp", &epoch.to_string(), "--platform", &format!("linux/{architecture}")]);
        command.args(["--build-arg", &format!("VERSION={version}")]);
        command.args(["--build-arg", &format!("REVISION={revision}")]);
        command.args(["--build-context", &format!("files={}", files.display()), "--file"]);
        // An empty context: the last stage copies from the files only.
        command.arg(root.join("deploy/image/Dockerfile")).args(["--tag", image]).arg(&self.context);
        // It prints the image's id, which is of use to nobody here.
        let id = output(&mut command);
        id.context("buildah failed to make the image; is its Debian package installed?").map(drop)
    }

    /// Returns the digest of the manifest.
    fn push(&self, image: &str, to: &str, plain_http: bool) -> Result<String> {
        let mut command = self.command("push");
        command.args(["--quiet", "--format", "oci"]).arg(format!("--tls-verify={}", !plain_http));
        command.arg("--digestfile").arg(&self.digest).args([image, to]);
        run_command(&mut command)?;
        fs::read_to_string(&self.digest).context("buildah wrote no digest")
    }

    fn clear(self) -> Result<()> {
        let Self { storage, digest, context } = self;
        remove(&storage)?;
        remove(&context)?;
        remove_file(&digest)
    }
}

/// An empty folder, whatever was there.
pub(crate) fn replace(folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::create_dir(folder).with_context(|| format!("failed to create {}", folder.display()))
}

pub(crate) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    Ok(())
}

fn remove_file(file: &Path) -> Result<()> {
    if file.exists() {
        fs::remove_file(file).with_context(|| format!("failed to remove {}", file.display()))?;
    }
    Ok(())
}

/// Name and folder of every package of the workspace.
fn members(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let metadata =
        output(cargo().current_dir(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let member = |package: &Value| {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        Some((text("name")?.to_owned(), Path::new(text("manifest_path")?).parent()?.to_owned()))
    };
    let members: Option<Vec<_>> = packages.and_then(|packages| packages.iter().map(member).collect());
    members.context("cargo metadata does not name the packages")
}

/// The first line of what a program prints that begins with `beginning`, without it.
pub(crate) fn line_of(program: impl AsRef<OsStr>, arguments: &[&str], beginning: &str) -> Result<String> {
    let text = output(Command::new(program.as_ref()).args(arguments))?;
    let line = text.lines().find_map(|line| line.strip_prefix(beginning));
    Ok(line.with_context(|| format!("no line {beginning:?} in {text:?}"))?.trim().to_owned())
}
