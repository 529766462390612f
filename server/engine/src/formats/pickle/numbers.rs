//! Numbers and texts as pickles write them.

use super::tree::Node;
use crate::EngineError;

/// A whole number of any length, little-endian, two's complement.
pub fn whole(bytes: &[u8]) -> Node {
    let Some(last) = bytes.last() else { return Node::Int(0) };
    let fill = if last & 0x80 == 0 { 0 } else { 0xff };
    if bytes.iter().skip(8).any(|b| *b != fill) || bytes.get(7).is_some_and(|b| (b ^ fill) & 0x80 != 0) {
        return Node::Huge;
    }
    let mut eight = [fill; 8];
    eight.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Node::Int(i64::from_le_bytes(eight))
}

/// A decimal number, which may be one of the two truths.
pub fn decimal(word: &str) -> Result<Node, EngineError> {
    match word {
        "00" => return Ok(Node::Bool(false)),
        "01" => return Ok(Node::Bool(true)),
        _ => {}
    }
    let digits = word.strip_suffix('L').unwrap_or(word);
    if let Ok(number) = digits.parse() {
        return Ok(Node::Int(number));
    }
    let bare = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Node::Huge);
    }
    Err(EngineError::broken(format!("{word:?} is no number")))
}

/// A float in decimal.
pub fn float(word: &str) -> Result<Node, EngineError> {
    word.trim().parse().map(Node::Float).map_err(|_| EngineError::broken(format!("{word:?} is no number")))
}

/// Python's raw-unicode-escape: only `\u` and `\U` mean something.
pub fn unescaped_text(line: &[u8]) -> Result<String, EngineError> {
    let wrong = || EngineError::broken("a text has a wrong escape");
    let (mut out, mut at) = (String::with_capacity(line.len()), 0);
    let mut pending = None;
    while let Some(byte) = line.get(at) {
        let digits = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        let code = if digits == 0 {
            at += 1;
            u32::from(*byte)
        } else {
            let hex = line.get(at + 2..at + 2 + digits).and_then(|hex| std::str::from_utf8(hex).ok());
            at += 2 + digits;
            hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or_else(wrong)?
        };
        match (pending.take(), code) {
            (None, 0xd800..=0xdbff) => pending = Some(code),
            (Some(high), 0xdc00..=0xdfff) => {
                let both = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
                out.push(char::from_u32(both).ok_or_else(wrong)?);
            }
            (None, code) => out.push(char::from_u32(code).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    if pending.is_some() { Err(wrong()) } else { Ok(out) }
}

/// A byte string as Python 2 wrote it: quoted, with escapes.
pub fn unescaped_bytes(line: &[u8]) -> Result<Vec<u8>, EngineError> {
    let wrong = || EngineError::broken("a string is not quoted as Python does it");
    let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = line else { return Err(wrong()) };
    let (mut out, mut bytes) = (Vec::with_capacity(inner.len()), inner.iter().copied());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().ok_or_else(wrong)? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let hex = [bytes.next().ok_or_else(wrong)?, bytes.next().ok_or_else(wrong)?];
                let hex = std::str::from_utf8(&hex).map_err(|_| wrong())?.to_owned();
                u8::from_str_radix(&hex, 16).map_err(|_| wrong())?
            }
            other @ (b'\\' | b'\'' | b'"') => other,
            _ => return Err(wrong()),
        });
    }
    Ok(out)
}
