//! The chart's extender and webhook with no more than the chart gives them: one account, certificates, a configuration. kube-scheduler
//! asks the extender over mutual TLS, with the configuration that we ship.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::node::Node;
use crate::support::release::NAMESPACE;
use crate::support::setting::Setting;
use crate::support::steered::{choose, wait_steered};
use crate::support::{LIMIT, scratch};
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Api;
use kube::api::PostParams;
use netmarks_test_cluster::{ControlPlane, DeploymentSpec, SchedulerOptions, repository, until};
use netmarks_test_traffic::online_boutique;
use serde_json::{Value, json};

/// The extender's account, as the API server knows it.
const ACCOUNT: &str = "system:serviceaccount:netmarks:netmarks";

/// kube-scheduler with the configuration that we ship, and the folder that its certificates were copied to.
fn stock_scheduler(plane: &ControlPlane, name: &str, tls: &Path) -> Result<SchedulerOptions> {
    let config = include_str!("../../deploy/kube-scheduler/config.yaml");
    Node::new(plane, tls)?.scheduler(name, config, "https://SERVICE_IP:9820")
}

/// The roles that the chart gives the extender's account.
const ROLES: [&str; 2] = ["clusterrole/netmarks-netmarks", "role/netmarks"];

/// One verb on one resource that a role of the chart grants.
struct Right {
    role: &'static str,
    rule: PolicyRule,
}

impl Right {
    /// Every right of the extender's account.
    fn granted(plane: &ControlPlane) -> Result<Vec<Self>> {
        let mut granted = Vec::new();
        for role in ROLES {
            let rules = serde_json::from_value::<Vec<PolicyRule>>(read(plane, role)?["rules"].take())?;
            for rule in rules {
                for group in rule.api_groups.iter().flatten() {
                    for resource in rule.resources.iter().flatten() {
                        granted.extend(rule.verbs.iter().map(|verb| Self {
                            role,
                            rule: PolicyRule {
                                api_groups: Some(vec![group.clone()]),
                                resources: Some(vec![resource.clone()]),
                                verbs: vec![verb.clone()],
                                ..rule.clone()
                            },
                        }));
                    }
                }
            }
        }
        Ok(granted)
    }

    fn group(&self) -> &str {
        self.rule.api_groups.iter().flatten().next().map_or("", String::as_str)
    }

    /// The resource, and the part of it that is meant.
    fn resource(&self) -> (&str, Option<&str>) {
        let resource = self.rule.resources.iter().flatten().next().map_or("", String::as_str);
        resource.split_once('/').map_or((resource, None), |(whole, part)| (whole, Some(part)))
    }

    /// `verb resource`, as the audit log has them.
    fn name(&self) -> String {
        let (resource, part) = self.resource();
        let dot = if self.group().is_empty() { "" } else { "." };
        let part = part.map(|part| format!("/{part}")).unwrap_or_default();
        format!("{} {resource}{dot}{}{part}", self.rule.verbs[0], self.group())
    }

    /// Gives its role these rights and no others, and waits until the API server minds that this one is in or out.
    async fn wait_role(&self, plane: &ControlPlane, rights: &[&Self]) -> Result<()> {
        let mut role = read(plane, self.role)?;
        role["metadata"].as_object_mut().context("no metadata")?.remove("resourceVersion");
        role["rules"] = json!(rights.iter().map(|right| &right.rule).collect::<Vec<_>>());
        let file = scratch(plane, "role.json", &role.to_string())?;
        plane.kubectl(&["-n", NAMESPACE, "replace", "-f", &file.to_string_lossy()])?;

        let (resource, part) = self.resource();
        let attributes = ResourceAttributes {
            verb: Some(self.rule.verbs[0].clone()),
            group: Some(self.group().to_owned()),
            resource: Some(resource.to_owned()),
            subresource: part.map(str::to_owned),
            name: self.rule.resource_names.iter().flatten().next().cloned(),
            namespace: self.role.starts_with("role/").then(|| NAMESPACE.to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(ACCOUNT.to_owned()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let reviews: Api<SubjectAccessReview> = Api::all(plane.client().clone());
        let expected = rights.iter().any(|right| right.name() == self.name());
        until(&format!("`{}` is {expected}", self.name()), LIMIT, async || {
            let answer = reviews.create(&PostParams::default(), &review).await?;
            Ok((answer.status.context("no status")?.allowed == expected).then_some(()))
        })
        .await
    }
}

fn read(plane: &ControlPlane, role: &str) -> Result<Value> {
    let text = plane.kubectl(&["-n", NAMESPACE, "get", role, "-o", "json"])?;
    Ok(serde_json::from_str(&text)?)
}

/// Two policies: from a ConfigMap that is there, and from a registry with a Secret that is not.
fn create_policies(plane: &ControlPlane) -> Result<()> {
    let component = format!("--from-file=policy.wasm={}", repository::policy_file("zone-cost").display());
    plane.kubectl(&["-n", NAMESPACE, "create", "configmap", "zone-cost", &component])?;
    let example = repository("deploy/examples/scoringpolicy.yaml");
    plane.kubectl(&["apply", "--validate=strict", "-f", &example.to_string_lossy()]).map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_rights_suffice_and_kube_scheduler_and_it_verify_each_other() {
    let installed = Setting::start(online_boutique().unwrap()).await.unwrap();
    let Setting { edges, plane, .. } = &installed;
    let release = installed.install(&["admission.enabled=true"]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(edges).await.unwrap();

    let namespace = &edges[0].source_namespace;
    plane.create_namespace(namespace).await.unwrap();
    let tls = release.secret("netmarks-scheduler-client").unwrap();
    let options = stock_scheduler(plane, "shipped", &tls).unwrap();
    let mut scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "productcatalogservice", 1)).await.unwrap();
    plane.wait_bound(namespace, 1, LIMIT).await.unwrap();
    extender.wait_pods(namespace, 1).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "frontend", 1)).await.unwrap();
    plane.wait_bound(namespace, 2, LIMIT).await.unwrap();
    // Left alone, the scheduler takes an empty node for the second pod.
    let pods = plane.placement(namespace).await.unwrap();
    assert_eq!(pods[0].node, pods[1].node, "{pods:?}");
    let scored = extender.answered("scored").await.unwrap();
    assert_eq!(scored, 1, "{:?}", extender.answers().await);

    // Its webhook, too: it watches pods and nodes a second time, and adds nothing before it has the lists of both.
    choose(plane, namespace).unwrap();
    release.reach_webhook().unwrap();
    wait_steered(plane, namespace, "frontend").await.unwrap();

    // Policies of the cluster: with what it refers to, and back into its status.
    create_policies(plane).unwrap();
    let ready = ["wait", "scoringpolicy/zone-cost", "--for=condition=Ready", "--timeout=60s"];
    plane.kubectl(&[&["-n", NAMESPACE], &ready[..]].concat()).unwrap();

    // Nothing that it asked for was refused, and it was given nothing that it does not use.
    let granted = Right::granted(plane).unwrap();
    let granted: BTreeSet<String> = granted.iter().map(Right::name).collect();
    until("everything that was granted is used", LIMIT, async || {
        let calls = plane.calls_of(ACCOUNT)?;
        let used: BTreeSet<String> =
            calls.iter().map(|call| format!("{} {}", call.verb, call.resource)).collect();
        // A second event of the same kind is a patch of the first.
        let unused: Vec<&String> =
            granted.difference(&used).filter(|verb| *verb != "patch events.events.k8s.io").collect();
        ensure!(unused.is_empty(), "not used: {unused:?}; used: {used:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    let calls = plane.calls_of(ACCOUNT).unwrap();
    // Other errors, such as a conflict of two changes, come after it was allowed to ask.
    let refused: Vec<_> = calls.iter().filter(|call| matches!(call.status, 401 | 403)).collect();
    assert!(refused.is_empty(), "{refused:?}");

    // Another authority than the extender's: kube-scheduler does not speak to it, says so, and schedules.
    scheduler.kill().unwrap();
    let wrong = tempfile::tempdir().unwrap();
    for file in ["tls.crt", "tls.key"] {
        std::fs::copy(tls.join(file), wrong.path().join(file)).unwrap();
    }
    std::fs::copy(plane.folder().join("apiserver/apiserver.crt"), wrong.path().join("ca.crt")).unwrap();
    let mut options = stock_scheduler(plane, "wrong-authority", wrong.path()).unwrap();
    // From here on kube-scheduler logs what an extender failed with.
    options.verbosity = 5;
    let wrong_scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "cartservice", 1)).await.unwrap();
    plane.wait_bound(namespace, 3, LIMIT).await.unwrap();
    let log = wrong_scheduler.log().unwrap();
    assert!(log.contains("certificate signed by unknown authority"), "{log}");
    drop(wrong_scheduler);
    // No certificate of its own: the extender does not speak to it.
    let anyone = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let port = plane.local_port(NAMESPACE, 9820).unwrap();
    anyone.get(format!("https://127.0.0.1:{port}/healthz")).send().await.unwrap_err();
    assert_eq!(extender.answered("scored").await.unwrap(), scored, "neither reached it");
    // Probes and scrapers need none.
    assert_eq!(release.probe("readiness").await.unwrap(), "ready\n");
}

/// What the extender says for want of each right, in its log, in the conditions of a policy, or to who asks its admin listener.
const SAYS: [(&str, &str); 21] = [
    ("create events.events.k8s.io", "failed to publish an event about a ScoringPolicy"),
    ("create subjectaccessreviews.authorization.k8s.io", "could not be asked to review access"),
    ("create tokenreviews.authentication.k8s.io", "could not be asked to review a token"),
    ("get configmaps", "failed to read the ConfigMap `zone-cost`"),
    ("get secrets", "failed to read the Secret `netmarks-pull`"),
    ("list configmaps", "may list and watch ConfigMaps"),
    ("list deployments.apps", "may list and watch deployments"),
    ("list nodes", "may list and watch nodes"),
    ("list pods", "may list and watch pods"),
    ("list scoringpolicies.netmarks.dev", "may list and watch scoringpolicies"),
    ("list services", "may list and watch services"),
    ("list statefulsets.apps", "may list and watch statefulsets"),
    ("patch events.events.k8s.io", "failed to publish an event about a ScoringPolicy"),
    ("patch scoringpolicies.netmarks.dev/status", "failed to write a status"),
    ("watch configmaps", "may list and watch ConfigMaps"),
    ("watch deployments.apps", "may list and watch deployments"),
    ("watch nodes", "may list and watch nodes"),
    ("watch pods", "may list and watch pods"),
    ("watch scoringpolicies.netmarks.dev", "may list and watch scoringpolicies"),
    ("watch services", "may list and watch services"),
    ("watch statefulsets.apps", "may list and watch statefulsets"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_makes_a_clear_error() {
    let installed = Setting::start(online_boutique().unwrap()).await.unwrap();
    let plane = &installed.plane;
    let release = installed.install(&["admin.enabled=true"]).unwrap();
    create_policies(plane).unwrap();
    let granted = Right::granted(plane).unwrap();
    let names: BTreeSet<String> = granted.iter().map(Right::name).collect();
    assert_eq!(names, SAYS.iter().map(|(right, _)| (*right).to_owned()).collect());
    // Who asks the admin listener is somebody whom it must ask about.
    let token = plane.kubectl(&["-n", NAMESPACE, "create", "token", "default"]).unwrap();
    let admin = format!("https://127.0.0.1:{}/v1/policies", plane.local_port(NAMESPACE, 9822).unwrap());
    let anyone = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let mut weight = 1;
    for right in &granted {
        let says = SAYS.iter().find(|(name, _)| *name == right.name()).unwrap().1;
        let of_role = || granted.iter().filter(|other| other.role == right.role);
        let others: Vec<&Right> = of_role().filter(|other| other.name() != right.name()).collect();
        right.wait_role(plane, &others).await.unwrap();
        let extender = release.extender().await.unwrap();
        // And what the API server answered.
        let (verb, resource) = (&right.rule.verbs[0], &right.rule.resources.as_ref().unwrap()[0]);
        let want = format!("cannot {verb} resource \"{resource}\"");
        let messages = "-o=jsonpath={.items[*].status.conditions[*].message}";
        until(&format!("{says:?} is said, for want of `{}`", right.name()), LIMIT, async || {
            if right.name().starts_with("patch events") {
                // The same event again is a patch of the first.
                weight += 1;
                let patch = format!(r#"{{"spec": {{"weight": {weight}}}}}"#);
                let patch = ["patch", "scoringpolicy", "zone-cost", "--type=merge", "--patch", &patch];
                plane.kubectl(&[&["-n", NAMESPACE], &patch[..]].concat())?;
            }
            let answer = anyone.get(&admin).bearer_auth(&token).send().await?.text().await?;
            let conditions = plane.kubectl(&["-n", NAMESPACE, "get", "scoringpolicies", messages])?;
            let said = [extender.log()?, conditions, answer].join("\n").replace('\\', "");
            ensure!(said.contains(says) && said.contains(&want), "{said}");
            Ok(Some(()))
        })
        .await
        .unwrap();
        if matches!(right.name().as_str(), "list pods" | "list nodes") {
            // Alive, but not ready, and it says for want of what.
            until("its readiness probe says why it fails", LIMIT, async || {
                let said = release.probe("readiness").await.err().context("it is ready")?.to_string();
                let what = format!("the list of {} is not complete yet", right.resource().0);
                ensure!(said.contains(&what), "{said}");
                Ok(Some(()))
            })
            .await
            .unwrap();
        }
        drop(extender);
        right.wait_role(plane, &of_role().collect::<Vec<_>>()).await.unwrap();
    }
}
