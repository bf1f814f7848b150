//! From file, environment and flags to a [`Config`], in that order of precedence.
//!
//! All three are laid over one tree of keys, and the known keys are those of [`schema`]: a key that is added to a struct is
//! at once a key of the file, an environment variable, and a suggestion.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};
use netmarks_core::environment::{PREFIX, variable};
use netmarks_core::yaml::YamlError;
use serde_json::Value;

use super::check::{allowed_at, check, found};
use super::mistake::{Mistake, Mistakes, nearest};
use super::tree::{Place, Tree};
use super::{Config, overlaps, schema};

/// A value from the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is written: `--listen`.
    pub name: &'static str,
    /// The key of the same meaning.
    pub key: &'static str,
    pub value: Value,
}

/// Values from the command line.
pub type Flags = Vec<Flag>;

/// The environment of this process, without the variable that names the file.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name != "NETMARKS_CONFIG").collect()
}

/// A configuration, and where its values come from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    tree: Tree,
}

impl Loaded {
    /// Whether a key is set anywhere, or a key below it.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        let pointer = if key.is_empty() { String::new() } else { format!("/{}", key.replace('.', "/")) };
        match self.tree.value.pointer(&pointer) {
            None | Some(Value::Null) => false,
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(_) => true,
        }
    }

    /// A message about `key` with the place where that is set.
    #[must_use]
    pub fn about(&self, key: &str, message: impl Into<String>) -> Mistake {
        Mistake::at(&self.tree, key, message)
    }

    /// A message about `key`, whose value names a file that cannot be used.
    #[must_use]
    pub fn about_file(&self, key: &str, error: &anyhow::Error) -> Mistake {
        let missing = error.chain().any(is_not_found);
        let mistake = self.about(key, format!("`{key}`: {error:#}"));
        if missing { mistake.missing() } else { mistake }
    }
}

/// Reads the configuration.
///
/// # Errors
/// If the file cannot be read; otherwise with all [`Mistakes`] that can be seen at once, each with file and line, variable or flag.
pub fn load(file: Option<&Path>, environment: &[(String, String)], flags: &Flags) -> Result<Loaded> {
    let tree = match file {
        None => Tree::empty(),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("failed to read the configuration file {}", file.display()))?;
            read(file, &text)?
        }
    };
    lay_over(tree, environment, flags)
}

/// The configuration in `text`, as if `file` held it: that is only named, and there is no environment and no flag.
///
/// # Errors
/// With all [`Mistakes`] that can be seen at once, each with file and line.
pub fn load_text(file: &Path, text: &str) -> Result<Loaded> {
    lay_over(read(file, text)?, &[], &Flags::default())
}

/// Lays environment and flags over what a file holds.
fn lay_over(mut tree: Tree, environment: &[(String, String)], flags: &Flags) -> Result<Loaded> {
    let mut mistakes = Vec::new();
    // The keys whose values are not known.
    let mut unknown = Vec::new();
    let keys = schema::keys();
    let variables: Vec<(String, &str, &Value)> =
        keys.iter().map(|(key, schema)| (variable(key), key.as_str(), *schema)).collect();
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let place = Place::Environment(name.clone());
        match variables.iter().find(|(variable, ..)| variable == name) {
            Some((_, key, schema)) => match environment_value(text, schema) {
                Ok(value) => tree.set(key, value, place),
                Err(YamlError { message, .. }) => {
                    mistakes.push(Mistake::of(&place, format!("not a value of `{key}`: {message}")));
                    unknown.push((*key).to_owned());
                }
            },
            None => mistakes.extend(misspelt(name, &variables)),
        }
    }
    for Flag { name, key, value } in flags {
        tree.set(key, value.clone(), Place::Flag(name));
    }
    mistakes.extend(check(&tree));
    unknown.extend(mistakes.iter().filter_map(|mistake| mistake.key.clone()));
    let config = typed(&tree, &mut unknown, &mut mistakes);
    let broken = config.iter().flat_map(|config| config.broken_rules(&unknown));
    mistakes.extend(broken.map(|(key, message)| Mistake::at(&tree, &key, message)));
    Mistakes::none(mistakes)?;
    Ok(Loaded { config: config.context("the configuration has no value")?, tree })
}

/// Whether an error says that a file does not exist; its causes are not looked at.
pub(crate) fn is_not_found(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref().is_some_and(|error: &std::io::Error| error.kind() == ErrorKind::NotFound)
}

fn read(file: &Path, text: &str) -> Result<Tree> {
    Tree::read(file, text).map_err(|YamlError { line, message }| {
        let place = Place::File { file: file.to_owned(), line };
        Mistakes::from(Mistake::of(&place, format!("not valid YAML: {message}"))).into()
    })
}

/// The tree as the types read it. What the schema lets pass may still not be an address, or too large for its type. Each value that
/// is wrong is replaced by its default, so that the others are looked at, too.
fn typed(tree: &Tree, unknown: &mut Vec<String>, mistakes: &mut Vec<Mistake>) -> Option<Config> {
    let mut set = tree.value.clone();
    remove_empty(&mut set, schema::schema());
    for key in unknown.iter() {
        take_out(&mut set, key);
    }
    loop {
        let error = match serde_path_to_error::deserialize(&set) {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let key = error.path().to_string();
        if !overlaps(&key, unknown) {
            let value = tree.value.pointer(&format!("/{}", key.replace('.', "/"))).unwrap_or(&Value::Null);
            let allowed =
                allowed_at(&key).map(|allowed| format!("; it must be {allowed}")).unwrap_or_default();
            let message = format!("`{key}` is {}{allowed} ({})", found(&key, value), error.inner());
            mistakes.push(Mistake::at(tree, &key, message));
            unknown.push(key.clone());
        }
        // What is around it, if it is not there itself. Every round takes something out, so there is a last one.
        let mut around = key.as_str();
        while !take_out(&mut set, around) {
            around = around.get(..around.rfind('.')?)?;
        }
    }
}

/// Takes a key out; of a list, the whole list. Returns whether it was there.
fn take_out(value: &mut Value, key: &str) -> bool {
    let key = key.split('[').next().unwrap_or(key);
    let (outer, name) = match key.rsplit_once('.') {
        Some((outer, name)) => (format!("/{}", outer.replace('.', "/")), name),
        None => (String::new(), key),
    };
    let fields = value.pointer_mut(&outer).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.remove(name).is_some())
}

/// Takes out the known keys that have no value: they are not set.
fn remove_empty(value: &mut Value, schema: &Value) {
    let (Value::Object(fields), Some(known)) = (value, schema::names(schema)) else { return };
    for (name, schema) in known {
        match fields.get_mut(name) {
            Some(Value::Null) => {
                fields.remove(name);
            }
            Some(value) => remove_empty(value, schema),
            None => {}
        }
    }
}

/// Kubernetes adds variables for every Service, so an unknown one is an error only if it looks like a misspelt key.
fn misspelt(name: &str, variables: &[(String, &str, &Value)]) -> Option<Mistake> {
    let near = nearest(name, variables.iter().map(|(variable, ..)| variable.as_str()))?;
    let message = format!("unknown environment variable {name}; did you mean {near}?");
    (strsim::damerau_levenshtein(name, near) <= 2).then(|| Mistake::of_nothing(message))
}

/// Texts are taken as they are, anything else is read as YAML.
fn environment_value(text: &str, schema: &Value) -> Result<Value, YamlError> {
    if schema::is_text(schema) {
        Ok(Value::String(text.to_owned()))
    } else {
        Ok(serde_saphyr::from_str(text)?)
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
        let flag = Flag { name: "--listen", key: "server.listen", value: "127.0.0.1:3".into() };
        let config = load(Some(file.path()), &environment, &vec![flag]).unwrap().config;
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
        let loaded = load_text(Path::new("netmarks.yaml"), "# nothing set\n").unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(!loaded.is_set("") && !loaded.is_set("server"));
    }
}
