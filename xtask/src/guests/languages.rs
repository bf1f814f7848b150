//! Builds the example policies that are not Rust, with tools of fixed versions that are kept in the cache folder.
//!
//! The same tools, and a cargo that can compile for wasm, are offered in one folder of programs, `target/guests/tools`:
//! `docs/write-a-policy.md` is followed with it by a test, word by word.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use netmarks_test_tools::cached;
use sha2::{Digest as _, Sha256};

use super::toolchain::Toolchain;
use super::{copy, finish, output};
use crate::command::cargo;

const WIT_BINDGEN: &str = "0.61.1";
const WASM_TOOLS: &str = "1.258.3";
const COMPONENTIZE_QJS: &str = "0.4.5";
const COMPONENTIZE_PY: &str = "0.25.1";

/// Where the examples are, in the root of the repository.
pub(crate) const EXAMPLES: &str = "policies/examples";

/// Folders with the programs that make components, one for each language.
pub(super) struct Tools {
    wit_bindgen: PathBuf,
    wasm_tools: PathBuf,
    componentize_qjs: PathBuf,
    componentize_py: PathBuf,
    component_linker: PathBuf,
}

impl Tools {
    /// Installs what is missing, from the languages' own registries.
    pub(super) fn ensure(toolchain: &Toolchain) -> Result<Self> {
        let progress = |line: &str| eprintln!("{line}");
        let wit_bindgen = install("wit-bindgen-cli", WIT_BINDGEN, "c,go", &progress)?;
        let wasm_tools = install("wasm-tools", WASM_TOOLS, "component", &progress)?;
        let componentize_qjs =
            cached(&format!("componentize-qjs-{COMPONENTIZE_QJS}"), &progress, |folder| {
                let mut install = Command::new("npm");
                install
                    .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
                    .arg(folder);
                install.arg(format!("componentize-qjs@{COMPONENTIZE_QJS}"));
                finish(install, "install componentize-qjs")
            })?;
        let componentize_py = cached(&format!("componentize-py-{COMPONENTIZE_PY}"), &progress, |folder| {
            // Not a virtual environment, whose scripts name the folder that it was made in, and this one moves.
            let mut install = Command::new("python3");
            install.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--target",
            ]);
            install.arg(folder).arg(format!("componentize-py=={COMPONENTIZE_PY}"));
            finish(install, "install componentize-py")
        })?;
        let component_linker = toolchain.linker()?;
        Ok(Self { wit_bindgen, wasm_tools, componentize_qjs, componentize_py, component_linker })
    }

    /// A folder with every program that a policy's author calls.
    pub(super) fn offer(&self, root: &Path, toolchain: &Toolchain) -> Result<PathBuf> {
        let folder = root.join("target/guests/tools");
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        let run = |program: &Path| format!("exec '{}' \"$@\"\n", program.display());
        let python = format!(
            "PYTHONPATH='{}' exec python3 -c 'from componentize_py import script; script()' \"$@\"\n",
            self.componentize_py.display()
        );
        for (name, what) in [
            ("wit-bindgen", run(&self.wit_bindgen.join("bin/wit-bindgen"))),
            ("wasm-tools", run(&self.wasm_tools.join("bin/wasm-tools"))),
            ("componentize-qjs", run(&self.componentize_qjs.join("node_modules/.bin/componentize-qjs"))),
            ("componentize-py", python),
            ("wasm-component-ld", run(&self.component_linker)),
            ("cargo", toolchain.script(root)?),
        ] {
            script(&folder.join(name), &what)?;
        }
        let versions = format!(
            "wit-bindgen-cli {WIT_BINDGEN}\nwasm-tools {WASM_TOOLS}\ncomponentize-qjs {COMPONENTIZE_QJS}\n\
             componentize-py {COMPONENTIZE_PY}\n"
        );
        let file = folder.join("versions");
        fs::write(&file, versions).with_context(|| format!("failed to write {}", file.display()))?;
        Ok(folder)
    }
}

/// Installs a tool of the Bytecode Alliance with only the features that are used. Without optimisation: it is built in half the
/// time, and has little to do.
fn install(package: &str, version: &str, features: &str, progress: &dyn Fn(&str)) -> Result<PathBuf> {
    let name = format!("{package}-{version}-{}", features.replace(',', "-"));
    cached(&name, progress, |folder| {
        let mut install = cargo();
        install.args(["install", "--locked", "--quiet", "--debug", "--no-default-features", "--features"]);
        install.args([features, "--version", version, package, "--root"]).arg(folder);
        install.env_remove("CARGO_TARGET_DIR");
        finish(install, &format!("install {package}"))
    })
}

/// Builds every example whose sources, or tools, changed since it was built.
pub(super) fn build(root: &Path, toolchain: &Toolchain) -> Result<()> {
    let tools = Tools::ensure(toolchain)?;
    let programs = tools.offer(root, toolchain)?;
    for example in examples(root)? {
        let folder = prepare(root, &example)?;
        let made_of = fingerprint(&folder)?;
        let stamp = root.join("target/guests").join(format!("{example}.sources"));
        let variants = variants(&example)?;
        let built = variants.iter().all(|(name, _)| output(root, name).is_file());
        if built && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == made_of) {
            continue;
        }
        for (name, commands) in variants {
            for line in commands {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &line])
                    .current_dir(&folder)
                    .env("PATH", super::toolchain::prepend(std::slice::from_ref(&programs))?);
                finish(shell, &format!("build the example {example} with `{line}`"))?;
            }
            copy(&folder.join("policy.wasm"), &output(root, &name))?;
        }
        fs::write(&stamp, made_of).with_context(|| format!("failed to write {}", stamp.display()))?;
    }
    Ok(())
}

/// The names of the examples' folders, which begin with their language.
pub(crate) fn examples(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(EXAMPLES);
    let failed = || format!("failed to read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.is_dir() {
            names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// What to run in an example's folder for each component that is made of it.
fn variants(example: &str) -> Result<Vec<(String, Vec<String>)>> {
    let name = example.to_owned();
    let python =
        "componentize-py --quiet --wit-path wit --world policy componentize policy --output policy.wasm";
    Ok(match example.split('-').next().unwrap_or_default() {
        "c" => vec![(
            name,
            vec![
                "wit-bindgen c wit --world policy --out-dir generated > wit-bindgen.log".to_owned(),
                // Without it, clang would link a core module and say nothing.
                "linker=\"$(command -v wasm-component-ld)\"; \
                 clang --target=wasm32-wasi -Os -Wall -Wextra -Werror -nostartfiles -Wl,--no-entry,--strip-all \
                 -fuse-ld=\"${linker:?wasm-component-ld is not on PATH}\" -o policy.wasm policy.c generated/policy.c \
                 generated/policy_component_type.o"
                    .to_owned(),
            ],
        )],
        "js" => vec![(
            name,
            vec!["componentize-qjs --wit wit --world policy --js policy.js --sync --stub-wasi --output policy.wasm"
                .to_owned()],
        )],
        "python" => vec![
            // What the grant `wasi` is for: the whole of CPython, which imports it.
            (format!("{name}-wasi"), vec![python.to_owned()]),
            (name, vec![format!("{python} --stub-wasi")]),
        ],
        other => bail!("{EXAMPLES}/{example}: there is no way to build a policy in `{other}` here"),
    })
}

/// A copy of the example with the contract beside it, as `netmarks policy new` makes it: tools write where sources are.
fn prepare(root: &Path, example: &str) -> Result<PathBuf> {
    let folder = root.join("target/guests/build-examples").join(example);
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    let from = root.join(EXAMPLES).join(example);
    for (source, target) in [(from, folder.clone()), (root.join("wit"), folder.join("wit"))] {
        fs::create_dir_all(&target).with_context(|| format!("failed to make {}", target.display()))?;
        let failed = || format!("failed to copy {}", source.display());
        for entry in fs::read_dir(&source).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            if entry.path().is_file() {
                fs::copy(entry.path(), target.join(entry.file_name())).with_context(failed)?;
            }
        }
    }
    Ok(folder)
}

/// A digest of all that a component is made of: the files in a folder, and how it is made.
fn fingerprint(folder: &Path) -> Result<String> {
    let mut digest = Sha256::new_with_prefix(include_str!("languages.rs"));
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join("wit")] {
        let failed = || format!("failed to read {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(failed)? {
            files.push(entry.with_context(failed)?.path());
        }
    }
    files.sort();
    for file in files.iter().filter(|file| file.is_file()) {
        digest.update(file.as_os_str().as_encoded_bytes());
        digest.update(fs::read(file).with_context(|| format!("failed to read {}", file.display()))?);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a program of a few lines.
fn script(path: &Path, what: &str) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    fs::write(path, format!("#!/bin/sh\n{what}")).with_context(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).with_context(failed)
}
