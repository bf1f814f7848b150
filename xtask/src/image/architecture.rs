//! The machines that an image is for, and what this one needs to build for them.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::line_of;
use crate::command::output;

/// Kinds of machines, by the names that container images use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    pub(crate) const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    pub(crate) fn of_this_machine() -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let host = line_of(rustc, &["-vV"], "host:")?;
        let all = Self::ALL.into_iter().find(|architecture| architecture.target() == host);
        all.with_context(|| format!("images are for Linux on amd64 and arm64 with glibc, not for {host}"))
    }

    /// What cargo calls it.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The beginning of the names of Debian's tools for it.
    fn prefix(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// Whether another compiler than this machine's own is needed.
    pub(super) fn is_foreign(self) -> bool {
        Self::of_this_machine().is_ok_and(|own| own != self)
    }

    /// A tool of binutils or the C compiler.
    pub(super) fn tool(self, name: &str) -> String {
        if self.is_foreign() { format!("{}-{name}", self.prefix()) } else { name.to_owned() }
    }

    /// The Debian package of the C library that is linked in.
    pub(super) fn libc(self) -> &'static str {
        match self {
            _ if !self.is_foreign() => "libc6-dev",
            Self::Amd64 => "libc6-dev-amd64-cross",
            Self::Arm64 => "libc6-dev-arm64-cross",
        }
    }

    /// Fails with what to install if this machine cannot build for it.
    pub(crate) fn toolchain(self) -> Result<()> {
        if !self.is_foreign() {
            return Ok(());
        }
        let target = self.target();
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let library = output(Command::new(rustc).args(["--print", "target-libdir", "--target", target]))?;
        ensure!(
            Path::new(library.trim()).is_dir(),
            "rustc has no standard library for {self}; run `rustup target add {target}`"
        );
        for name in ["gcc", "objcopy"] {
            let tool = self.tool(name);
            let version = Command::new(&tool).arg("--version").stdout(Stdio::null()).status();
            ensure!(
                version.is_ok_and(|status| status.success()),
                "`{tool}` is missing; install Debian's packages gcc-{} and {}",
                self.prefix().replace('_', "-"),
                self.libc()
            );
        }
        Ok(())
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        })
    }
}
