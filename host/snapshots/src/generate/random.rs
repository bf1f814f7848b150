//! Draws that the parts share.

use fastrand::Rng;

/// A number of a heavy-tailed (Pareto) distribution, at least 1.
pub(super) fn heavy_tailed(random: &mut Rng, exponent: f64) -> f64 {
    (1.0 - random.f64()).powf(-1.0 / exponent)
}

/// One of the choices, each as likely as its weight says.
pub(super) fn weighted<T: Copy>(random: &mut Rng, choices: &[(T, u32)], otherwise: T) -> T {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut drawn = random.u32(0..total.max(1));
    for (choice, weight) in choices {
        if drawn < *weight {
            return *choice;
        }
        drawn -= weight;
    }
    otherwise
}

/// A share of `amount`, rounded; both are small enough to be exact.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts are below 2^52, and a cast saturates"
)]
pub(super) fn scaled(amount: u64, factor: f64) -> u64 {
    (amount as f64 * factor).round() as u64
}

/// As a number to compute with.
#[allow(clippy::cast_precision_loss, reason = "amounts are below 2^52")]
pub(super) fn float(amount: u64) -> f64 {
    amount as f64
}
