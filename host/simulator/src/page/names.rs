//! Names as a page shows them.

use netmarks_core::bounded::{beginning, shortened};
use netmarks_core::printable;

/// Longest name on the page, in bytes.
const LONGEST: usize = 64;

/// A name of a cluster: of bounded length, with control characters shown. Not escaped: maud does that.
pub(super) fn shown(name: &str) -> String {
    shown_within(name, LONGEST)
}

/// The same in at most so many bytes.
pub(super) fn shown_within(name: &str, bytes: usize) -> String {
    // A little more than is kept, so that it is seen to be shortened.
    let start = beginning(name, bytes + 4);
    shortened(&printable::one_line(start), bytes).into_owned()
}
