//! Is kube-scheduler configured to ask the extender, and to listen to it?
//!
//! The rules are those of kube-scheduler's own source (`pkg/scheduler/extender.go`, `apis/config/validation`, 1.36): what it refuses,
//! ignores or takes for granted.

use std::time::Duration;

use super::Finding;
use super::config::Configured;
use super::plugins::{FACTOR, MOST, nodes_scored};
use super::scheduler_config::{DEFAULT_NAME, ExtenderEntry, SchedulerConfig, go_duration};
use super::schedulers::Seen;

const CHECK: &str = "scheduler";
const WEIGHT: &str = "weight";
const NODES: &str = "nodes scored";

/// What kube-scheduler waits where the configuration says nothing.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Pods are scheduled one by one: from here on, an extender that hangs holds all of them up.
const LONG_TIMEOUT: Duration = Duration::from_secs(1);

/// The version of kube-scheduler's configuration that all supported versions of Kubernetes read.
const API_VERSION: &str = "kubescheduler.config.k8s.io/v1";

/// Compares a configuration with the extender's own, for a cluster of so many nodes if that is known.
pub(super) fn findings_of(seen: &Seen, ours: &Configured, nodes: Option<usize>) -> Vec<Finding> {
    let (from, config) = match seen {
        Seen::Nowhere(reason) => {
            return vec![Finding::skipped(
                CHECK,
                format!("kube-scheduler's configuration is not to be seen from here: {reason}"),
                "give --scheduler-config FILE with a copy from a control plane node; the extender's last call says whether \
                 it is asked at all",
            )];
        }
        Seen::NoFile(pods) => {
            let (noun, verb) = if pods.len() == 1 { ("pod", "runs") } else { ("pods", "run") };
            let pods = pods.join(" and ");
            return vec![Finding::problem(
                CHECK,
                format!("the {noun} {pods} {verb} without --config: without extenders, ours is never asked"),
                "give every kube-scheduler a configuration file with the entry of deploy/kube-scheduler/config.yaml; docs/install.md \
                 says how, for kubeadm and k3s. `kubeadm upgrade` writes the manifest again, without it",
            )];
        }
        Seen::Unusable(reason) => {
            let advice = "kube-scheduler does not start with it; deploy/kube-scheduler/config.yaml is an example that works";
            return vec![Finding::problem(CHECK, reason, advice)];
        }
        Seen::Config { from, config, .. } => (from, config),
    };
    let names = config.names();
    let Some(entry) = config.entry() else {
        let found = if config.extenders.is_empty() {
            "has no extenders"
        } else {
            "has no extender with a prioritizeVerb"
        };
        return vec![Finding::problem(
            CHECK,
            format!("{from} {found}: the extender is never asked"),
            "add the entry of deploy/kube-scheduler/config.yaml under `extenders`, on every control plane node, and restart \
             kube-scheduler: it reads the file only when it starts",
        )];
    };
    let mut findings: Vec<Finding> = faults(seen, entry, ours)
        .into_iter()
        .map(|Fault { fatal, found, advice }| {
            let found = format!("{from}: {found}");
            if fatal {
                Finding::problem(CHECK, found, advice)
            } else {
                Finding::warning(CHECK, found, advice)
            }
        })
        .collect();
    if findings.is_empty() {
        let found = format!("{from} has {} ask {}", names.join(" and "), entry.url_prefix);
        findings.push(Finding::ok(CHECK, found));
    }
    for name in &names {
        if entry.weight > 0 {
            findings.push(weigh(config, entry, name, ours));
        }
        if let Some(nodes) = nodes {
            findings.push(scored(config, name, nodes));
        }
    }
    findings
}

struct Fault {
    /// Whether it keeps the extender from being asked or heard, or pods from being scheduled.
    fatal: bool,
    found: String,
    advice: &'static str,
}

/// What keeps kube-scheduler from starting, whatever its extenders are.
fn whole(config: &SchedulerConfig) -> Vec<Fault> {
    let mut faults = Vec::new();
    if config.api_version != API_VERSION {
        faults.push(Fault {
            fatal: true,
            found: format!("`apiVersion` is `{}`", config.api_version),
            advice: "set it to `kubescheduler.config.k8s.io/v1`: kube-scheduler has read no other version since 1.29 and does not start with it",
        });
    }
    let names = config.names();
    let twice = names
        .iter()
        .enumerate()
        .find(|(place, name)| names.iter().take(*place).any(|before| before == *name));
    if let Some((_, name)) = twice {
        faults.push(Fault {
            fatal: true,
            found: format!("two profiles have the `schedulerName` {name}, so pods could reach only one of them"),
            advice: "give each profile a `schedulerName` of its own: kube-scheduler does not start with two of one name",
        });
    }
    faults
}

fn faults(seen: &Seen, entry: &ExtenderEntry, ours: &Configured) -> Vec<Fault> {
    let fault = |fatal, found: String, advice| Fault { fatal, found, advice };
    let mut faults = match seen {
        Seen::Config { config, .. } => whole(config),
        _ => Vec::new(),
    };
    if let Seen::Config { second: true, config, .. } = seen
        && config.names().iter().any(|name| name == DEFAULT_NAME)
    {
        faults.push(fault(
            true,
            format!("the second scheduler also calls itself {DEFAULT_NAME}"),
            "give its profile a `schedulerName` of its own, such as netmarks: two schedulers of one name race for the same pods",
        ));
    }
    if entry.url_prefix.is_empty() {
        faults.push(fault(
            true,
            "`urlPrefix` is empty".to_owned(),
            "set it to where `server.listen` is reached from kube-scheduler",
        ));
    }
    if entry.url_prefix.trim_end_matches('/').ends_with("/prioritize") {
        faults.push(fault(
            true,
            format!("`urlPrefix` is {}, which holds the verb already", entry.url_prefix),
            "end it with the port: kube-scheduler appends `prioritizeVerb` and would ask /prioritize/prioritize",
        ));
    }
    if entry.prioritize_verb != "prioritize" {
        let found = format!("`prioritizeVerb` is `{}`", entry.prioritize_verb);
        faults.push(fault(true, found, "set it to `prioritize`: the extender answers at no other path"));
    }
    for (key, verb) in [
        ("filterVerb", &entry.filter_verb),
        ("bindVerb", &entry.bind_verb),
        ("preemptVerb", &entry.preempt_verb),
    ] {
        if !verb.is_empty() {
            let advice = "remove it: the extender only scores, and a verb that answers 404 keeps pods from being scheduled";
            faults.push(fault(true, format!("`{key}` is set"), advice));
        }
    }
    if entry.weight <= 0 {
        let found = format!("`weight` is {}", entry.weight);
        faults.push(fault(
            true,
            found,
            "set it to 1 or more, 2 to begin with: without, kube-scheduler does not start",
        ));
    }
    if !entry.managed_resources.is_empty() {
        let advice = "remove it: the extender is asked only about pods that request one of these resources";
        faults.push(fault(false, "`managedResources` is set".to_owned(), advice));
    }
    if !entry.node_cache_capable {
        let advice = "set `nodeCacheCapable: true`: without, each request carries whole Node objects, some kB for each node";
        faults.push(fault(false, "`nodeCacheCapable` is not true".to_owned(), advice));
    }
    if !entry.ignorable {
        let advice = "set `ignorable: true`, so that pods are scheduled while the extender is away";
        faults.push(fault(false, "`ignorable` is not true".to_owned(), advice));
    }
    faults.extend(timeout(entry, ours));
    if !entry.url_prefix.is_empty() {
        faults.extend(tls(entry, ours));
    }
    faults
}

fn timeout(entry: &ExtenderEntry, ours: &Configured) -> Option<Fault> {
    let answer = ours.request_timeout;
    let timeout = match entry.http_timeout.as_str() {
        "" => Some(DEFAULT_TIMEOUT),
        text => go_duration(text).map(|timeout| if timeout.is_zero() { DEFAULT_TIMEOUT } else { timeout }),
    };
    match timeout {
        None => Some(Fault {
            fatal: true,
            found: format!("`httpTimeout` is `{}`", entry.http_timeout),
            advice: "write it as in `400ms`: kube-scheduler does not start with anything else",
        }),
        Some(timeout) if timeout <= answer => Some(Fault {
            fatal: true,
            found: format!(
                "`httpTimeout` of {timeout:?} is no longer than `server.request_timeout_ms`, {answer:?}"
            ),
            advice: "set it to twice `server.request_timeout_ms`: kube-scheduler hangs up before the answer is due",
        }),
        Some(timeout) if timeout >= LONG_TIMEOUT => Some(Fault {
            fatal: false,
            found: format!("`httpTimeout` is {timeout:?}"),
            advice: "set it to twice `server.request_timeout_ms`, 400ms by default: pods are scheduled one by one, and each \
                     waits so long for an extender that hangs",
        }),
        Some(_) => None,
    }
}

fn tls(entry: &ExtenderEntry, ours: &Configured) -> Vec<Fault> {
    let https = entry.url_prefix.starts_with("https://");
    let settings = entry.tls_config.clone().unwrap_or_default();
    let authority = !settings.ca_file.is_empty() || !settings.ca_data.is_empty();
    let certificate = !settings.cert_file.is_empty() || !settings.cert_data.is_empty();
    let serves = ours.serves_https;
    let asks = ours.asks_for_certificate;
    let fault = |fatal, found: &str, advice| Fault { fatal, found: found.to_owned(), advice };
    let mut faults = Vec::new();
    match (https, serves) {
        (false, true) => faults.push(fault(
            true,
            "`urlPrefix` is http, and the extender serves HTTPS (`server.tls`)",
            "set an https `urlPrefix`, `enableHTTPS: true` and `tlsConfig.caFile`",
        )),
        (true, false) => faults.push(fault(
            true,
            "`urlPrefix` is https, and the extender's configuration has no `server.tls`",
            "set `server.tls.cert_file` and `key_file`, or an http `urlPrefix` on loopback",
        )),
        (false, false) if entry.tls_config.is_some() || entry.enable_https => faults.push(fault(
            false,
            "TLS is set up for an http `urlPrefix`, which does not use it",
            "set an https `urlPrefix`, or remove `enableHTTPS` and `tlsConfig`",
        )),
        _ => {}
    }
    if https && !authority {
        if entry.enable_https {
            faults.push(fault(
                false,
                "there is no `tlsConfig.caFile`: kube-scheduler takes any certificate for the extender's",
                "set `tlsConfig.caFile` to the authority that signed the extender's certificate",
            ));
        } else {
            faults.push(fault(
                true,
                "without `enableHTTPS` and `tlsConfig.caFile`, the extender's certificate must be of a public authority",
                "set `enableHTTPS: true` and `tlsConfig.caFile` to the authority that signed it",
            ));
        }
    }
    if https && asks && !certificate {
        faults.push(fault(
            true,
            "the extender asks for a client certificate (`server.tls.client_ca_file`), and `tlsConfig` has none",
            "set `tlsConfig.certFile` and `keyFile` to one that this authority signed",
        ));
    }
    faults
}

/// What the best node's score is worth beside the plugins'.
fn weigh(config: &SchedulerConfig, entry: &ExtenderEntry, name: &str, ours: &Configured) -> Finding {
    let best = entry.weight.saturating_mul(FACTOR).saturating_mul(i64::from(ours.top));
    let plugins = config.plugin_points(name);
    let found = format!(
        "{name}: the best node gets {best} points of ours; all plugins together give a node {plugins} at most"
    );
    if best < MOST {
        let advice = format!(
            "raise `weight` ({}) or `scoring.top` ({}): one plugin of weight 1 gives {MOST}",
            entry.weight, ours.top
        );
        Finding::warning(WEIGHT, found, advice)
    } else if best >= plugins {
        let advice = "lower `weight`, unless traffic should outweigh every other plugin: replicas pile up beside their heaviest peer";
        Finding::warning(WEIGHT, found, advice)
    } else {
        Finding::ok(WEIGHT, found)
    }
}

fn scored(config: &SchedulerConfig, name: &str, nodes: usize) -> Finding {
    let percentage = config.percentage(name);
    let scored = nodes_scored(nodes, percentage);
    let set = percentage.filter(|percentage| *percentage > 0);
    let by = set.map_or_else(
        || "by default".to_owned(),
        |percent| format!("by `percentageOfNodesToScore: {percent}`"),
    );
    if scored >= nodes {
        return Finding::ok(NODES, format!("{name}: all {nodes} nodes are scored"));
    }
    let missing = (nodes - scored) * 100 / nodes;
    Finding::warning(
        NODES,
        format!(
            "{name}: {scored} of {nodes} nodes are scored {by}; a given node is not among them {missing} times of 100"
        ),
        "raise `percentageOfNodesToScore`, 100 for all, if pods must find the node of their peers; docs/operate.md says what \
         it costs",
    )
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
