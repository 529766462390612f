//! The checkpoint's index: bytes of its blocks changed, their checksums right again.

use super::change::Random;
use super::wire::varint;

/// Where a block lies: offset and length without its trailer of a type and a checksum.
type Place = (usize, usize);

fn handle(bytes: &[u8], at: &mut usize) -> Option<Place> {
    let offset = varint(bytes, at)? as usize;
    Some((offset, varint(bytes, at)? as usize))
}

/// The index block and the first data block.
fn blocks(bytes: &[u8]) -> Option<[Place; 2]> {
    let mut at = bytes.len().checked_sub(48)?;
    handle(bytes, &mut at)?;
    let index = handle(bytes, &mut at)?;
    let mut at = index.0;
    varint(bytes, &mut at)?;
    let key = varint(bytes, &mut at)? as usize;
    varint(bytes, &mut at)?;
    at = at.checked_add(key)?;
    let places = [index, handle(bytes, &mut at)?];
    let is_within = |place: &Place| place.0.checked_add(place.1).is_some_and(|end| end + 5 <= bytes.len());
    places.iter().all(|place| place.1 > 0 && is_within(place)).then_some(places)
}

/// Makes a block's checksum right.
fn seal(bytes: &mut [u8], (offset, length): Place) {
    let end = offset + length + 1;
    let sum = crc32c::crc32c(&bytes[offset..end]);
    let masked = sum.rotate_right(15).wrapping_add(0xa282_ead8);
    bytes[end..end + 4].copy_from_slice(&masked.to_le_bytes());
}

/// Makes the checksums right, as far as blocks are found.
pub fn seal_all(bytes: &mut [u8]) {
    blocks(bytes).into_iter().flatten().for_each(|place| seal(bytes, place));
}

/// Changes some bytes of a block, with the checksum to fit.
pub fn change(bytes: &mut [u8], random: &mut Random) -> String {
    let Some(places) = blocks(bytes) else { return "nothing".to_owned() };
    let (offset, length) = places[usize::from(random.below(8) != 0)];
    let mut done = Vec::new();
    for _ in 0..1 + random.below(3) {
        let at = offset + random.below(length);
        bytes[at] = match random.below(3) {
            0 => random.next() as u8,
            1 => bytes[at] ^ 1 << random.below(8),
            _ => [0, 1, 127, 128, 255][random.below(5)],
        };
        done.push(format!("index byte {at} is {}", bytes[at]));
    }
    seal(bytes, (offset, length));
    done.join(", ")
}
