//! Settings and mode from the query of a `PUT`: `?mode=canary&percent=5&weight=2&parameters.price=3&grants=wasi`.
//!
//! Apart from the routes because the command line writes what this reads. Keys are those of the settings, dotted;
//! values are YAML, as in environment variables.

use netmarks_policies::{Mode, Settings};
use serde_json::{Map, Value};

/// Keys that take a list: given several times, or once with commas.
const LISTS: [&str; 1] = ["grants"];

/// Reads settings and mode; without a mode, a policy is only made ready.
///
/// # Errors
/// If a key is unknown or a value does not fit; the sentence names it.
pub fn settings(pairs: &[(String, String)]) -> Result<(Settings, Mode), String> {
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

/// Reads how much of the workloads a canary takes, where nothing else is to be said.
///
/// # Errors
/// If the value does not fit, or there is another key.
pub(super) fn percent(pairs: &[(String, String)]) -> Result<Option<u8>, String> {
    pairs.iter().try_fold(None, |_, (key, text)| match key.as_str() {
        "percent" => share(text).map(Some),
        other => Err(format!("unknown key `{other}`: only `percent` is known here")),
    })
}

fn share(text: &str) -> Result<u8, String> {
    text.parse().map_err(|_| format!("`percent` is `{text}`, not 1 to 99"))
}

/// A mode by its name.
///
/// # Errors
/// If there is none of this name, or the percentage does not belong to it.
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
    match key.split_once('.') {
        None => {
            let value = serde_saphyr::from_str(text).unwrap_or_else(|_| Value::from(text));
            tree.insert(key.to_owned(), value);
            Ok(())
        }
        Some((outer, inner)) => {
            let entry = tree.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            match entry {
                Value::Object(map) => insert(map, inner, text),
                _ => Err(format!("`{outer}` is a value and a section at once")),
            }
        }
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
}
