//! kube-scheduler's configuration, as far as it matters to an extender: where it is found, and what it says.
//!
//! Apart from the judgement, and lenient where kube-scheduler is: keys that do not matter here are skipped.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::ListParams;
use kube::{Api, Client};
use serde::Deserialize;

use super::plugins::{FACTOR, Plugins};
use super::{PATIENCE, brief};

/// The scheduler that there always is.
pub(super) const DEFAULT_NAME: &str = "default-scheduler";

/// Where the control plane runs as pods.
const SYSTEM: &str = "kube-system";

/// Deployment and ConfigMap of the second scheduler.
const SECOND: &str = "netmarks-scheduler";

/// What the chart's ConfigMap of it is labelled with.
const LABELS: &str = "app.kubernetes.io/name=netmarks,app.kubernetes.io/component=scheduler";

/// A KubeSchedulerConfiguration, as far as it matters to an extender.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SchedulerConfig {
    api_version: String,
    kind: String,
    percentage_of_nodes_to_score: Option<i64>,
    profiles: Vec<Profile>,
    pub(super) extenders: Vec<Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Profile {
    scheduler_name: Option<String>,
    percentage_of_nodes_to_score: Option<i64>,
    plugins: Plugins,
}

/// One entry of `extenders`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) url_prefix: String,
    pub(super) prioritize_verb: String,
    pub(super) filter_verb: String,
    pub(super) bind_verb: String,
    pub(super) preempt_verb: String,
    pub(super) weight: i64,
    pub(super) node_cache_capable: bool,
    pub(super) ignorable: bool,
    pub(super) http_timeout: String,
    #[serde(rename = "enableHTTPS")]
    pub(super) enable_https: bool,
    pub(super) tls_config: Option<EntryTls>,
    pub(super) managed_resources: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EntryTls {
    pub(super) ca_file: String,
    pub(super) ca_data: String,
    pub(super) cert_file: String,
    pub(super) cert_data: String,
}

/// Where a configuration was found, if one was.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    /// Here it is.
    Config {
        /// The file or ConfigMap.
        from: String,
        /// Whether it is that of a second scheduler beside the cluster's own.
        second: bool,
        config: SchedulerConfig,
    },
    /// It is there and cannot be used.
    Unusable(String),
    /// This pod of kube-scheduler was started without a configuration file.
    NoFile(String),
    /// There is none to be seen from here.
    Nowhere(String),
}

/// Reads the file, or else the ConfigMap of the second scheduler in `namespace`, or else how kube-scheduler was started.
pub(super) async fn look(file: Option<&Path>, client: Option<&Client>, namespace: &str) -> Seen {
    if let Some(file) = file {
        let from = file.display().to_string();
        return match std::fs::read_to_string(file) {
            Err(error) => Seen::Unusable(format!("failed to read {from}: {error}")),
            Ok(text) => match parse(&text) {
                Ok(config) => Seen::Config {
                    second: config.names().iter().all(|name| name != DEFAULT_NAME),
                    from,
                    config,
                },
                Err(reason) => Seen::Unusable(format!("{from} {reason}")),
            },
        };
    }
    let Some(client) = client else { return Seen::Nowhere("there is no way to the cluster".to_owned()) };
    let (here, from) = second(client, namespace).await;
    let not_here = match here {
        Ok(Some(seen)) => return seen,
        Ok(None) => format!("there is no {from}"),
        Err(reason) => format!("{from} cannot be read: {reason}"),
    };
    match own(client).await {
        Some(Start { pod, file: None }) => Seen::NoFile(pod),
        Some(Start { pod, file: Some(file) }) => {
            Seen::Nowhere(format!("{not_here}, and {pod} reads {file} on its node"))
        }
        None => Seen::Nowhere(format!("{not_here}, and no pod of kube-scheduler's in {SYSTEM}")),
    }
}

/// The configuration of the second scheduler, if there is one, and where it was looked for.
async fn second(client: &Client, namespace: &str) -> (Result<Option<Seen>, String>, String) {
    let from = format!("ConfigMap {namespace}/{SECOND}");
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let labelled = ListParams::default().labels(LABELS);
    let found = async {
        // However the release is called; failing that, by the name that the documents give it.
        match api.list(&labelled).await?.items.into_iter().next() {
            Some(map) => Ok(Some(map)),
            None => api.get_opt(SECOND).await,
        }
    };
    let map = match tokio::time::timeout(PATIENCE, found).await {
        Err(_) => return (Err(format!("no answer within {PATIENCE:?}")), from),
        Ok(Err(error)) => return (Err(brief(&error)), from),
        Ok(Ok(None)) => return (Ok(None), from),
        Ok(Ok(Some(map))) => map,
    };
    let from = format!("ConfigMap {namespace}/{}", map.metadata.name.as_deref().unwrap_or(SECOND));
    let texts = map.data.unwrap_or_default();
    let seen = match texts.values().find(|text| text.contains(KIND)).map(|text| parse(text)) {
        None => Seen::Unusable(format!("{from} holds no {KIND}")),
        Some(Err(reason)) => Seen::Unusable(format!("{from} {reason}")),
        Some(Ok(config)) => Seen::Config { from: from.clone(), second: true, config },
    };
    (Ok(Some(seen)), from)
}

/// How the cluster's own kube-scheduler was started.
struct Start {
    pod: String,
    file: Option<String>,
}

/// Looks at the static pod of kube-scheduler, where the control plane runs as pods (kubeadm).
async fn own(client: &Client) -> Option<Start> {
    let api: Api<Pod> = Api::namespaced(client.clone(), SYSTEM);
    let params = ListParams::default().labels("component=kube-scheduler");
    let list = tokio::time::timeout(PATIENCE, api.list(&params)).await.ok()?.ok()?;
    let pod = list.items.into_iter().next()?;
    let containers = pod.spec?.containers.into_iter();
    let arguments: Vec<String> = containers
        .flat_map(|container| {
            container.command.into_iter().chain(container.args).flatten().collect::<Vec<_>>()
        })
        .collect();
    Some(Start { pod: format!("pod {SYSTEM}/{}", pod.metadata.name?), file: config_flag(&arguments) })
}

/// The value of `--config` on a command line, in either of its forms.
fn config_flag(arguments: &[String]) -> Option<String> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if let Some(file) = argument.strip_prefix("--config=") {
            return Some(file.to_owned());
        }
        if argument == "--config" {
            return arguments.next().cloned();
        }
    }
    None
}

const KIND: &str = "KubeSchedulerConfiguration";

pub(super) fn parse(text: &str) -> Result<SchedulerConfig, String> {
    let config: SchedulerConfig =
        serde_saphyr::from_str(text).map_err(|error| format!("cannot be read: {}", brief(&error)))?;
    if config.kind != KIND {
        return Err(format!("is of the kind `{}`, not {KIND}", config.kind));
    }
    Ok(config)
}

impl SchedulerConfig {
    /// The names of its profiles.
    pub(super) fn names(&self) -> Vec<String> {
        if self.profiles.is_empty() {
            return vec![DEFAULT_NAME.to_owned()];
        }
        self.profiles.iter().map(Profile::name).collect()
    }

    fn profile(&self, name: &str) -> Profile {
        self.profiles.iter().find(|profile| profile.name() == name).cloned().unwrap_or_default()
    }

    /// `percentageOfNodesToScore` for pods of a profile.
    pub(super) fn percentage(&self, name: &str) -> Option<i64> {
        self.profile(name).percentage_of_nodes_to_score.or(self.percentage_of_nodes_to_score)
    }

    /// The most points that the plugins give a node to a pod of a profile.
    pub(super) fn plugin_points(&self, name: &str) -> i64 {
        self.profile(name).plugins.most_points()
    }

    /// The points of one of our scores, if the scheduler asks us.
    pub(super) fn points_per_score(&self) -> Option<i64> {
        self.entry().map(|entry| entry.weight.saturating_mul(FACTOR))
    }

    /// Ours: the one that names us, or else the only kind of entry that we can be.
    pub(super) fn entry(&self) -> Option<&Entry> {
        let scoring = || self.extenders.iter().filter(|entry| !entry.prioritize_verb.is_empty());
        let named =
            |entry: &&Entry| entry.url_prefix.contains("netmarks") || entry.url_prefix.contains(":9820");
        scoring().find(named).or_else(|| scoring().next())
    }
}

impl Profile {
    fn name(&self) -> String {
        self.scheduler_name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned())
    }
}

/// A duration as Go writes it: `400ms`, `1m30s`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within a day")]
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let after = rest.get(end..)?;
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let factor = match after.get(..unit)? {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        seconds += number * factor;
        rest = after.get(unit..)?;
    }
    (0.0..86_400.0).contains(&seconds).then(|| Duration::from_millis((seconds * 1_000.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_go_writes_them() {
        for (text, milliseconds) in
            [("400ms", 400), ("1m30s", 90_000), ("1.5s", 1_500), ("0", 0), ("0s", 0), ("1h", 3_600_000)]
        {
            assert_eq!(go_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "soon", "5", "5 s", "ms", "-1s", "1d"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn the_file_is_found_on_a_command_line() {
        let file = |line: &str| config_flag(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(file("kube-scheduler --v=2 --config=/etc/c.yaml").as_deref(), Some("/etc/c.yaml"));
        assert_eq!(file("kube-scheduler --config /etc/c.yaml --v=2").as_deref(), Some("/etc/c.yaml"));
        assert_eq!(file("kube-scheduler --kubeconfig=/etc/scheduler.conf"), None);
    }

    #[test]
    fn ours_is_the_entry_that_names_us() {
        let config = |entries: &str| parse(&format!("{{kind: {KIND}, extenders: [{entries}]}}")).unwrap();
        let url = |config: &SchedulerConfig| config.entry().map(|entry| entry.url_prefix.clone());
        let other = "{urlPrefix: 'http://other', prioritizeVerb: p, weight: 1}";
        let filter = "{urlPrefix: 'http://filter', filterVerb: f}";
        let ours = "{urlPrefix: 'http://netmarks:1', prioritizeVerb: prioritize, weight: 3}";
        let both = config(&format!("{filter}, {other}, {ours}"));
        assert_eq!((url(&both).as_deref(), both.points_per_score()), (Some("http://netmarks:1"), Some(30)));
        assert_eq!(url(&config(&format!("{filter}, {other}"))).as_deref(), Some("http://other"));
        assert_eq!(url(&config(filter)), None);
    }
}
