//! Figures for the record of `cargo xtask bench`, which has their targets: what is compared was measured by turns, so that a ratio is one
//! of each round.

use crate::bench::record::{Figure, number};

/// One thing against another, both measured in each round.
pub(super) fn ratio(row: &str, name: String, unit: &str, of: &[f64], against: &[f64]) -> Figure {
    let rounds = of.iter().zip(against).map(|(of, against)| of / against);
    Figure {
        row: row.to_owned(),
        name,
        unit: "x".to_owned(),
        // CPU time is counted in steps of 10 ms, so that few requests may have taken none.
        samples: rounds.filter(|ratio| ratio.is_finite()).collect(),
        detail: format!("{} against {} {unit}", all(of), all(against)),
    }
}

/// One thing by itself.
pub(super) fn plain(row: &str, name: String, unit: &str, samples: Vec<f64>) -> Figure {
    Figure { row: row.to_owned(), name, unit: unit.to_owned(), samples, detail: String::new() }
}

/// Round by round.
fn all(samples: &[f64]) -> String {
    samples.iter().map(|sample| number(*sample)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::ratio;

    #[test]
    fn a_ratio_is_one_of_each_round() {
        let figure = ratio("4", "pods".to_owned(), "pods/s", &[90.0, 100.0, 5.0], &[100.0, 80.0, 0.0]);
        assert_eq!(figure.samples, [0.9, 1.25]);
        assert_eq!(figure.detail, "90.0, 100, 5.00 against 100, 80.0, 0.00 pods/s");
    }
}
