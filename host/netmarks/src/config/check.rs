//! Holds a tree of keys against the schema of the configuration, key by key.
//!
//! The types would say the same when they are read, but one mistake at a time, in the words of a programmer, and without the key.

use netmarks_core::rules;
use serde_json::{Map, Value};

use super::mistake::{Mistake, nearest};
use super::schema;
use super::tree::{Tree, join};

/// Longest text that is shown as it was found.
const SHOWN: usize = 60;

/// Every mistake that the schema knows of.
pub(super) fn check(tree: &Tree) -> Vec<Mistake> {
    let mut check = Check { tree, mistakes: Vec::new() };
    check.value(&tree.value, schema::schema(), "");
    check.mistakes
}

struct Check<'a> {
    tree: &'a Tree,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    fn tell(&mut self, key: &str, message: String) {
        self.mistakes.push(Mistake::at(self.tree, key, message));
    }

    /// A value that is not of the right kind; `hint` is what could be meant.
    fn refuse(&mut self, key: &str, value: &Value, schema: &Value, hint: &str) {
        let key_shown = if key.is_empty() { "the whole".to_owned() } else { format!("`{key}`") };
        let word = !value.is_array() && !value.is_object();
        let found = if word && is_secret(schema) { "something else".to_owned() } else { found(key, value) };
        self.tell(key, format!("{key_shown} is {found}; it must be {}{hint}", allowed(schema)));
    }

    fn value(&mut self, value: &Value, schema: &Value, key: &str) {
        // A key without a value is one that is not set.
        if value.is_null() {
            return;
        }
        if let Some(variants) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
        {
            return self.variants(value, variants, schema, key);
        }
        let fits = match (value, kinds(schema).as_slice()) {
            (_, []) => true,
            (Value::Object(fields), kinds) if kinds.contains(&"object") => {
                return self.fields(fields, schema, key);
            }
            (Value::Array(items), kinds) if kinds.contains(&"array") => {
                let of_items = schema.get("items").unwrap_or(&Value::Null);
                for (index, item) in items.iter().enumerate() {
                    self.value(item, of_items, &format!("{key}[{index}]"));
                }
                return;
            }
            (Value::String(text), kinds) if kinds.contains(&"string") => return self.text(text, schema, key),
            (Value::Bool(_), kinds) => kinds.contains(&"boolean"),
            (Value::Number(number), kinds) => {
                let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                let kind = kinds.contains(&"number") || (kinds.contains(&"integer") && whole);
                kind && number.as_f64().is_some_and(|number| within(number, schema))
            }
            _ => false,
        };
        if !fits {
            // A text of a form of its own, an address, is wrong with quotes, too.
            let text = kinds(schema).contains(&"string")
                && schema.get("examples").is_none()
                && !value.is_object()
                && !value.is_array();
            self.refuse(key, value, schema, if text { "; put it in quotes" } else { "" });
        }
    }

    fn text(&mut self, text: &str, schema: &Value, key: &str) {
        let Some(choices) = schema.get("enum").and_then(Value::as_array) else { return };
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        if !choices.contains(&text) {
            let hint = nearest(text, choices).map(|near| format!("; did you mean `{near}`?"));
            self.refuse(key, &Value::from(text), schema, &hint.unwrap_or_default());
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, schema: &Value, key: &str) {
        let known: Option<Vec<(&String, &Value)>> = schema::names(schema).map(Iterator::collect);
        for (name, value) in fields {
            let inner = join(key, name);
            match &known {
                // What has no names of its own takes any: parameters, headers.
                None => {
                    let of_each = schema.get("additionalProperties").unwrap_or(&Value::Null);
                    match value {
                        Value::Null => self.refuse(&inner, value, of_each, ""),
                        value => self.value(value, of_each, &inner),
                    }
                }
                Some(known) => match known.iter().find(|(known, _)| *known == name) {
                    Some((_, schema)) => self.value(value, schema, &inner),
                    None => {
                        let message = unknown(key, name, known.iter().map(|(name, _)| name.as_str()));
                        self.tell(&inner, message);
                    }
                },
            }
        }
        let all_known =
            known.iter().flatten().filter(|(name, _)| fields.contains_key(*name)).count() == fields.len();
        // With another name beside it, the one that is missing is misspelt, which was said.
        let required = schema.get("required").and_then(Value::as_array).filter(|_| all_known);
        for name in required.into_iter().flatten() {
            if let Some(name) = name.as_str().filter(|name| !fields.contains_key(*name)) {
                let allowed = known.iter().flatten().find(|(known, _)| *known == name);
                let allowed = allowed.map_or_else(|| "set".to_owned(), |(_, schema)| allowed_of(schema));
                self.tell(key, format!("`{}` is missing; it must be {allowed}", join(key, name)));
            }
        }
    }

    /// One of several shapes: a word, or one key that says which.
    fn variants(&mut self, value: &Value, variants: &[Value], schema: &Value, key: &str) {
        match value {
            Value::Object(fields) => {
                let named = fields.iter().next().filter(|_| fields.len() == 1);
                let shape = named.and_then(|(name, _)| {
                    variants.iter().find(|variant| variant.pointer(&format!("/properties/{name}")).is_some())
                });
                match shape {
                    Some(shape) => self.fields(fields, shape, key),
                    None => {
                        let words =
                            variants.iter().filter_map(|variant| variant.get("properties")?.as_object());
                        let words: Vec<&str> = words.flat_map(Map::keys).map(String::as_str).collect();
                        let near = named.and_then(|(name, _)| nearest(name, words));
                        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                        self.refuse(key, value, schema, &hint);
                    }
                }
            }
            Value::String(text) => {
                let words = variants.iter().filter_map(|variant| variant.get("const")?.as_str());
                let words: Vec<&str> = words.collect();
                let any = variants
                    .iter()
                    .any(|variant| kinds(variant).contains(&"string") && variant.get("const").is_none());
                if !any && !words.contains(&text.as_str()) {
                    let near = nearest(text, words);
                    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    self.refuse(key, value, schema, &hint);
                }
            }
            Value::Array(_) => self.refuse(key, value, schema, ""),
            _ => {
                let kind = if value.is_boolean() { "boolean" } else { "number" };
                if !variants.iter().any(|variant| kinds(variant).contains(&kind)) {
                    self.refuse(key, value, schema, "");
                }
            }
        }
    }
}

fn unknown<'a>(outer: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let key = join(outer, name);
    let here: Vec<&str> = known.collect();
    if let Some(near) = nearest(name, here.iter().copied()) {
        return format!("unknown key `{key}`; did you mean `{}`?", join(outer, near));
    }
    // The right name at the wrong place.
    let all = schema::keys().into_iter().map(|(path, _)| path);
    let elsewhere: Vec<String> =
        all.filter(|path| path.rsplit('.').next() == Some(name)).map(|path| format!("`{path}`")).collect();
    if elsewhere.is_empty() {
        format!("unknown key `{key}`; known here are {}", here.join(", "))
    } else {
        format!("unknown key `{key}`; did you mean {}?", elsewhere.join(" or "))
    }
}

/// The kinds of JSON values that fit, without `null`.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect()
        }
        _ => Vec::new(),
    }
}

fn within(number: f64, schema: &Value) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    bound("minimum").is_none_or(|least| number >= least)
        && bound("exclusiveMinimum").is_none_or(|above| number > above)
        && bound("maximum").is_none_or(|most| number <= most)
}

/// Whether a value, or one below it, must not be shown.
fn is_secret(schema: &Value) -> bool {
    let below = schema::names(schema).into_iter().flatten().map(|(_, schema)| schema);
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || below.chain(schema.get("additionalProperties")).any(is_secret)
}

/// What stands there, short enough for a message.
pub(super) fn found(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if key.ends_with("url") && text.contains('@') => "a URL with a user".to_owned(),
        Value::String(text) => {
            let mut shown: String = text.chars().take(SHOWN).collect();
            if shown.len() < text.len() {
                shown.push_str("...");
            }
            format!("the text {shown:?}")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a section with keys".to_owned(),
        Value::Null => "empty".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// What may stand there, in words.
fn allowed(schema: &Value) -> String {
    if let Some(variants) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        let shapes = variants.iter().map(|variant| {
            if let Some(word) = variant.get("const").and_then(Value::as_str) {
                return format!("`{word}`");
            }
            let named = schema::names(variant).into_iter().flatten().next();
            let inner = named.and_then(|(name, schema)| {
                let (inner, _) = schema::names(schema)?.next()?;
                Some(format!("`{name}: {{{inner}: ...}}`"))
            });
            inner.unwrap_or_else(|| allowed_of(variant))
        });
        return shapes.collect::<Vec<_>>().join(" or ");
    }
    allowed_of(schema)
}

fn allowed_of(schema: &Value) -> String {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return match choices[..] {
            [one] => format!("`{one}`"),
            _ => format!("one of {}", choices.join(", ")),
        };
    }
    let range = rules::range(schema).map(|range| {
        let comma = if range.starts_with("at") { "," } else { "" };
        format!("{comma} {range}")
    });
    let range = range.unwrap_or_default();
    match kinds(schema).first() {
        Some(&"integer") => format!("a whole number{range}"),
        Some(&"number") => format!("a number{range}"),
        Some(&"boolean") => "true or false".to_owned(),
        Some(&"array") => "a list".to_owned(),
        Some(&"string") => match schema.get("examples").and_then(|examples| examples.get(0)?.as_str()) {
            Some(example) => format!("a text such as {example}"),
            None => "a text".to_owned(),
        },
        Some(&"object") => match schema::names(schema) {
            Some(names) => {
                let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
                format!("a section with the keys {}", names.join(", "))
            }
            None => "names with values".to_owned(),
        },
        _ => "something else".to_owned(),
    }
}

/// What may stand at a key, for a value that has the right kind and still does not fit.
pub(super) fn allowed_at(key: &str) -> Option<String> {
    rules::find(schema::schema(), key).map(allowed)
}
