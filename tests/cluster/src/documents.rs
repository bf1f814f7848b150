//! What a document tells its readers to type, so that a test can do as they do.
//!
//! Each document has a test of its own that follows it.

/// A fenced block: what is behind its fence, such as `sh` or `yaml`, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What is behind the opening fence; empty if nothing is.
    pub kind: String,
    /// The lines between the fences, without the last line break.
    pub text: String,
}

/// The headings of a Markdown document's sections (`## `), in order.
pub fn headings(document: &str) -> Vec<&str> {
    let mut fenced = false;
    let lines = document.lines().filter(|line| {
        fenced ^= line.starts_with("```");
        !fenced
    });
    lines.filter_map(|line| line.strip_prefix("## ")).collect()
}

/// The fenced blocks of the section with this heading (`## heading`), or `None` if there is no such section.
pub fn blocks(document: &str, heading: &str) -> Option<Vec<Block>> {
    let mut lines = document.lines();
    lines.find(|line| line.strip_prefix("## ") == Some(heading))?;
    let mut blocks = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.starts_with("## ")) {
        if let Some(kind) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { kind: kind.to_owned(), text: text.join("\n") });
        }
    }
    Some(blocks)
}

/// Whether what a command printed is as a document states, where a line `...` stands for any lines.
pub fn is_as_stated(stated: &str, printed: &str) -> bool {
    let mut rest: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let mut anywhere = false;
    for line in stated.lines() {
        if line == "..." {
            anywhere = true;
            continue;
        }
        let found = rest.iter().position(|there| *there == line);
        match found {
            Some(position) if anywhere || position == 0 => drop(rest.drain(..=position)),
            _ => return false,
        }
        anywhere = false;
    }
    anywhere || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "# Title\n\n## One\n\n```sh\n## not a heading\nls\n```\ntext\n```yaml\na: 1\n```\n\n## Two\n";

    #[test]
    fn blocks_end_with_their_section() {
        assert_eq!(headings(DOCUMENT), ["One", "Two"]);
        let block = |kind: &str, text: &str| Block { kind: kind.to_owned(), text: text.to_owned() };
        let expected = [block("sh", "## not a heading\nls"), block("yaml", "a: 1")];
        assert_eq!(blocks(DOCUMENT, "One").unwrap(), expected);
        assert_eq!(blocks(DOCUMENT, "Two").unwrap(), []);
        assert_eq!(blocks(DOCUMENT, "Three"), None);
    }

    #[test]
    fn what_is_printed_is_compared_with_what_is_stated() {
        let printed = "one\ntwo\nthree\n";
        for stated in ["one\ntwo\nthree", "...\nthree", "one\n...", "one\n...\nthree", "...", "...\ntwo\n..."]
        {
            assert!(is_as_stated(stated, printed), "{stated}");
        }
        for stated in ["one\nthree", "two\n...", "one\ntwo", "...\nfour", "one\n...\ntwo"] {
            assert!(!is_as_stated(stated, printed), "{stated}");
        }
    }
}
