//! How each kind of text is replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::aliases::Aliases;
use super::well_known;

/// Replaces texts by what they are.
pub(super) struct Rules<'a> {
    pub(super) aliases: &'a mut Aliases,
    /// Keys whose values are compared as numbers somewhere, as written originally.
    pub(super) compared: BTreeSet<String>,
}

impl Rules<'_> {
    /// A name of anything.
    pub(super) fn name(&mut self, text: &mut String) {
        *text = self.aliases.of(text);
    }

    /// A name that may be a word of Kubernetes: an operator, a condition, a kind.
    pub(super) fn word(&mut self, text: &mut String) {
        if !well_known::is_word(text) {
            self.name(text);
        }
    }

    /// The key of a label or taint.
    pub(super) fn key(&mut self, key: &mut String) {
        if !well_known::is_key(key) {
            self.name(key);
        }
    }

    /// The value of the label or taint `key`, as that was written originally.
    pub(super) fn value(&mut self, key: &str, value: &mut String) {
        let is_number = || value.parse::<i64>().is_ok();
        let kept = well_known::is_value_of(key, value) || self.compared.contains(key) && is_number();
        if !kept {
            self.name(value);
        }
    }

    /// Labels, or a selector of them.
    pub(super) fn labels(&mut self, labels: &mut BTreeMap<String, String>) {
        *labels = std::mem::take(labels)
            .into_iter()
            .map(|(mut key, mut value)| {
                self.value(&key, &mut value);
                self.key(&mut key);
                (key, value)
            })
            .collect();
    }

    /// Amounts by resource.
    pub(super) fn resources(&mut self, amounts: &mut BTreeMap<String, u64>) {
        *amounts = std::mem::take(amounts)
            .into_iter()
            .map(|(mut name, amount)| {
                if !well_known::is_resource(&name) {
                    self.name(&mut name);
                }
                (name, amount)
            })
            .collect();
    }

    /// `namespace/name`.
    pub(super) fn slashed(&mut self, text: &str) -> String {
        match text.split_once('/') {
            Some((namespace, name)) => {
                let namespace = self.aliases.of(namespace);
                format!("{namespace}/{}", self.aliases.of(name))
            }
            None => self.aliases.of(text),
        }
    }
}
