//! Two records side by side: what differs, and what the noise does not let one say.

use std::fmt::Write as _;

use super::record::{Figure, Record, number};
use super::statistics::{Interval, ratio};

/// A line for each figure that both have, then what only one has.
pub(super) fn compare(old: &Record, new: &Record) -> String {
    let mut text = String::new();
    for (which, record) in [("old", old), ("new", new)] {
        for run in &record.runs {
            let quick = if run.quick { "; QUICK: shows that it runs, not what it measures" } else { "" };
            let _ = writeln!(text, "{which}: {} on {}, {}{quick}", run.revision, run.date, run.machine);
        }
    }
    let machines = |record: &Record| record.runs.iter().map(|run| run.machine.clone()).collect::<Vec<_>>();
    if machines(old) != machines(new) {
        text.push_str("The machines differ: ratios within a run may be compared, times may not.\n");
    }
    let mut separated = 0;
    let mut compared = 0;
    for (_, before) in old.figures() {
        let Some((_, after)) = new.figure(&before.name) else { continue };
        let ratio = ratio(&before.samples, &after.samples);
        compared += usize::from(ratio.is_some());
        separated += usize::from(ratio.is_some_and(is_separated));
        let _ = writeln!(
            text,
            "{:>2}  {:<66} {:>10} -> {:<10} {:<3} {}",
            before.row,
            before.name,
            median(before),
            median(after),
            before.unit,
            verdict(ratio, before, after)
        );
    }
    for (which, one, other) in [("old", old, new), ("new", new, old)] {
        for (_, figure) in one.figures().filter(|(_, figure)| other.figure(&figure.name).is_none()) {
            let _ = writeln!(text, "{:>2}  {:<66} only in the {which} record", figure.row, figure.name);
        }
    }
    let _ = writeln!(
        text,
        "{separated} of {compared} figures differ by more than their rounds do. At 95% each, one in twenty would by chance."
    );
    text
}

fn median(figure: &Figure) -> String {
    figure.median().map_or_else(|| "-".to_owned(), number)
}

fn is_separated(ratio: Interval) -> bool {
    ratio.low > 1.0 || ratio.high < 1.0
}

fn verdict(ratio: Option<Interval>, old: &Figure, new: &Figure) -> String {
    let Some(found) = ratio else {
        return format!("{} and {} rounds: too few to tell", old.samples.len(), new.samples.len());
    };
    let range = format!("{}x to {}x", number(found.low), number(found.high));
    match found {
        Interval { low, .. } if low > 1.0 => format!("HIGHER: {range}"),
        Interval { high, .. } if high < 1.0 => format!("LOWER: {range}"),
        _ => format!("cannot be separated: {range}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record as record_of;
    use super::*;

    fn record(figures: &[(&str, [f64; 5])]) -> Record {
        let figure = |(name, samples): &(&str, [f64; 5])| Figure {
            row: "3".to_owned(),
            name: (*name).to_owned(),
            unit: "us".to_owned(),
            samples: samples.to_vec(),
            detail: String::new(),
        };
        record_of(figures.iter().map(figure).collect())
    }

    #[test]
    fn what_rounds_cannot_tell_apart_is_said_to_be_so() {
        let old = [10.0, 11.0, 12.0, 13.0, 14.0];
        let with = |name, samples| record(&[(name, samples)]);
        let text = |new: Record| compare(&with("a", old), &new);
        assert!(text(with("a", old.map(|time| time + 0.5))).contains("cannot be separated: 0.82x to 1.32x"));
        assert!(text(with("a", old.map(|time| time * 2.0))).contains("HIGHER: 1.57x to 2.55x"));
        assert!(text(with("a", old.map(|time| time / 2.0))).contains("LOWER"));
        let other = text(with("b", old));
        assert!(
            other.contains("only in the old record") && other.contains("only in the new record"),
            "{other}"
        );
        let mut one = with("a", old);
        one.runs[0].figures[0].samples.truncate(1);
        assert!(text(one).contains("5 and 1 rounds: too few to tell"));
    }
}
