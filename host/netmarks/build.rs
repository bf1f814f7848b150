//! Hands `--version` what it was built from and with.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=NETMARKS_REVISION");
    println!("cargo::rustc-env=NETMARKS_RUSTC={}", rustc());
    println!("cargo::rustc-env=NETMARKS_REVISION={}", revision());
}

fn rustc() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    output(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".to_owned())
}

/// As whoever builds the image gives it, or else as git says. A development build has none: it would be compiled again after
/// every commit.
fn revision() -> String {
    if let Ok(given) = std::env::var("NETMARKS_REVISION") {
        return given;
    }
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return "development build".to_owned();
    }
    let head = output(Command::new("git").args(["rev-parse", "--git-path", "logs/HEAD"]));
    if let Some(head) = head.filter(|head| std::path::Path::new(head).exists()) {
        println!("cargo::rerun-if-changed={head}");
    }
    let described =
        output(Command::new("git").args(["describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]));
    described.unwrap_or_else(|| "unknown".to_owned())
}

/// What a program printed; nothing if it could not.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
