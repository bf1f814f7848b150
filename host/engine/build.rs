//! Tells the crate which wasmtime it is built with: wasmtime itself does not say.

use std::error::Error;
use std::io::Write as _;
use std::{env, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let lock = format!("{}/../../Cargo.lock", env::var("CARGO_MANIFEST_DIR")?);
    let packages = fs::read_to_string(&lock)?;
    let version = packages
        .split("[[package]]")
        .filter(|package| package.contains("\nname = \"wasmtime\"\n"))
        .find_map(|package| package.lines().find_map(|line| line.strip_prefix("version = ")))
        .ok_or("Cargo.lock has no wasmtime")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "cargo::rerun-if-changed={lock}")?;
    writeln!(stdout, "cargo::rustc-env=NETMARKS_WASMTIME_VERSION={}", version.trim_matches('"'))?;
    Ok(())
}
