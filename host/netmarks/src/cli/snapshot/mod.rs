//! `netmarks snapshot`: one file of a running extender, of a cluster and its metrics store, of another file, or made up.

pub(super) mod cluster;
pub(super) mod extender;
mod generate;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ArgGroup;
use netmarks_core::units::bytes_per_second;
use netmarks_snapshots::anonymise::{Aliases, Key, KeyFile, anonymise};
use netmarks_snapshots::collect::kinds::cluster_role;
use netmarks_sources::snapshot_file::SnapshotFile;

use super::exit::Ended;
use super::terminal::{print_warning, say, say_json};

const EXAMPLES: &str = "Without a source it asks a running extender at http://127.0.0.1:9820.
With --kubeconfig or --in-cluster nothing has to be installed: it lists objects and asks the
store, with read-only rights, and changes nothing. docs/snapshots.md has more.

Examples:
  netmarks snapshot --file cluster.json
  netmarks snapshot --server http://10.0.0.7:9820 --file cluster.json
  netmarks snapshot --kubeconfig ~/.kube/config --metrics-url http://localhost:9090 -f cluster.json
  netmarks snapshot --print-role | kubectl apply -f -
  netmarks snapshot --input cluster.json --anonymise --key-file key.json --file to-send.json
  netmarks snapshot --generate company --seed 7 --file made-up.json
  netmarks snapshot --file - | jq '.flows | length'";

/// Flags of `netmarks snapshot`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("source").args(["server", "kubeconfig", "in_cluster", "input", "generate", "print_role"]))]
pub(super) struct Args {
    #[command(flatten)]
    extender: extender::Args,
    #[command(flatten)]
    cluster: cluster::Args,
    /// Read an existing snapshot file, of any version; `-` is stdin
    #[arg(long, value_name = "FILE", help_heading = "From a file")]
    input: Option<PathBuf>,
    #[command(flatten)]
    generate: generate::Args,
    /// Replace all names and label values, the same name by the same word, so that the file can leave the company
    #[arg(long, help_heading = "Names", visible_alias = "anonymize")]
    anonymise: bool,
    /// Also write what leads back: the key, and what each word stands for. An existing key file is used again, so that two snapshots
    /// have the same words. Keep it to yourself
    #[arg(long, value_name = "FILE", requires = "anonymise", help_heading = "Names")]
    key_file: Option<PathBuf>,
    /// Print the smallest ClusterRole that --kubeconfig needs, and do nothing else
    #[arg(long, conflicts_with_all = ["file", "anonymise"], help_heading = "Output")]
    print_role: bool,
    /// Where to write it; `-` is stdout
    #[arg(long, short, value_name = "FILE", required_unless_present = "print_role", help_heading = "Output")]
    file: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<()> {
    // Taken apart without `..`: a flag that nobody handles does not compile.
    let Args { extender, cluster, input, generate, anonymise, key_file, print_role, file } = args;
    if print_role {
        return say(cluster_role().trim_end());
    }
    let Some(to) = file else { bail!("give --file with where to write the snapshot") };
    if key_file.as_ref() == Some(&to) {
        bail!("--key-file and --file name the same file; the key must not leave with the snapshot");
    }
    let mut wanted = Vec::new();
    let snapshot = if let Some(input) = input {
        read(&input)?
    } else if generate.is_wanted() {
        generate.generate()?
    } else if cluster.is_wanted() {
        let taken = cluster.take()?;
        wanted = taken.lost;
        taken.snapshot
    } else {
        extender.fetch()?
    };
    for missing in &snapshot.missing {
        print_warning(&format!("{} missing: {}", missing.what, missing.why));
    }
    let snapshot = if anonymise { renamed(snapshot, key_file.as_deref())? } else { snapshot };
    if to.as_os_str() == "-" {
        say_json(&snapshot)?;
    } else {
        snapshot.write(&to)?;
        say(&summary(&snapshot, &to))?;
    }
    match wanted.as_slice() {
        [] => Ok(()),
        lost => Err(Ended::partly(format!("the snapshot is written without {}", lost.join(", "))).into()),
    }
}

fn read(input: &Path) -> Result<SnapshotFile> {
    if input.as_os_str() != "-" {
        return Ok(SnapshotFile::read(input)?);
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).context("failed to read stdin")?;
    Ok(SnapshotFile::from_json(&text)?)
}

/// With other names. The key is written first: a snapshot whose key was lost could not be read by its owner any more.
fn renamed(snapshot: SnapshotFile, key_file: Option<&Path>) -> Result<SnapshotFile> {
    let Some(key_file) = key_file else {
        let key = Key::random().context("the system has no source of randomness")?;
        return Ok(anonymise(snapshot, &mut Aliases::new(key)));
    };
    let key_file = KeyFile::open(key_file)?;
    let mut aliases = Aliases::new(key_file.key().clone());
    let snapshot = anonymise(snapshot, &mut aliases);
    key_file.write(&aliases)?;
    Ok(snapshot)
}

fn summary(snapshot: &SnapshotFile, to: &Path) -> String {
    let total: f64 = snapshot.flows.iter().map(|flow| flow.bytes_per_second).sum();
    format!(
        "wrote {}: {} nodes, {} pods, {} flows carrying {}",
        to.display(),
        snapshot.nodes.len(),
        snapshot.pods.len(),
        snapshot.flows.len(),
        bytes_per_second(total)
    )
}
