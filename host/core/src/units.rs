//! Amounts as people read them.

/// Bytes per second in the unit that leaves one to three digits before the point: `364.3 kB/s`.
#[must_use]
pub fn bytes_per_second(value: f64) -> String {
    let units = [("TB/s", 1e12), ("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3)];
    // In tenths of the smaller unit, as it would be shown: 999.96 kB/s would be 1000.0 kB/s.
    match units.into_iter().find(|(_, size)| (value / size * 1e4).round() >= 1e4) {
        Some((unit, size)) => format!("{:.1} {unit}", value / size),
        None => format!("{value:.1} B/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_three_digits_before_the_point() {
        for (value, text) in [
            (0.0, "0.0 B/s"),
            (0.04, "0.0 B/s"),
            (999.94, "999.9 B/s"),
            (999.96, "1.0 kB/s"),
            (1_000.0, "1.0 kB/s"),
            (364_280.0, "364.3 kB/s"),
            (999_949.0, "999.9 kB/s"),
            (999_960.0, "1.0 MB/s"),
            (12_345_678.0, "12.3 MB/s"),
            (2.5e9, "2.5 GB/s"),
            (1e12, "1.0 TB/s"),
            (1e16, "10000.0 TB/s"),
        ] {
            assert_eq!(bytes_per_second(value), text, "{value}");
        }
    }
}
