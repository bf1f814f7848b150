//! `netmarks policy activate`, `shadow`, `canary`, `ready`, `rollback`, `remove`: one call each.

use anyhow::Result;
use netmarks_policies::{ChangeOutcome, PolicyName};
use reqwest::Method;

use super::super::output::OutputFormat;
use super::server::{Server, say_outcome};

/// Flags of the commands about one policy.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Which policy
    name: PolicyName,
    #[command(flatten)]
    server: Server,
    /// How to print what changed
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// Flags of `netmarks policy canary`.
#[derive(Debug, clap::Args)]
pub(super) struct Canary {
    /// For how many of 100 workloads it answers
    #[arg(long, value_name = "1-99")]
    percent: u8,
    #[command(flatten)]
    named: Named,
}

/// Flags of `netmarks policy rollback`.
#[derive(Debug, clap::Args)]
pub(super) struct RollBack {
    #[command(flatten)]
    server: Server,
    /// How to print what changed
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// Gives a policy another mode; `mode` is the last part of the path.
pub(super) fn set_mode(args: &Named, mode: &str) -> Result<()> {
    let Named { name, server, output } = args;
    let outcome: ChangeOutcome =
        server.call(Method::POST, &format!("/v1/policies/{name}/{mode}"), |request| request)?;
    say_outcome(&format!("`{name}`"), &outcome, *output)
}

pub(super) fn canary(args: &Canary) -> Result<()> {
    let Canary { percent, named: Named { name, server, output } } = args;
    let path = format!("/v1/policies/{name}/canary");
    let outcome: ChangeOutcome =
        server.call(Method::POST, &path, |request| request.query(&[("percent", percent)]))?;
    say_outcome(&format!("`{name}`"), &outcome, *output)
}

pub(super) fn roll_back(args: &RollBack) -> Result<()> {
    let RollBack { server, output } = args;
    let outcome: ChangeOutcome = server.call(Method::POST, "/v1/rollback", |request| request)?;
    say_outcome("the earlier set is back", &outcome, *output)
}

pub(super) fn remove(args: &Named) -> Result<()> {
    let Named { name, server, output } = args;
    let outcome: ChangeOutcome =
        server.call(Method::DELETE, &format!("/v1/policies/{name}"), |request| request)?;
    say_outcome(&format!("`{name}` is removed"), &outcome, *output)
}
