use super::super::Status;
use super::*;

fn account() -> Namespaced {
    "netmarks/netmarks".parse().unwrap()
}

fn all(config: &Configured, answer: &ReviewAnswer) -> Vec<(Right, ReviewAnswer)> {
    needed(config, "netmarks", &BTreeSet::new()).into_iter().map(|right| (right, answer.clone())).collect()
}

#[test]
fn only_what_is_configured_is_needed() {
    let mut config = Configured::default();
    let shown = |config: &Configured| -> Vec<String> {
        let secrets = BTreeSet::from(["registry".to_owned()]);
        needed(config, "netmarks", &secrets).iter().map(ToString::to_string).collect()
    };
    let always = shown(&config);
    assert_eq!(always.get(..4).unwrap(), ["list pods", "watch pods", "list nodes", "watch nodes"]);
    for resource in ["deployments.apps", "statefulsets.apps", "services"] {
        for verb in ["list", "watch"] {
            assert!(always.contains(&format!("{verb} {resource}")), "{always:?}");
        }
    }
    assert_eq!(always.len(), 10);
    config.policies.enabled = true;
    config.reviews_tokens = true;
    let all = shown(&config);
    let status = "patch scoringpolicies.netmarks.dev/status in the namespace netmarks";
    assert!(all.contains(&status.to_owned()), "{all:?}");
    assert!(all.contains(&"create tokenreviews.authentication.k8s.io".to_owned()), "{all:?}");
    assert!(all.contains(&"get secrets registry in the namespace netmarks".to_owned()), "{all:?}");
    assert_eq!(all.len(), 21);
    config.policies.namespace = Some("policies".to_owned());
    assert!(shown(&config).contains(&"get configmaps in the namespace policies".to_owned()));
}

/// What the chart's roles grant, as `verb resource.group/subresource`. Its templates hold such lists as they are rendered.
fn granted() -> BTreeSet<String> {
    let template = include_str!("../../../deploy/helm/netmarks/templates/rbac.yaml");
    let (mut group, mut resources, mut granted) = ("", Vec::new(), BTreeSet::new());
    for line in template.lines() {
        let line = line.trim_start_matches([' ', '-']);
        let Some((key, list)) = line.split_once(": [") else { continue };
        let items: Vec<&str> = list.trim_end_matches(']').split(", ").collect();
        match key {
            "apiGroups" => group = items[0].trim_matches('"'),
            "resources" => resources = items,
            "verbs" => {
                for (resource, verb) in
                    resources.iter().flat_map(|resource| items.iter().map(move |verb| (resource, verb)))
                {
                    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                    let right = Right { resource, subresource, group, verb, ..any() };
                    granted.insert(right.to_string());
                }
            }
            _ => {}
        }
    }
    granted
}

fn any() -> Right {
    Right { verb: "", group: "", resource: "", subresource: "", name: None, namespace: None, without: "" }
}

#[test]
fn they_are_those_that_the_chart_grants() {
    let mut config = Configured::default();
    config.policies.enabled = true;
    config.reviews_tokens = true;
    let all = needed(&config, "netmarks", &BTreeSet::from(["registry".to_owned()]));
    let all = all.into_iter().map(|right| Right { name: None, namespace: None, ..right }.to_string());
    assert_eq!(all.collect::<BTreeSet<String>>(), granted());
}

#[test]
fn secrets_are_those_that_policies_name() {
    let named =
        serde_json::json!({"spec": {"source": {"oci": {"reference": "r/a:v1", "pullSecret": "registry"}}}});
    assert_eq!(pull_secret(&named).as_deref(), Some("registry"));
    assert_eq!(pull_secret(&serde_json::json!({"spec": {"source": {"url": {}}}})), None);
    let mut config = Configured::default();
    config.policies.enabled = true;
    let rights = needed(&config, "netmarks", &BTreeSet::from(["registry".to_owned()]));
    let answers: Vec<(Right, ReviewAnswer)> = rights
        .into_iter()
        .map(|right| {
            (right.clone(), if right.name.is_some() { ReviewAnswer::Denied } else { ReviewAnswer::Allowed })
        })
        .collect();
    let [finding] = &findings_of(Some(&account()), &answers)[..] else { panic!("one for the Secret") };
    assert!(finding.found.contains("may not get secrets registry in the namespace netmarks"), "{finding:?}");
    assert!(finding.advice.as_ref().unwrap().contains("`policies.kubernetes.pullSecrets`"), "{finding:?}");
}

#[test]
fn each_missing_verb_is_a_problem_with_its_consequence() {
    let mut answers = all(&Configured::default(), &ReviewAnswer::Allowed);
    let [finding] = &findings_of(Some(&account()), &answers)[..] else { panic!("one for all") };
    assert_eq!((finding.status, &finding.advice), (Status::Ok, &None));
    answers[3].1 = ReviewAnswer::Denied;
    let [finding] = &findings_of(Some(&account()), &answers)[..] else { panic!("one for the missing one") };
    assert_eq!(finding.status, Status::Problem);
    assert_eq!(
        finding.found,
        "system:serviceaccount:netmarks:netmarks may not watch nodes: it does not see nodes come and go"
    );
    assert!(finding.advice.as_ref().unwrap().contains("ClusterRole"));
}

#[test]
fn who_may_not_ask_is_told_so() {
    let answers = all(&Configured::default(), &ReviewAnswer::Unknown("forbidden".to_owned()));
    let [finding] = &findings_of(Some(&account()), &answers)[..] else { panic!("one") };
    assert_eq!(finding.status, Status::Warning);
    assert!(finding.advice.as_ref().unwrap().contains("subjectaccessreviews"));
    let yours = findings_of(None, &all(&Configured::default(), &ReviewAnswer::Allowed));
    assert!(yours[0].found.contains("--service-account"), "{yours:?}");
}
