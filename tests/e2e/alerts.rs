//! The alerts of the chart: Prometheus' own tool takes them, each fires when it should and not when all is well, and has a
//! section in the runbook.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::markdown::Markdown;

use crate::support::{binaries, release};

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/helm/netmarks/files/alerts.yaml");

fn promtool(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("promtool").current_dir(folder).args(arguments).output();
    let output = output.context("`promtool` is not on PATH; `cargo xtask test` installs it")?;
    let printed = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&printed));
    Ok(())
}

fn names() -> Vec<&'static str> {
    let alerts = include_str!("../../deploy/helm/netmarks/files/alerts.yaml");
    alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

/// How many replicas of the second scheduler there are, to kube-state-metrics.
const SCHEDULER: &str =
    "kube_deployment_status_replicas_available{namespace='netmarks',deployment='netmarks-scheduler'}";

/// For each alert the series, as promtool's unit tests write them, under which it fires within eight hours.
const FIRING: [(&str, &[(&str, &str)]); 13] = [
    ("NetmarksSchedulerDown", &[(SCHEDULER, "0x500")]),
    ("NetmarksAbsent", &[]),
    ("NetmarksNotReady", &[("netmarks_ready{namespace='n',pod='p'}", "0x500")]),
    ("NetmarksMetricsStale", &[("netmarks_flows_age_seconds{namespace='n',pod='p'}", "301x500")]),
    (
        "NetmarksNoFlows",
        &[
            ("netmarks_flows{namespace='n',pod='p'}", "0x500"),
            ("netmarks_flows_age_seconds{namespace='n',pod='p'}", "3x500"),
        ],
    ),
    ("NetmarksFlowsDropped", &[("netmarks_flows_dropped{namespace='n',pod='p'}", "7x500")]),
    ("NetmarksWatchFailing", &[("netmarks_watch_errors_total{namespace='n',pod='p'}", "0+2x500")]),
    (
        "NetmarksAnswersWithoutScores",
        &[
            ("netmarks_prioritize_answers_total{namespace='n',pod='p',outcome='scored'}", "0+90x500"),
            ("netmarks_prioritize_answers_total{namespace='n',pod='p',outcome='deadline'}", "0+10x500"),
        ],
    ),
    (
        "NetmarksNotAsked",
        &[
            ("netmarks_prioritize_last_request_timestamp_seconds{namespace='n',pod='p'}", "0x500"),
            ("netmarks_start_time_seconds{namespace='n',pod='p'}", "0x500"),
        ],
    ),
    ("NetmarksBadRequests", &[("netmarks_prioritize_bad_requests_total{namespace='n',pod='p'}", "0+1x500")]),
    (
        "NetmarksSlow",
        &[
            ("netmarks_prioritize_duration_seconds_bucket{namespace='n',pod='p',le='0.01'}", "0+50x500"),
            ("netmarks_prioritize_duration_seconds_bucket{namespace='n',pod='p',le='0.2'}", "0+60x500"),
            ("netmarks_prioritize_duration_seconds_bucket{namespace='n',pod='p',le='+Inf'}", "0+60x500"),
        ],
    ),
    ("NetmarksPolicyDegraded", &[("netmarks_policy_degraded{namespace='n',pod='p',policy='x'}", "1x500")]),
    (
        "NetmarksReplicasDiffer",
        &[
            ("netmarks_ready{namespace='n',pod='p'}", "1x500"),
            ("netmarks_ready{namespace='n',pod='q'}", "1x500"),
            ("netmarks_policy_live{namespace='n',pod='p',policy='x',digest='1',state='active'}", "1x500"),
            ("netmarks_policy_live{namespace='n',pod='q',policy='x',digest='2',state='active'}", "1x500"),
        ],
    ),
];

/// A cluster in which all is well.
const WELL: [(&str, &str); 15] = [
    (SCHEDULER, "2x500"),
    ("netmarks_start_time_seconds{namespace='n',pod='p'}", "0x500"),
    ("netmarks_prioritize_last_request_timestamp_seconds{namespace='n',pod='p'}", "0+60x500"),
    ("netmarks_ready{namespace='n',pod='p'}", "1x500"),
    ("netmarks_ready{namespace='n',pod='q'}", "1x500"),
    ("netmarks_flows{namespace='n',pod='p'}", "40x500"),
    ("netmarks_flows_age_seconds{namespace='n',pod='p'}", "16x500"),
    ("netmarks_flows_dropped{namespace='n',pod='p'}", "0x500"),
    ("netmarks_watch_errors_total{namespace='n',pod='p'}", "3x500"),
    ("netmarks_prioritize_answers_total{namespace='n',pod='p',outcome='scored'}", "0+90x500"),
    ("netmarks_prioritize_answers_total{namespace='n',pod='p',outcome='no-preference'}", "0+90x500"),
    ("netmarks_prioritize_duration_seconds_bucket{namespace='n',pod='p',le='0.001'}", "0+50x500"),
    ("netmarks_prioritize_duration_seconds_bucket{namespace='n',pod='p',le='+Inf'}", "0+50x500"),
    ("netmarks_policy_live{namespace='n',pod='p',policy='x',digest='1',state='active'}", "1x500"),
    ("netmarks_policy_live{namespace='n',pod='q',policy='x',digest='1',state='active'}", "1x500"),
];

/// Whether `alert` fires within eight hours, as one test of promtool's.
fn case(alert: &str, series: &[(&str, &str)], fires: bool) -> String {
    let mut text = String::from("  - interval: 1m\n    input_series:\n");
    // An empty list of series is not a list to promtool.
    for (name, values) in series.iter().chain(&[("unrelated", "1x500")]) {
        text += &format!("      - {{series: \"{name}\", values: \"{values}\"}}\n");
    }
    let samples = if fires { "[{labels: '{}', value: 1}]" } else { "[]" };
    text + &format!(
        "    promql_expr_test:\n      - {{expr: \"count(count by (alertname) (ALERTS{{alertname='{alert}',\
         alertstate='firing'}}))\", eval_time: 8h, exp_samples: {samples}}}\n"
    )
}

#[test]
fn every_alert_fires_when_it_should_and_never_when_all_is_well() -> Result<()> {
    let folder = tempfile::tempdir()?;
    promtool(folder.path(), &["check", "rules", ALERTS])?;
    let tested: Vec<&str> = FIRING.iter().map(|(alert, _)| *alert).collect();
    assert_eq!(tested, names());
    let mut tests = format!("rule_files: [{ALERTS}]\nevaluation_interval: 1m\ntests:\n");
    for (alert, series) in FIRING {
        tests += &case(alert, series, true);
        tests += &case(alert, &WELL, false);
    }
    std::fs::write(folder.path().join("tests.yaml"), tests)?;
    promtool(folder.path(), &["test", "rules", "tests.yaml"])
}

/// What the chart makes of the alerts with these further flags.
fn rendered(more: &[&str]) -> Result<String> {
    let helm = binaries().helm;
    let chart = release::chart().display().to_string();
    let values = "image.repository=none.invalid/netmarks,monitoring.rules.enabled=true";
    let mut command = Command::new(&helm);
    command.args(["template", "shops", &chart, "--namespace", "placing", "--set", values]).args(more);
    let output = command.arg("--show-only=templates/monitoring.yaml").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_second_scheduler_is_missed_where_there_is_one_and_by_its_name() -> Result<()> {
    let with = rendered(&["--set=scheduler.enabled=true"])?;
    let its_own = r#"{namespace="placing",deployment="shops-netmarks-scheduler"}"#;
    assert_eq!(with.matches(its_own).count(), 1, "{with}");
    let without = rendered(&[])?;
    let alerts = |text: &str| text.matches("- alert: ").count();
    assert_eq!((alerts(&with), alerts(&without)), (names().len(), names().len() - 1));
    assert!(!without.contains("deployment="), "{without}");
    Ok(())
}

#[test]
fn each_alert_links_to_its_section_of_the_runbook() -> Result<()> {
    let url = "https://runbooks.example/operate.md";
    let text =
        rendered(&["--set=scheduler.enabled=true", &format!("--set=monitoring.rules.runbookUrl={url}")])?;
    let link = |line: &str| -> Option<String> {
        let link = line.trim().strip_prefix("runbook_url: ")?.trim_matches(['"', '\'']);
        Some(link.strip_prefix(url)?.strip_prefix('#')?.to_owned())
    };
    let anchors: Vec<String> = text.lines().filter_map(link).collect();
    let expected: Vec<String> = names().into_iter().map(str::to_lowercase).collect();
    assert_eq!(anchors, expected, "{text}");
    let runbook = Markdown::of(include_str!("../../docs/operate.md"));
    for anchor in anchors {
        assert!(runbook.anchors.contains(&anchor), "docs/operate.md has no heading #{anchor}");
    }
    assert!(!rendered(&[])?.contains("runbook_url"), "nobody knows where it is");
    Ok(())
}

#[test]
fn every_metric_of_an_alert_exists_and_every_alert_has_its_section() {
    let metrics: Vec<&str> =
        include_str!("../../host/netmarks/tests/golden/metric-names.txt").lines().collect();
    let alerts = include_str!("../../deploy/helm/netmarks/files/alerts.yaml");
    let words = alerts.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    let used: Vec<&str> = words.filter(|word| word.starts_with("netmarks_")).collect();
    assert!(used.len() > names().len());
    for metric in used {
        assert!(metrics.contains(&metric), "{metric} is not exposed");
    }
    let runbook = include_str!("../../docs/operate.md");
    for alert in names() {
        assert!(runbook.contains(&format!("\n### {alert}\n")), "{alert} has no section in the runbook");
    }
}
