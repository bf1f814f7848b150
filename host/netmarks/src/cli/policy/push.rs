//! `netmarks policy push`: to a running extender, a folder, or a registry.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use netmarks_artefacts::beside;
use netmarks_artefacts::{Credentials, Description, FetchConfig, Fetcher, Reference, SigningKey};
use netmarks_engine::Outline;
use netmarks_files::{AtomicWrite, Readers, WriteError};
use netmarks_policies::{ChangeOutcome, PolicyName};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::admin_server::AdminServer;
use super::super::exit::Ended;
use super::super::output::OutputFormat;
use super::super::terminal::{say, say_json};
use super::flags::RunFlags;
use super::outcome::say_submission;
use netmarks_admin::SIGNATURE;

const EXAMPLES: &str = "Without --mode, a policy is loaded and tried, and nothing else.

A running extender says whether it checked a signature, and who signed: the identity of a certificate, or the id of a key, which is
the beginning of its hash:  openssl pkey -pubin -in cosign.pub -outform DER | sha256sum | cut -c-16

Examples:
  netmarks policy push mine.wasm --mode shadow
  netmarks policy push mine.wasm --mode canary --percent 5 --parameter price=3
  netmarks policy push interpreted.wasm --mode shadow --deadline-ms 150
  netmarks policy push mine.wasm --folder /var/lib/netmarks/policies --mode active
  netmarks policy push mine.wasm --signature mine.wasm.sigstore.json
  netmarks policy push mine.wasm --registry registry.example/policies/mine:1.2.0 --key signing.pem";

/// Flags of `netmarks policy push`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The component
    #[arg(value_name = "POLICY.wasm")]
    policy: PathBuf,
    /// What to call it; by default the file's name without its ending
    #[arg(long)]
    name: Option<PolicyName>,
    /// Write it into a watched folder instead
    #[arg(long, value_name = "FOLDER", conflicts_with = "registry")]
    folder: Option<PathBuf>,
    /// Push it to an OCI registry instead
    #[arg(long, value_name = "REGISTRY/REPOSITORY:TAG")]
    registry: Option<String>,
    /// Credentials for the registry: a docker config.json
    #[arg(long, value_name = "FILE", requires = "registry")]
    registry_config: Option<PathBuf>,
    /// A CA certificate (PEM) to trust for the registry
    #[arg(long, value_name = "FILE", requires = "registry")]
    registry_ca_file: Option<PathBuf>,
    /// Sign it with this private key (PEM, PKCS#8, ECDSA P-256)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Its signature, made by `cosign sign-blob --bundle FILE`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "registry"])]
    signature: Option<PathBuf>,
    /// What its scores count for
    #[arg(long, value_enum)]
    mode: Option<ModeName>,
    /// For how many of 100 workloads a canary answers
    #[arg(long, value_name = "1-99", required_if_eq("mode", "canary"))]
    percent: Option<u8>,
    /// Its weight beside other active policies
    #[arg(long)]
    weight: Option<f64>,
    /// How its raw scores become shares: max, min-max, rank, none
    #[arg(long, value_name = "NAME")]
    normalisation: Option<String>,
    /// What happens to the others when it fails: skip, neutral
    #[arg(long, value_name = "NAME")]
    on_fault: Option<String>,
    /// Longest time of one call, in milliseconds, where the default of 50 is too short; keep it below the extender's
    /// `server.request_timeout_ms`
    #[arg(long, value_name = "NUMBER")]
    deadline_ms: Option<u64>,
    /// Most memory of one call, in MiB, where the default of 64 is too little
    #[arg(long, value_name = "NUMBER")]
    memory_mib: Option<u32>,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    server: AdminServer,
    /// How to print what changed
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// It answers
    Active,
    /// It answers for some workloads
    Canary,
    /// It scores every request, and only its report shows the scores
    Shadow,
    /// It is loaded
    Ready,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let bytes = std::fs::read(&args.policy)
        .with_context(|| format!("failed to read the policy {}", args.policy.display()))?;
    let key = args.key.as_deref().map(SigningKey::read).transpose()?;
    if let Some(reference) = &args.registry {
        return to_registry(args, reference, bytes, key.as_ref());
    }
    let signature = match (&args.signature, &key) {
        (Some(file), _) => Some(read_signature(file)?),
        (None, Some(key)) => Some(netmarks_artefacts::sign_blob(key, &bytes)?),
        (None, None) => None,
    };
    match &args.folder {
        Some(folder) => to_folder(args, folder, &bytes, signature.as_deref()),
        None => to_server(args, bytes, signature.as_deref()),
    }
}

/// A signature that somebody else made, in one line, so that it fits into a header.
fn read_signature(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read the signature {}", file.display()))?;
    Ok(text.split_terminator(['\n', '\r']).collect())
}

fn name(args: &Args) -> Result<PolicyName> {
    match &args.name {
        Some(name) => Ok(name.clone()),
        None => {
            let stem = args.policy.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            PolicyName::try_from(stem).context("the file's name cannot be the policy's; give one with --name")
        }
    }
}

/// What was given of these.
fn given<const N: usize>(settings: [(&str, Option<Value>); N]) -> Map<String, Value> {
    settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The settings that were given, as their keys are called everywhere.
fn settings(args: &Args) -> Result<Map<String, Value>> {
    let mut settings = given([
        ("weight", args.weight.map(Value::from)),
        ("normalisation", args.normalisation.clone().map(Value::from)),
        ("on_fault", args.on_fault.clone().map(Value::from)),
    ]);
    let limits = given([
        ("deadline_ms", args.deadline_ms.map(Value::from)),
        ("memory_mib", args.memory_mib.map(Value::from)),
    ]);
    if !limits.is_empty() {
        settings.insert("limits".into(), limits.into());
    }
    let RunFlags { grant, parameter } = &args.run;
    if !grant.is_empty() {
        settings.insert("grants".into(), serde_json::to_value(grant)?);
    }
    if !parameter.is_empty() {
        let parameters: std::collections::BTreeMap<_, _> = parameter.iter().cloned().collect();
        settings.insert("parameters".into(), serde_json::to_value(parameters)?);
    }
    Ok(settings)
}

fn mode(args: &Args) -> Vec<(&'static str, String)> {
    let name = args.mode.map(|mode| match mode {
        ModeName::Active => "active",
        ModeName::Canary => "canary",
        ModeName::Shadow => "shadow",
        ModeName::Ready => "ready",
    });
    let mut pairs: Vec<_> = name.map(|name| ("mode", name.to_owned())).into_iter().collect();
    pairs.extend(args.percent.map(|percent| ("percent", percent.to_string())));
    pairs
}

fn to_server(args: &Args, bytes: Vec<u8>, signature: Option<&str>) -> Result<()> {
    let name = name(args)?;
    let mut query: Vec<(String, String)> =
        mode(args).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    for (setting, value) in settings(args)? {
        match value {
            Value::Object(inner) => {
                query.extend(
                    inner.into_iter().map(|(key, value)| (format!("{setting}.{key}"), value.to_string())),
                );
            }
            Value::Array(list) => {
                query.extend(
                    list.iter().filter_map(|item| Some((setting.clone(), item.as_str()?.to_owned()))),
                );
            }
            Value::String(text) => query.push((setting, text)),
            value => query.push((setting, value.to_string())),
        }
    }
    let outcome: ChangeOutcome =
        args.server.call(Method::PUT, &format!("/v1/policies/{name}"), |request| {
            let request = request.query(&query).body(bytes);
            match signature {
                Some(signature) => request.header(SIGNATURE, signature),
                None => request,
            }
        })?;
    say_submission(&format!("`{name}`"), &outcome, args.output)
}

/// First what belongs to the component, then the component, each whole or not at all: the server takes it when it
/// sees it.
fn to_folder(args: &Args, folder: &Path, bytes: &[u8], signature: Option<&str>) -> Result<()> {
    let name = name(args)?;
    if !folder.is_dir() {
        bail!(Ended::not_found(format!("the folder `{}` does not exist", folder.display())));
    }
    let mut settings = settings(args)?;
    for (key, value) in mode(args) {
        let value = if key == "percent" { serde_json::from_str(&value)? } else { Value::from(value) };
        settings.insert(key.to_owned(), value);
    }
    let file = folder.join(format!("{name}.wasm"));
    if !settings.is_empty() {
        // JSON is YAML.
        write(&folder.join(format!("{name}.yaml")), serde_json::to_string_pretty(&settings)?.as_bytes())?;
    }
    if let Some(signature) = signature {
        write(&folder.join(format!("{name}.wasm{}", beside::BUNDLE)), signature.as_bytes())?;
    }
    let before =
        if settings.is_empty() && signature.is_none() { None } else { Some("its settings or its signature") };
    let written = write(&file, bytes);
    match before {
        Some(before) => {
            written.with_context(|| Ended::partly(format!("wrote {before}, but not the policy itself")))?;
        }
        None => written?,
    }
    match args.output {
        OutputFormat::Table => {
            say(&format!("wrote {}; whoever watches the folder takes it within seconds", file.display()))
        }
        OutputFormat::Json => say_json(&json!({ "file": file, "settings": settings })),
    }
}

/// The server may be another user.
fn write(file: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    AtomicWrite::to(file).readers(Readers::Umask).write(bytes)
}

fn to_registry(args: &Args, reference: &str, bytes: Vec<u8>, key: Option<&SigningKey>) -> Result<()> {
    if args.mode.is_some() || !settings(args)?.is_empty() {
        bail!(
            "a registry keeps the component only; give mode and settings where it is used (a ScoringPolicy)"
        );
    }
    let reference: Reference = reference.parse()?;
    let credentials = args.registry_config.clone().map_or(Credentials::Anonymous, Credentials::File);
    let config =
        FetchConfig { credentials, ca_file: args.registry_ca_file.clone(), ..FetchConfig::default() };
    let fetcher = Fetcher::new(config);
    let title = args.policy.file_name().map(|name| name.to_string_lossy().into_owned());
    let Outline { imports, exports } = Outline::of(&bytes);
    let about = Description { title, imports, exports, ..Description::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pushed = runtime.block_on(async {
        let pushed = fetcher.push(&reference, bytes, &about).await?;
        if let Some(key) = key {
            // By its digest: a tag could be another's by now.
            let signed = fetcher.sign(&pushed.resolved.parse()?, key).await;
            signed.with_context(|| {
                Ended::partly(format!("pushed {}, but it is not signed", pushed.resolved))
            })?;
        }
        anyhow::Ok(pushed)
    })?;
    match args.output {
        OutputFormat::Table => {
            say(&format!("pushed {}{}", pushed.resolved, if key.is_some() { ", signed" } else { "" }))
        }
        OutputFormat::Json => {
            let (digest, resolved) = (pushed.digest.to_string(), pushed.resolved);
            say_json(&json!({ "digest": digest, "reference": resolved, "signed": key.is_some() }))
        }
    }
}
