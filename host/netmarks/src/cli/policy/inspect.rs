//! `netmarks policy inspect`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use netmarks_core::errors::chain;
use netmarks_engine::{
    Artefact, CONTRACT, Description, Engine, EngineSettings, Inspection, Parameter, ParameterKind,
};
use serde_json::{Value, json};

use super::super::exit::Ended;
use super::super::output::OutputFormat;
use super::super::table::{Column, Table, paragraph};
use super::super::terminal::{say, say_json, width};
use super::flags::{LimitFlags, RunFlags};

const EXAMPLES: &str = "Also looks at a component that would be refused, says why, and exits with 3.

Examples:
  netmarks policy inspect mine.wasm
  netmarks policy inspect mine.wasm --grant wasi
  netmarks policy inspect mine.wasm -o json | jq .refused";

/// Flags of `netmarks policy inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The component
    #[arg(value_name = "POLICY.wasm")]
    policy: PathBuf,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    limits: LimitFlags,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { policy, run, limits, output } = args;
    let bytes =
        std::fs::read(policy).with_context(|| format!("failed to read the policy {}", policy.display()))?;
    let name = policy.file_stem().unwrap_or(policy.as_os_str()).to_string_lossy().into_owned();
    let engine = Engine::new(EngineSettings::default())?;
    let seen = Inspection::of(&engine, Artefact::new(&name, &bytes), &run.settings(limits));
    match output {
        OutputFormat::Table => say(&text(&name, &seen, width()))?,
        OutputFormat::Json => say_json(&machine_readable(&seen))?,
    }
    match &seen.refused {
        None => Ok(()),
        Some(error) => {
            bail!(Ended::refused(format!("{} is refused at {}", policy.display(), error.stage.as_str())))
        }
    }
}

/// The interface of the contract that it exports, of whatever version.
fn contract(seen: &Inspection) -> Option<&str> {
    let name = CONTRACT.split('@').next();
    seen.exports.iter().map(String::as_str).find(|export| export.split('@').next() == name)
}

fn machine_readable(seen: &Inspection) -> Value {
    let Inspection { digest, bytes, imports, exports, description, refused } = seen;
    let refused = refused.as_ref().map(|error| {
        json!({
            "stage": error.stage.as_str(),
            "cause": error.cause.kind(),
            "message": chain(error),
        })
    });
    json!({
        "digest": digest,
        "bytes": bytes,
        "contract": contract(seen),
        "imports": imports,
        "exports": exports,
        "description": description,
        "refused": refused,
    })
}

fn text(name: &str, seen: &Inspection, width: u16) -> String {
    let Inspection { digest, bytes, imports, exports, description, refused } = seen;
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut lines = Vec::new();
    match description {
        Some(Description { name, version, summary, .. }) => {
            lines.push(paragraph("", &format!("{name} {version}"), width));
            lines.extend([paragraph("", summary, width), String::new()]);
        }
        None => {
            let nameless = format!("{name}: it does not get as far as saying what it is");
            lines.extend([paragraph("", &nameless, width), String::new()]);
        }
    }
    let mut field = |name: &str, value: &str| lines.push(paragraph(&format!("{name:<9} "), value, width));
    field("contract", contract(seen).unwrap_or("none"));
    field("imports", &list(imports));
    field("exports", &list(exports));
    if let Some(description) = description {
        field("needs", &list(&description.needs));
    }
    field("size", &format!("{bytes} bytes"));
    field("digest", digest);
    match refused {
        None => field("verdict", "accepted"),
        Some(error) => field("verdict", &format!("refused: {}", chain(error))),
    }
    match description.as_ref().map(|description| description.parameters.as_slice()) {
        None | Some([]) => {}
        Some(parameters) => lines.extend([String::new(), table(parameters, width)]),
    }
    lines.join("\n")
}

fn table(parameters: &[Parameter], width: u16) -> String {
    let mut table = Table::new([
        Column::new("PARAMETER"),
        Column::new("TYPE").spare(1),
        Column::new("DEFAULT"),
        Column::sentences("LIMITS"),
        Column::sentences("WHAT"),
    ]);
    for Parameter { name, summary, kind } in parameters {
        let (type_name, default, limits) = match kind {
            ParameterKind::Number { default, minimum, maximum } => {
                ("number", default.to_string(), format!("{minimum} to {maximum}"))
            }
            ParameterKind::Text { default } => ("text", format!("{default:?}"), String::new()),
            ParameterKind::Toggle { default } => ("toggle", default.to_string(), String::new()),
            ParameterKind::Choice { default, options } => ("choice", default.clone(), options.join(", ")),
        };
        table.row([name.clone(), type_name.to_owned(), default, limits, summary.clone()]);
    }
    table.fit(width)
}
