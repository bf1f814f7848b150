//! Do the pods and the mesh mean the same by an application? How many pods have flows, and which names do not meet.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use netmarks_core::application::{Application, Identity, Naming};
use netmarks_core::pod_identity::{Owner, PodIdentity};
use netmarks_core::workload::WorkloadRule;

use super::store::Edges;
use super::{Finding, Status, count, pods};

const CHECK: &str = "applications";

/// As the extender's own watch: finished pods do not count.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Names shown as examples.
const EXAMPLES: usize = 3;

/// How alike two names must be (0 to 1) to be shown as what may have been meant.
const ALIKE: f64 = 0.5;

/// Another identity is advised if it gives flows to so many more of the pods (of 1).
const BETTER: f64 = 0.1;

/// Below this share (of 1) of pods with flows, in the namespaces that the mesh reports, something is amiss.
const FEW: f64 = 0.5;

/// What of a pod decides its application.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PodNames {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Whether its name was generated.
    pub(super) generated: bool,
    pub(super) owners: Vec<Owner<'static>>,
    /// Whose rule names its workload.
    pub(super) workloads: WorkloadRule,
}

impl PodNames {
    fn application(&self, identity: Identity) -> Option<Application> {
        let pod = PodIdentity {
            name: &self.name,
            generated: self.generated,
            labels: &self.labels,
            owners: &self.owners,
        };
        let naming = Naming { identity, workloads: self.workloads };
        naming.name(pod).map(|name| Application::new(&self.namespace, name))
    }
}

/// Lists the pods that are not finished, by their metadata.
///
/// # Errors
/// Why not.
pub(super) async fn pods(client: &Client, workloads: WorkloadRule) -> Result<Vec<PodNames>, String> {
    let mut pods = Vec::new();
    pods::each(client, UNFINISHED, |pod| pods.extend(names(pod, workloads))).await?;
    Ok(pods)
}

fn names(pod: ObjectMeta, workloads: WorkloadRule) -> Option<PodNames> {
    let owners = pod.owner_references.unwrap_or_default();
    let owners = owners.into_iter().map(|owner| Owner {
        api_version: owner.api_version.into(),
        kind: owner.kind.into(),
        name: owner.name.into(),
        controller: owner.controller == Some(true),
    });
    Some(PodNames {
        namespace: pod.namespace?,
        name: pod.name?,
        labels: pod.labels.unwrap_or_default(),
        generated: pod.generate_name.is_some_and(|prefix| !prefix.is_empty()),
        owners: owners.collect(),
        workloads,
    })
}

/// How the pods and the ends of flows match under one identity.
#[derive(Clone, Debug, Default, PartialEq)]
struct Coverage {
    /// Pods in the namespaces that have flows.
    pods: usize,
    /// Those whose application has a flow.
    with_flows: usize,
    /// Those that have no application at all, as `namespace/name`.
    without_application: Vec<String>,
    /// Ends of flows without a pod and their share (of 1) of all bytes; the heaviest first.
    unmatched: Vec<(Application, f64)>,
    /// The share (of 1) of the bytes, counted at both ends, that belongs to pods.
    bytes: f64,
    /// Applications of the pods that have no flows.
    silent: BTreeSet<Application>,
}

impl Coverage {
    fn new(identity: Identity, pods: &[PodNames], edges: &Edges) -> Self {
        let mut ends: BTreeMap<&Application, f64> = BTreeMap::new();
        for (source, destination, weight) in &edges.edges {
            *ends.entry(source).or_default() += weight;
            *ends.entry(destination).or_default() += weight;
        }
        let namespaces: BTreeSet<&str> = ends.keys().map(|end| end.namespace()).collect();
        let mut coverage = Self::default();
        let mut seen = BTreeSet::new();
        for pod in pods.iter().filter(|pod| namespaces.contains(pod.namespace.as_str())) {
            coverage.pods += 1;
            match pod.application(identity) {
                None => coverage.without_application.push(format!("{}/{}", pod.namespace, pod.name)),
                Some(application) if ends.contains_key(&application) => {
                    coverage.with_flows += 1;
                    seen.insert(application);
                }
                Some(application) => drop(coverage.silent.insert(application)),
            }
        }
        let total: f64 = ends.values().sum();
        let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
        let unmatched = ends.into_iter().filter(|(end, _)| !seen.contains(*end));
        coverage.unmatched = unmatched.map(|(end, weight)| (end.clone(), share(weight))).collect();
        coverage.unmatched.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        coverage.bytes = 1.0 - coverage.unmatched.iter().map(|(_, share)| share).sum::<f64>();
        coverage
    }

    fn share(&self) -> f64 {
        if self.pods == 0 { 0.0 } else { self.with_flows as f64 / self.pods as f64 }
    }
}

/// Compares pods and flows under the configured identity, and looks whether another would do better.
pub(super) fn findings_of(
    identity: Identity,
    pods: &Result<Vec<PodNames>, String>,
    edges: &BTreeMap<Identity, Edges>,
) -> Vec<Finding> {
    let pods = match pods {
        Ok(pods) => pods,
        Err(reason) => {
            return vec![Finding::skipped(
                CHECK,
                format!("the pods cannot be listed: {reason}"),
                "see the rights above",
            )];
        }
    };
    let Some(ours) = edges.get(&identity).filter(|edges| !edges.edges.is_empty()) else {
        return vec![Finding::skipped(
            CHECK,
            "there are no flows to compare the pods with",
            "see the flows above",
        )];
    };
    let coverage = Coverage::new(identity, pods, ours);
    if coverage.pods == 0 {
        let mut namespaces: Vec<&str> = ours.edges.iter().map(|(source, ..)| source.namespace()).collect();
        namespaces.dedup();
        namespaces.truncate(EXAMPLES);
        return vec![Finding::problem(
            CHECK,
            format!("flows are of namespaces without a pod here: {}", namespaces.join(", ")),
            "the metrics are of another cluster: correct `metrics.url`; where one store has several clusters, give the label of this \
             one's series in `metrics.match_labels`, such as `{cluster: prod-1}`",
        )];
    }
    let better = edges
        .iter()
        .filter(|(other, _)| **other != identity)
        .map(|(other, edges)| (*other, Coverage::new(*other, pods, edges)))
        .filter(|(_, other)| {
            other.bytes > coverage.bytes + BETTER
                || (other.share() > coverage.share() + BETTER && other.bytes >= coverage.bytes)
        })
        .max_by(|left, right| {
            left.1.bytes.total_cmp(&right.1.bytes).then(left.1.share().total_cmp(&right.1.share()))
        });
    let mut found = format!(
        "{:.0}% of the bytes belong to pods; {} of {} in namespaces with flows have some, of {} in all",
        // Rounded down: 100% says that nothing is missing.
        (coverage.bytes * 100.0 + 1e-6).floor(),
        coverage.with_flows,
        count(coverage.pods, "pod"),
        pods.len()
    );
    if let Some(example) = coverage.without_application.first() {
        let label = if identity == Identity::App { " without the label `app`" } else { " without a name" };
        found = format!(
            "{found}; {}{label}, such as {example}",
            count(coverage.without_application.len(), "pod")
        );
    }
    let few = coverage.with_flows == 0 || coverage.share() < FEW || coverage.bytes < FEW;
    if few {
        found.push_str(&unmatched(&coverage));
    }
    let status = match (coverage.with_flows, few, &better) {
        (0, ..) => Status::Problem,
        (_, false, None) => return vec![Finding::ok(CHECK, found)],
        _ => Status::Warning,
    };
    let advice = match better {
        Some((other, better)) => {
            format!("set `identity: {other}`: then {} of {} pods have flows", better.with_flows, better.pods)
        }
        None if !coverage.without_application.is_empty()
            && coverage.without_application.len() * 2 > coverage.pods =>
        {
            "label the pods' templates with `app`, as the mesh's metrics name them, or set another `identity`"
                .to_owned()
        }
        None => format!(
            "make the pods' labels and the mesh's agree: under the identity `{}` both must give the same name; pods outside \
             the mesh never have flows",
            identity
        ),
    };
    vec![Finding::new(CHECK, status, found, advice)]
}

/// Names of the mesh that no pod has, each with the pods' most similar name.
fn unmatched(coverage: &Coverage) -> String {
    let shown = coverage.unmatched.iter().take(EXAMPLES).map(|(end, share)| {
        let own = coverage.silent.iter().filter(|own| own.namespace() == end.namespace());
        let alike = own
            .map(|own| (strsim::jaro_winkler(own.name(), end.name()), own))
            .filter(|(alike, _)| *alike >= ALIKE)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        match alike {
            Some((_, own)) => format!("{end} ({:.0}%; pods say {})", share * 100.0, own.name()),
            None => format!("{end} ({:.0}%)", share * 100.0),
        }
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        String::new()
    } else {
        format!("; names of the mesh that no pod has: {}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, labels: &[(&str, &str)]) -> PodNames {
        PodNames {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..PodNames::default()
        }
    }

    fn edges(ends: &[(&str, &str)]) -> Edges {
        let application = |name: &str| Application::new("shop", name);
        let edges = ends.iter().map(|(from, to)| (application(from), application(to), 1.0)).collect();
        Edges { edges, ..Edges::default() }
    }

    fn one(pods: Vec<PodNames>, edges: &[(Identity, Edges)]) -> Finding {
        let findings = findings_of(Identity::App, &Ok(pods), &edges.iter().cloned().collect());
        let [finding] = &findings[..] else { panic!("one finding") };
        finding.clone()
    }

    #[test]
    fn pods_that_the_mesh_names_are_fine() {
        let mut stranger = pod("dns", &[("app", "dns")]);
        stranger.namespace = "kube-system".to_owned();
        let pods = vec![pod("a", &[("app", "web")]), pod("b", &[("app", "db")]), stranger];
        let finding = one(pods, &[(Identity::App, edges(&[("web", "db")]))]);
        let found =
            "100% of the bytes belong to pods; 2 of 2 pods in namespaces with flows have some, of 3 in all";
        assert_eq!(finding, Finding::ok(CHECK, found));
    }

    #[test]
    fn names_that_do_not_meet_are_shown_beside_each_other() {
        let pods = vec![pod("a", &[("app", "web-v1")]), pod("b", &[("app", "db-v1")])];
        let finding = one(pods, &[(Identity::App, edges(&[("web", "db")]))]);
        assert_eq!(finding.status, Status::Problem);
        assert!(
            finding.found.ends_with("shop/db (50%; pods say db-v1), shop/web (50%; pods say web-v1)"),
            "{finding:?}"
        );
        assert!(finding.advice.unwrap().contains("labels"), "the labels are to blame");
    }

    #[test]
    fn bytes_count_more_than_pods() {
        // Three quarters of the pods have flows, and nearly all bytes go to a name that no pod has.
        let pods = ["a", "b", "c", "d"].map(|name| pod(name, &[("app", name)]));
        let mut flows = edges(&[("a", "b"), ("b", "c")]);
        let [cart, shard] = ["d-leader", "elsewhere"].map(|name| Application::new("shop", name));
        flows.edges.push((cart, shard, 1_000.0));
        let finding = one(pods.to_vec(), &[(Identity::App, flows)]);
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.found.starts_with("0% of the bytes belong to pods; 3 of 4 pods"), "{finding:?}");
        assert!(finding.found.contains("shop/d-leader (50%"), "{finding:?}");
    }

    #[test]
    fn another_identity_is_advised_where_more_would_meet() {
        let label = "app.kubernetes.io/name";
        let pods = vec![pod("a", &[(label, "web")]), pod("b", &[(label, "db"), ("app", "db")])];
        let flows = edges(&[("web", "db")]);
        let finding = one(
            pods,
            &[
                (Identity::App, flows.clone()),
                (Identity::CanonicalService, flows),
                (Identity::Workload, edges(&[])),
            ],
        );
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.found.contains("1 pod without the label `app`, such as shop/a"), "{finding:?}");
        assert_eq!(finding.advice.unwrap(), "set `identity: canonical-service`: then 2 of 2 pods have flows");
    }

    #[test]
    fn pods_without_the_label_and_foreign_metrics_are_told_apart() {
        let finding = one(vec![pod("a", &[]), pod("b", &[])], &[(Identity::App, edges(&[("web", "db")]))]);
        assert_eq!(finding.status, Status::Problem);
        assert!(finding.advice.unwrap().starts_with("label the pods' templates"));
        let mut elsewhere = pod("a", &[("app", "web")]);
        elsewhere.namespace = "other".to_owned();
        let finding = one(vec![elsewhere], &[(Identity::App, edges(&[("web", "db")]))]);
        let advice = finding.advice.unwrap();
        assert!(advice.contains("another cluster") && advice.contains("`metrics.match_labels`"), "{advice}");
    }

    #[test]
    fn without_pods_or_flows_there_is_nothing_to_compare() {
        let none = BTreeMap::new();
        for pods in [Err("forbidden".to_owned()), Ok(vec![pod("a", &[])])] {
            assert_eq!(findings_of(Identity::App, &pods, &none)[0].status, Status::Skipped);
        }
    }
}
