//! What a policy says of itself, checked against the limits that the contract states.

use serde::Serialize;

use netmarks_core::needs::{NeedError, Needs};

use crate::bindings::netmarks::policy::types;

/// Most needs and parameters; a policy with more is broken or hostile.
const MOST_ENTRIES: usize = 64;

/// What is wrong with a description.
#[derive(Debug)]
pub(crate) enum DescriptionError {
    /// A need that this host cannot meet.
    Need(NeedError),
    /// Anything else, as a sentence.
    Invalid(String),
}

/// A policy's own description.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// 1 to 64 bytes, for people.
    pub name: String,
    /// The policy's own version, 1 to 32 bytes in any form.
    pub version: String,
    /// One sentence of at most 256 bytes.
    pub summary: String,
    /// What it asks to be told, as it listed it; [`Policy::needs`](crate::Policy::needs) has it parsed.
    pub needs: Vec<String>,
    /// The settings it takes.
    pub parameters: Vec<Parameter>,
    #[serde(skip)]
    pub(crate) parsed_needs: Needs,
}

/// One setting of a policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// 1 to 64 lower-case letters, digits and `-`; no two parameters of a policy share it.
    pub name: String,
    /// One sentence of at most 256 bytes, with the unit.
    pub summary: String,
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// Type, default and limits of a setting. The default holds where the operator gives no value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ParameterKind {
    /// A finite number from `minimum` to `maximum`, both included.
    Number {
        default: f64,
        minimum: f64,
        maximum: f64,
    },
    /// A text of at most 4,096 bytes.
    Text {
        default: String,
    },
    Toggle {
        default: bool,
    },
    /// One of at most 64 texts.
    Choice {
        default: String,
        options: Vec<String>,
    },
}

impl Description {
    /// Checks and takes over what a guest returned.
    pub(crate) fn check(raw: types::Description) -> Result<Self, DescriptionError> {
        text("name", &raw.name, 1, 64)?;
        text("version", &raw.version, 1, 32)?;
        text("summary", &raw.summary, 0, 256)?;
        count("needs", raw.needs.len())?;
        count("parameters", raw.parameters.len())?;
        let parsed_needs =
            Needs::parse(raw.needs.iter().map(String::as_str)).map_err(DescriptionError::Need)?;
        let mut parameters: Vec<Parameter> = Vec::with_capacity(raw.parameters.len());
        for parameter in raw.parameters {
            let parameter = Parameter::check(parameter)?;
            if parameters.iter().any(|other| other.name == parameter.name) {
                return Err(invalid(format!("the parameter `{}` is declared twice", parameter.name)));
            }
            parameters.push(parameter);
        }
        Ok(Self {
            name: raw.name,
            version: raw.version,
            summary: raw.summary,
            needs: raw.needs,
            parameters,
            parsed_needs,
        })
    }
}

impl Parameter {
    fn check(raw: types::Parameter) -> Result<Self, DescriptionError> {
        text("a parameter's name", &raw.name, 1, 64)?;
        if !raw.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(invalid(format!(
                "the parameter name `{}` is not lower case, digits and `-`",
                raw.name
            )));
        }
        text("a parameter's summary", &raw.summary, 0, 256)?;
        let kind = match raw.kind {
            types::ParameterKind::Number(number) => {
                let types::NumberParameter { default, minimum, maximum } = number;
                let ordered = minimum <= default && default <= maximum;
                if !(ordered && minimum.is_finite() && maximum.is_finite()) {
                    return Err(invalid(format!(
                        "the parameter `{}` has default {default} outside {minimum} to {maximum}",
                        raw.name
                    )));
                }
                ParameterKind::Number { default, minimum, maximum }
            }
            types::ParameterKind::Text(default) => ParameterKind::Text { default },
            types::ParameterKind::Toggle(default) => ParameterKind::Toggle { default },
            types::ParameterKind::Choice(types::ChoiceParameter { default, options }) => {
                count("options", options.len())?;
                if !options.contains(&default) {
                    return Err(invalid(format!(
                        "the default `{default}` of the parameter `{}` is not among its options",
                        raw.name
                    )));
                }
                ParameterKind::Choice { default, options }
            }
        };
        Ok(Self { name: raw.name, summary: raw.summary, kind })
    }
}

fn invalid(reason: String) -> DescriptionError {
    DescriptionError::Invalid(reason)
}

fn text(what: &str, value: &str, least: usize, most: usize) -> Result<(), DescriptionError> {
    if (least..=most).contains(&value.len()) {
        Ok(())
    } else {
        Err(invalid(format!("{what} has {} bytes, not {least} to {most}", value.len())))
    }
}

fn count(what: &str, entries: usize) -> Result<(), DescriptionError> {
    if entries <= MOST_ENTRIES {
        Ok(())
    } else {
        Err(invalid(format!("it has {entries} {what}, more than {MOST_ENTRIES}")))
    }
}
