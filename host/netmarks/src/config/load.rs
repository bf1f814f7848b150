//! From file, environment and flags to a [`Config`], in that order of precedence.
//!
//! All three are laid over one tree of keys, and the known keys are those of [`schema`]: a key that is added to a struct is
//! at once a key of the file, an environment variable, and a suggestion.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use netmarks_core::environment::{PREFIX, variable};
use serde_json::{Map, Value};

use super::{Config, schema};

/// How alike two keys must be (0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.75;

/// Values from the command line, by key.
pub type Flags = Vec<(&'static str, Value)>;

/// The environment of this process, without the variable that names the file.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name != "NETMARKS_CONFIG").collect()
}

/// Reads the configuration.
///
/// # Errors
/// If the file cannot be read, a key is unknown, or a value does not fit; each names the file or variable and the
/// key.
pub fn load(file: Option<&Path>, environment: &[(String, String)], flags: &Flags) -> Result<Config> {
    let mut tree = match file {
        None => Value::Object(Map::new()),
        Some(file) => read(file)?,
    };
    let keys = schema::keys();
    let variables: Vec<(String, &str, &Value)> =
        keys.iter().map(|(key, schema)| (variable(key), key.as_str(), *schema)).collect();
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        match variables.iter().find(|(variable, ..)| variable == name) {
            Some((_, key, schema)) => {
                let value = environment_value(text, schema)
                    .with_context(|| format!("environment variable {name} is not a value of `{key}`"))?;
                insert(&mut tree, key, value);
            }
            None => refuse_misspelt(name, &variables)?,
        }
    }
    for (key, value) in flags {
        insert(&mut tree, key, value.clone());
    }
    let config: Config = serde_json::from_value(tree).with_context(|| match file {
        Some(file) => {
            format!("the configuration from {}, the environment and the flags is invalid", file.display())
        }
        None => "the configuration from the environment and the flags is invalid".to_owned(),
    })?;
    config.validate()?;
    Ok(config)
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read the configuration file {}", file.display()))?;
    // An empty file, or one of comments only, is a configuration without a key.
    let tree: Option<Value> = serde_saphyr::from_str(&text)
        .with_context(|| format!("the configuration file {} is not valid YAML", file.display()))?;
    let tree = tree.unwrap_or_else(|| Value::Object(Map::new()));
    check_keys(&tree, schema::schema(), "")
        .with_context(|| format!("in the configuration file {}", file.display()))?;
    Ok(tree)
}

fn check_keys(tree: &Value, schema: &Value, prefix: &str) -> Result<()> {
    let Value::Object(fields) = tree else { return Ok(()) };
    // What has no names of its own takes any: parameters, headers.
    let Some(known) = schema::names(schema) else { return Ok(()) };
    let known: Vec<(&str, &Value)> = known.map(|(name, schema)| (name.as_str(), schema)).collect();
    for (name, value) in fields {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match known.iter().find(|(known, _)| known == name) {
            Some((_, schema)) => check_keys(value, schema, &key)?,
            None => {
                let here: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                match nearest(name, here.iter().copied()) {
                    Some(near) if prefix.is_empty() => bail!("unknown key `{key}`; did you mean `{near}`?"),
                    Some(near) => bail!("unknown key `{key}`; did you mean `{prefix}.{near}`?"),
                    // The right name at the wrong place.
                    None => {
                        let all = schema::keys().into_iter().map(|(path, _)| path);
                        let elsewhere = all.filter(|path| path.rsplit('.').next() == Some(name));
                        let elsewhere: Vec<String> = elsewhere.map(|path| format!("`{path}`")).collect();
                        if elsewhere.is_empty() {
                            bail!("unknown key `{key}`; known here are {}", here.join(", "));
                        }
                        bail!("unknown key `{key}`; did you mean {}?", elsewhere.join(" or "));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Kubernetes adds variables for every Service, so an unknown one is an error only if it looks like a misspelt key.
fn refuse_misspelt(name: &str, variables: &[(String, &str, &Value)]) -> Result<()> {
    match nearest(name, variables.iter().map(|(variable, ..)| variable.as_str())) {
        Some(near) if strsim::damerau_levenshtein(name, near) <= 2 => {
            bail!("unknown environment variable {name}; did you mean {near}?")
        }
        _ => Ok(()),
    }
}

fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        // One slip is a large share of a short name.
        .filter(|(alike, candidate)| *alike >= ALIKE || strsim::damerau_levenshtein(name, candidate) == 1)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Texts are taken as they are, anything else is read as YAML.
fn environment_value(text: &str, schema: &Value) -> Result<Value> {
    if schema::is_text(schema) {
        Ok(Value::String(text.to_owned()))
    } else {
        serde_saphyr::from_str(text).context("it is not valid YAML")
    }
}

fn insert(tree: &mut Value, key: &str, value: Value) {
    let (name, rest) = match key.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (key, None),
    };
    if !tree.is_object() {
        *tree = Value::Object(Map::new());
    }
    if let Value::Object(fields) = tree {
        match rest {
            None => {
                fields.insert(name.to_owned(), value);
            }
            Some(rest) => insert(fields.entry(name).or_insert(Value::Null), rest, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    fn complaint(text: &str) -> String {
        format!("{:#}", load(Some(file(text).path()), &[], &Vec::new()).unwrap_err())
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let file = file("server: {listen: '127.0.0.1:1', max_concurrent: 3}\nscoring: {top: 7, map: rank}\n");
        let environment = [
            ("NETMARKS_SERVER_LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("NETMARKS_SCORING_TOP".to_owned(), "8".to_owned()),
            ("NETMARKS_METRICS_ESTIMATOR".to_owned(), "{window: {seconds: 30}}".to_owned()),
            ("NETMARKS_POLICY_PARAMETERS".to_owned(), "{price: 2}".to_owned()),
            ("NETMARKS_CLUSTER_CONTEXT".to_owned(), "123".to_owned()),
            ("NETMARKS_SERVICE_HOST".to_owned(), "10.0.0.1".to_owned()),
        ];
        let flags = vec![("server.listen", Value::from("127.0.0.1:3"))];
        let config = load(Some(file.path()), &environment, &flags).unwrap();
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!((config.server.max_concurrent, config.scoring.top), (3, 8));
        assert_eq!(config.scoring.map, netmarks_core::compose::ScoreMap::Rank);
        assert_eq!(
            config.metrics.estimator,
            netmarks_core::flow::estimator::Estimator::Window { seconds: 30.0 }
        );
        assert_eq!(config.cluster.context.as_deref(), Some("123"), "a text stays a text");
        assert_eq!(config.policy.parameters.len(), 1);
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest_known_one() {
        assert!(complaint("servr: {}").ends_with("unknown key `servr`; did you mean `server`?"));
        assert!(
            complaint("server: {listn: x}")
                .ends_with("unknown key `server.listn`; did you mean `server.listen`?")
        );
        assert!(
            complaint("listen: x")
                .ends_with("unknown key `listen`; did you mean `admin.listen` or `server.listen`?")
        );
        assert!(complaint("log: {colour: x}").ends_with("known here are filter, format"));
        let misspelt = [("NETMARKS_SERVER_LISTN".to_owned(), "x".to_owned())];
        let error = load(None, &misspelt, &Vec::new()).unwrap_err();
        assert!(error.to_string().ends_with("did you mean NETMARKS_SERVER_LISTEN?"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_fit_names_its_key() {
        assert!(complaint("scoring: {top: 0}").contains("`scoring.top` must be from 1 to 1000000"));
        assert!(complaint("policy: {limits: {deadline_ms: 500}}").contains("`policy.limits.deadline_ms`"));
        assert!(complaint("scoring: {map: cubic}").contains("unknown variant `cubic`, expected one of"));
        assert!(complaint("server: [").contains("is not valid YAML"));
    }

    #[test]
    fn every_key_has_a_variable_of_its_own() {
        let keys = schema::keys();
        let mut variables: Vec<String> = keys.iter().map(|(key, _)| variable(key)).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), keys.len());
        assert!(keys.len() > 40);
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let file = file("# nothing set\n");
        let config = load(Some(file.path()), &[], &Vec::new()).unwrap();
        assert_eq!(config, Config::default());
    }
}
