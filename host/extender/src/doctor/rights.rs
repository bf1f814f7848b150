//! May the extender do what it must? Each verb that it uses, with what does not work without it.
//!
//! The API server itself is asked, so roles, bindings, webhooks and impersonation count as they are.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::{Finding, Namespaced, PATIENCE, brief, count};
use crate::config::Config;

const CHECK: &str = "rights";

/// A verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
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
        match &self.namespace {
            Some(namespace) => write!(f, " in the namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// What the API server said of one right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    Denied,
    /// It could not be asked, and why.
    Unknown(String),
}

/// Everything that the extender asks of the API server under this configuration, installed in `namespace`.
pub(super) fn needed(config: &Config, namespace: &str) -> Vec<Right> {
    let right = |verb, group, resource, subresource, without| Right {
        verb,
        group,
        resource,
        subresource,
        namespace: None,
        without,
    };
    let mut rights = vec![
        right("list", "", "pods", "", "it never gets ready, for it does not learn where pods run"),
        right("watch", "", "pods", "", "it does not see pods come and go"),
        right("list", "", "nodes", "", "it never gets ready, for it does not learn which nodes there are"),
        right("watch", "", "nodes", "", "it does not see nodes come and go"),
    ];
    let policies = &config.policies.kubernetes;
    if policies.enabled {
        let namespace = policies.namespace.clone().unwrap_or_else(|| namespace.to_owned());
        let own = "netmarks.dev";
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
            .map(|right| Right { namespace: Some(namespace.clone()), ..right }),
        );
    }
    if config.admin.kubernetes {
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
) -> Vec<(Right, Answer)> {
    let mut answers = Vec::with_capacity(rights.len());
    for right in rights {
        let answer = match tokio::time::timeout(PATIENCE, review(client, account, &right)).await {
            Err(_) => Answer::Unknown(format!("no answer within {PATIENCE:?}")),
            Ok(Err(error)) => Answer::Unknown(brief(&error)),
            Ok(Ok(Some(status))) if status.allowed && status.denied != Some(true) => Answer::Allowed,
            Ok(Ok(_)) => Answer::Denied,
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
pub(super) fn judge(account: Option<&Namespaced>, answers: &[(Right, Answer)]) -> Vec<Finding> {
    let who = account.map_or_else(|| "you, whose kubeconfig this is,".to_owned(), user);
    let unknown = answers.iter().find_map(|(_, answer)| match answer {
        Answer::Unknown(reason) => Some(reason),
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
    let denied = answers.iter().filter(|(_, answer)| *answer == Answer::Denied);
    let missing: Vec<Finding> = denied
        .map(|(right, _)| {
            let role = if right.namespace.is_some() { "Role" } else { "ClusterRole" };
            Finding::problem(
                CHECK,
                format!("{who} may not {right}: {}", right.without),
                format!("allow it in a {role} that is bound to the extender's service account; the chart and deploy/kustomize/base/rbac.yaml have all it needs"),
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

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn account() -> Namespaced {
        "netmarks/netmarks".parse().unwrap()
    }

    fn all(config: &Config, answer: &Answer) -> Vec<(Right, Answer)> {
        needed(config, "netmarks").into_iter().map(|right| (right, answer.clone())).collect()
    }

    #[test]
    fn only_what_is_configured_is_needed() {
        let mut config = Config::default();
        let shown = |config: &Config| -> Vec<String> {
            needed(config, "netmarks").iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown(&config), ["list pods", "watch pods", "list nodes", "watch nodes"]);
        config.policies.kubernetes.enabled = true;
        config.admin.kubernetes = true;
        let all = shown(&config);
        let status = "patch scoringpolicies.netmarks.dev/status in the namespace netmarks";
        assert!(all.contains(&status.to_owned()), "{all:?}");
        assert!(all.contains(&"create tokenreviews.authentication.k8s.io".to_owned()), "{all:?}");
        assert_eq!(all.len(), 14);
        config.policies.kubernetes.namespace = Some("policies".to_owned());
        assert!(shown(&config).contains(&"get configmaps in the namespace policies".to_owned()));
    }

    #[test]
    fn each_missing_verb_is_a_problem_with_its_consequence() {
        let mut answers = all(&Config::default(), &Answer::Allowed);
        let [finding] = &judge(Some(&account()), &answers)[..] else { panic!("one for all") };
        assert_eq!((finding.status, &finding.advice), (Status::Ok, &None));
        answers[3].1 = Answer::Denied;
        let [finding] = &judge(Some(&account()), &answers)[..] else { panic!("one for the missing one") };
        assert_eq!(finding.status, Status::Problem);
        assert_eq!(
            finding.found,
            "system:serviceaccount:netmarks:netmarks may not watch nodes: it does not see nodes come and go"
        );
        assert!(finding.advice.as_ref().unwrap().contains("ClusterRole"));
    }

    #[test]
    fn who_may_not_ask_is_told_so() {
        let answers = all(&Config::default(), &Answer::Unknown("forbidden".to_owned()));
        let [finding] = &judge(Some(&account()), &answers)[..] else { panic!("one") };
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.advice.as_ref().unwrap().contains("subjectaccessreviews"));
        let yours = judge(None, &all(&Config::default(), &Answer::Allowed));
        assert!(yours[0].found.contains("--service-account"), "{yours:?}");
    }
}
