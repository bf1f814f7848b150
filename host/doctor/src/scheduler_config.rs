//! kube-scheduler's configuration, as far as it matters to an extender.
//!
//! It is lenient where kube-scheduler is: keys that do not matter here are skipped.

use std::time::Duration;

use netmarks_core::yaml::YamlError;
use serde::Deserialize;

use super::plugins::{FACTOR, Plugins};

/// The scheduler that there always is.
pub(super) const DEFAULT_NAME: &str = "default-scheduler";

/// The kind of object that it is.
pub(super) const KIND: &str = "KubeSchedulerConfiguration";

/// A KubeSchedulerConfiguration, as far as it matters to an extender.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SchedulerConfig {
    pub(super) api_version: String,
    kind: String,
    percentage_of_nodes_to_score: Option<i64>,
    profiles: Vec<Profile>,
    pub(super) extenders: Vec<ExtenderEntry>,
    leader_election: LeaderElection,
}

/// Which of several replicas works; the others wait for its lease to end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LeaderElection {
    leader_elect: Option<bool>,
    resource_namespace: Option<String>,
    resource_name: Option<String>,
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
pub(super) struct ExtenderEntry {
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

pub(super) fn parse(text: &str) -> Result<SchedulerConfig, String> {
    let config: SchedulerConfig = serde_saphyr::from_str(text)
        .map_err(|error| format!("cannot be read: {}", YamlError::from(error)))?;
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

    /// Namespace and name of the Lease that its leader holds, if one is elected: what is not said is as for the cluster's own.
    pub(super) fn lease(&self) -> Option<(String, String)> {
        let LeaderElection { leader_elect, resource_namespace, resource_name } = self.leader_election.clone();
        let namespace = resource_namespace.unwrap_or_else(|| "kube-system".to_owned());
        let name = resource_name.unwrap_or_else(|| "kube-scheduler".to_owned());
        leader_elect.unwrap_or(true).then_some((namespace, name))
    }

    /// The points of one of our scores, if the scheduler asks us.
    pub(super) fn points_per_score(&self) -> Option<i64> {
        self.entry().map(|entry| entry.weight.saturating_mul(FACTOR))
    }

    /// Ours: the one that names us, or else the only kind of entry that we can be.
    pub(super) fn entry(&self) -> Option<&ExtenderEntry> {
        let scoring = || self.extenders.iter().filter(|entry| !entry.prioritize_verb.is_empty());
        let named = |entry: &&ExtenderEntry| {
            entry.url_prefix.contains("netmarks") || entry.url_prefix.contains(":9820")
        };
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

    #[test]
    fn its_lease_is_that_of_the_clusters_own_unless_it_is_said() {
        let lease = |text: &str| parse(&format!("{{kind: {KIND}, leaderElection: {text}}}")).unwrap().lease();
        let of = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(lease("{}"), of("kube-system", "kube-scheduler"));
        assert_eq!(lease("{resourceNamespace: netmarks, resourceName: ours}"), of("netmarks", "ours"));
        assert_eq!(lease("{leaderElect: false}"), None);
    }
}
