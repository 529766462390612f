//! Numbers as strings, and back.

use super::super::access::of_bytes;
use super::super::{Outcome, Value, elements, fail};
use super::{MOST_BYTES, strip};
use crate::graph::{Notation, Packing, Written};
use crate::value::{Contents, Kind};
use crate::{DType, EngineError};
use std::io::Read as _;

pub fn from_numbers(x: &Value, how: &Written) -> Outcome {
    // A float may have three hundred digits before the point, and a string is more than its bytes.
    let longest = how.width.max(how.precision.unwrap_or(0) + 24);
    if x.elem_count().saturating_mul(longest + size_of::<Vec<u8>>()) > MOST_BYTES {
        return Err(fail(format!("strings of more than {MOST_BYTES} bytes")));
    }
    let text: Vec<Vec<u8>> = match x.contents() {
        Contents::I64(m) => m.iter().map(|n| padded(n.to_string(), how)).collect(),
        Contents::F32(m) => m.iter().map(|n| padded(float(f64::from(*n), how), how)).collect(),
        Contents::F64(m) => m.iter().map(|n| padded(float(*n, how), how)).collect(),
        Contents::Bool(m) => {
            m.iter().map(|b| if *b != 0 { b"true".to_vec() } else { b"false".to_vec() }).collect()
        }
        _ => return Err(fail("strings of what is not a number")),
    };
    Value::text(text, x.dims())
}

/// As C prints it with the format `%g`.
pub fn general(x: f64, digits: usize) -> String {
    float(x, &Written { notation: Notation::Shortest, precision: Some(digits), width: 0, fill: 0 })
}

/// The bytes that were packed in each text.
pub fn unpacked(x: &Value, packing: Packing) -> Outcome {
    let mut left = MOST_BYTES as u64;
    let one = |text: &Vec<u8>| {
        let mut out = Vec::new();
        let read = match packing {
            Packing::Zlib => flate2::read::ZlibDecoder::new(&text[..]).take(left + 1).read_to_end(&mut out),
            Packing::Gzip => {
                flate2::read::MultiGzDecoder::new(&text[..]).take(left + 1).read_to_end(&mut out)
            }
        };
        read.map_err(|e| fail(format!("a text that was not packed this way: {e}")))?;
        left = left.checked_sub(out.len() as u64).ok_or_else(|| fail(TOO_LONG))?;
        Ok(out)
    };
    let all: Result<Vec<Vec<u8>>, EngineError> = x.texts()?.iter().map(one).collect();
    Value::text(all?, x.dims())
}

const TOO_LONG: &str = "texts of more than a gibibyte";

/// As C prints it.
fn float(x: f64, how: &Written) -> String {
    if !x.is_finite() {
        let text = match (how.notation, x.is_nan()) {
            // One that is no number has no sign.
            (Notation::Capital, true) => return "NaN".to_owned(),
            (Notation::Capital, false) => "INF",
            (_, true) => "nan",
            (_, false) => "inf",
        };
        return if x.is_sign_negative() { format!("-{text}") } else { text.to_owned() };
    }
    let precision = how.precision.unwrap_or(6);
    match how.notation {
        Notation::Fixed => format!("{x:.precision$}"),
        Notation::Scientific => scientific(x, precision),
        Notation::Shortest | Notation::Capital => {
            let digits = precision.max(1);
            let text = scientific(x, digits - 1);
            let exponent: i64 = text.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0);
            if exponent < -4 || exponent >= digits as i64 {
                let (head, tail) = text.split_once('e').unwrap_or((&text, "+00"));
                return format!("{}e{tail}", short(head));
            }
            let after = usize::try_from(digits as i64 - 1 - exponent).unwrap_or(0);
            short(&format!("{x:.after$}")).to_owned()
        }
    }
}

/// Without zeros at the end.
fn short(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn scientific(x: f64, precision: usize) -> String {
    let text = format!("{x:.precision$e}");
    let (head, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    format!("{head}e{sign}{digits:0>2}")
}

fn padded(text: String, how: &Written) -> Vec<u8> {
    let text = match how.fill {
        b'+' | b' ' if !text.starts_with('-') => format!("{}{text}", char::from(how.fill)),
        _ => text,
    };
    let missing = how.width.saturating_sub(text.len());
    let padded = match how.fill {
        b'-' => text + &" ".repeat(missing),
        b'0' => {
            let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |d| ("-", d));
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        _ => " ".repeat(missing) + &text,
    };
    padded.into_bytes()
}

pub fn to_numbers(x: &Value, kind: Kind) -> Outcome {
    fn parse<T: std::str::FromStr>(x: &Value) -> Result<Vec<T>, EngineError> {
        let one = |t: &Vec<u8>| std::str::from_utf8(strip(t)).ok()?.parse().ok();
        let wrong = || fail("a string that is not a number");
        x.texts()?.iter().map(|t| one(t).ok_or_else(wrong)).collect()
    }
    match kind {
        Kind::F32 => Value::of(parse::<f32>(x)?, x.dims()),
        Kind::F64 => Value::of(parse::<f64>(x)?, x.dims()),
        _ => Value::of(parse::<i64>(x)?, x.dims()),
    }
}

/// The bytes of strings as numbers: of strings of one length, or each cut or filled up with zeros to `length`.
pub fn decode_raw(x: &Value, dtype: DType, big: bool, length: Option<usize>) -> Outcome {
    let texts = x.texts()?;
    let width = dtype.width();
    let size = length.or(texts.first().map(Vec::len)).unwrap_or(0);
    if !size.is_multiple_of(width) || length.is_none() && texts.iter().any(|t| t.len() != size) {
        return Err(fail(format!("strings that are no rows of {dtype}")));
    }
    let dims = [x.dims(), &[size / width]].concat();
    elements(&[elements(&dims)?, width])?;
    let mut bytes = Vec::with_capacity(texts.len() * size);
    for text in texts {
        bytes.extend(text.iter().copied().chain(std::iter::repeat(0)).take(size));
    }
    if big {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    of_bytes(&bytes, dtype, &dims)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base 64 by the alphabet that may stand in addresses.
pub fn encode_base64(text: &[u8], pad: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from(word[0]) << 16 | u32::from(word[1]) << 8 | u32::from(word[2]);
        let digits = chunk.len() + 1;
        out.extend((0..digits).map(|n| ALPHABET[(bits >> (18 - 6 * n)) as usize & 63]));
        out.extend(std::iter::repeat_n(b'=', if pad { 4 - digits } else { 0 }));
    }
    out
}

pub fn decode_base64(x: &Value) -> Outcome {
    let one = |text: &Vec<u8>| -> Option<Vec<u8>> {
        let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
        let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
        for chunk in digits.chunks(4) {
            let mut bits = 0u32;
            for digit in chunk {
                bits = bits << 6 | u32::try_from(ALPHABET.iter().position(|a| a == digit)?).ok()?;
            }
            bits <<= 6 * (4 - chunk.len());
            let bytes = chunk.len().checked_sub(1).filter(|n| *n > 0)?;
            out.extend(&bits.to_be_bytes()[1..=bytes]);
        }
        Some(out)
    };
    let wrong = || fail("a string that is not in base 64");
    let made: Result<Vec<Vec<u8>>, _> = x.texts()?.iter().map(|t| one(t).ok_or_else(wrong)).collect();
    Value::text(made?, x.dims())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_c_does() {
        let shortest = |x| float(x, &Written { notation: Notation::Shortest, ..Written::default() });
        let cases =
            [(0.0001, "0.0001"), (0.00001, "1e-05"), (100000.0, "100000"), (1e6, "1e+06"), (0.5, "0.5")];
        for (x, wanted) in cases {
            assert_eq!(shortest(x), wanted);
        }
        assert_eq!(scientific(-12345.678, 3), "-1.235e+04");
        assert_eq!(float(f64::NEG_INFINITY, &Written::default()), "-inf");
        let zeros = Written { width: 6, fill: b'0', ..Written::default() };
        assert_eq!(padded("-12".to_owned(), &zeros), b"-00012");
    }

    #[test]
    fn base_64_goes_there_and_back() {
        for n in 0..8u8 {
            let text: Vec<u8> = (0..n).map(|i| i.wrapping_mul(77)).collect();
            for pad in [true, false] {
                let x = Value::text(vec![encode_base64(&text, pad)], &[]).unwrap();
                assert_eq!(decode_base64(&x).unwrap().texts().unwrap(), std::slice::from_ref(&text));
            }
        }
        assert!(decode_base64(&Value::text(vec![b"a".to_vec()], &[]).unwrap()).is_err());
    }
}
