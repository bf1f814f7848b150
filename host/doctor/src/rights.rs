//! May the extender do what it must? Each verb that it uses, with what does not work without it.
//!
//! The API server itself is asked, so roles, bindings, webhooks and impersonation count as they are.

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::{Api, Client};
use netmarks_controller::resource::ScoringPolicy;

use super::config::Configured;
use super::{Finding, Namespaced, count, patient};

const CHECK: &str = "rights";

/// A verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    /// Of one object only.
    name: Option<String>,
    /// Where; `None` is everywhere.
    namespace: Option<String>,
    /// What does not work without it.
    without: &'static str,
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in the namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// What the API server said of one right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReviewAnswer {
    Allowed,
    Denied,
    /// It could not be asked, and why.
    Unknown(String),
}

/// Where its ScoringPolicies are, if it reads them: the extender is installed in `namespace`.
fn policies_in<'n>(config: &'n Configured, namespace: &'n str) -> Option<&'n str> {
    let policies = &config.policies;
    policies.enabled.then(|| policies.namespace.as_deref().unwrap_or(namespace))
}

/// The Secrets with credentials of registries that ScoringPolicies name.
///
/// # Errors
/// Why they are not known.
pub(super) async fn pull_secrets(
    client: &Client,
    config: &Configured,
    namespace: &str,
) -> Result<BTreeSet<String>, String> {
    let Some(namespace) = policies_in(config, namespace) else { return Ok(BTreeSet::new()) };
    // Not as ScoringPolicies: one that cannot be read would hide all others.
    let kind = ApiResource::erase::<ScoringPolicy>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let policies = patient(api.list(&ListParams::default())).await?.items;
    Ok(policies.iter().filter_map(|policy| pull_secret(&policy.data)).collect())
}

fn pull_secret(policy: &serde_json::Value) -> Option<String> {
    policy.pointer("/spec/source/oci/pullSecret")?.as_str().map(str::to_owned)
}

/// Everything that the extender asks of the API server under this configuration, installed in `namespace`, with the Secrets
/// that its ScoringPolicies name.
pub(super) fn needed(config: &Configured, namespace: &str, pull_secrets: &BTreeSet<String>) -> Vec<Right> {
    let right = |verb, group, resource, subresource, without| Right {
        verb,
        group,
        resource,
        subresource,
        name: None,
        namespace: None,
        without,
    };
    let mut rights = vec![
        right("list", "", "pods", "", "it never gets ready, for it does not learn where pods run"),
        right("watch", "", "pods", "", "it does not see pods come and go"),
        right("list", "", "nodes", "", "it never gets ready, for it does not learn which nodes there are"),
        right("watch", "", "nodes", "", "it does not see nodes come and go"),
    ];
    for (group, resource, unknown) in [
        ("apps", "deployments", "it expects as many replicas as run"),
        ("apps", "statefulsets", "it expects as many replicas as run"),
        ("", "services", "it does not learn which calls prefer their node"),
    ] {
        rights.extend(["list", "watch"].map(|verb| right(verb, group, resource, "", unknown)));
    }
    if let Some(namespace) = policies_in(config, namespace) {
        let own = "netmarks.dev";
        let secret =
            right("get", "", "secrets", "", "policies from the registry that it is for cannot be fetched");
        let secrets = pull_secrets.iter().map(|name| Right { name: Some(name.clone()), ..secret.clone() });
        rights.extend(
            [
                right("list", own, "scoringpolicies", "", "policies from Kubernetes are not found"),
                right("watch", own, "scoringpolicies", "", "changes of policies are not seen"),
                right("patch", own, "scoringpolicies", "status", "nobody hears what became of a policy"),
                right("get", "", "configmaps", "", "policies in ConfigMaps cannot be read"),
                right("list", "", "configmaps", "", "changes of policies in ConfigMaps are not seen"),
                right("watch", "", "configmaps", "", "changes of policies in ConfigMaps are not seen"),
                right("create", "events.k8s.io", "events", "", "turns of policies are not told as events"),
                right("patch", "events.k8s.io", "events", "", "repeated events are not counted"),
            ]
            .into_iter()
            .chain(secrets)
            .map(|right| Right { namespace: Some(namespace.to_owned()), ..right }),
        );
    }
    if config.reviews_tokens {
        let nobody = "every call of the admin listener is refused";
        rights.push(right("create", "authentication.k8s.io", "tokenreviews", "", nobody));
        rights.push(right("create", "authorization.k8s.io", "subjectaccessreviews", "", nobody));
    }
    rights
}

/// Asks the API server about each right, of `account` or of whoever asks.
pub(super) async fn ask(
    client: &Client,
    account: Option<&Namespaced>,
    rights: Vec<Right>,
) -> Vec<(Right, ReviewAnswer)> {
    let mut answers = Vec::with_capacity(rights.len());
    for right in rights {
        let answer = match patient(review(client, account, &right)).await {
            Err(reason) => ReviewAnswer::Unknown(reason),
            Ok(Some(status)) if status.allowed && status.denied != Some(true) => ReviewAnswer::Allowed,
            Ok(_) => ReviewAnswer::Denied,
        };
        answers.push((right, answer));
    }
    answers
}

async fn review(
    client: &Client,
    account: Option<&Namespaced>,
    right: &Right,
) -> Result<Option<SubjectAccessReviewStatus>, kube::Error> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let attributes = ResourceAttributes {
        verb: text(right.verb),
        group: text(right.group),
        resource: text(right.resource),
        subresource: text(right.subresource),
        name: right.name.clone(),
        namespace: right.namespace.clone(),
        ..ResourceAttributes::default()
    };
    let params = PostParams::default();
    Ok(match account {
        None => {
            let spec = SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..SelfSubjectAccessReviewSpec::default()
            };
            let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
            Api::all(client.clone()).create(&params, &review).await?.status
        }
        Some(account) => {
            let groups = ["system:authenticated", "system:serviceaccounts"].map(str::to_owned);
            let own = format!("system:serviceaccounts:{}", account.namespace);
            let spec = SubjectAccessReviewSpec {
                user: Some(user(account)),
                groups: Some(groups.into_iter().chain([own]).collect()),
                resource_attributes: Some(attributes),
                ..SubjectAccessReviewSpec::default()
            };
            let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
            Api::all(client.clone()).create(&params, &review).await?.status
        }
    })
}

/// The user that a pod with this account is.
fn user(account: &Namespaced) -> String {
    format!("system:serviceaccount:{}:{}", account.namespace, account.name)
}

/// One finding for each right that is missing, or one for all.
pub(super) fn findings_of(account: Option<&Namespaced>, answers: &[(Right, ReviewAnswer)]) -> Vec<Finding> {
    let who = account.map_or_else(|| "you, whose kubeconfig this is,".to_owned(), user);
    let unknown = answers.iter().find_map(|(_, answer)| match answer {
        ReviewAnswer::Unknown(reason) => Some(reason),
        _ => None,
    });
    if let Some(reason) = unknown {
        let advice = match account {
            Some(_) => {
                "run it as somebody who may create subjectaccessreviews.authorization.k8s.io, such as cluster-admin; or \
                 in the extender's own pod without --service-account"
            }
            None => "look at the API server: every authenticated user may ask what they may do",
        };
        return vec![Finding::warning(
            CHECK,
            format!("the API server does not say what {who} may do: {reason}"),
            advice,
        )];
    }
    let denied = answers.iter().filter(|(_, answer)| *answer == ReviewAnswer::Denied);
    let missing: Vec<Finding> = denied
        .map(|(right, _)| {
            let role = if right.namespace.is_some() { "Role" } else { "ClusterRole" };
            let how = match &right.name {
                Some(_) => "the chart's is `policies.kubernetes.pullSecrets`: name it there",
                None => "the chart and deploy/kustomize/base/rbac.yaml have all it needs",
            };
            Finding::problem(
                CHECK,
                format!("{who} may not {right}: {}", right.without),
                format!("allow it in a {role} that is bound to the extender's service account; {how}"),
            )
        })
        .collect();
    if !missing.is_empty() {
        return missing;
    }
    let whose = match account {
        Some(_) => String::new(),
        None => " (the extender's own account: --service-account)".to_owned(),
    };
    vec![Finding::ok(
        CHECK,
        format!("{who} may do all that is needed, {}{whose}", count(answers.len(), "verb")),
    )]
}

/// That the Secrets of ScoringPolicies could not be looked at.
pub(super) fn secrets_unknown(reason: &str) -> Finding {
    Finding::skipped(
        CHECK,
        format!("which pull secrets ScoringPolicies name is not known: {reason}"),
        "run it as somebody who may list scoringpolicies.netmarks.dev, and see that their definition is installed",
    )
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
