//! Flags that say how a policy is run; the same for every command that runs one.

use netmarks_engine::{Grant, Limits, ParameterValue, RunSettings};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};

/// How a policy is run.
#[derive(Debug, clap::Args)]
pub(super) struct RunFlags {
    /// Let the policy import more than the log: `wasi`
    #[arg(long, value_name = "GRANT", value_parser = grant)]
    pub(super) grant: Vec<Grant>,
    /// Give one of the policy's parameters; a text that looks like a number needs quotes: `key="5"`
    #[arg(long, value_name = "KEY=VALUE", value_parser = parameter)]
    pub(super) parameter: Vec<(String, ParameterValue)>,
}

/// What one call may use, where a command runs the policy itself.
#[derive(Debug, clap::Args)]
pub(super) struct LimitFlags {
    /// Longest time of one call, in milliseconds
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().deadline_ms)]
    pub(super) deadline_ms: u64,
    /// Most memory of one call, in MiB
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().memory_mib)]
    pub(super) memory_mib: u32,
}

impl RunFlags {
    /// As the engine takes it.
    pub(super) fn settings(&self, limits: &LimitFlags) -> RunSettings {
        let Self { grant, parameter } = self;
        let LimitFlags { deadline_ms, memory_mib } = limits;
        RunSettings {
            parameters: parameter.iter().cloned().collect(),
            grants: grant.iter().copied().collect(),
            limits: Limits { deadline_ms: *deadline_ms, memory_mib: *memory_mib, ..Limits::default() },
        }
    }
}

fn grant(text: &str) -> Result<Grant, String> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    Grant::deserialize(text).map_err(|error| error.to_string())
}

pub(in super::super) fn parameter(text: &str) -> Result<(String, ParameterValue), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    // What is not a number, `true` or a quoted text is a text without quotes.
    let value = serde_json::from_str(value).unwrap_or_else(|_| ParameterValue::Text(value.to_owned()));
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_that_they_look_like() {
        let value = |text: &str| parameter(text).map(|(_, value)| value);
        assert_eq!(value("a=1.5"), Ok(ParameterValue::Number(1.5)));
        assert_eq!(value("a=true"), Ok(ParameterValue::Toggle(true)));
        assert_eq!(value("a=fast"), Ok(ParameterValue::Text("fast".to_owned())));
        assert_eq!(value("a=\"5\""), Ok(ParameterValue::Text("5".to_owned())));
        assert_eq!(value("a=x=y"), Ok(ParameterValue::Text("x=y".to_owned())));
        assert!(parameter("a").is_err());
    }

    #[test]
    fn grants_are_named_as_in_settings() {
        assert_eq!(grant("wasi"), Ok(Grant::Wasi));
        assert!(grant("network").is_err_and(|error| error.contains("wasi")));
    }
}
