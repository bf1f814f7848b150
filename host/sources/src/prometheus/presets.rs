//! The queries of each mesh: data, not code.
//!
//! A preset is a PromQL template in `presets/` with `{placeholders}`, and the labels that name the two ends of a
//! flow. What each template counts, and why no byte twice, is written in its comments.

use netmarks_core::application::Identity;
use netmarks_core::flow::book::Reading;

use super::choice::{CustomPreset, CustomReading, EdgeLabels, PresetName};
use super::config::{ConfigError, MetricsConfig};

/// A preset with everything filled in: what the poller asks and how it reads the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// PromQL; the answers are added up.
    pub queries: Vec<String>,
    /// The labels of the answers.
    pub labels: EdgeLabels,
    /// What the values are.
    pub reading: Reading,
}

const ISTIO: &str = include_str!("presets/istio.promql");
const LINKERD: &str = include_str!("presets/linkerd.promql");
const BEYLA: &str = include_str!("presets/beyla.promql");
const RECORDED: &str = include_str!("presets/recorded.promql");

impl Preset {
    /// Fills in the preset that `config` names, for `identity`.
    ///
    /// # Errors
    /// For an identity whose labels the mesh's metrics do not have, for labels to match that are not labels, and for custom
    /// queries that are incomplete.
    pub fn new(config: &MetricsConfig, identity: Identity) -> Result<Self, ConfigError> {
        let window = promql_duration(config.window_seconds);
        let rate = Reading::Rate { window_seconds: config.window_seconds };
        let workloads_only = |preset: &'static str| match identity {
            Identity::Workload => Ok(()),
            Identity::App | Identity::CanonicalService => {
                Err(ConfigError::Identity { preset, identity: identity.into() })
            }
        };
        let match_labels = match_labels(config)?;
        let owners = linkerd_owners(config)?;
        let cluster = cluster(config)?;
        let native = |histogram: &str| {
            if config.native_histograms {
                format!(
                    " or sum by (reporter,{{ends}}) (histogram_sum(rate({histogram}{{{{matchers}}}}[{{window}}])))"
                )
            } else {
                String::new()
            }
        };
        let one_query = |template: &str, labels: EdgeLabels, matchers: &str| {
            let EdgeLabels { source_namespace, source_name, destination_namespace, destination_name } =
                &labels;
            let ends = [source_namespace, source_name, destination_namespace, destination_name];
            let known: String = ends.iter().map(|label| format!(",{label}!~\"unknown|\"")).collect();
            let ends = ends.map(String::as_str).join(",");
            let matchers = format!("{matchers}{known}{cluster}{match_labels}");
            let [source_owners, destination_owners] = &owners;
            let [request, response] = ["istio_request_bytes", "istio_response_bytes"].map(native);
            let values = [
                ("native_request", request.as_str()),
                ("native_response", &response),
                ("window", window.as_str()),
                ("ends", &ends),
                ("matchers", &matchers),
                ("match_labels", &match_labels),
                ("source_owners", source_owners),
                ("destination_owners", destination_owners),
            ];
            Self { queries: vec![fill(&without_comments(template), &values)], labels, reading: rate }
        };
        match config.preset {
            PresetName::Istio => {
                Ok(one_query(ISTIO, istio_labels(identity), r#"reporter=~"source|destination""#))
            }
            PresetName::IstioLogical => {
                let pattern = promql_text(&config.waypoint_pattern);
                let matchers = format!(
                    r#"reporter=~"source|destination|waypoint",source_workload!~"{pattern}",destination_workload!~"{pattern}""#
                );
                Ok(one_query(ISTIO, istio_labels(identity), &matchers))
            }
            PresetName::Linkerd => {
                workloads_only("linkerd")?;
                let labels = ["namespace", "netmarks_source", "dst_namespace", "netmarks_destination"];
                Ok(one_query(LINKERD, edge_labels(labels), ""))
            }
            PresetName::Beyla => {
                workloads_only("beyla")?;
                let labels =
                    ["k8s_src_namespace", "k8s_src_owner_name", "k8s_dst_namespace", "k8s_dst_owner_name"];
                let matchers = r#"k8s_src_type!="Service",k8s_dst_type!="Service""#;
                Ok(one_query(BEYLA, edge_labels(labels), matchers))
            }
            PresetName::Recorded => {
                let labels = ["source_namespace", "source", "destination_namespace", "destination"];
                let identity: &str = identity.into();
                Ok(one_query(RECORDED, edge_labels(labels), &format!("identity=\"{identity}\"")))
            }
            PresetName::Custom if !match_labels.is_empty() => Err(ConfigError::Combination {
                key: "match_labels",
                problem: "is set, but the preset `custom` asks its queries as they are; put the matchers into them",
            }),
            PresetName::Custom => custom(&config.custom, &window, rate),
        }
    }
}

fn custom(preset: &CustomPreset, window: &str, rate: Reading) -> Result<Preset, ConfigError> {
    let CustomPreset { queries, reading, labels } = preset;
    let EdgeLabels { source_namespace, source_name, destination_namespace, destination_name } = labels;
    let incomplete = [
        (queries.is_empty() || queries.iter().any(|query| query.trim().is_empty()), "custom.queries"),
        (source_namespace.is_empty(), "custom.labels.source_namespace"),
        (source_name.is_empty(), "custom.labels.source_name"),
        (destination_namespace.is_empty(), "custom.labels.destination_namespace"),
        (destination_name.is_empty(), "custom.labels.destination_name"),
    ];
    if let Some((_, key)) = incomplete.into_iter().find(|(missing, _)| *missing) {
        return Err(ConfigError::Combination { key, problem: "is empty; the preset `custom` needs it" });
    }
    Ok(Preset {
        queries: queries.iter().map(|query| fill(query, &[("window", window)])).collect(),
        labels: labels.clone(),
        reading: match reading {
            CustomReading::Rate => rate,
            CustomReading::Counter => Reading::Counter,
        },
    })
}

/// The matchers that every series must pass, each after a comma.
pub(super) fn match_labels(config: &MetricsConfig) -> Result<String, ConfigError> {
    let matchers = config.match_labels.iter().map(|(name, value)| {
        Ok(format!(",{}=\"{}\"", label_name("match_labels", name)?, promql_text(value)))
    });
    matchers.collect()
}

/// The matchers that leave what crosses clusters out, and what is of others.
pub(super) fn cluster(config: &MetricsConfig) -> Result<String, ConfigError> {
    let MetricsConfig { cluster, preset, .. } = config;
    if cluster.is_empty() {
        return Ok(String::new());
    }
    let name = promql_text(cluster);
    match preset {
        PresetName::Istio | PresetName::IstioLogical => {
            Ok(format!(",source_cluster=\"{name}\",destination_cluster=\"{name}\""))
        }
        PresetName::Beyla => Ok(format!(",k8s_cluster_name=\"{name}\"")),
        PresetName::Linkerd | PresetName::Recorded | PresetName::Custom => Err(ConfigError::Combination {
            key: "cluster",
            problem: "is set, but the series of this preset do not name clusters; use `match_labels` with the label that your store \
                      adds",
        }),
    }
}

/// `name` if a label can have it.
pub(super) fn label_name<'a>(key: &'static str, name: &'a str) -> Result<&'a str, ConfigError> {
    let mut characters = name.chars();
    let is_label = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_');
    if is_label { Ok(name) } else { Err(ConfigError::Label { key, name: name.to_owned() }) }
}

/// Kinds of owners that Linkerd names in a label each, in lower case.
const OWNER_KINDS: [&str; 8] = [
    "deployment",
    "statefulset",
    "daemonset",
    "cronjob",
    "k8s_job",
    "job",
    "replicaset",
    "replicationcontroller",
];

/// The labels that may name the owner of the source and of the destination, quoted, with commas between them.
fn linkerd_owners(config: &MetricsConfig) -> Result<[String; 2], ConfigError> {
    let further = config.owner_kinds.iter().map(|kind| label_name("owner_kinds", kind));
    let further = further.collect::<Result<Vec<_>, _>>()?;
    let kinds: Vec<&str> = OWNER_KINDS.into_iter().chain(further).collect();
    let quoted = |prefix: &str, kinds: &mut dyn Iterator<Item = &&str>| {
        kinds.map(|kind| format!("\"{prefix}{kind}\"")).collect::<Vec<_>>().join(", ")
    };
    // A scrape's own label `job` says what was scraped.
    let source = quoted("", &mut kinds.iter().filter(|kind| **kind != "job"));
    Ok([source, quoted("dst_", &mut kinds.iter())])
}

fn istio_labels(identity: Identity) -> EdgeLabels {
    let [source, destination] = match identity {
        Identity::App => ["source_app", "destination_app"],
        Identity::CanonicalService => ["source_canonical_service", "destination_canonical_service"],
        Identity::Workload => ["source_workload", "destination_workload"],
    };
    edge_labels(["source_workload_namespace", source, "destination_workload_namespace", destination])
}

fn edge_labels(names: [&str; 4]) -> EdgeLabels {
    let [source_namespace, source_name, destination_namespace, destination_name] = names.map(str::to_owned);
    EdgeLabels { source_namespace, source_name, destination_namespace, destination_name }
}

/// The template without its comments and line breaks: it is sent with every refresh.
pub(super) fn without_comments(template: &str) -> String {
    let lines = template.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.collect::<Vec<_>>().join(" ")
}

/// Replaces each `{name}` that has a value, in the order of `values`. PromQL's own braces never hold a lone name.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// A duration as PromQL writes it, in the largest unit that needs no fraction, as in the names of recorded series;
/// milliseconds are its finest unit.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: from 1 ms to a week")]
pub(super) fn promql_duration(seconds: f64) -> String {
    let milliseconds = (seconds * 1_000.0).round() as u64;
    if milliseconds.is_multiple_of(60_000) {
        format!("{}m", milliseconds / 60_000)
    } else if milliseconds.is_multiple_of(1_000) {
        format!("{}s", milliseconds / 1_000)
    } else {
        format!("{milliseconds}ms")
    }
}

/// A text as it stands between double quotes in PromQL.
pub(super) fn promql_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESHES: [PresetName; 4] =
        [PresetName::Istio, PresetName::IstioLogical, PresetName::Linkerd, PresetName::Beyla];

    fn config(preset: PresetName) -> MetricsConfig {
        MetricsConfig { preset, window_seconds: 90.0, ..MetricsConfig::default() }
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        for preset in MESHES.into_iter().chain([PresetName::Recorded]) {
            let preset = Preset::new(&config(preset), Identity::Workload).unwrap();
            let [query] = preset.queries.as_slice() else { panic!("one query per refresh") };
            assert!(query.contains("[90s]") || query.contains(":rate90s{"), "{query}");
            let names = ["{window}", "{ends}", "{matchers}", "{match_labels}"];
            assert!(!names.iter().any(|name| query.contains(name)), "{query}");
            assert!(!query.contains('#') && !query.contains('\n'), "{query}");
            assert_eq!(preset.reading, Reading::Rate { window_seconds: 90.0 });
        }
    }

    #[test]
    fn an_identity_that_the_metrics_do_not_know_says_what_to_set() {
        for preset in [PresetName::Linkerd, PresetName::Beyla] {
            for identity in [Identity::App, Identity::CanonicalService] {
                let complaint = Preset::new(&config(preset), identity).unwrap_err().to_string();
                assert!(complaint.contains("set the identity to `workload`"), "{complaint}");
            }
        }
        for identity in [Identity::App, Identity::CanonicalService, Identity::Workload] {
            Preset::new(&config(PresetName::Istio), identity).unwrap();
        }
    }

    #[test]
    fn custom_queries_keep_their_own_braces() {
        let mut config = config(PresetName::Custom);
        config.window_seconds = 1.5;
        let complaint = Preset::new(&config, Identity::App).unwrap_err().to_string();
        assert!(complaint.starts_with("`custom.queries` is empty"), "{complaint}");
        config.custom.queries = vec![r#"sum(rate(x{a="b"}[{window}]))"#.to_owned()];
        config.custom.labels = edge_labels(["a", "b", "c", "d"]);
        config.custom.reading = CustomReading::Counter;
        let preset = Preset::new(&config, Identity::App).unwrap();
        assert_eq!(preset.queries, [r#"sum(rate(x{a="b"}[1500ms]))"#]);
        assert_eq!(preset.reading, Reading::Counter);
        config.custom.labels.destination_name.clear();
        assert!(Preset::new(&config, Identity::App).is_err());
    }

    #[test]
    fn recorded_series_are_named_after_the_window_and_the_identity() {
        let query = |seconds: f64, identity| {
            let config = MetricsConfig { window_seconds: seconds, ..config(PresetName::Recorded) };
            Preset::new(&config, identity).unwrap().queries.remove(0)
        };
        let default = query(60.0, Identity::App);
        assert!(default.contains("netmarks:flow_bytes:rate1m{identity=\"app\","), "{default}");
        let other = query(300.0, Identity::CanonicalService);
        assert!(other.contains("netmarks:flow_bytes:rate5m{identity=\"canonical-service\","), "{other}");
    }

    #[test]
    fn labels_to_match_reach_every_selector_and_only_as_labels() {
        for preset in MESHES.into_iter().chain([PresetName::Recorded]) {
            let mut config = config(preset);
            config.match_labels.insert("cluster".to_owned(), "a\"b".to_owned());
            let preset = Preset::new(&config, Identity::Workload).unwrap();
            let query = &preset.queries[0];
            let selectors = query.matches('{').count();
            assert_eq!(query.matches(r#",cluster="a\"b"}"#).count(), selectors, "{query}");
            config.match_labels.insert("a=\"\"} or x{b".to_owned(), String::new());
            let complaint = Preset::new(&config, Identity::Workload).unwrap_err().to_string();
            assert!(complaint.contains("is not a label"), "{complaint}");
        }
        let mut config = config(PresetName::Custom);
        config.match_labels.insert("cluster".to_owned(), "a".to_owned());
        let complaint = Preset::new(&config, Identity::Workload).unwrap_err().to_string();
        assert!(complaint.starts_with("`match_labels` is set"), "{complaint}");
    }

    #[test]
    fn a_pattern_cannot_leave_its_quotes() {
        assert_eq!(promql_text(r#"a\.b"c"#), r#"a\\.b\"c"#);
    }
}
