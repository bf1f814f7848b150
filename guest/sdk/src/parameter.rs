//! Holds [`Parameter`], what an author declares, and [`Parameters`], the values by name.

use crate::bindings::exports::netmarks::policy::scoring::Value;

/// One setting of a policy, as declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Key in the operator's configuration: lower case, digits and `-`, at most 64 bytes.
    pub name: &'static str,
    /// One sentence for people that names the unit, at most 256 bytes.
    pub summary: &'static str,
    /// Type, default and limits.
    pub kind: Kind,
}

/// The type of a setting, its default and its limits, which the host enforces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A finite number with `minimum <= default <= maximum`.
    #[allow(missing_docs)]
    Number { default: f64, minimum: f64, maximum: f64 },
    /// Any text.
    #[allow(missing_docs)]
    Text { default: &'static str },
    /// On or off.
    #[allow(missing_docs)]
    Toggle { default: bool },
    /// One of a few texts.
    #[allow(missing_docs)]
    Choice { default: &'static str, options: &'static [&'static str] },
}

impl Parameter {
    /// A finite number with `minimum <= default <= maximum`.
    #[must_use]
    pub const fn number(
        name: &'static str,
        summary: &'static str,
        default: f64,
        minimum: f64,
        maximum: f64,
    ) -> Self {
        Self { name, summary, kind: Kind::Number { default, minimum, maximum } }
    }

    /// Any text.
    #[must_use]
    pub const fn text(name: &'static str, summary: &'static str, default: &'static str) -> Self {
        Self { name, summary, kind: Kind::Text { default } }
    }

    /// On or off.
    #[must_use]
    pub const fn toggle(name: &'static str, summary: &'static str, default: bool) -> Self {
        Self { name, summary, kind: Kind::Toggle { default } }
    }

    /// One of `options`, which include the default.
    #[must_use]
    pub const fn choice(
        name: &'static str,
        summary: &'static str,
        default: &'static str,
        options: &'static [&'static str],
    ) -> Self {
        Self { name, summary, kind: Kind::Choice { default, options } }
    }
}

/// The values of a policy's settings: the operator's, or the defaults.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    declared: &'a [Parameter],
    values: &'a [Value],
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(declared: &'a [Parameter], values: &'a [Value]) -> Self {
        Self { declared, values }
    }

    /// The value of a number.
    ///
    /// # Errors
    /// When the policy declares no number of that name.
    pub fn number(&self, name: &str) -> Result<f64, String> {
        match self.value(name) {
            Some(Value::Number(number)) => Ok(*number),
            _ => Err(undeclared("number", name)),
        }
    }

    /// The value of a text or a choice.
    ///
    /// # Errors
    /// When the policy declares no text or choice of that name.
    pub fn text(&self, name: &str) -> Result<&'a str, String> {
        match self.value(name) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(undeclared("text or choice", name)),
        }
    }

    /// The value of a toggle.
    ///
    /// # Errors
    /// When the policy declares no toggle of that name.
    pub fn toggle(&self, name: &str) -> Result<bool, String> {
        match self.value(name) {
            Some(Value::Toggle(toggle)) => Ok(*toggle),
            _ => Err(undeclared("toggle", name)),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.values.get(self.declared.iter().position(|parameter| parameter.name == name)?)
    }
}

fn undeclared(kind: &str, name: &str) -> String {
    ["the policy reads the ", kind, " parameter `", name, "`, which is not in its PARAMETERS"].concat()
}

#[cfg(test)]
mod tests {
    use super::{Parameter, Parameters, Value};

    const DECLARED: &[Parameter] = &[
        Parameter::number("weight", "Share.", 1.0, 0.0, 2.0),
        Parameter::toggle("zones", "Whether zones count.", false),
        Parameter::choice("mode", "How.", "fast", &["fast", "exact"]),
    ];

    #[test]
    fn values_are_found_by_name() {
        let values = [Value::Number(1.5), Value::Toggle(true), Value::Text("exact".to_owned())];
        let parameters = Parameters::new(DECLARED, &values);
        assert_eq!(parameters.number("weight"), Ok(1.5));
        assert_eq!(parameters.toggle("zones"), Ok(true));
        assert_eq!(parameters.text("mode"), Ok("exact"));
    }

    #[test]
    fn a_wrong_name_or_kind_is_an_error_that_names_it() {
        let values = [Value::Number(1.5), Value::Toggle(true), Value::Text("exact".to_owned())];
        let parameters = Parameters::new(DECLARED, &values);
        assert!(parameters.number("wieght").unwrap_err().contains("number parameter `wieght`"));
        assert!(parameters.text("zones").unwrap_err().contains("text or choice parameter `zones`"));
        assert!(Parameters::new(DECLARED, &[]).toggle("zones").is_err());
    }
}
