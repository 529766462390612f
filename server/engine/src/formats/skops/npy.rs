//! NumPy's `.npy`: a header that is a Python dict, and the bytes of an array.

use super::broken;
use crate::EngineError;
use crate::formats::pickle::{Type, described};

/// A header is no longer than that.
const LONGEST: usize = 1 << 16;

/// What a file says of its array.
pub struct Header<'b> {
    pub dtype: Type,
    pub shape: Vec<usize>,
    pub fortran: bool,
    pub data: &'b [u8],
}

/// Reads a header.
pub fn header(bytes: &[u8]) -> Result<Header<'_>, EngineError> {
    let wrong = || broken("an .npy file has a wrong header");
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(wrong)?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err(wrong()),
    };
    let (header, data) = rest.split_at_checked(length).filter(|_| length <= LONGEST).ok_or_else(wrong)?;
    let header = std::str::from_utf8(header).map_err(|_| wrong())?;
    let after = |key: &str| {
        header.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start()).ok_or_else(wrong)
    };
    let fortran = after("fortran_order")?.starts_with("True");
    let (shape, _) =
        after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(wrong)?;
    let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let shape = extents.map(|extent| extent.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let descr = after("descr")?;
    let dtype = match descr.strip_prefix('[') {
        Some(fields) => structure(fields.split_once(']').ok_or_else(wrong)?.0).ok_or_else(wrong)?,
        None => described(quoted(descr).first().ok_or_else(wrong)?).ok_or_else(wrong)?,
    };
    Ok(Header { dtype, shape, fortran, data })
}

/// What stands between quotation marks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('\'').skip(1).step_by(2).collect()
}

/// Names and types in turns; unnamed members are gaps.
fn structure(text: &str) -> Option<Type> {
    let (mut fields, mut at) = (Vec::new(), 0usize);
    for [name, code] in quoted(text).as_chunks::<2>().0 {
        match code.strip_prefix("|V") {
            Some(gap) => at = at.checked_add(gap.parse().ok()?)?,
            None => {
                let dtype = described(code)?;
                let begin = at;
                at = at.checked_add(dtype.bytes())?;
                fields.push(((*name).to_owned(), begin, dtype));
            }
        }
    }
    (at <= 1 << 20).then_some(Type::Fields(fields, at))
}
