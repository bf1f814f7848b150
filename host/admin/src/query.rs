//! Settings and mode from the query of a `PUT`: `?mode=canary&percent=5&weight=2&parameters.price=3&grants=wasi`.
//!
//! The command line writes what this reads. A key is a setting, or a section and a setting with
//! one dot between them; a value is one number, truth value or text, never a list or an object. So what a query costs to read
//! is bounded by its length.

use netmarks_policies::{ChangeOptions, Mode, Settings};
use serde_json::{Map, Value};

/// Most keys of a query: far above what a policy has parameters.
const MOST_KEYS: usize = 256;

/// Keys that take a list: given several times, or once with commas.
const LISTS: [&str; 1] = ["grants"];

/// Reads settings and mode; without a mode, a policy is only made ready.
///
/// # Errors
/// If a key is unknown or a value does not fit; the sentence names it.
pub fn settings(pairs: &[(String, String)]) -> Result<(Settings, Mode), String> {
    if pairs.len() > MOST_KEYS {
        return Err(format!("{} keys are given; {MOST_KEYS} are the most", pairs.len()));
    }
    let mut tree = Map::new();
    let (mut mode, mut percent) = ("ready", None);
    for (key, text) in pairs {
        match key.as_str() {
            "mode" => mode = text,
            "percent" => percent = Some(share(text)?),
            key if LISTS.contains(&key) => {
                let list = tree.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.extend(text.split(',').map(Value::from));
                }
            }
            key => insert(&mut tree, key, text)?,
        }
    }
    let settings = serde_json::from_value(Value::Object(tree)).map_err(|error| error.to_string())?;
    Ok((settings, self::mode(mode, percent)?))
}

/// Reads what a change of mode or a removal takes: the share of a canary, and what else may happen.
///
/// # Errors
/// If a value does not fit, or there is another key.
pub(super) fn options(pairs: &[(String, String)]) -> Result<(Option<u8>, ChangeOptions), String> {
    let (mut percent, mut options) = (None, ChangeOptions::default());
    for (key, text) in pairs {
        match key.as_str() {
            "percent" => percent = Some(share(text)?),
            "only" => options.only = truth(key, text)?,
            "leave_nothing_active" => options.leave_nothing_active = truth(key, text)?,
            other => {
                return Err(format!(
                    "unknown key `{other}`: here are `percent`, `only` and `leave_nothing_active`"
                ));
            }
        }
    }
    Ok((percent, options))
}

fn truth(key: &str, text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{key}` is `{text}`, not true or false"))
}

fn share(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("`percent` is `{text}`, not 1 to 99"))
}

/// A mode by its name.
///
/// # Errors
/// If no mode has this name, or the percentage does not belong to it.
pub fn mode(name: &str, percent: Option<u8>) -> Result<Mode, String> {
    match (name, percent) {
        ("canary", Some(percent)) => Ok(Mode::Canary { percent }),
        ("canary", None) => Err("a canary needs `percent`, 1 to 99".to_owned()),
        (_, Some(_)) => Err(format!("`percent` is for a canary, not for `{name}`")),
        ("active", None) => Ok(Mode::Active),
        ("shadow", None) => Ok(Mode::Shadow),
        ("ready", None) => Ok(Mode::Ready),
        (other, None) => Err(format!("unknown mode `{other}`: active, canary, shadow or ready")),
    }
}

fn insert(tree: &mut Map<String, Value>, key: &str, text: &str) -> Result<(), String> {
    let value = scalar(key, text)?;
    let Some((section, name)) = key.split_once('.') else {
        tree.insert(key.to_owned(), value);
        return Ok(());
    };
    if name.contains('.') {
        return Err(format!(
            "`{}` has more than one dot: a key is `setting` or `section.setting`",
            brief(key)
        ));
    }
    match tree.entry(section).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(settings) => {
            settings.insert(name.to_owned(), value);
            Ok(())
        }
        _ => Err(format!("`{}` is a value and a section at once", brief(section))),
    }
}

/// A value as JSON writes it, and a text where it is not JSON: `3`, `true`, `"3"`, `byte`.
fn scalar(key: &str, text: &str) -> Result<Value, String> {
    // Looked at before it is read: reading a collection is what costs.
    if text.trim_start().starts_with(['[', '{']) {
        return Err(format!("`{}` takes one value, not a list or an object", brief(key)));
    }
    Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
}

/// As much of a key as a message needs.
fn brief(key: &str) -> String {
    let most = 64;
    match key.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", key.get(..end).unwrap_or_default()),
        None => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_core::combine::Normalisation;
    use netmarks_engine::{Grant, ParameterValue};

    fn read(query: &[(&str, &str)]) -> Result<(Settings, Mode), String> {
        let pairs: Vec<_> =
            query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        settings(&pairs)
    }

    #[test]
    fn every_setting_has_a_key() {
        let (settings, mode) = read(&[
            ("mode", "canary"),
            ("percent", "5"),
            ("weight", "2.5"),
            ("normalisation", "min-max"),
            ("on_fault", "neutral"),
            ("parameters.price", "3"),
            ("parameters.unit", "byte"),
            ("limits.memory_mib", "128"),
            ("grants", "wasi"),
        ])
        .unwrap();
        assert_eq!(mode, Mode::Canary { percent: 5 });
        assert_eq!((settings.weight, settings.normalisation), (2.5, Normalisation::MinMax));
        assert_eq!(settings.parameters["price"], ParameterValue::Number(3.0));
        assert_eq!(settings.parameters["unit"], ParameterValue::Text("byte".into()));
        assert_eq!(settings.limits.memory_mib, 128);
        assert!(settings.grants.contains(&Grant::Wasi));
        assert_eq!(read(&[]).unwrap(), (Settings::default(), Mode::Ready));
    }

    #[test]
    fn mistakes_are_named() {
        for (query, says) in [
            (("wieght", "2"), "wieght"),
            (("mode", "life"), "unknown mode `life`"),
            (("mode", "canary"), "`percent`"),
            (("percent", "5"), "for a canary"),
            (("weight", "heavy"), "heavy"),
            (("grants", "network"), "network"),
        ] {
            let error = read(&[query]).unwrap_err();
            assert!(error.contains(says), "{query:?}: {error}");
        }
    }

    #[test]
    fn a_value_is_read_as_json_and_else_is_a_text() {
        let read = |text| read(&[("parameters.x", text)]).unwrap().0.parameters["x"].clone();
        assert_eq!(read("-2.5e3"), ParameterValue::Number(-2500.0));
        assert_eq!(read("true"), ParameterValue::Toggle(true));
        for (given, text) in
            [("\"3\"", "3"), ("byte", "byte"), ("*alias", "*alias"), ("&anchor x", "&anchor x")]
        {
            assert_eq!(read(given), ParameterValue::Text(text.into()), "{given}");
        }
    }

    mod hostile {
        use super::*;

        #[test]
        fn a_key_of_many_dots_is_refused_and_not_followed() {
            let key = format!("parameters{}", ".a".repeat(1_000_000));
            let error = read(&[(&key, "1")]).unwrap_err();
            assert!(error.contains("more than one dot") && error.len() < 200, "{error}");
        }

        #[test]
        fn no_value_is_a_collection() {
            // Each level doubles what the one before stands for.
            let levels: String =
                (1..2_000).map(|n| format!("a{n}: &a{n} [*a{m}, *a{m}], ", m = n - 1)).collect();
            let aliases = format!("{{a0: &a0 x, {levels}}}");
            let deep = "[".repeat(1_000_000);
            for text in [aliases.as_str(), deep.as_str(), " {}", "[]"] {
                let error = read(&[("parameters.x", text)]).unwrap_err();
                assert!(error.contains("takes one value"), "{error}");
            }
        }

        #[test]
        fn keys_are_counted() {
            let keys: Vec<String> = (0..=MOST_KEYS).map(|n| format!("parameters.p{n}")).collect();
            let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "1")).collect();
            assert!(read(&pairs).unwrap_err().contains("257 keys"));
            read(&pairs[1..]).unwrap();
        }
    }
}
