//! The program of the image: a release build that needs nothing but a kernel.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use netmarks_test_tools::cache_folder;

use super::{Architecture, members};
use crate::command::{cargo, run as run_command};
use crate::shared_target;

/// Where it is in the image.
pub(crate) const PROGRAM: &str = "usr/local/bin/netmarks";

/// Compiles it; returns where it is, in `output`.
///
/// Its compiled dependencies are in the user's cache folder, so that a fresh clone compiles only what is ours.
pub(super) fn build(
    root: &Path,
    architecture: Architecture,
    revision: &str,
    output: &Path,
) -> Result<PathBuf> {
    architecture.toolchain()?;
    let target = architecture.target();
    let folder = cache_folder()?.join("image-target");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    // Until it is copied: another clone may want to build its own.
    let lock = folder.join("image.lock");
    let lock = File::create(&lock).with_context(|| format!("failed to create {}", lock.display()))?;
    lock.lock().context("failed to wait for another build of the image")?;
    let note = if architecture.is_foreign() { format!("clone-{architecture}") } else { "clone".to_owned() };
    let clone = root.to_str().context("the path of this clone is not UTF-8")?;
    shared_target::forget_others(clone, &folder.join(note), || {
        let mut clean = cargo();
        clean.current_dir(root).args(["clean", "--quiet", "--release", "--target", target, "--target-dir"]);
        clean.arg(&folder).args(members(root)?.iter().flat_map(|(name, _)| ["--package", name]));
        run_command(&mut clean)
    })?;

    let home: Option<PathBuf> =
        std::env::var_os("CARGO_HOME").map(Into::into).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    // With `--target` these are for that only, and build scripts stay as they are. The paths are whose home this is.
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let flags =
        ["-Ctarget-feature=+crt-static".to_owned(), remap(&home, "/cargo"), remap(&folder, "/target")];
    let mut command = cargo();
    command.current_dir(root).args(["build", "--locked", "--release", "--package", "netmarks"]);
    command.args(["--target", target, "--target-dir"]).arg(&folder);
    command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only").env("CARGO_PROFILE_RELEASE_STRIP", "none");
    command.env("NETMARKS_REVISION", revision);
    if architecture.is_foreign() {
        let variable = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
        command.env(variable, architecture.tool("gcc"));
    }
    run_command(&mut command)?;
    let program = output.join("netmarks");
    strip(architecture, &folder.join(target).join("release/netmarks"), &program)?;
    Ok(program)
}

/// Makes `stripped` of `built`, and a file of symbols beside it for whoever profiles.
fn strip(architecture: Architecture, built: &Path, stripped: &Path) -> Result<()> {
    let symbols = stripped.with_extension("debug");
    let advice = "failed to strip the program; install Debian's package binutils";
    let tool = architecture.tool("objcopy");
    let objcopy = |arguments: &[&OsStr]| run_command(Command::new(&tool).args(arguments)).context(advice);
    objcopy(&["--only-keep-debug".as_ref(), built.as_ref(), symbols.as_ref()])?;
    // A debugger finds the file by this link, wherever both are put together.
    let mut link = OsString::from("--add-gnu-debuglink=");
    link.push(&symbols);
    objcopy(&["--strip-all".as_ref(), &link, built.as_ref(), stripped.as_ref()])
}

/// Puts it where it is in the image.
pub(super) fn install(program: &Path, files: &Path) -> Result<()> {
    let place = files.join(PROGRAM);
    let parent = place.parent().context("the program has no folder")?;
    fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    copy(program, &place)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("failed to copy {}", from.display())).map(drop)
}
