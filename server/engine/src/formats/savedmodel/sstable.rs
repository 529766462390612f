//! The sorted string table of LevelDB, as far as a checkpoint's index uses it: no compression, read as a whole.

use crate::EngineError;

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

const FOOTER: usize = 48;
/// Type byte and checksum after each block.
const TRAILER: usize = 5;

/// Every key and value, in the table's order.
pub fn entries(file: &[u8]) -> Result<Vec<Pair>, EngineError> {
    let Some(start) = file.len().checked_sub(FOOTER) else { return Err(bad("it is too short")) };
    let mut footer = &file[start..];
    if footer[FOOTER - 8..] != MAGIC.to_le_bytes() {
        return Err(bad("its last bytes are not those of a table"));
    }
    handle(&mut footer)?;
    let index = block(file, handle(&mut footer)?)?;
    let mut all = Vec::new();
    for (_, place) in pairs(index)? {
        all.extend(pairs(block(file, handle(&mut place.as_slice())?)?)?);
    }
    Ok(all)
}

fn block(file: &[u8], (offset, size): (u64, u64)) -> Result<&[u8], EngineError> {
    let place = || {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        file.get(start..end.checked_add(TRAILER)?)
    };
    let whole = place().ok_or_else(|| bad("a block lies outside of it"))?;
    let (checked, sum) = whole.split_at(whole.len() - 4);
    if masked(crc32c::crc32c(checked)).to_le_bytes() != sum {
        return Err(bad("a block's checksum is wrong"));
    }
    match checked.split_last() {
        Some((0, data)) => Ok(data),
        _ => Err(bad("it is compressed, which TensorFlow does not write")),
    }
}

/// The entries of a block: each key shares a prefix with the one before it.
fn pairs(block: &[u8]) -> Result<Vec<Pair>, EngineError> {
    let cut = || bad("a block is cut short");
    let restarts = block.last_chunk::<4>().map(|n| u32::from_le_bytes(*n) as usize).ok_or_else(cut)?;
    let end = restarts.checked_mul(4).and_then(|n| n.checked_add(4)).and_then(|n| block.len().checked_sub(n));
    let mut rest = &block[..end.ok_or_else(cut)?];
    let mut key: Vec<u8> = Vec::new();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut length = || varint(&mut rest).and_then(|n| usize::try_from(n).ok()).ok_or_else(cut);
        let (shared, suffix, value) = (length()?, length()?, length()?);
        let (suffix, after) = rest.split_at_checked(suffix).ok_or_else(cut)?;
        let (value, after) = after.split_at_checked(value).ok_or_else(cut)?;
        if shared > key.len() {
            return Err(cut());
        }
        key.truncate(shared);
        key.extend_from_slice(suffix);
        found.push((key.clone(), value.to_vec()));
        rest = after;
    }
    Ok(found)
}

fn handle(from: &mut &[u8]) -> Result<(u64, u64), EngineError> {
    let pair = varint(from).zip(varint(from));
    pair.ok_or_else(|| bad("a block's place is not readable"))
}

/// A number in sevens of bits, which is taken off the front.
pub fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The form in which checksums are stored, so that a checksum of stored checksums stays a good one.
pub fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn bad(what: &str) -> EngineError {
    EngineError::broken(format!("variables/variables.index: {what}"))
}
