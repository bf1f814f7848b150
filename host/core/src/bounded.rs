//! How much of a text from outside is kept.

use std::borrow::Cow;

/// Longest name of a namespace in Kubernetes, in bytes.
pub const NAMESPACE: usize = 63;

/// Longest name of an object in Kubernetes, in bytes.
pub const NAME: usize = 253;

/// Longest reason, warning or message that is kept, in bytes.
pub const REASON: usize = 1024;

/// The longest beginning of `text` with at most `bytes` bytes that ends between two characters.
#[must_use]
pub fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

/// `text`, or as much of its beginning as fits into `bytes`, with an ellipsis.
#[must_use]
pub fn shortened(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", beginning(text, bytes.saturating_sub('…'.len_utf8()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("abc", 5), "abc");
        assert_eq!(beginning("abc", 2), "ab");
        assert_eq!(beginning("aéé", 2), "a");
        assert_eq!(beginning("é", 1), "");
    }

    #[test]
    fn what_fits_stays_and_the_rest_is_cut_between_characters() {
        assert_eq!(shortened("größe", 7), "größe");
        assert_eq!(shortened("größe", 6), "gr…");
        assert_eq!(shortened(&"x".repeat(60 << 20), REASON).len(), REASON);
    }
}
