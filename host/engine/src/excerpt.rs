//! The beginning of texts that come from elsewhere: guests and wasmtime may say as much as they like.

/// The first `limit` bytes of a text, cut at a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The words of a text in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("policy", 3), "pol");
        assert_eq!(cut("policy", 64), "policy");
        assert_eq!(cut("\u{e9}\u{e9}", 3), "\u{e9}");
        assert_eq!(cut("\u{e9}", 0), "");
        assert_eq!(one_line(" a\n\tb "), "a b");
    }
}
