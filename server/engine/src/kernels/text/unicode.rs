//! Characters of strings in one of Unicode's encodings.

use super::super::access::{ints, make};
use super::super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::{Encoding, Faults};

/// A character and the byte that it begins at; None: bytes that are none.
type Characters = Vec<(Option<u32>, usize)>;

const REPLACED: u32 = 0x1f;

fn characters(text: &[u8], encoding: Encoding) -> Characters {
    let mut found = Vec::with_capacity(text.len());
    match encoding {
        Encoding::Utf8 => {
            let mut at = 0;
            for chunk in text.utf8_chunks() {
                found.extend(chunk.valid().char_indices().map(|(n, c)| (Some(u32::from(c)), at + n)));
                at += chunk.valid().len();
                if !chunk.invalid().is_empty() {
                    found.push((None, at));
                    at += chunk.invalid().len();
                }
            }
        }
        Encoding::Utf16 => {
            let (units, rest) = text.as_chunks::<2>();
            let mut at = 0;
            for unit in char::decode_utf16(units.iter().map(|u| u16::from_be_bytes(*u))) {
                found.push((unit.as_ref().ok().map(|c| u32::from(*c)), at));
                at += unit.map_or(2, |c| c.len_utf16() * 2);
            }
            found.extend((!rest.is_empty()).then_some((None, at)));
        }
        Encoding::Utf32 => {
            let (units, rest) = text.as_chunks::<4>();
            let one =
                |(n, u): (usize, &[u8; 4])| (char::from_u32(u32::from_be_bytes(*u)).map(u32::from), n * 4);
            found.extend(units.iter().enumerate().map(one));
            found.extend((!rest.is_empty()).then_some((None, units.len() * 4)));
        }
    }
    found
}

/// The character, or what stands for it; None: it is left out.
fn treated(c: Option<u32>, faults: Faults) -> Result<Option<u32>, EngineError> {
    match c {
        Some(c) if !(faults.control && c <= REPLACED) => Ok(Some(c)),
        _ if faults.strict => Err(fail("a string that is not in its encoding")),
        _ => Ok(faults.replacement),
    }
}

fn write(to: &mut Vec<u8>, c: u32, encoding: Encoding) {
    let c = char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
    match encoding {
        Encoding::Utf8 => to.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        Encoding::Utf16 => to.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|u| u.to_be_bytes())),
        Encoding::Utf32 => to.extend(u32::from(c).to_be_bytes()),
    }
}

/// Where each string's characters begin, the characters, and where in its string each is.
pub fn decode(x: &Value, from: Encoding, faults: Faults) -> Result<Vec<Value>, EngineError> {
    let (mut splits, mut found, mut starts) = (vec![0i64], Vec::new(), Vec::new());
    for text in x.texts()? {
        for (c, at) in characters(text, from) {
            if let Some(c) = treated(c, faults)? {
                found.push(i64::from(c));
                starts.push(at as i64);
            }
        }
        splits.push(found.len() as i64);
    }
    let (rows, count) = (splits.len(), found.len());
    Ok(vec![make(splits, &[rows])?, make(found, &[count])?, make(starts, &[count])?])
}

/// Strings of characters, by where each begins.
pub fn encode(x: &Value, splits: &Value, to: Encoding, faults: Faults) -> Outcome {
    let (values, splits) = (x.slice::<i64>()?, ints(splits)?);
    let mut made = Vec::new();
    for pair in splits.windows(2) {
        let span = usize::try_from(pair[0]).ok().zip(usize::try_from(pair[1]).ok());
        let span = span.and_then(|(a, b)| values.get(a..b));
        let mut text = Vec::new();
        for value in span.ok_or_else(|| fail("ragged rows that do not fit their values"))? {
            let c = u32::try_from(*value).ok().and_then(char::from_u32).map(u32::from);
            if let Some(c) = treated(c, faults)? {
                write(&mut text, c, to);
            }
        }
        made.push(text);
    }
    let count = made.len();
    Value::text(made, &[count])
}

/// The same characters in another encoding.
pub fn transcode(x: &Value, from: Encoding, to: Encoding, faults: Faults) -> Outcome {
    let mut made = Vec::with_capacity(x.elem_count());
    for text in x.texts()? {
        let mut out = Vec::with_capacity(text.len());
        for (c, _) in characters(text, from) {
            if let Some(c) = treated(c, faults)? {
                write(&mut out, c, to);
            }
        }
        made.push(out);
    }
    Value::text(made, x.dims())
}
