//! A mean over repetitions, and how sure it is.

use serde::Serialize;

/// A mean with its 95% confidence interval (Student's t).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    pub mean: f64,
    /// Half of the interval's width; 0 for one repetition, of which nothing is known.
    pub half_width: f64,
}

/// Two-sided 95% quantiles of Student's t by degrees of freedom, from 1.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// For more degrees of freedom than that.
const T_MANY: f64 = 1.96;

impl Interval {
    /// Of repetitions; zero without any.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / count;
        if values.len() < 2 {
            return Self { mean, half_width: 0.0 };
        }
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let t = T.get(values.len() - 2).copied().unwrap_or(T_MANY);
        Self { mean, half_width: t * (variance / count).sqrt() }
    }

    /// Whether the interval leaves out zero: for a difference, whether there is one.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.mean.abs() > self.half_width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        let estimate = Interval::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(estimate.mean, 2.5);
        // s = 1.29099, t(3) = 3.182: 3.182 * 1.29099 / 2.
        assert!((estimate.half_width - 2.054).abs() < 1e-3, "{estimate:?}");
        assert!(estimate.is_clear());
        assert_eq!(Interval::of(&[7.0]), Interval { mean: 7.0, half_width: 0.0 });
        assert_eq!(Interval::of(&[]), Interval::default());
        assert!(!Interval::of(&[-1.0, 1.0]).is_clear());
        let many: Vec<f64> = (0..100).map(|number| f64::from(number % 2)).collect();
        assert!((Interval::of(&many).half_width - 1.96 * 0.502_519 / 10.0).abs() < 1e-4);
    }
}
