//! Amounts as people read them.

/// Bytes per second in the unit that leaves one to three digits: `364.3 kB/s`.
#[must_use]
pub fn bytes_per_second(value: f64) -> String {
    let units = [("TB/s", 1e12), ("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3)];
    match units.into_iter().find(|(_, size)| value >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", value / size),
        None => format!("{value:.1} B/s"),
    }
}
