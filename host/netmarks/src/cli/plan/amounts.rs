//! Shares and other amounts as flags.

/// Reads a share of 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    within(text, 1.0).ok_or_else(|| "give a share from 0 to 1, such as 0.25".to_owned())
}

/// Reads an amount of anything that there cannot be less than nothing of.
pub(super) fn amount(text: &str) -> Result<f64, String> {
    within(text, f64::MAX).ok_or_else(|| "give a number from 0".to_owned())
}

/// A number from 0 to `most`; not a number is in no range.
fn within(text: &str, most: f64) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| (0.0..=most).contains(number))
}
