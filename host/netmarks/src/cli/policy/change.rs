//! `netmarks policy activate`, `shadow`, `canary`, `ready`, `rollback`, `remove`: one call each.

use anyhow::Result;
use netmarks_policies::{ChangeOutcome, PolicyName};
use reqwest::Method;

use super::super::admin_server::AdminServer;
use super::super::output::OutputFormat;
use super::outcome::say_outcome;

/// Flags of the commands about one policy.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Which policy
    name: PolicyName,
    #[command(flatten)]
    server: AdminServer,
    /// How to print what changed
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// Flags of `netmarks policy activate`.
#[derive(Debug, clap::Args)]
pub(super) struct Activate {
    /// Make ready whatever else answers, so that this policy answers alone
    #[arg(long)]
    only: bool,
    #[command(flatten)]
    named: Named,
}

/// Flags of the commands that take a policy from those that answer.
#[derive(Debug, clap::Args)]
pub(super) struct Retire {
    /// Go on if nothing is active then: nothing is scored, kube-scheduler decides alone, and /readyz says that the extender is
    /// not ready
    #[arg(long)]
    leave_nothing_active: bool,
    #[command(flatten)]
    named: Named,
}

/// Flags of `netmarks policy canary`.
#[derive(Debug, clap::Args)]
pub(super) struct Canary {
    /// For how many of 100 workloads it answers
    #[arg(long, value_name = "1-99")]
    percent: u8,
    #[command(flatten)]
    retire: Retire,
}

/// Flags of `netmarks policy rollback`.
#[derive(Debug, clap::Args)]
pub(super) struct RollBack {
    #[command(flatten)]
    server: AdminServer,
    /// How to print what changed
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn activate(args: &Activate) -> Result<()> {
    let Activate { only, named: Named { name, server, output } } = args;
    let path = format!("/v1/policies/{name}/activate");
    let outcome: ChangeOutcome =
        server.call(Method::POST, &path, |request| request.query(&[("only", only)]))?;
    say_outcome(&format!("`{name}`"), &outcome, *output)
}

/// Makes a policy a shadow or ready; `mode` is the last part of the path.
pub(super) fn retire(args: &Retire, mode: &str) -> Result<()> {
    let Retire { leave_nothing_active, named: Named { name, server, output } } = args;
    let path = format!("/v1/policies/{name}/{mode}");
    let outcome: ChangeOutcome = server.call(Method::POST, &path, |request| {
        request.query(&[("leave_nothing_active", leave_nothing_active)])
    })?;
    say_outcome(&format!("`{name}`"), &outcome, *output)
}

pub(super) fn canary(args: &Canary) -> Result<()> {
    let Canary { percent, retire: Retire { leave_nothing_active, named } } = args;
    let Named { name, server, output } = named;
    let path = format!("/v1/policies/{name}/canary");
    let outcome: ChangeOutcome = server.call(Method::POST, &path, |request| {
        request.query(&[("percent", percent)]).query(&[("leave_nothing_active", leave_nothing_active)])
    })?;
    say_outcome(&format!("`{name}`"), &outcome, *output)
}

pub(super) fn roll_back(args: &RollBack) -> Result<()> {
    let RollBack { server, output } = args;
    let outcome: ChangeOutcome = server.call(Method::POST, "/v1/rollback", |request| request)?;
    say_outcome("the earlier set is back", &outcome, *output)
}

pub(super) fn remove(args: &Retire) -> Result<()> {
    let Retire { leave_nothing_active, named: Named { name, server, output } } = args;
    let path = format!("/v1/policies/{name}");
    let outcome: ChangeOutcome = server.call(Method::DELETE, &path, |request| {
        request.query(&[("leave_nothing_active", leave_nothing_active)])
    })?;
    say_outcome(&format!("`{name}` is removed"), &outcome, *output)
}
