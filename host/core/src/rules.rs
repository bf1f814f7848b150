//! Rules of settings: the schema of a type of settings, and the check of a value of it.
//!
//! Both derive from the same attributes: garde checks `#[garde(range(..))]`, schemars writes it into the schema. A broken rule is
//! reported by its key, with what the schema allows there, so the three cannot disagree.

use garde::Validate;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// A setting that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` must be {allowed}")]
pub struct BrokenRule {
    /// Its key, with dots, below the settings that were checked.
    pub key: String,
    /// What would do: `from 1 to 10`.
    pub allowed: String,
}

/// Checks the rules that `settings` derives.
///
/// # Errors
/// For the first rule that is broken.
pub fn check<T: Validate<Context = ()> + JsonSchema>(settings: &T) -> Result<(), BrokenRule> {
    broken(settings).into_iter().next().map_or(Ok(()), Err)
}

/// Every rule that `settings` derives and breaks.
pub fn broken<T: Validate<Context = ()> + JsonSchema>(settings: &T) -> Vec<BrokenRule> {
    let Err(report) = settings.validate() else { return Vec::new() };
    let schema = schema::<T>();
    let broken = report.into_inner().into_iter().map(|(path, error)| {
        let key = path.to_string();
        let allowed = find(&schema, &key).and_then(range).unwrap_or_else(|| error.to_string());
        BrokenRule { key, allowed }
    });
    broken.collect()
}

/// The rule for numbers that are divided by, or mean nothing at 0. garde's ranges include their ends, so the schema needs
/// `#[schemars(extend("exclusiveMinimum" = 0))]` beside it.
///
/// # Errors
/// For 0, anything below, and what is not a number.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "garde's signature")]
pub fn above_zero(value: &f64, _: &()) -> garde::Result {
    if *value > 0.0 { Ok(()) } else { Err(garde::Error::new("above 0")) }
}

/// The JSON schema (draft 7, as helm reads it) of settings that are read as `T`, without references.
#[must_use]
pub fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings.with_transform(FoldChoices).into_generator().into_root_schema_for::<T>().to_value()
}

/// The schema of a key, if there is such a key.
#[must_use]
pub fn find<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(schema, |schema, name| {
        let here = schema.get("properties").and_then(|properties| properties.get(name));
        here.or_else(|| {
            let one_of = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
            one_of.iter().find_map(|variant| find(variant, name))
        })
    })
}

/// The range of a number, in words.
#[must_use]
pub fn range(schema: &Value) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    match (bound("exclusiveMinimum"), bound("minimum"), bound("maximum")) {
        (Some(above), _, Some(most)) => Some(format!("above {above} and at most {most}")),
        (Some(above), _, None) => Some(format!("above {above}")),
        (None, Some(least), Some(most)) => Some(format!("from {least} to {most}")),
        (None, Some(least), None) => Some(format!("at least {least}")),
        (None, None, Some(most)) => Some(format!("at most {most}")),
        (None, None, None) => None,
    }
}

/// Makes one list of the choices that schemars describes one by one: what does not fit is then told the whole list.
#[derive(Clone, Debug)]
struct FoldChoices;

impl Transform for FoldChoices {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let choices = schema.get("oneOf").and_then(Value::as_array).and_then(|one_of| {
            let choices = one_of.iter().map(|choice| match choice.get("enum").and_then(Value::as_array) {
                Some(of_one) => Some(of_one.clone()),
                None => choice.get("const").map(|value| vec![value.clone()]),
            });
            Some(choices.collect::<Option<Vec<_>>>()?.concat())
        });
        if let Some(choices) = choices {
            schema.remove("oneOf");
            schema.insert("type".to_owned(), "string".into());
            schema.insert("enum".to_owned(), choices.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ScoreMap;
    use crate::flow::estimator::Estimator;

    #[derive(JsonSchema, Validate)]
    struct Outer {
        #[garde(dive)]
        inner: Inner,
        #[garde(dive)]
        estimator: Estimator,
        #[garde(skip)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        map: ScoreMap,
    }

    #[derive(JsonSchema, Validate)]
    struct Inner {
        #[garde(range(min = 1, max = 10))]
        count: u32,
        #[garde(custom(above_zero), range(max = 0.5))]
        #[schemars(extend("exclusiveMinimum" = 0))]
        share: f64,
        #[garde(range(min = 0.25))]
        least: f64,
    }

    fn outer() -> Outer {
        let inner = Inner { count: 10, share: 0.5, least: 0.25 };
        Outer { inner, estimator: Estimator::Lifetime, map: ScoreMap::Linear }
    }

    #[test]
    fn a_broken_rule_names_its_key_and_what_is_allowed() {
        assert_eq!(check(&outer()), Ok(()));
        for (change, says) in [
            ((|outer| outer.inner.count = 0) as fn(&mut Outer), "`inner.count` must be from 1 to 10"),
            (|outer| outer.inner.count = 11, "`inner.count` must be from 1 to 10"),
            (|outer| outer.inner.share = 0.0, "`inner.share` must be above 0 and at most 0.5"),
            (|outer| outer.inner.share = f64::NAN, "`inner.share` must be above 0 and at most 0.5"),
            (|outer| outer.inner.share = 0.6, "`inner.share` must be above 0 and at most 0.5"),
            (|outer| outer.inner.least = 0.2, "`inner.least` must be at least 0.25"),
            (
                |outer| outer.estimator = Estimator::Window { seconds: 0.0 },
                "`estimator.window.seconds` must be above 0",
            ),
        ] {
            let mut outer = outer();
            change(&mut outer);
            assert_eq!(check(&outer).unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn choices_are_one_list() {
        let schema = schema::<Outer>();
        let map = find(&schema, "map").unwrap();
        assert_eq!(map["enum"], serde_json::json!(["linear", "square-root", "logarithmic", "rank"]));
        assert_eq!(map["type"], "string");
        assert!(find(&schema, "inner.other").is_none() && find(&schema, "map.linear").is_none());
    }
}
