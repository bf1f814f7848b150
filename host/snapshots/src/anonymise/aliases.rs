//! What stands for a text: keyed, so that a guess cannot be checked without the key.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Digits of five bits that may stand anywhere in a name of Kubernetes.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Digits of an alias: 80 bits, so that two texts of a cluster with a million names share one with a chance of one in a trillion.
const LENGTH: u32 = 16;

/// The secret that replacements depend on.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A new one from the system's source of randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// The replacements that were given out.
#[derive(Debug)]
pub struct Aliases {
    key: Key,
    /// Alias by original.
    given: BTreeMap<String, String>,
}

impl Aliases {
    /// None is given out yet.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { key, given: BTreeMap::new() }
    }

    /// The replacement of `text`: the same for the same text and key. Nothing stays nothing.
    pub(super) fn of(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(alias) = self.given.get(text) {
            return alias.clone();
        }
        let alias = alias(&self.key, text);
        self.given.insert(text.to_owned(), alias.clone());
        alias
    }

    /// Original by alias.
    pub fn originals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(text, alias)| (alias.as_str(), text.as_str()))
    }
}

fn alias(Key(key): &Key, text: &str) -> String {
    // A key of any length is one of HMAC's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(text.as_bytes());
    let mut bits: u128 = 0;
    for byte in mac.finalize().into_bytes().iter().take(16) {
        bits = bits << 8 | u128::from(*byte);
    }
    let digit = |position: u32| {
        let digit = usize::try_from((bits >> (5 * position)) & 31).unwrap_or(0);
        DIGITS.get(digit).map_or('a', |digit| char::from(*digit))
    };
    // A letter first: names of Kubernetes that are also names in DNS may not begin with a digit.
    std::iter::once('x').chain((0..LENGTH).map(digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_depends_on_the_text_and_the_key_alone() {
        let key = Key::from_hex(&"0f".repeat(32)).unwrap();
        assert_eq!(Key::from_hex(&key.hex()), Some(key.clone()));
        let (mut one, mut other) = (Aliases::new(key.clone()), Aliases::new(Key::random().unwrap()));
        let alias = one.of("cart");
        assert_eq!(alias, Aliases::new(key).of("cart"));
        assert_eq!(alias, one.of("cart"));
        assert_ne!(alias, one.of("Cart"));
        assert_ne!(alias, other.of("cart"));
        assert_eq!(one.of(""), "");
        assert_eq!(alias.len(), 17);
        assert!(
            alias.starts_with('x') && alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        );
        assert_eq!(one.originals().count(), 2);
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Key::from_hex(&"0f".repeat(32)).unwrap()), "Key(..)");
        for wrong in ["", "0f", &"0g".repeat(32), &"ä".repeat(32)] {
            assert_eq!(Key::from_hex(wrong), None, "{wrong}");
        }
    }
}
