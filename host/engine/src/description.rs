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
    /// Name for people.
    pub name: String,
    /// The policy's own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What it asks to be told, as it listed it.
    pub needs: Vec<String>,
    /// The settings it takes.
    pub parameters: Vec<Parameter>,
    /// `needs`, understood.
    #[serde(skip)]
    pub(crate) parsed_needs: Needs,
}

/// One setting of a policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its key.
    pub name: String,
    /// One sentence, with the unit.
    pub summary: String,
    /// Its type, default and limits.
    #[serde(flatten)]
    pub kind: ParameterKind,
}

/// Type, default and limits of a setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ParameterKind {
    /// A finite number.
    Number {
        /// If not set.
        default: f64,
        /// Smallest.
        minimum: f64,
        /// Largest.
        maximum: f64,
    },
    /// Any text.
    Text {
        /// If not set.
        default: String,
    },
    /// Yes or no.
    Toggle {
        /// If not set.
        default: bool,
    },
    /// One of a few texts.
    Choice {
        /// If not set.
        default: String,
        /// All of them.
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
