//! `netmarks admission-review`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use netmarks_admission::Outcome;
use netmarks_admission::review::{Review, decode};
use netmarks_core::yaml::YamlError;
use netmarks_files::Content;
use netmarks_sources::snapshot_file::SnapshotFile;
use serde::Serialize;
use serde_json::Value;

use super::exit::Ended;
use super::terminal::say_json;
use crate::config::Config;
use crate::config::load::{Flags, environment, load};
use crate::model::model_of;
use crate::wiring;

const EXAMPLES: &str = "FILE is a pod's manifest, YAML or JSON, or an AdmissionReview. Prints what came of it and the JSON patch, which is empty where
the pod is left alone.

Examples:
  netmarks admission-review pod.yaml --snapshot cluster.json
  netmarks admission-review pod.yaml --snapshot cluster.json | jq .patch";

/// Largest file that is read, in bytes: what an API server takes, several times over.
const LARGEST: u64 = 8 << 20;

/// The uid of the review that is made around a manifest.
const UID: &str = "admission-review";

/// Flags of `netmarks admission-review`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A pod, or the review of one
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A snapshot file, as `netmarks snapshot` writes it
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// The configuration file, YAML, for the section `admission` and the policy
    #[arg(long, short, env = "NETMARKS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    /// As in `netmarks_admission_reviews_total`.
    outcome: &'static str,
    patch: Vec<Value>,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { file, snapshot, config } = args;
    let config = load(config.as_deref(), &environment(), &Flags::default())?.config;
    let review = read(file)?;
    let report = match review {
        Ok(review) => decide(&SnapshotFile::read(snapshot)?, &review, &config)?,
        Err(outcome) => Report { outcome: outcome.as_str(), patch: Vec::new() },
    };
    say_json(&report)
}

/// The review in a file, or around the pod in it; or why the API server's would be answered without terms.
fn read(file: &Path) -> Result<Result<Review, Outcome>> {
    let read = netmarks_files::read(file, LARGEST);
    let bytes = match read.with_context(|| format!("failed to read {}", file.display()))? {
        Content::Whole(bytes) => bytes,
        Content::TooLarge => bail!("{} has more than {LARGEST} bytes", file.display()),
    };
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not text", file.display()))?;
    let object: Value = serde_saphyr::from_str(&text)
        .map_err(|error| YamlError::from(&error))
        .with_context(|| format!("{} is not YAML", file.display()))?;
    let text = |key: &str| object.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match text("/kind").as_str() {
        "AdmissionReview" => Ok(decode(object.to_string().as_bytes()).map_err(|refused| refused.outcome)),
        "Pod" => {
            let namespace = Some(text("/metadata/namespace")).filter(|namespace| !namespace.is_empty());
            Ok(Ok(Review {
                uid: UID.to_owned(),
                namespace: namespace.unwrap_or_else(|| "default".to_owned()),
                dry_run: true,
                pod: object,
            }))
        }
        _ => bail!(Ended::refused(format!("{} is neither a Pod nor an AdmissionReview", file.display()))),
    }
}

fn decide(snapshot: &SnapshotFile, review: &Review, config: &Config) -> Result<Report> {
    let scoring = wiring::fixed_scoring(config, snapshot.to_index())?;
    let decided = scoring.admission(config, model_of(snapshot)).decide(review);
    Ok(Report { outcome: decided.outcome.as_str(), patch: decided.patch })
}
