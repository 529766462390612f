//! Models of any format, changed byte by byte, number by number, field by field.

use super::change::{self, Random};
use super::index;
use super::wire;

/// A model: its files by name.
pub type Model = Vec<(String, Vec<u8>)>;

/// Changes one file of a model, and says how.
pub fn alter(model: &mut Model, random: &mut Random) -> String {
    let at = random.below(model.len());
    let (name, bytes) = &mut model[at];
    let fields = wire::decode(bytes, 0).is_some_and(|f| f.len() > 1);
    let is_text = bytes.iter().take(256).all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    let done = match random.below(8) {
        0 => {
            bytes.truncate(random.below(bytes.len()));
            "cut".to_owned()
        }
        1..=5 if name.ends_with(".pb") => change::change(bytes, random),
        1..=5 if name.ends_with(".index") => index::change(bytes, random),
        1..=5 if name.ends_with(".onnx") && fields => change::anything(bytes, random),
        1..=5 if is_text => number(bytes, random),
        6 => piece(bytes, random),
        _ => word(bytes, random),
    };
    format!("{name}: {done}")
}

/// A number in a text becomes another.
fn number(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|n| bytes[*n].is_ascii_digit() && (*n == 0 || !bytes[n - 1].is_ascii_digit()))
        .collect();
    if starts.is_empty() {
        return word(bytes, random);
    }
    let start = starts[random.below(starts.len())];
    let end = (start..bytes.len()).find(|n| !bytes[*n].is_ascii_digit()).unwrap_or(bytes.len());
    let new = match random.below(6) {
        0 => "-1".to_owned(),
        1 => "NaN".to_owned(),
        2 => "1e400".to_owned(),
        3 => "\"x\"".to_owned(),
        _ => random.number().to_string(),
    };
    bytes.splice(start..end, new.bytes());
    format!("the number at {start} becomes {new}")
}

/// A piece goes, comes twice, or is written over another.
fn piece(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    let from = random.below(bytes.len());
    let length = (1 + random.below(64)).min(bytes.len() - from);
    let part = bytes[from..from + length].to_vec();
    let how = random.below(3);
    match how {
        0 => drop(bytes.drain(from..from + length)),
        1 => drop(bytes.splice(from..from, part)),
        _ => {
            let to = random.below(bytes.len() - length + 1);
            bytes[to..to + length].copy_from_slice(&part);
        }
    }
    format!("piece {how} of {length} at {from}")
}

/// A few bits flip, or a word becomes a number that has broken readers before.
fn word(bytes: &mut [u8], random: &mut Random) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let at = random.below(bytes.len());
    let wide = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
    if random.below(2) == 0 {
        bytes[at] ^= 1 << random.below(8);
        return format!("a bit at {at}");
    }
    let new = random.number();
    bytes[at..at + wide].copy_from_slice(&new.to_le_bytes()[..wide]);
    format!("{wide} bytes at {at} become {new}")
}
