//! Words that readers in a hurry, or with another first language, stumble over; each with what to write instead.

use std::path::Path;

const WORDS: [(&str, &str); 40] = [
    ("anew", "again"),
    ("unheard", "say what is ignored"),
    ("shall", "should, must, or will"),
    ("thereof", "of it"),
    ("therein", "in it"),
    ("thereby", "by this"),
    ("thereupon", "then"),
    ("whence", "from where"),
    ("whereby", "by which"),
    ("wherein", "in which"),
    ("whereupon", "then"),
    ("whilst", "while"),
    ("hence", "so"),
    ("henceforth", "from now on"),
    ("hitherto", "until now"),
    ("lest", "so that ... not"),
    ("albeit", "although"),
    ("nought", "nothing, or zero"),
    ("is none", "there is no ..., or: is not a ..."),
    ("are none", "there are no ..., or: are not ..."),
    ("was none", "there was no ..., or: was not a ..."),
    ("is no", "is not a"),
    ("are no", "are not"),
    ("upon", "on"),
    ("for ever", "forever"),
    ("in silence", "without a message"),
    ("of one's own", "your own"),
    ("tell of", "report, or: show"),
    ("tells of", "reports, or: shows"),
    ("told of", "given, or: told about"),
    ("belong into", "belong in"),
    ("belongs into", "belongs in"),
    ("apart from", "except for, or: besides"),
    ("none other", "no other"),
    ("of no account", "does not matter"),
    ("of yours", "your"),
    ("in vain", "without success, or: for nothing"),
    ("as ever", "as before, or: as usual"),
    ("by the way", "say it plainly"),
    ("so, too", "also"),
];

/// This file has the list.
const LIST: &str = "xtask/src/documents/wording.rs";

/// A line for each of the words in a text, also where a phrase goes on in the next line.
pub(super) fn found(path: &Path, text: &str) -> Vec<String> {
    if path == Path::new(LIST) {
        return Vec::new();
    }
    // One long line, so that phrases are whole; where each line of the file begins in it.
    let (mut whole, mut begins) = (String::new(), Vec::new());
    for line in text.lines() {
        begins.push(whole.len());
        whole.push_str(line.trim_start_matches(['/', '!', ' ', '*', '#']).trim_end());
        whole.push(' ');
    }
    let mut found = Vec::new();
    for (word, instead) in WORDS {
        for written in [word.to_owned(), capitalised(word)] {
            for (start, _) in whole.match_indices(&written) {
                let before = whole.get(..start).unwrap_or_default();
                let rest = whole.get(start + written.len()..).unwrap_or_default();
                if is_plain(word, before, rest) {
                    continue;
                }
                let before = before.chars().next_back();
                if [before, rest.chars().next()]
                    .into_iter()
                    .flatten()
                    .any(|c| c.is_alphanumeric() || c == '_')
                {
                    continue;
                }
                let line = begins.partition_point(|begin| *begin <= start);
                found.push(format!("{}:{line}: \"{written}\": write {instead}", path.display()));
            }
        }
    }
    found
}

/// "There are no nodes" and "is no longer" are plain enough.
fn is_plain(word: &str, before: &str, rest: &str) -> bool {
    word.ends_with(" no") && (before.to_lowercase().ends_with("there ") || rest.starts_with(" longer"))
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_whole_in_any_place() {
        let lines = |text: &str| found(Path::new("a.md"), text).len();
        assert_eq!(lines("made anew. Apart from that"), 2);
        assert_eq!(lines("/// what is\n    /// none"), 1, "a phrase over two lines");
        assert_eq!(lines("`None` if there is none"), 1);
        for plain in
            ["shallow", "`is_none()`", "value is None", "then.hence_", "There is no node", "it is no longer"]
        {
            assert_eq!(lines(plain), 0, "{plain}");
        }
        assert_eq!(
            found(Path::new("a.md"), "one\ntwo shall"),
            ["a.md:2: \"shall\": write should, must, or will"]
        );
    }
}
