//! The `spec` of a ScoringPolicy, parsed into the registry's terms.
//!
//! The API server has checked nearly everything; what is refused here is what a schema cannot say, or what an older
//! definition in the cluster let through.

use kube::core::DynamicObject;
use netmarks_artefacts::{Reference, ReferenceError};
use netmarks_engine::ParameterValue;
use netmarks_policies::{Mode, Refusal, Settings};
use serde_json::Value;

use crate::resource::{self, ConfigMapSource, LimitsSpec, PolicyMode, PolicySource, ScoringPolicySpec};

/// The desired state of a policy in the registry, beside its component.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DesiredPolicy {
    pub(crate) settings: Settings,
    pub(crate) mode: Mode,
}

/// Where a component is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Location {
    ConfigMap(ConfigMapSource),
    Remote {
        reference: Reference,
        pull_secret: Option<String>,
        /// Seconds between two rechecks of a tag.
        interval: u32,
    },
}

/// A specification that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpecError {
    #[error("`spec` cannot be read; see `kubectl explain scoringpolicy.spec`")]
    Shape(#[source] serde_json::Error),
    #[error("`spec.source` must give exactly one of `configMap`, `oci` and `url`")]
    Sources,
    #[error("`spec.source` names nothing that can be fetched")]
    Reference(#[from] ReferenceError),
    #[error("`spec.parameters.{name}` must be a number, a text, or true or false")]
    Parameter { name: String },
    #[error("`mode: canary` needs `canaryPercent`")]
    Percent,
    #[error("`spec` holds settings that cannot work")]
    Settings(#[from] Refusal),
}

/// Where the component of a policy is, and how it is to be used.
pub(crate) fn parse(object: &DynamicObject) -> Result<(Location, DesiredPolicy), SpecError> {
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Null);
    let spec: ScoringPolicySpec = serde_json::from_value(spec).map_err(SpecError::Shape)?;
    Ok((location(&spec.source)?, desired(spec)?))
}

fn location(source: &PolicySource) -> Result<Location, SpecError> {
    match source {
        PolicySource { config_map: Some(config_map), oci: None, url: None } => {
            Ok(Location::ConfigMap(config_map.clone()))
        }
        PolicySource { config_map: None, oci: Some(oci), url: None } => Ok(Location::Remote {
            // A path or a URL in this place would be read with the rights of this process.
            reference: format!("oci://{}", oci.reference).parse()?,
            pull_secret: oci.pull_secret.clone(),
            interval: oci.poll_interval_seconds.unwrap_or(resource::POLL_INTERVAL_SECONDS),
        }),
        PolicySource { config_map: None, oci: None, url: Some(url) } => {
            let text = format!("{}@sha256:{}", url.url, url.sha256);
            let reference: Reference = text.parse()?;
            let Reference::Url(_) = &reference else { return Err(SpecError::Sources) };
            Ok(Location::Remote { reference, pull_secret: None, interval: resource::POLL_INTERVAL_SECONDS })
        }
        _ => Err(SpecError::Sources),
    }
}

fn desired(spec: ScoringPolicySpec) -> Result<DesiredPolicy, SpecError> {
    let mode = match (spec.mode, spec.canary_percent) {
        (PolicyMode::Active, _) => Mode::Active,
        (PolicyMode::Canary, Some(percent)) => Mode::Canary { percent },
        (PolicyMode::Canary, None) => return Err(SpecError::Percent),
        (PolicyMode::Shadow, _) => Mode::Shadow,
        (PolicyMode::Ready, _) => Mode::Ready,
    };
    let mut settings = Settings {
        weight: spec.weight,
        normalisation: spec.normalisation,
        on_fault: spec.on_fault,
        grants: spec.grants,
        ..Settings::default()
    };
    for (name, value) in spec.parameters {
        let value = match value {
            Value::Bool(toggle) => ParameterValue::Toggle(toggle),
            Value::String(text) => ParameterValue::Text(text),
            Value::Number(number) => match number.as_f64() {
                Some(number) => ParameterValue::Number(number),
                None => return Err(SpecError::Parameter { name }),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => return Err(SpecError::Parameter { name }),
        };
        settings.parameters.insert(name, value);
    }
    let LimitsSpec { memory_mib, deadline_ms, output_kib, artefact_mib } = spec.limits;
    let limits = &mut settings.limits;
    limits.memory_mib = memory_mib.unwrap_or(limits.memory_mib);
    limits.deadline_ms = deadline_ms.map_or(limits.deadline_ms, u64::from);
    limits.output_kib = output_kib.unwrap_or(limits.output_kib);
    limits.artefact_mib = artefact_mib.unwrap_or(limits.artefact_mib);
    settings.validate()?;
    Ok(DesiredPolicy { settings, mode })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::api::ApiResource;
    use netmarks_core::combine;
    use netmarks_core::errors::chain;
    use serde_json::json;

    fn parse_spec(spec: &Value) -> Result<(Location, DesiredPolicy), String> {
        let resource = ApiResource::erase::<resource::ScoringPolicy>(&());
        let object = DynamicObject::new("zone", &resource).data(json!({"spec": spec}));
        parse(&object).map_err(|error| chain(&error))
    }

    #[test]
    fn what_is_written_is_what_the_registry_gets() {
        let (location, desired) = parse_spec(&json!({
            "source": {"oci": {"reference": "r.example/zone:v1", "pullSecret": "s", "pollIntervalSeconds": 30}},
            "mode": "canary", "canaryPercent": 5, "weight": 2, "normalisation": "rank", "onFault": "neutral",
            "parameters": {"price": 1, "unit": "byte", "strict": true},
            "limits": {"memoryMib": 32}, "grants": ["wasi"],
        }))
        .unwrap();
        let reference = "r.example/zone:v1".parse().unwrap();
        assert_eq!(location, Location::Remote { reference, pull_secret: Some("s".into()), interval: 30 });
        assert_eq!(desired.mode, Mode::Canary { percent: 5 });
        let Settings { weight, normalisation, on_fault, parameters, limits, grants } = desired.settings;
        assert_eq!((weight, limits.memory_mib, limits.deadline_ms), (2.0, 32, 50));
        assert_eq!((normalisation, on_fault), (combine::Normalisation::Rank, combine::OnFault::Neutral));
        assert_eq!(parameters["price"], ParameterValue::Number(1.0));
        assert_eq!(parameters["unit"], ParameterValue::Text("byte".into()));
        assert_eq!(parameters["strict"], ParameterValue::Toggle(true));
        assert!(grants.contains(&netmarks_engine::Grant::Wasi));
    }

    #[test]
    fn what_a_schema_cannot_say_is_refused_with_a_sentence() {
        let source = json!({"configMap": {"name": "a", "key": "b"}});
        for (spec, sentence) in [
            (json!({}), "`spec` cannot be read"),
            (json!({"source": {}}), "exactly one of"),
            (
                json!({"source": source, "parameters": {"price": [1]}}),
                "`spec.parameters.price` must be a number",
            ),
            (
                json!({"source": source, "parameters": {"price": null}}),
                "`spec.parameters.price` must be a number",
            ),
            (json!({"source": source, "mode": "canary"}), "needs `canaryPercent`"),
            (json!({"source": source, "weight": 0}), "`weight` must be above 0"),
            (json!({"source": {"oci": {"reference": "/etc/passwd"}}}), "names no policy"),
            (
                json!({"source": {"url": {"url": "file:///etc/passwd", "sha256": "0".repeat(64)}}}),
                "exactly one of",
            ),
        ] {
            let error = parse_spec(&spec).unwrap_err();
            assert!(error.contains(sentence), "{spec}: {error}");
        }
    }
}
