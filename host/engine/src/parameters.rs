//! The operator's values for a policy's settings, checked against what the policy declares.
//!
//! The values come from the operator, who must be told what to change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bindings::netmarks::policy::types;
use crate::description::{Parameter, ParameterKind};

/// Longest text value; settings are words, not documents.
const TEXT_BYTES: usize = 4_096;

/// A value as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(untagged, expecting = "a parameter's value is a number, true, false or a text")]
pub enum ParameterValue {
    Toggle(bool),
    Number(f64),
    /// Whatever is neither.
    Text(String),
}

impl From<bool> for ParameterValue {
    fn from(toggle: bool) -> Self {
        Self::Toggle(toggle)
    }
}

impl From<f64> for ParameterValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for ParameterValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The operator's values do not fit the policy's settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// The policy has no such setting.
    #[error("unknown parameter `{name}`; the policy takes {known}")]
    Unknown {
        name: String,
        /// The names that there are, for people.
        known: String,
    },
    /// A value of the wrong type or outside its limits.
    #[error("parameter `{name}` must be {expected}")]
    Invalid {
        name: String,
        /// Type and limits, for people.
        expected: String,
    },
}

/// A checked value, owned; lent to every call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Checked {
    Number(f64),
    Text(String),
    Toggle(bool),
}

impl Checked {
    pub(crate) fn lend(&self) -> types::Value<'_> {
        match self {
            Self::Number(number) => types::Value::Number(*number),
            Self::Text(text) => types::Value::Text(text),
            Self::Toggle(toggle) => types::Value::Toggle(*toggle),
        }
    }
}

/// The value of every declared parameter, in its order.
pub(crate) fn check(
    declared: &[Parameter],
    given: &BTreeMap<String, ParameterValue>,
) -> Result<Vec<Checked>, ParameterError> {
    if let Some(name) = given.keys().find(|name| declared.iter().all(|parameter| parameter.name != **name)) {
        let known = match declared.iter().map(|parameter| format!("`{}`", parameter.name)).collect::<Vec<_>>()
        {
            names if names.is_empty() => "none".to_owned(),
            names => names.join(", "),
        };
        return Err(ParameterError::Unknown { name: name.clone(), known });
    }
    declared.iter().map(|parameter| value(parameter, given.get(&parameter.name))).collect()
}

fn value(parameter: &Parameter, given: Option<&ParameterValue>) -> Result<Checked, ParameterError> {
    let invalid = |expected: String| ParameterError::Invalid { name: parameter.name.clone(), expected };
    match (&parameter.kind, given) {
        (ParameterKind::Number { default, .. }, None) => Ok(Checked::Number(*default)),
        (ParameterKind::Number { minimum, maximum, .. }, Some(given)) => match given {
            ParameterValue::Number(number) if (*minimum..=*maximum).contains(number) => {
                Ok(Checked::Number(*number))
            }
            _ => Err(invalid(format!("a number from {minimum} to {maximum}"))),
        },
        (ParameterKind::Text { default }, None) | (ParameterKind::Choice { default, .. }, None) => {
            Ok(Checked::Text(default.clone()))
        }
        (ParameterKind::Text { .. }, Some(given)) => match given {
            ParameterValue::Text(text) if text.len() <= TEXT_BYTES => Ok(Checked::Text(text.clone())),
            _ => Err(invalid(format!("a text of at most {TEXT_BYTES} bytes"))),
        },
        (ParameterKind::Choice { options, .. }, Some(given)) => match given {
            ParameterValue::Text(text) if options.contains(text) => Ok(Checked::Text(text.clone())),
            _ => Err(invalid(format!("one of {}", options.join(", ")))),
        },
        (ParameterKind::Toggle { default }, None) => Ok(Checked::Toggle(*default)),
        (ParameterKind::Toggle { .. }, Some(given)) => match given {
            ParameterValue::Toggle(toggle) => Ok(Checked::Toggle(*toggle)),
            _ => Err(invalid("true or false".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Vec<Parameter> {
        let parameter = |name: &str, kind| Parameter { name: name.into(), summary: String::new(), kind };
        vec![
            parameter("price", ParameterKind::Number { default: 1.0, minimum: 0.0, maximum: 10.0 }),
            parameter(
                "unit",
                ParameterKind::Choice { default: "byte".into(), options: vec!["byte".into(), "bit".into()] },
            ),
            parameter("strict", ParameterKind::Toggle { default: false }),
        ]
    }

    fn given(json: &[(&str, ParameterValue)]) -> BTreeMap<String, ParameterValue> {
        json.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn defaults_fill_what_is_not_given_and_order_is_the_policy_s() {
        let values = check(&declared(), &given(&[("strict", ParameterValue::Toggle(true))])).unwrap();
        assert_eq!(values, [Checked::Number(1.0), Checked::Text("byte".into()), Checked::Toggle(true)]);
    }

    #[test]
    fn a_value_that_does_not_fit_says_what_would() {
        for (name, value, says) in [
            ("price", ParameterValue::Number(11.0), "parameter `price` must be a number from 0 to 10"),
            ("price", ParameterValue::Number(f64::NAN), "parameter `price` must be a number from 0 to 10"),
            ("unit", ParameterValue::Text("nibble".into()), "parameter `unit` must be one of byte, bit"),
            ("strict", ParameterValue::Text("yes".into()), "parameter `strict` must be true or false"),
            (
                "prize",
                ParameterValue::Number(1.0),
                "unknown parameter `prize`; the policy takes `price`, `unit`, `strict`",
            ),
        ] {
            assert_eq!(check(&declared(), &given(&[(name, value)])).unwrap_err().to_string(), says);
        }
    }
}
