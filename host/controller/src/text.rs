//! Texts cut to what the API server takes and a table shows.

/// The longest beginning of `text` with at most `bytes` bytes that ends between two characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The first twelve digits of a digest.
pub(crate) fn short_digest(digest: &str) -> &str {
    cut(digest.strip_prefix("sha256:").unwrap_or(digest), 12)
}

#[cfg(test)]
mod tests {
    use super::{cut, short_digest};

    #[test]
    fn texts_end_between_characters() {
        assert_eq!(cut("abc", 5), "abc");
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("aéé", 2), "a");
        assert_eq!(cut("é", 1), "");
    }

    #[test]
    fn short_digests_are_twelve_digits() {
        assert_eq!(short_digest("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short_digest("0123"), "0123");
    }
}
