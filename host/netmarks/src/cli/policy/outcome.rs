//! What a change came to, as it is said.

use anyhow::Result;
use netmarks_core::printable;
use netmarks_policies::{Answering, ChangeOutcome, Mode};

use super::super::output::OutputFormat;
use super::super::terminal::{say, say_json};

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
