//! Arrays as the library packs them.

use crate::EngineError;
use base64::Engine;

/// Longer arrays are in no forest.
const LONGEST: usize = 1 << 24;

/// Integers: as they are, or the least, the greatest and their number, and then as many in each word as fit, each as a digit above the
/// least, the first one lowest.
pub fn integers(packed: &[i32], compressed: bool) -> Result<Vec<i32>, EngineError> {
    let &[least, greatest, count, ref words @ ..] = packed else { return Ok(packed.to_vec()) };
    if !compressed {
        return Ok(packed.to_vec());
    }
    let bad = || {
        EngineError::broken(format!("{count} integers from {least} to {greatest} in {} words", words.len()))
    };
    let count = usize::try_from(count).ok().filter(|count| *count <= LONGEST).ok_or_else(bad)?;
    let base = i64::from(greatest) - i64::from(least) + 1;
    if base < 1 {
        return Err(bad());
    }
    if base == 1 {
        return Ok(vec![least; count]);
    }
    let each = digits(base);
    if count > words.len().saturating_mul(each) {
        return Err(bad());
    }
    let digit = |n: usize| {
        let word = i64::from(words[n / each]);
        let above = (0..n % each).fold(word, |word, _| word / base) % base;
        i32::try_from(i64::from(least) + above).map_err(|_| bad())
    };
    (0..count).map(digit).collect()
}

/// How many digits a word has room for.
fn digits(base: i64) -> usize {
    let (mut count, mut all) = (0, base);
    while all < i64::from(i32::MAX) {
        all = all.saturating_mul(base);
        count += 1;
    }
    count.max(1)
}

/// Floats: their bytes, the highest first, in base 64.
pub fn floats(text: &str) -> Result<Vec<f32>, EngineError> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    let bytes = bytes.map_err(|e| EngineError::broken(format!("numbers in base 64: {e}")))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(EngineError::broken("numbers that are cut short"));
    }
    Ok(numbers.iter().map(|number| f32::from_be_bytes(*number)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::integers;

    #[test]
    fn integers_are_unpacked() {
        assert_eq!(integers(&[7, 8], true).unwrap(), [7, 8]);
        assert_eq!(integers(&[7, 8, 9, 10], false).unwrap(), [7, 8, 9, 10]);
        assert_eq!(integers(&[5, 5, 4], true).unwrap(), [5; 4]);
        // Thirty digits of two: 1, 0, 1, 1.
        assert_eq!(integers(&[0, 1, 4, 13], true).unwrap(), [1, 0, 1, 1]);
        assert_eq!(integers(&[10, 19, 3, 321], true).unwrap(), [11, 12, 13]);
        for bad in [&[0, 1, 99, 1][..], &[0, 1, -1, 1], &[1, 0, 1, 1], &[0, 0, i32::MAX]] {
            assert!(integers(bad, true).is_err(), "{bad:?}");
        }
    }
}
