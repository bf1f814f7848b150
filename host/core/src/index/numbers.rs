//! Names of zones and regions as numbers.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Numbers texts from 1. Zones and regions are few and never forgotten.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    numbers: HashMap<Box<str>, u32, RandomState>,
    texts: Vec<Box<str>>,
}

impl Numbers {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.into());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        number
    }

    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(number.checked_sub(1)? as usize).map(AsRef::as_ref)
    }

    /// Of a text that has one already.
    pub(super) fn known(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// All of them, from 1.
    pub(super) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}
