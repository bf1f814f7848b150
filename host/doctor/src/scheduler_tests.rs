use super::super::Status;
use super::super::scheduler_config::parse;
use super::*;

const SHIPPED: &str = include_str!("../../../deploy/kube-scheduler/config.yaml");

/// What the defaults configure, as far as it is held against kube-scheduler's configuration.
fn plain() -> Configured {
    Configured { request_timeout: Duration::from_millis(200), top: 10, ..Configured::default() }
}

/// What the chart configures: it serves TLS, and asks for a certificate.
fn installed() -> Configured {
    Configured { serves_https: true, asks_for_certificate: true, ..plain() }
}

fn seen(text: &str) -> Seen {
    Seen::Config { from: "file".to_owned(), second: false, config: parse(text).unwrap() }
}

/// The shipped configuration with lines of the extender's entry added or replaced.
fn with(lines: &[(&str, &str)]) -> SchedulerConfig {
    let mut tree: serde_json::Value = serde_saphyr::from_str(SHIPPED).unwrap();
    for (key, value) in lines {
        tree["extenders"][0][key] = serde_json::from_str(value).unwrap();
    }
    serde_json::from_value(tree).unwrap()
}

/// The findings that are not ok, as check, status, and what was found.
fn sick(config: SchedulerConfig, ours: &Configured) -> Vec<(&'static str, Status, String)> {
    let seen = Seen::Config { from: "file".to_owned(), second: false, config };
    findings_of(&seen, ours, Some(50))
        .into_iter()
        .filter(|finding| finding.status != Status::Ok)
        .map(|finding| (finding.check, finding.status, finding.found))
        .collect()
}

#[test]
fn the_shipped_configuration_is_fine() {
    let findings = findings_of(&seen(SHIPPED), &installed(), Some(50));
    let found: Vec<&str> = findings.iter().map(|finding| finding.found.as_str()).collect();
    assert_eq!(
        found,
        [
            "file has default-scheduler ask https://SERVICE_IP:9820",
            "default-scheduler: the best node gets 200 points of ours; all plugins together give a node 1200 at most",
            "default-scheduler: all 50 nodes are scored",
        ]
    );
    assert!(findings.iter().all(|finding| finding.status == Status::Ok));
}

#[test]
fn each_wrong_line_is_named() {
    let cases = [
        (("prioritizeVerb", r#""score""#), Status::Problem),
        (("filterVerb", r#""filter""#), Status::Problem),
        (("bindVerb", r#""bind""#), Status::Problem),
        (("preemptVerb", r#""preempt""#), Status::Problem),
        (("weight", "0"), Status::Problem),
        (("httpTimeout", r#""200ms""#), Status::Problem),
        (("httpTimeout", r#""soon""#), Status::Problem),
        (("httpTimeout", r#""0s""#), Status::Warning),
        (("httpTimeout", r#""1m30s""#), Status::Warning),
        (("nodeCacheCapable", "false"), Status::Warning),
        (("ignorable", "false"), Status::Warning),
        (("managedResources", r#"[{"name": "example.com/gpu"}]"#), Status::Warning),
        (("urlPrefix", r#""""#), Status::Problem),
    ];
    for ((key, value), status) in cases {
        let sick = sick(with(&[(key, value)]), &installed());
        let [(CHECK, found_status, found)] = &sick[..] else { panic!("{key}: {sick:?}") };
        assert!(*found_status == status && found.contains(key), "{key}: {sick:?}");
    }
}

#[test]
fn no_extender_is_told_from_no_verb_and_from_no_configuration() {
    let none = findings_of(&seen("kind: KubeSchedulerConfiguration"), &plain(), None);
    assert!(none[0].found.contains("has no extenders: the extender is never asked"), "{none:?}");
    let other = findings_of(
        &seen("{kind: KubeSchedulerConfiguration, extenders: [{urlPrefix: x, filterVerb: f}]}"),
        &plain(),
        None,
    );
    assert!(other[0].found.contains("prioritizeVerb"), "{other:?}");
    assert!(parse("kind: Deployment").unwrap_err().contains("Deployment"));
    assert!(parse("kind: [").unwrap_err().starts_with("cannot be read"));
    let nowhere = findings_of(&Seen::Nowhere("no".to_owned()), &plain(), None);
    assert_eq!((nowhere.len(), nowhere[0].status), (1, Status::Skipped));
    let no_file = findings_of(
        &Seen::NoFile(vec!["kube-system/a".to_owned(), "kube-system/b".to_owned()]),
        &plain(),
        None,
    );
    let found = "the pods kube-system/a and kube-system/b run without --config";
    assert!(no_file[0].status == Status::Problem && no_file[0].found.starts_with(found), "{no_file:?}");
    let unusable = findings_of(&Seen::Unusable("no".to_owned()), &plain(), None);
    assert_eq!((unusable.len(), unusable[0].status), (1, Status::Problem));
}

#[test]
fn tls_must_be_meant_by_both_sides() {
    let mut serving = plain();
    serving.serves_https = true;
    let mut asking = serving.clone();
    asking.asks_for_certificate = true;
    let http = ("urlPrefix", r#""http://netmarks:9820""#);
    let (disable, nothing) = (("enableHTTPS", "false"), ("tlsConfig", "null"));
    let authority = ("tlsConfig", r#"{"caFile": "ca.crt"}"#);
    let both = ("tlsConfig", r#"{"caFile": "ca.crt", "certFile": "c.crt", "keyFile": "c.key"}"#);
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c Configured, Option<(Status, &'c str)>);
    let cases: [Case<'_>; 8] = [
        (&[http, disable, nothing], &serving, Some((Status::Problem, "is http, and the extender serves"))),
        (&[authority], &plain(), Some((Status::Problem, "no `server.tls`"))),
        (&[http, nothing], &plain(), Some((Status::Warning, "does not use it"))),
        (&[nothing], &serving, Some((Status::Warning, "takes any certificate"))),
        (&[disable, nothing], &serving, Some((Status::Problem, "public authority"))),
        (&[authority], &serving, None),
        (&[authority], &asking, Some((Status::Problem, "client certificate"))),
        (&[both], &asking, None),
    ];
    for (lines, ours, expected) in cases {
        let sick = sick(with(lines), ours);
        match (expected, &sick[..]) {
            (None, []) => {}
            (Some((status, says)), [(CHECK, found, text)]) => {
                assert!(*found == status && text.contains(says), "{lines:?}: {sick:?}");
            }
            _ => panic!("{lines:?}: {sick:?}"),
        }
    }
}

#[test]
fn weight_is_held_against_the_plugins_of_the_profile() {
    let mut ours = installed();
    ours.top = 4;
    assert_eq!(sick(with(&[]), &ours)[0].1, Status::Warning, "80 points");
    assert_eq!(sick(with(&[("weight", "12")]), &installed())[0].0, WEIGHT);
    let text = format!(
        "{SHIPPED}\nprofiles:\n  - schedulerName: netmarks\n    plugins: {{score: {{disabled: [{{name: '*'}}]}}}}\n"
    );
    let findings = findings_of(&seen(&text), &installed(), None);
    assert!(findings[1].found.ends_with("give a node 0 at most"), "{findings:?}");
}

#[test]
fn nodes_that_are_cut_away_are_counted() {
    let findings = findings_of(&seen(SHIPPED), &installed(), Some(1_000));
    let [.., nodes] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!(nodes.status, Status::Warning);
    assert!(nodes.found.contains("420 of 1000 nodes are scored by default"), "{nodes:?}");
    assert!(nodes.found.contains("58 times of 100"), "{nodes:?}");
    let text =
        format!("{SHIPPED}\npercentageOfNodesToScore: 10\nprofiles: [{{percentageOfNodesToScore: 100}}]\n");
    assert_eq!(
        findings_of(&seen(&text), &installed(), Some(1_000))[2].status,
        Status::Ok,
        "the profile's wins"
    );
}

#[test]
fn two_schedulers_need_two_names() {
    let second = |config| Seen::Config { from: "map".to_owned(), second: true, config };
    let findings = findings_of(&second(parse(SHIPPED).unwrap()), &installed(), None);
    assert!(
        findings[0].found.contains("default-scheduler") && findings[0].status == Status::Problem,
        "{findings:?}"
    );
    let named = parse(&format!("{SHIPPED}\nprofiles: [{{schedulerName: netmarks}}]\n")).unwrap();
    assert_eq!(named.names(), ["netmarks"]);
    assert!(
        findings_of(&second(named), &installed(), None).iter().all(|finding| finding.status == Status::Ok)
    );
}

#[test]
fn what_keeps_kube_scheduler_from_starting_is_named() {
    let changed = |from: &str, to: &str| {
        assert!(SHIPPED.contains(from), "{from}");
        let config = parse(&SHIPPED.replace(from, to)).unwrap();
        sick(config, &installed()).remove(0)
    };
    let (_, status, found) = changed("kubescheduler.config.k8s.io/v1", "kubescheduler.config.k8s.io/v1beta3");
    assert_eq!(
        (status, &*found),
        (Status::Problem, "file: `apiVersion` is `kubescheduler.config.k8s.io/v1beta3`")
    );
    let (_, status, found) = changed(":9820", ":9820/prioritize/");
    assert!(status == Status::Problem && found.contains("holds the verb already"), "{found}");
    let (_, status, found) = changed(
        "extenders:",
        "profiles: [{schedulerName: a}, {schedulerName: b}, {schedulerName: a}]\nextenders:",
    );
    assert!(
        status == Status::Problem && found.contains("two profiles have the `schedulerName` a"),
        "{found}"
    );
}
