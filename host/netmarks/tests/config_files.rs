//! What describes the configuration elsewhere is held against its schema: the chart's schema of its values, the keys that roll
//! nothing out, the table of `docs/configuration.md`. `NETMARKS_BLESS=1` writes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;

use crate::support::binary::{netmarks, success};
use netmarks::config::schema::{is_live, keys, schema};
use netmarks_core::rules::range;
use netmarks_test_cluster::repository;
use serde_json::Value;

/// Compares a file with what it should hold, or writes it.
fn compare(path: &str, expected: &str) {
    let file = repository(path);
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&file, expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert!(
        found == expected,
        "{path} is not what the configuration's types say; NETMARKS_BLESS=1 renews it"
    );
}

/// Only what helm checks and people read: the chart has defaults of its own, and `format` is of Rust's types.
fn for_helm(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // The names of keys are free, so what stands below `properties` is not a keyword.
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::Object(properties) if name == "properties" => {
                        properties.values_mut().for_each(for_helm);
                    }
                    Value::String(text) if name == "description" => *text = text.replace('\n', " "),
                    value => for_helm(value),
                }
            }
            for keyword in ["$schema", "default", "format", "title"] {
                fields.remove(keyword);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(for_helm),
        _ => {}
    }
}

#[test]
fn the_chart_checks_the_values_of_the_configuration_by_its_schema() {
    const PATH: &str = "deploy/helm/netmarks/values.schema.json";
    let mut config = schema().clone();
    for_helm(&mut config);
    let config = serde_json::to_string_pretty(&config).unwrap().replace('\n', "\n    ");
    let text = repository::read(PATH).unwrap();
    let (before, rest) = text.split_once("\n    \"config\": {").unwrap();
    let (_, after) = rest.split_once("\n    },").unwrap();
    compare(PATH, &format!("{before}\n    \"config\": {config},{after}"));
}

#[test]
fn the_chart_knows_the_keys_that_roll_nothing_out() {
    let mut live: Vec<String> = keys().into_iter().map(|(key, _)| key).filter(|key| is_live(key)).collect();
    let all = live.clone();
    live.retain(|key| !all.iter().any(|outer| key.starts_with(&format!("{outer}."))));
    assert!(live.iter().all(|key| key.split('.').count() == 2), "the chart's template takes them apart");
    compare("deploy/helm/netmarks/files/live-keys.txt", &format!("{}\n", live.join("\n")));
}

/// A value as YAML on one line; nothing for what is not set.
fn shown(value: &Value) -> String {
    fn flow(value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
                format!("{{{}}}", fields.join(", "))
            }
            // 10.0 is 10.
            Value::Number(number) => number.as_f64().unwrap().to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::Array(items) if items.is_empty() => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::String(_) | Value::Array(_) | Value::Object(_) => format!("`{}`", flow(value)),
        Value::Bool(_) | Value::Number(_) => flow(value),
    }
}

/// What may stand at a key, in words.
fn type_of(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<String> =
            choices.iter().map(|choice| format!("`{}`", choice.as_str().unwrap())).collect();
        return choices.join(", ");
    }
    if let Some(variants) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let known = variants.iter().filter(|variant| variant["type"] != "null");
        let known: Vec<String> = known
            .map(|variant| match variant["const"].as_str() {
                Some(choice) => format!("`{choice}`"),
                None => type_of(variant),
            })
            .collect();
        return known.join(", ");
    }
    let name = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|one| *one != "null").unwrap(),
        one => one.as_str().unwrap(),
    };
    match name {
        "string" => "text".to_owned(),
        "array" => match type_of(&schema["items"]) {
            text if text == "text" => "list of texts".to_owned(),
            other => format!("list of {other}"),
        },
        "object" => match schema["properties"].as_object() {
            Some(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, field)| format!("{name}: {}", type_of(field))).collect();
                format!("`{{{}}}`", fields.join(", "))
            }
            None => "map".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        number => match range(schema) {
            Some(range) => format!("{number}, {range}"),
            None => number.to_owned(),
        },
    }
}

/// The columns of the documented table.
const COLUMNS: &str = "| key | type | default | change | meaning |\n|---|---|---|---|---|\n";

/// Keys, types, defaults and reload are generated; the meaning is written by hand, as is what holds where nothing is set.
#[test]
fn the_table_of_the_documentation_has_every_key_with_its_type_its_default_and_whether_it_is_live() {
    const PATH: &str = "docs/configuration.md";
    let text = repository::read(PATH).unwrap();
    let (before, rest) = text.split_once(COLUMNS).expect("the table of the keys");
    let (table, after) = rest.split_once("\n\n").unwrap();
    let written: BTreeMap<&str, (&str, &str)> = table
        .lines()
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').splitn(5, " | ").map(str::trim).collect();
            (cells[0].trim_matches('`'), (cells[2], cells[4]))
        })
        .collect();
    let (lines, mut rows): (Vec<&str>, _) = (table.lines().collect(), Vec::new());
    for (key, schema) in keys().into_iter().filter(|(_, schema)| schema.get("properties").is_none()) {
        let description = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        let (default, meaning) = written.get(key.as_str()).copied().unwrap_or(("", &description));
        let default = match shown(&schema["default"]) {
            // What is not set may say in words what then holds.
            unset if unset.is_empty() && !default.contains(['`', '{', '[']) => default.to_owned(),
            set => set,
        };
        let change = if is_live(&key) { "live" } else { "restart" };
        // The order is that of the table; a new key comes after the last of its section.
        let position = |key: &str| lines.iter().rposition(|row| row.starts_with(&format!("| `{key}")));
        let sections = key.rmatch_indices('.').map(|(end, _)| position(&key[..=end]));
        let place = position(&format!("{key}`")).or_else(|| sections.flatten().next());
        rows.push((
            place.unwrap_or(usize::MAX),
            format!("| `{key}` | {} | {default} | {change} | {meaning} |", type_of(schema)),
        ));
    }
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    compare(PATH, &format!("{before}{COLUMNS}{}\n\n{after}", rows.join("\n")));
}

#[test]
fn the_chart_has_the_version_of_the_workspace() {
    let chart = repository::read("deploy/helm/netmarks/Chart.yaml").unwrap();
    for line in [
        format!("\nversion: {}\n", env!("CARGO_PKG_VERSION")),
        format!("\nappVersion: {}\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(chart.contains(&line), "no{line}in Chart.yaml");
    }
}

#[test]
fn a_port_means_the_same_everywhere() {
    let text = repository::read("docs/configuration.md").unwrap();
    let (_, section) = text.split_once("\n## Ports\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let (deployment, service) = ("templates/deployment.yaml", "templates/service.yaml");
    let chart = |file: &str| repository::read(&format!("deploy/helm/netmarks/{file}")).unwrap();
    let (deployment, service) = (chart(deployment), chart(service));
    for (port, key, name) in [
        (9820, "server.listen", "extender"),
        (9821, "server.health_listen", "health"),
        (9822, "admin.listen", "admin"),
        (9823, "admission.listen", "admission"),
    ] {
        assert!(section.contains(&format!("\n| {port} | `{key}` | ")), "{key}");
        let (_, schema) = keys().into_iter().find(|(known, _)| known == key).unwrap();
        let example = schema["examples"][0].as_str().unwrap();
        assert!(example.ends_with(&format!(":{port}")), "{key}: {example}");
        assert!(
            deployment.contains(&format!("{{name: {name}, containerPort: {port}}}")),
            "{name}: {deployment}"
        );
        assert!(service.contains(&format!("{{name: {name}, port: {port}, ")), "{name}: {service}");
    }
    let says = |arguments: &[&str]| success(&netmarks(arguments).unwrap()).unwrap();
    assert!(says(&["policy", "list", "--help"]).contains("[default: http://127.0.0.1:9822]"));
    let demo = says(&["demo", "--help"]);
    assert!(
        demo.contains("[default: 127.0.0.1:9820]") && demo.contains("[default: 127.0.0.1:9822]"),
        "{demo}"
    );
}
