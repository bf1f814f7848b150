//! Kubernetes quantities: `250m`, `1.5`, `64Mi`, `128e6`.
//!
//! k8s-openapi keeps a quantity as text, so they are read here. The grammar is that of
//! `k8s.io/apimachinery/pkg/api/resource`: a decimal number and a binary, decimal or exponent suffix.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Visitor};

/// Most fractional digits that matter: finer ones only round the result up.
const FRACTION_DIGITS: i32 = 15;

/// Millicores of a cpu quantity, rounded up as Kubernetes does; `None` for a text that is not a quantity.
#[must_use]
pub fn cpu_millicores(text: &str) -> Option<u64> {
    parse(text, 3)
}

/// Whole bytes of a memory quantity, rounded up; `None` for a text that is not a quantity.
#[must_use]
pub fn memory_bytes(text: &str) -> Option<u64> {
    parse(text, 0)
}

/// A quantity as it was written: JSON and YAML have numbers among them. `None` for null, which is absent.
///
/// # Errors
/// For what is neither text nor number.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    deserializer.deserialize_any(Scalar)
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as `4`, `500m` or `32Gi`")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(number.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// The quantity in units of `10^-places`, rounded up as Kubernetes does; values beyond 2^64 are cut to it.
///
/// `None` for text that is not a quantity and for negative ones, which no request may be.
fn parse(text: &str, places: i32) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let (binary, exponent) = scale(suffix)?;
    // The number is `digits * 10^-kept`: an integer, so that 0.1 is exactly a tenth.
    let kept = fraction.len().min(usize::try_from(FRACTION_DIGITS).ok()?);
    let (fraction, rest) = fraction.split_at(kept);
    let digits = whole
        .bytes()
        .chain(fraction.bytes())
        .try_fold(0u128, |value, digit| value.checked_mul(10)?.checked_add(u128::from(digit - b'0')));
    let inexact = u128::from(rest.bytes().any(|digit| digit != b'0'));
    let power = exponent + places - i32::try_from(kept).ok()?;
    let scaled = digits.and_then(|digits| {
        let digits = digits.checked_mul(1u128.checked_shl(binary)?)?;
        let factor = 10u128.checked_pow(power.unsigned_abs());
        if power >= 0 {
            if digits == 0 { Some(0) } else { digits.checked_mul(factor?) }
        } else {
            // A divisor beyond 2^128 leaves a part of one unit.
            Some(factor.map_or(u128::from(digits > 0), |factor| digits.div_ceil(factor)))
        }
    });
    let value = scaled.map_or(u64::MAX, |value| u64::try_from(value).unwrap_or(u64::MAX));
    // Something beyond the kept digits can only matter where nothing was rounded up yet.
    Some(if value == 0 && inexact == 1 { 1 } else { value })
}

/// The power of two and the power of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            (0, exponent.parse::<i16>().ok()?.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cpu_in_every_notation() {
        let expected = [
            ("0", 0),
            ("1", 1_000),
            ("250m", 250),
            ("0.1", 100),
            ("1.5", 1_500),
            (".5", 500),
            ("2.", 2_000),
            ("+3", 3_000),
            ("100u", 1),
            ("1n", 1),
            ("1500001u", 1_501),
            ("2k", 2_000_000),
            ("1e2", 100_000),
            ("1E-1", 100),
            ("0.0000000000000000001", 1),
            ("0e99", 0),
        ];
        for (text, millicores) in expected {
            assert_eq!(cpu_millicores(text), Some(millicores), "{text}");
        }
    }

    #[test]
    fn memory_in_every_notation() {
        let expected = [
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("128974848000m", 128_974_848),
            ("123Mi", 128_974_848),
            ("64Ki", 65_536),
            ("1.5Gi", 1_610_612_736),
            ("1T", 1_000_000_000_000),
            ("1E", 1_000_000_000_000_000_000),
            ("2Ei", 2_305_843_009_213_693_952),
            ("100m", 1),
        ];
        for (text, bytes) in expected {
            assert_eq!(memory_bytes(text), Some(bytes), "{text}");
        }
        assert_eq!(memory_bytes("99999999999999999999999999999999999999999999"), Some(u64::MAX));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "m", "-1", "1.2.3", "1 Gi", "1gi", "0x10", "1e", "1e+", "1Mi2", "NaN", "e3"] {
            assert_eq!((cpu_millicores(text), memory_bytes(text)), (None, None), "{text}");
        }
    }

    proptest! {
        /// Any text is answered without a panic or an overflow.
        #[test]
        fn any_text_is_survived(text in "[+-]?[0-9]{0,45}[.]?[0-9]{0,30}(n|u|m|k|Ki|Ei|E|e-?[0-9]{1,6})?") {
            let (milli, whole) = (cpu_millicores(&text), memory_bytes(&text));
            prop_assert_eq!(milli.is_none(), whole.is_none());
            prop_assert!(milli.is_none_or(|milli| milli == u64::MAX || whole == Some(milli.div_ceil(1_000))));
        }

        /// Millicores are read back as written.
        #[test]
        fn written_amounts_are_read_back(milli in 0u64..1_000_000_000) {
            prop_assert_eq!(cpu_millicores(&format!("{milli}m")), Some(milli));
            prop_assert_eq!(cpu_millicores(&format!("{}.{:03}", milli / 1_000, milli % 1_000)), Some(milli));
        }
    }
}
