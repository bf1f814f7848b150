//! Times as flags.

use clap::builder::RangedU64ValueParser;

/// Longest time that a flag may give: sums of such times stay far from where a clock ends.
const WEEK: u64 = 7 * 24 * 3_600;

/// Reads whole seconds.
pub(super) fn seconds() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(0..=WEEK)
}
