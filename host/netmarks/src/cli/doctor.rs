//! `netmarks doctor`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use netmarks_doctor::{Configured, Finding, Namespaced, Report, Status, Subject, examine};

use super::client;
use super::output::OutputFormat;
use super::table::{Column, Table, paragraph};
use super::terminal::{say, say_json, width};
use crate::config::Config;
use crate::config::load::{Flag, Flags, environment, load};

const EXAMPLES: &str = "It reads and changes nothing. Give it the extender's own configuration, so that it looks at the same things:
keys, environment variables and flags are those of `netmarks serve`. A running extender is reached with
`kubectl port-forward`. What each check means: docs/doctor.md.

Exit code: 0 if there is no problem, warnings or not; 1 if there is one; `netmarks --help` has the others.

Examples:
  netmarks doctor --config config.yaml --service-account netmarks/netmarks
  netmarks doctor --server http://127.0.0.1:9820 --scheduler-config scheduler.yaml
  netmarks doctor --server http://127.0.0.1:9820 --pod shop/cart-0
  netmarks doctor -o json | jq '.findings[] | select(.status == \"problem\")'";

/// Flags of `netmarks doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The extender's configuration file, YAML
    #[arg(long, short, env = "NETMARKS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The kubeconfig [key: cluster.kubeconfig]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Base URL of a Prometheus-compatible API, as it is reached from here [key: metrics.url]
    #[arg(long, value_name = "URL")]
    metrics_url: Option<String>,
    /// Which mesh made the metrics [key: metrics.preset]
    #[arg(long, value_name = "NAME")]
    metrics_preset: Option<String>,
    /// What names an application: app, canonical-service, workload [key: identity]
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// Look at the rights of the extender's account instead of your own
    #[arg(long, value_name = "NAMESPACE/NAME")]
    service_account: Option<Namespaced>,
    /// Where the extender is installed; by default the account's, the configuration's or the kubeconfig's namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Base URL of a running extender: is it ready, does the scheduler call, what did it answer. Give it once for each
    /// replica: a scheduler keeps to one of them
    #[arg(long, value_name = "URL", value_parser = client::base_url)]
    server: Vec<String>,
    #[command(flatten)]
    tls: client::ClientTls,
    /// Configuration of the cluster's own kube-scheduler, copied from its node; that of the second one is found in its
    /// ConfigMap
    #[arg(long, value_name = "FILE")]
    scheduler_config: Option<PathBuf>,
    /// Explain where this pod went; needs --server
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "server")]
    pod: Option<Namespaced>,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

impl Args {
    /// Taken apart without `..`: a flag that nobody handles does not compile.
    fn into_parts(self) -> Result<(Subject, OutputFormat)> {
        let Self {
            config,
            kubeconfig,
            metrics_url,
            metrics_preset,
            identity,
            service_account,
            namespace,
            server,
            tls,
            scheduler_config,
            pod,
            output,
        } = self;
        let kubeconfig = kubeconfig.map(|path| path.to_string_lossy().into_owned());
        let flags = [
            ("--kubeconfig", "cluster.kubeconfig", kubeconfig),
            ("--metrics-url", "metrics.url", metrics_url),
            ("--metrics-preset", "metrics.preset", metrics_preset),
            ("--identity", "identity", identity),
        ];
        let flags = flags.into_iter();
        let flags: Flags =
            flags.filter_map(|(name, key, value)| Some(Flag { name, key, value: value?.into() })).collect();
        let loaded = load(config.as_deref(), &environment(), &flags)?;
        let config_given = config.is_some() || loaded.is_set("");
        let mut extenders = Vec::new();
        for url in server {
            extenders.push((url, tls.client()?.build()?));
        }
        Ok((
            Subject {
                config: configured(loaded.config),
                config_given,
                account: service_account,
                namespace,
                extenders,
                scheduler_config,
                pod,
            },
            output,
        ))
    }
}

/// What the examination holds against what is there.
fn configured(config: Config) -> Configured {
    Configured {
        identity: config.identity,
        cluster: config.cluster,
        metrics: config.metrics,
        policies: config.policies.kubernetes,
        reviews_tokens: config.admin.kubernetes,
        request_timeout: config.server.request_timeout(),
        serves_https: config.server.tls.cert_file.is_some(),
        asks_for_certificate: config.server.tls.client_ca_file.is_some(),
        top: config.scoring.top,
    }
}

pub(super) fn run(args: Args) -> Result<()> {
    let (subject, output) = args.into_parts()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(Box::pin(examine(&subject)));
    match output {
        OutputFormat::Json => say_json(&report)?,
        OutputFormat::Table => say(&text(&report, width()))?,
    }
    match report.count(Status::Problem) {
        0 => Ok(()),
        1 => bail!("found 1 problem"),
        problems => bail!("found {problems} problems"),
    }
}

/// The findings as a table, and below it what to do, numbered.
fn text(report: &Report, width: u16) -> String {
    let mut table = Table::new([Column::new("CHECK"), Column::new("STATUS"), Column::sentences("FOUND")]);
    for Finding { check, status, found, advice: _ } in &report.findings {
        table.row([(*check).to_owned(), status.as_str().to_owned(), found.clone()]);
    }
    let mut text = table.fit(width);
    let advised = report.findings.iter().filter_map(|finding| Some((finding, finding.advice.as_ref()?)));
    for (number, (finding, advice)) in advised.enumerate() {
        if number == 0 {
            text.push_str("\n\nWhat to do");
        }
        let mark = format!("{:>3}. ", number + 1);
        text.push_str(&format!("\n{}", paragraph(&mark, &format!("{}: {advice}", finding.check), width)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_table_and_a_list() {
        let finding = |check, status, found: &str, advice: Option<&str>| Finding {
            check,
            status,
            found: found.to_owned(),
            advice: advice.map(str::to_owned),
        };
        let findings = vec![
            finding("cluster", Status::Ok, "the API server answers; it is v1.36.3", None),
            finding(
                "rights",
                Status::Problem,
                "system:serviceaccount:netmarks:netmarks may not watch nodes: it does not see nodes come and go, and that is more than \
                 one line",
                Some("allow it in a ClusterRole that is bound to the extender's service account"),
            ),
            finding(
                "extender",
                Status::Skipped,
                "no running extender was asked",
                Some("give --server with its address"),
            ),
            finding(
                "nodes scored",
                Status::Warning,
                "420 of 1000 nodes are scored",
                Some("raise `percentageOfNodesToScore`"),
            ),
        ];
        let shown = format!("{}\n", text(&Report { findings }, 120));
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/doctor.txt");
        if std::env::var_os("NETMARKS_BLESS").is_some() {
            std::fs::write(golden, &shown).unwrap();
        }
        assert_eq!(shown, std::fs::read_to_string(golden).unwrap(), "NETMARKS_BLESS=1 renews it");
    }
}
