//! Parts of documents that a command writes: what stands between two marks.

/// Ends every such part.
pub(crate) const END: &str = "<!-- end -->";

/// The text with this content between the mark and the next end.
pub(crate) fn replaced(text: &str, start: &str, content: &str) -> Option<String> {
    let (before, rest) = text.split_once(start)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{start}\n{content}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{END, replaced};

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("before\n<!-- start -->\nold{END}\nafter\n");
        let new = replaced(&text, "<!-- start -->\n", "a\nb").unwrap();
        assert_eq!(new, format!("before\n<!-- start -->\n\na\nb\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "<!-- start -->\n", "a\nb"), Some(new.clone()));
        assert_eq!(replaced("no marks", "<!-- start -->\n", "a"), None);
    }
}
