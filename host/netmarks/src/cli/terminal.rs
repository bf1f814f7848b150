//! The one writer of the commands: whatever a person or a program gets to see passes through here.
//!
//! Names come from metrics, pods, policies and servers, so nothing is written that a terminal would act on.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;
use netmarks_core::printable;
use serde::Serialize;

/// Columns where neither a terminal nor `COLUMNS` says: in a pipe, in a file.
const UNKNOWN_WIDTH: u16 = 120;

/// Below this nothing can be laid out; a terminal then breaks the lines as it does.
const LEAST_WIDTH: u16 = 40;

/// Goes to the beginning of the line and empties it.
const CLEAR: &str = "\r\x1b[K";

/// Columns that a line may take: `COLUMNS`, or what the terminal has.
pub(super) fn width() -> u16 {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    told.or_else(seen).filter(|width| *width > 0).unwrap_or(UNKNOWN_WIDTH).max(LEAST_WIDTH)
}

/// Prints a result for people to stdout.
pub(super) fn say(text: &str) -> Result<()> {
    print(&printable::lines(text))
}

/// Prints a result for programs to stdout, as JSON.
pub(super) fn say_json(result: &impl Serialize) -> Result<()> {
    print(&printable::json(&serde_json::to_string_pretty(result)?))
}

/// Prints one of many results for programs to stdout, as one line of JSON.
pub(super) fn say_json_line(result: &impl Serialize) -> Result<()> {
    print(&printable::json(&serde_json::to_string(result)?))
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Prints an error with its causes, and nothing else, to stderr.
pub fn print_error(error: &anyhow::Error) {
    let mut stderr = std::io::stderr().lock();
    let label = if stderr.is_terminal() { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    // If stderr is gone there is nobody to tell.
    let _ = writeln!(stderr, "{label} {}", below(error));
    for cause in error.chain().skip(1) {
        let _ = writeln!(stderr, "  because {}", below(cause));
    }
}

/// Prints a remark to stderr: what is worth a look, though the command does what it was told.
pub(super) fn print_warning(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let label = if stderr.is_terminal() { "\x1b[1;33mwarning:\x1b[0m" } else { "warning:" };
    let _ = writeln!(stderr, "{label} {}", below(text));
}

/// Prints a line about what was done on the way to stderr: stdout has the result.
pub(super) fn print_remark(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let clear = if stderr.is_terminal() { CLEAR } else { "" };
    let _ = writeln!(stderr, "{clear}{}", printable::one_line(text));
}

/// Shows on a terminal what is being done, until the next line takes its place; a log has no use for it.
pub(super) fn print_passing(text: &str) {
    let mut stderr = std::io::stderr().lock();
    if stderr.is_terminal() {
        let _ = write!(stderr, "{CLEAR}{}", printable::one_line(text));
        let _ = stderr.flush();
    }
}

/// A message whose further lines stand below its first, so that none of them can pass for another message.
fn below(message: &(impl std::fmt::Display + ?Sized)) -> String {
    printable::lines(message.to_string().trim_end()).replace('\n', "\n    ")
}
