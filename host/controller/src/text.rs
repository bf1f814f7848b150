//! Digests as tables show them.

use netmarks_core::bounded::beginning;

/// The first twelve digits of a digest.
pub(crate) fn short_digest(digest: &str) -> &str {
    beginning(digest.strip_prefix("sha256:").unwrap_or(digest), 12)
}

#[cfg(test)]
mod tests {
    use super::short_digest;

    #[test]
    fn short_digests_are_twelve_digits() {
        assert_eq!(short_digest("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short_digest("0123"), "0123");
    }
}
