//! The chart's files held against what they describe: the keys of the configuration, the version of the workspace.
//!
//! Apart from the tests with a cluster, since nothing is run here.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Every section and key of the configuration, with its defaults.
fn keys(value: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        // These are free to grow; the extender checks what is in them.
        const OPEN: [&str; 10] = [
            "metrics.auth",
            "metrics.custom",
            "metrics.estimator",
            "metrics.headers",
            "metrics.match_labels",
            "metrics.tls",
            "policies.kubernetes",
            "policies.promotion",
            "policies.rollback",
            "policy.parameters",
        ];
        if value.is_object() && !OPEN.contains(&path.as_str()) {
            keys(value, &path, into);
        } else {
            into.push(path);
        }
    }
}

fn schema_keys(schema: &Value, prefix: &str, into: &mut Vec<String>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value["properties"].is_object() {
            true => schema_keys(value, &path, into),
            false => into.push(path),
        }
    }
}

#[test]
fn the_schema_knows_the_keys_of_the_configuration_and_no_others() -> Result<()> {
    let schema: Value =
        serde_json::from_str(include_str!("../../../deploy/helm/netmarks/values.schema.json"))?;
    let config = serde_json::to_value(netmarks::config::Config::default())?;
    let (mut of_schema, mut of_config) = (Vec::new(), Vec::new());
    schema_keys(schema.pointer("/properties/config").context("no config")?, "", &mut of_schema);
    keys(&config, "", &mut of_config);
    of_schema.sort();
    of_config.sort();
    assert_eq!(of_schema, of_config);
    Ok(())
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = include_str!("../../../deploy/helm/netmarks/Chart.yaml");
    for line in [
        format!("\nversion: {}\n", env!("CARGO_PKG_VERSION")),
        format!("\nappVersion: {}\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(chart.contains(&line), "no{line}in Chart.yaml");
    }
}
