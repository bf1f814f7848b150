//! Which kube-schedulers there are, and where their configurations are seen: in a file, in the ConfigMap of the second
//! scheduler, or not at all, where a static pod reads a file on its node.

use std::path::Path;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::ListParams;
use kube::{Api, Client};

use super::patient;
use super::scheduler_config::{DEFAULT_NAME, KIND, SchedulerConfig, parse};

/// Where the control plane runs as pods.
const SYSTEM: &str = "kube-system";

/// Deployment and ConfigMap of the second scheduler, by the name that the documents give them.
const SECOND: &str = "netmarks-scheduler";

/// What the chart labels them with, whatever the release is called.
const LABELS: &str = "app.kubernetes.io/component=scheduler";

/// What is to be seen of one scheduler's configuration.
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
    /// These pods of kube-scheduler were started without a configuration file.
    NoFile(Vec<String>),
    /// No kube-scheduler can be seen from here.
    Nowhere(String),
}

/// The second scheduler, as its ConfigMap has it. Its Deployment has the same name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Second {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Its configuration, or why it cannot be used.
    pub(super) config: Result<SchedulerConfig, String>,
}

impl Second {
    /// `None` if it is not a scheduler's.
    fn new(namespace: &str, map: ConfigMap) -> Option<Self> {
        let texts = map.data.unwrap_or_default();
        let text = texts.values().find(|text| text.contains(KIND))?;
        Some(Self { namespace: namespace.to_owned(), name: map.metadata.name?, config: parse(text) })
    }

    fn seen(&self) -> Seen {
        let from = format!("ConfigMap {}/{}", self.namespace, self.name);
        match &self.config {
            Ok(config) => Seen::Config { from, second: true, config: config.clone() },
            Err(reason) => Seen::Unusable(format!("{from} {reason}")),
        }
    }
}

/// All that was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedulers {
    /// At least one.
    pub(super) seen: Vec<Seen>,
    /// Usually none or one; `Err` says why that is not known.
    pub(super) second: Result<Vec<Second>, String>,
}

impl Schedulers {
    fn configs(&self) -> impl Iterator<Item = &SchedulerConfig> {
        self.seen.iter().filter_map(|seen| match seen {
            Seen::Config { config, .. } => Some(config),
            _ => None,
        })
    }

    /// The names of those that ask the extender; of all that are seen, if none does.
    pub(super) fn names(&self) -> Vec<String> {
        let asking = self.configs().filter(|config| config.entry().is_some());
        let mut names: Vec<String> = asking.flat_map(SchedulerConfig::names).collect();
        if names.is_empty() {
            names = self.configs().flat_map(SchedulerConfig::names).collect();
        }
        names.sort();
        names.dedup();
        names
    }

    /// The configuration of the one of this name.
    pub(super) fn of(&self, name: &str) -> Option<&SchedulerConfig> {
        self.configs().find(|config| config.names().iter().any(|known| known == name))
    }

    /// Whether the one of this name may ask, for all that is seen.
    pub(super) fn may_ask(&self, name: &str) -> bool {
        let unseen = self.seen.iter().any(|seen| matches!(seen, Seen::Nowhere(_)));
        let names = self.names();
        names.is_empty() || names.iter().any(|known| known == name) || (unseen && name == DEFAULT_NAME)
    }
}

/// Looks for a file, for the second scheduler in `namespace`, and how the cluster's own was started.
pub(super) async fn fetch(file: Option<&Path>, client: Option<&Client>, namespace: &str) -> Schedulers {
    let file = file.map(read);
    match client {
        Some(client) => {
            let own = own(client).await;
            together(file, second(client, namespace).await, own.as_deref().map_err(String::as_str), namespace)
        }
        None => Schedulers {
            seen: vec![file.unwrap_or_else(|| Seen::Nowhere("there is no way to the cluster".to_owned()))],
            second: Ok(Vec::new()),
        },
    }
}

fn read(file: &Path) -> Seen {
    let from = file.display().to_string();
    match std::fs::read_to_string(file) {
        Err(error) => Seen::Unusable(format!("failed to read {from}: {error}")),
        Ok(text) => match parse(&text) {
            Ok(config) => {
                Seen::Config { second: config.names().iter().all(|name| name != DEFAULT_NAME), from, config }
            }
            Err(reason) => Seen::Unusable(format!("{from} {reason}")),
        },
    }
}

/// What a file, the second scheduler and the cluster's own come to.
fn together(
    file: Option<Seen>,
    second: Result<Vec<Second>, String>,
    own: Result<&[Start], &str>,
    namespace: &str,
) -> Schedulers {
    let from_file = match &file {
        Some(Seen::Config { config, .. }) => Some(config.clone()),
        _ => None,
    };
    // A copy of this very ConfigMap says it all.
    let copied = |second: &&Second| from_file.is_some() && second.config.as_ref().ok() == from_file.as_ref();
    let here = second.iter().flatten().filter(|second| !copied(second));
    let given = file.is_some();
    let mut seen: Vec<Seen> = file.into_iter().chain(here.map(Second::seen)).collect();
    let (with, without): (Vec<&Start>, Vec<&Start>) =
        own.unwrap_or_default().iter().partition(|start| start.file.is_some());
    // Where there is a second one the cluster's own need not ask, unless this is its file.
    let alone = !given && second.as_ref().is_ok_and(Vec::is_empty);
    if !without.is_empty()
        && (alone || from_file.is_some_and(|config| config.names().iter().any(|name| name == DEFAULT_NAME)))
    {
        seen.push(Seen::NoFile(without.iter().map(|start| start.pod.clone()).collect()));
    }
    if !given {
        let not_here = match &second {
            Ok(found) if found.is_empty() => format!("there is no second scheduler in {namespace}, and "),
            Ok(_) => String::new(),
            Err(reason) => format!("the ConfigMaps in {namespace} cannot be read: {reason}, and "),
        };
        match with.first() {
            Some(Start { pod, file: Some(file) }) => {
                seen.push(Seen::Nowhere(format!("{not_here}the pod {pod} reads {file} on its node")));
            }
            _ if seen.is_empty() => {
                let reason = match own {
                    Ok(_) => format!("no pod of kube-scheduler's in {SYSTEM} reads a file"),
                    Err(reason) => format!("kube-scheduler's pods in {SYSTEM} cannot be listed: {reason}"),
                };
                seen.push(Seen::Nowhere(not_here + &reason));
            }
            _ => {}
        }
    }
    Schedulers { seen, second }
}

/// The configurations of second schedulers: however the release is called; failing that, by the name that the documents
/// give it.
async fn second(client: &Client, namespace: &str) -> Result<Vec<Second>, String> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let labelled = patient(api.list(&ListParams::default().labels(LABELS))).await?.items;
    let found: Vec<Second> = labelled.into_iter().filter_map(|map| Second::new(namespace, map)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let named = patient(api.get_opt(SECOND)).await?;
    Ok(named.into_iter().filter_map(|map| Second::new(namespace, map)).collect())
}

/// How one of the cluster's own kube-schedulers was started.
#[derive(Clone, Debug, PartialEq)]
struct Start {
    pod: String,
    file: Option<String>,
}

impl Start {
    fn new(pod: Pod) -> Option<Self> {
        let containers = pod.spec?.containers.into_iter();
        let arguments: Vec<String> = containers
            .flat_map(|container| {
                container.command.into_iter().chain(container.args).flatten().collect::<Vec<_>>()
            })
            .collect();
        Some(Self { pod: format!("{SYSTEM}/{}", pod.metadata.name?), file: config_flag(&arguments) })
    }
}

/// Looks at the static pods of kube-scheduler, one for each node of the control plane, where that runs as pods (kubeadm).
///
/// # Errors
/// Why they cannot be listed.
async fn own(client: &Client) -> Result<Vec<Start>, String> {
    let api: Api<Pod> = Api::namespaced(client.clone(), SYSTEM);
    let params = ListParams::default().labels("component=kube-scheduler");
    let pods = patient(api.list(&params)).await?.items;
    Ok(pods.into_iter().filter_map(Start::new).collect())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ASKS: &str = "extenders: [{prioritizeVerb: prioritize}]";

    fn config(keys: &str) -> SchedulerConfig {
        parse(&format!("{{kind: {KIND}, {keys}}}")).unwrap()
    }

    fn file(keys: &str) -> Option<Seen> {
        Some(Seen::Config { from: "file".to_owned(), second: false, config: config(keys) })
    }

    fn second_asks() -> Vec<Second> {
        let config = Ok(config(&format!("{ASKS}, profiles: [{{schedulerName: netmarks}}]")));
        vec![Second { namespace: "netmarks".to_owned(), name: SECOND.to_owned(), config }]
    }

    fn start(pod: &str, file: Option<&str>) -> Start {
        Start { pod: pod.to_owned(), file: file.map(str::to_owned) }
    }

    /// What was seen, each in a word.
    fn kinds(schedulers: &Schedulers) -> Vec<String> {
        let kind = |seen: &Seen| match seen {
            Seen::Config { from, .. } => from.clone(),
            Seen::Unusable(_) => "unusable".to_owned(),
            Seen::NoFile(pods) => format!("no file: {}", pods.join(" ")),
            Seen::Nowhere(_) => "nowhere".to_owned(),
        };
        schedulers.seen.iter().map(kind).collect()
    }

    #[test]
    fn the_file_is_found_on_a_command_line() {
        let file = |line: &str| config_flag(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(file("kube-scheduler --v=2 --config=/etc/c.yaml").as_deref(), Some("/etc/c.yaml"));
        assert_eq!(file("kube-scheduler --config /etc/c.yaml --v=2").as_deref(), Some("/etc/c.yaml"));
        assert_eq!(file("kube-scheduler --kubeconfig=/etc/scheduler.conf"), None);
    }

    #[test]
    fn every_control_plane_node_is_looked_at() {
        let own = [start("a", Some("/etc/c.yaml")), start("b", None), start("c", None)];
        let alone = together(None, Ok(Vec::new()), Ok(&own), "netmarks");
        assert_eq!(kinds(&alone), ["no file: b c", "nowhere"]);
        let given = together(file(ASKS), Ok(Vec::new()), Ok(&own), "netmarks");
        assert_eq!(
            kinds(&given),
            ["file", "no file: b c"],
            "a copy from one node says nothing of the others"
        );
        let nothing = together(None, Ok(Vec::new()), Ok(&[]), "netmarks");
        assert_eq!(kinds(&nothing), ["nowhere"]);
        let blind = together(None, Ok(Vec::new()), Err("forbidden"), "netmarks");
        assert!(
            matches!(&blind.seen[..], [Seen::Nowhere(reason)] if reason.ends_with("cannot be listed: forbidden"))
        );
    }

    #[test]
    fn beside_a_second_scheduler_the_clusters_own_need_not_ask() {
        let plain = [start("a", None)];
        let second = together(None, Ok(second_asks()), Ok(&plain), "netmarks");
        assert_eq!(kinds(&second), ["ConfigMap netmarks/netmarks-scheduler"]);
        assert_eq!((second.names(), second.may_ask(DEFAULT_NAME)), (vec!["netmarks".to_owned()], false));
        let own = [start("a", Some("/etc/c.yaml"))];
        let unseen = together(None, Ok(second_asks()), Ok(&own), "netmarks");
        assert_eq!(kinds(&unseen), ["ConfigMap netmarks/netmarks-scheduler", "nowhere"]);
        assert!(unseen.may_ask(DEFAULT_NAME) && !unseen.may_ask("another"));
        let forbidden = together(None, Err("forbidden".to_owned()), Ok(&plain), "netmarks");
        assert_eq!(kinds(&forbidden), ["nowhere"], "there may be a second one");
    }

    #[test]
    fn both_schedulers_count_where_both_ask() {
        let both = together(file(ASKS), Ok(second_asks()), Ok(&[]), "netmarks");
        assert_eq!(kinds(&both), ["file", "ConfigMap netmarks/netmarks-scheduler"]);
        assert_eq!(both.names(), [DEFAULT_NAME, "netmarks"]);
        assert!(both.of("netmarks").is_some() && both.of(DEFAULT_NAME) != both.of("netmarks"));
        let deaf = together(file("profiles: []"), Ok(second_asks()), Ok(&[]), "netmarks");
        assert_eq!(deaf.names(), ["netmarks"], "the other does not ask");
        let copy = format!("{ASKS}, profiles: [{{schedulerName: netmarks}}]");
        let copied = together(file(&copy), Ok(second_asks()), Ok(&[start("a", None)]), "netmarks");
        assert_eq!(kinds(&copied), ["file"], "one scheduler is examined once");
    }

    #[test]
    fn only_a_configuration_of_kube_scheduler_makes_a_second_one() {
        let map = |text: &str| -> ConfigMap {
            let map = json!({"metadata": {"name": "a"}, "data": {"file": text}});
            serde_json::from_value(map).unwrap()
        };
        assert_eq!(Second::new("netmarks", map("[core]\nexecutor = KubernetesExecutor")), None);
        let broken = Second::new("netmarks", map(&format!("kind: {KIND}\nprofiles: 7"))).unwrap();
        assert!(
            matches!(broken.seen(), Seen::Unusable(reason) if reason.starts_with("ConfigMap netmarks/a cannot"))
        );
    }
}
