//! Calls of the admin listener, the same for every command that makes one.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use netmarks_core::printable;
use netmarks_policies::{Answering, ChangeOutcome, Mode};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::client::{ClientTls, base_url, unreachable};
use super::super::exit::Ended;
use super::super::output::OutputFormat;
use super::super::terminal::{say, say_json};

/// Which admin listener, and who is calling.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// Base URL of the admin listener (`admin.listen`)
    #[arg(long, env = "NETMARKS_ADMIN_SERVER", default_value = DEFAULT, value_name = "URL", value_parser = base_url)]
    server: String,
    /// A file with the token to present
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: ClientTls,
}

/// Where `netmarks demo` listens, and the documentation's examples.
pub(in super::super) const DEFAULT: &str = "http://127.0.0.1:9822";

impl Server {
    /// Makes one call and reads its answer.
    ///
    /// # Errors
    /// If nobody answers, or the answer is a refusal: then with the server's reason.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.ask(method, path, prepare))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        prepare: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T> {
        let url = format!("{}{path}", self.server);
        let mut request = self.tls.client()?.build()?.request(method, &url);
        if let Some(file) = &self.token_file {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("failed to read the token in {}", file.display()))?;
            request = request.bearer_auth(token.trim());
        }
        let hint = "is `admin.listen` set for `netmarks serve`? (--server)";
        let response = prepare(request).send().await.map_err(|error| unreachable(&url, error, hint))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("{url} ended its answer early"))?;
        if !status.is_success() {
            let said: Option<Value> = serde_json::from_str(&text).ok();
            let reason = said.as_ref().and_then(|said| said.get("error")?.as_str()).map(str::to_owned);
            let known = reason.is_some();
            let reason = reason.unwrap_or_else(|| {
                format!("{url} answered {status}: {}", text.lines().next().unwrap_or_default())
            });
            match status {
                // Without a reason of its own it is not an admin listener.
                StatusCode::NOT_FOUND if known => bail!(Ended::not_found(reason)),
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => bail!("{reason}"),
                status if status.is_client_error() && known => bail!(Ended::refused(reason)),
                _ => bail!("{reason}"),
            }
        }
        serde_json::from_str(&text)
            .with_context(|| format!("{url} answered something else; is it an admin listener?"))
    }
}

/// Says what an operation changed.
pub(super) fn say_outcome(what: &str, outcome: &ChangeOutcome, output: OutputFormat) -> Result<()> {
    match output {
        OutputFormat::Json => say_json(outcome),
        OutputFormat::Table => {
            say(&format!("{}\n{}", done(what, outcome), answering_now(&outcome.answering)))
        }
    }
}

/// Says what a submission changed, and whether a signature was checked.
pub(super) fn say_submission(what: &str, outcome: &ChangeOutcome, output: OutputFormat) -> Result<()> {
    let Some(entry) = outcome.entry.as_ref().filter(|_| output == OutputFormat::Table) else {
        return say_outcome(what, outcome, output);
    };
    // A certificate chooses the words of its identity.
    let signature = entry.signature.to_string();
    let signature = printable::one_line(&signature);
    say(&format!("{}\n{signature}\n{}", done(what, outcome), answering_now(&outcome.answering)))
}

fn done(what: &str, outcome: &ChangeOutcome) -> String {
    let ChangeOutcome { generation, changed, entry, answering: _ } = outcome;
    let now = entry.as_ref().map_or_else(
        || what.to_owned(),
        |entry| {
            let digest = entry.digest.get(..19).unwrap_or(&entry.digest);
            format!("`{}` is {} ({digest}, revision {})", entry.name, entry.mode, entry.revision)
        },
    );
    match changed {
        true => format!("{now}; generation {generation}"),
        false => format!("nothing changed: {now}; still generation {generation}"),
    }
}

/// What answers, each with its share of the weights.
fn answering_now(answering: &[Answering]) -> String {
    let active = answering.iter().filter(|policy| policy.mode == Mode::Active);
    let total: f64 = active.clone().map(|policy| policy.weight).sum();
    if total <= 0.0 {
        return "no policy is active: nothing is scored, kube-scheduler decides alone, and /readyz says that the extender is not ready"
            .to_owned();
    }
    let shown = answering.iter().map(|Answering { name, mode, weight }| match mode {
        Mode::Active => format!("{name} (weight {weight}, {:.0}%)", weight / total * 100.0),
        other => format!("{name} ({other})"),
    });
    format!("scoring now: {}", shown.collect::<Vec<_>>().join(", "))
}
