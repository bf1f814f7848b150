//! Finds a Rust toolchain that can compile for wasm32, and says what to install if no toolchain can.
//!
//! Two kinds will do: one that has the target's standard library (`rustup target add`), and one that has the library's
//! sources and compiles them (Debian's packages, or a rustup toolchain with `rust-src`). The second kind is for
//! machines that reach a package mirror but not rustup's servers.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

const TARGET: &str = "wasm32-unknown-unknown";

/// Wraps the core module that the compiler makes into a component. Every rustup toolchain has it, Debian's do not.
const LINKER: &str = "wasm-component-ld";

/// Where compilers are looked for, in this order: as the environment says, then as Debian's packages install it.
const COMPILERS: [(&str, &str); 2] = [("cargo", "rustc"), ("/usr/bin/cargo", "/usr/bin/rustc")];

/// Holds a cargo and a rustc that can compile guests.
#[derive(Debug)]
pub(super) struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The folder of rustc's libraries.
    sysroot: PathBuf,
    standard_library: StandardLibrary,
    /// Folders with the component linker and what it runs, if they are not rustc's own.
    linker: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StandardLibrary {
    Installed,
    CompiledFromSource,
}

impl Toolchain {
    /// The first compiler that can do it. `folder` is where it will run: rustup chooses toolchains by folder.
    pub(super) fn find(folder: &Path) -> Result<Self> {
        let mut linker = Vec::new();
        let mut from_source = None;
        for (cargo, rustc) in COMPILERS {
            let Some(sysroot) = ask(folder, rustc, &["--print", "sysroot"]) else { continue };
            let Some(host) = ask(folder, rustc, &["--print", "host-tuple"]) else { continue };
            let sysroot = PathBuf::from(sysroot);
            let tools = sysroot.join("lib/rustlib").join(host).join("bin");
            if linker.is_empty() && tools.join(LINKER).exists() {
                linker = vec![tools.join("gcc-ld"), tools];
            }
            let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
            let sources = sysroot.join("lib/rustlib/src/rust/library/Cargo.lock");
            let found = |standard_library| Self {
                cargo: cargo.into(),
                rustc: rustc.into(),
                sysroot: sysroot.clone(),
                standard_library,
                linker: Vec::new(),
            };
            if libraries.exists() {
                return Ok(Self { linker, ..found(StandardLibrary::Installed) });
            }
            if from_source.is_none() && sources.exists() {
                from_source = Some(found(StandardLibrary::CompiledFromSource));
            }
        }
        let Some(toolchain) = from_source else {
            bail!(
                "found no Rust toolchain that compiles for {TARGET}: run `rustup target add {TARGET}`, or on Debian \
                 `apt-get install rustc-web cargo-web rust-web-src`"
            );
        };
        if linker.is_empty() && !on_path(LINKER) {
            bail!("found no {LINKER}: it comes with rustup's toolchains, or run `cargo install {LINKER}`");
        }
        Ok(Self { linker, ..toolchain })
    }

    /// `cargo COMMAND --release` in this workspace, to be completed by what to build.
    pub(super) fn cargo(&self, root: &Path, workspace: &Path, command: &str) -> Result<Command> {
        let mut cargo = self.prepare(root, workspace, &self.cargo, &[])?;
        cargo.arg(command);
        arguments(&mut cargo, &target_folder(root));
        Ok(cargo)
    }

    /// The same through cargo-component, installed in the folder `tool`.
    pub(super) fn cargo_component(&self, root: &Path, workspace: &Path, tool: &Path) -> Result<Command> {
        let rustc = absolute(workspace, &self.rustc)?;
        let mut cargo =
            self.prepare(root, workspace, &tool.join("bin/cargo-component"), &[stand_in(root)?])?;
        cargo.args(["component", "build"]).env("CARGO", &self.cargo).env("RUSTC", rustc);
        arguments(&mut cargo, &component_target_folder(root));
        Ok(cargo)
    }

    fn prepare(&self, root: &Path, workspace: &Path, program: &Path, first: &[PathBuf]) -> Result<Command> {
        let mut command = Command::new(program);
        let folders: Vec<PathBuf> = first.iter().chain(&self.linker).cloned().collect();
        command
            .current_dir(workspace)
            .env("RUSTC", &self.rustc)
            .env("PATH", prepend(&folders)?)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(root))
            // Set by the cargo that runs this program, for the host's target folder and the host's compiler.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTC_WRAPPER");
        if self.standard_library == StandardLibrary::CompiledFromSource {
            // The option is unstable in cargo; the variables make a stable one accept it.
            command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        }
        Ok(command)
    }

    /// The component linker.
    pub(super) fn linker(&self) -> Result<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = self.linker.iter().cloned().chain(env::split_paths(&path));
        let mut programs = folders.map(|folder| folder.join(LINKER));
        programs.find(|program| program.is_file()).with_context(|| format!("found no {LINKER}"))
    }

    /// A shell script that is this toolchain's cargo, for a policy's author: it compiles for wasm whatever it takes, and
    /// for this machine as always.
    pub(super) fn script(&self, root: &Path) -> Result<String> {
        let rustc = absolute(root, &self.rustc)?;
        let beside = rustc.with_file_name("cargo");
        let cargo = if beside.is_file() { beside } else { self.cargo.clone() };
        let from_source = match self.standard_library {
            StandardLibrary::Installed => ":",
            StandardLibrary::CompiledFromSource => {
                "export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort"
            }
        };
        let linker = env::join_paths(&self.linker).context("failed to join folders")?;
        // The flags of every guest: with others, cargo would compile what they have in common once more.
        let flags = self.flags(root);
        Ok(format!(
            "export RUSTC='{}' PATH='{}':\"$PATH\"\nunset CARGO RUSTUP_TOOLCHAIN\ncase \"$*\" in *wasm32*) export CARGO_ENCODED_RUSTFLAGS='{}'; {from_source};; esac\n\
             exec '{}' \"$@\"\n",
            rustc.display(),
            linker.display(),
            flags.display(),
            cargo.display()
        ))
    }

    /// Panic messages name source files; without this they would name folders of this machine.
    fn flags(&self, root: &Path) -> OsString {
        let registry = env::var_os("CARGO_HOME").map(PathBuf::from);
        let registry = registry.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        let library = self.sysroot.join("lib/rustlib/src/rust");
        let folders = [(Some(root.to_owned()), "netmarks"), (registry, "cargo"), (Some(library), "rust")];
        let mut flags = OsString::new();
        for (folder, name) in folders {
            let Some(folder) = folder else { continue };
            if !flags.is_empty() {
                flags.push("\u{1f}");
            }
            flags.push("--remap-path-prefix=");
            flags.push(folder);
            flags.push("=/");
            flags.push(name);
        }
        flags
    }
}

/// Where cargo keeps what it compiled for guests: not the host's folder, whose lock would make the two wait.
pub(super) fn target_folder(root: &Path) -> PathBuf {
    root.join("target/guests/build")
}

/// The same for cargo-component: in the other folder it would find the component made and build nothing.
pub(super) fn component_target_folder(root: &Path) -> PathBuf {
    root.join("target/guests/build-cargo-component")
}

/// PATH with these folders before it.
pub(super) fn prepend(folders: &[PathBuf]) -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&path));
    env::join_paths(all).context("failed to extend PATH")
}

fn arguments(cargo: &mut Command, target_folder: &Path) {
    cargo.args(["--release", "--locked", "--target", TARGET, "--target-dir"]).arg(target_folder);
}

/// A folder with a `rustc` that cargo-component, and nothing else, runs: to ask whether the target wasm32-wasip1 is
/// installed, which it insists on even when it compiles for another. This one always answers that it is.
fn stand_in(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/guests/stand-in");
    let failed = || format!("failed to make {}", folder.display());
    fs::create_dir_all(folder.join("lib/rustlib/wasm32-wasip1")).with_context(failed)?;
    let rustc = folder.join("rustc");
    fs::write(&rustc, "#!/bin/sh\ndirname \"$0\"\n").with_context(failed)?;
    let status = Command::new("chmod").arg("+x").arg(&rustc).status().with_context(failed)?;
    ensure!(status.success(), "failed to make {} executable", rustc.display());
    Ok(folder)
}

/// The compiler itself, for when PATH leads to the stand-in.
fn absolute(folder: &Path, rustc: &Path) -> Result<PathBuf> {
    let sysroot = ask(folder, &rustc.display().to_string(), &["--print", "sysroot"]);
    let compiler = sysroot.map(|sysroot| PathBuf::from(sysroot).join("bin/rustc"));
    compiler.filter(|path| path.exists()).with_context(|| format!("failed to locate {}", rustc.display()))
}

fn ask(folder: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).exists())
}
