//! Changes of a scene as bytes: numbers in as few as they need.

/// Appends a number: seven bits a byte, the lowest first.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// Takes the number at the beginning, or what was lost as 0.
pub(crate) fn take(bytes: &mut &[u8]) -> u32 {
    let (mut number, mut shift) = (0u32, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// Appends a rate, exact to 1 part in 32,768: three bytes of the four that a small float has.
pub(crate) fn put_rate(bytes: &mut Vec<u8>, rate: f64) {
    bytes.extend_from_slice(rounded(rate).to_bits().to_be_bytes().get(..3).unwrap_or_default());
}

/// Takes a rate.
pub(crate) fn take_rate(bytes: &mut &[u8]) -> f64 {
    let Some((&[first, second, third], rest)) = bytes.split_first_chunk::<3>() else { return 0.0 };
    *bytes = rest;
    f64::from(f32::from_bits(u32::from_be_bytes([first, second, third, 0])))
}

/// The rate as it is kept.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding is what it is for; no rate is beyond a small float"
)]
pub(crate) fn rounded(rate: f64) -> f32 {
    let small = rate.clamp(0.0, f64::from(f32::MAX)) as f32;
    let half = small.to_bits().saturating_add(0x80) & !0xff;
    let rounded = f32::from_bits(half);
    if rounded.is_finite() { rounded } else { f32::from_bits(small.to_bits() & !0xff) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(numbers: Vec<u32>, rates in prop::collection::vec(0.0f64..1e13, 0..20)) {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| put(&mut bytes, *number));
            rates.iter().for_each(|rate| put_rate(&mut bytes, *rate));
            let mut rest = bytes.as_slice();
            for number in numbers {
                prop_assert_eq!(take(&mut rest), number);
            }
            for rate in rates {
                let kept = take_rate(&mut rest);
                prop_assert!((kept - rate).abs() <= rate / 32_768.0, "{rate} became {kept}");
            }
            prop_assert!(rest.is_empty());
        }
    }
}
