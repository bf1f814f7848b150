//! What the configuration's types say of every key: what fits, and whether a change of it takes effect at once.
//!
//! File, environment, reload, the chart's schema of its values and the table in `docs/configuration.md` all follow it.

use std::sync::LazyLock;

use netmarks_core::rules;
use serde_json::Value;

use super::Config;

/// Marks a key that takes effect at once, with all that is below it: `#[schemars(extend("x-live" = true))]`. A key without it
/// needs a restart, so that a new one is never live by mistake.
const LIVE: &str = "x-live";

static SCHEMA: LazyLock<Value> = LazyLock::new(rules::schema::<Config>);

/// The schema of the whole configuration.
#[must_use]
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// Whether a change of `key` takes effect at once.
#[must_use]
pub fn is_live(key: &str) -> bool {
    let ends = key.match_indices('.').map(|(end, _)| end).chain([key.len()]);
    let mut above = ends.filter_map(|end| rules::find(schema(), key.get(..end)?));
    above.any(|schema| schema.get(LIVE) == Some(&Value::Bool(true)))
}

/// The names below a key, by its schema, if only these may stand there.
pub(super) fn names(schema: &Value) -> Option<impl Iterator<Item = (&String, &Value)>> {
    schema.get("properties").and_then(Value::as_object).map(serde_json::Map::iter)
}

/// Every key with its schema, outer ones before those in them.
#[must_use]
pub fn keys() -> Vec<(String, &'static Value)> {
    let mut keys = Vec::new();
    list(schema(), "", &mut keys);
    keys
}

fn list(schema: &'static Value, prefix: &str, keys: &mut Vec<(String, &'static Value)>) {
    for (name, schema) in names(schema).into_iter().flatten() {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        keys.push((key.clone(), schema));
        list(schema, &key, keys);
    }
}

/// Whether a key takes a text, so that whatever stands in its environment variable is one.
pub(super) fn is_text(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => {
            several.iter().all(|one| matches!(one.as_str(), Some("string" | "null")))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_schema_has_the_keys_of_the_configuration_with_their_defaults() {
        fn list(value: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
            for (name, value) in value.as_object().into_iter().flatten() {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                // One of several shapes, which is not a list of keys.
                if key != "metrics.estimator" {
                    list(value, &key, keys);
                }
                keys.insert(key);
            }
        }
        let default = serde_json::to_value(Config::default()).unwrap();
        let mut of_default = BTreeSet::new();
        list(&default, "", &mut of_default);
        let of_schema: BTreeSet<String> = keys().into_iter().map(|(key, _)| key).collect();
        assert_eq!(of_schema, of_default);
        for (key, schema) in keys() {
            let pointer = format!("/{}", key.replace('.', "/"));
            assert_eq!(schema.get("default"), default.pointer(&pointer), "{key}");
        }
    }

    /// What the rules say of the default configuration with one key changed.
    fn with(key: &str, value: &Value) -> anyhow::Result<()> {
        let mut tree = serde_json::to_value(Config::default())?;
        let estimators = [("window", "seconds"), ("decay", "half_life_seconds")];
        for (estimator, setting) in estimators {
            if key == format!("metrics.estimator.{estimator}.{setting}") {
                tree["metrics"]["estimator"] = serde_json::json!({ estimator: { setting: value } });
            }
        }
        if let Some(slot) = tree.pointer_mut(&format!("/{}", key.replace('.', "/"))) {
            *slot = value.clone();
        }
        Ok(rules::check(&serde_json::from_value::<Config>(tree)?)?)
    }

    #[test]
    fn what_the_schema_bounds_is_checked() {
        let estimator = ["metrics.estimator.window.seconds", "metrics.estimator.decay.half_life_seconds"];
        let estimator = estimator.map(|key| (key.to_owned(), rules::find(schema(), key).unwrap()));
        let mut numbers = 0;
        for (key, schema) in keys().into_iter().chain(estimator) {
            if !matches!(schema["type"].as_str(), Some("integer" | "number")) {
                continue;
            }
            numbers += 1;
            let step = if schema["type"] == "integer" { 1.0 } else { 1e-6 };
            let number = |number: f64| serde_json::from_str::<Value>(&number.to_string()).unwrap();
            let above = schema.get("exclusiveMinimum").and_then(Value::as_f64);
            let least = schema.get("minimum").and_then(Value::as_f64);
            let most = schema.get("maximum").and_then(Value::as_f64);
            assert!(above.is_some() || least.is_some(), "`{key}` has no lower bound");
            let inside = [above.map(|above| above + step), least, most];
            let outside = [above, least.map(|least| least - step), most.map(|most| most + step)];
            for value in inside.into_iter().flatten() {
                assert!(with(&key, &number(value)).is_ok(), "`{key}` may be {value}");
            }
            for value in outside.into_iter().flatten() {
                assert!(with(&key, &number(value)).is_err(), "`{key}` must not be {value}");
            }
        }
        assert!(numbers > 20, "{numbers}");
    }

    #[test]
    fn only_what_is_marked_is_live() {
        let live: Vec<String> = keys().into_iter().map(|(key, _)| key).filter(|key| is_live(key)).collect();
        assert_eq!(
            live,
            [
                "log.filter",
                "policy.built_in",
                "policy.file",
                "policy.grants",
                "policy.limits",
                "policy.limits.artefact_mib",
                "policy.limits.deadline_ms",
                "policy.limits.memory_mib",
                "policy.limits.output_kib",
                "policy.normalisation",
                "policy.on_fault",
                "policy.parameters",
                "policy.weight",
                "scoring.assume_seconds",
                "scoring.map",
                "scoring.max_flow_age_seconds",
                "scoring.most_hosts",
                "scoring.top",
                "scoring.when_stale",
            ]
        );
        assert!(is_live("policy.parameters.price"), "what is below a live key is live");
        assert!(!is_live("scoring.decisions") && !is_live("scoring") && !is_live("scoring.new_key"));
    }
}
