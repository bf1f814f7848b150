//! Texts of wasmtime in one line.

/// The words of a text in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_by_one_space() {
        assert_eq!(one_line(" a\n\tb "), "a b");
    }
}
