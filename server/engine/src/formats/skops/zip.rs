//! Zip files in memory: stored and deflated members, found by the directory at the end.

use super::broken;
use crate::EngineError;
use std::io::Read;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const MEMBER: &[u8] = b"PK\x03\x04";
/// Bytes of the end without its comment.
const END_SIZE: usize = 22;
/// Bytes of an entry without its names.
const ENTRY_SIZE: usize = 46;
/// Bytes of a member's header without its names.
const MEMBER_SIZE: usize = 30;
/// A comment is no longer than that.
const LONGEST_COMMENT: usize = 1 << 16;

/// A file.
pub struct Zip<'b> {
    bytes: &'b [u8],
    entries: Vec<Entry<'b>>,
}

struct Entry<'b> {
    name: &'b [u8],
    method: usize,
    packed: usize,
    whole: usize,
    at: usize,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<usize, EngineError> {
    let cut = || broken("a zip file ends too early");
    let taken = bytes.get(at..at.saturating_add(N)).ok_or_else(cut)?;
    Ok(taken.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte)))
}

impl<'b> Zip<'b> {
    /// Reads the directory.
    pub fn open(bytes: &'b [u8]) -> Result<Self, EngineError> {
        let from = bytes.len().saturating_sub(END_SIZE + LONGEST_COMMENT);
        let tail = &bytes[from..];
        let end = tail.windows(END.len()).rposition(|window| window == END);
        let end = from + end.ok_or_else(|| broken("a zip file has no directory"))?;
        let (count, mut at) = (number::<2>(bytes, end + 10)?, number::<4>(bytes, end + 16)?);
        let mut entries = Vec::new();
        for _ in 0..count {
            if bytes.get(at..at.saturating_add(4)) != Some(ENTRY) {
                return Err(broken("a zip file's directory is broken; files of 4 GiB and more are not read"));
            }
            let lengths =
                [number::<2>(bytes, at + 28)?, number::<2>(bytes, at + 30)?, number::<2>(bytes, at + 32)?];
            let name = bytes.get(at + ENTRY_SIZE..at + ENTRY_SIZE + lengths[0]);
            entries.push(Entry {
                name: name.ok_or_else(|| broken("a zip file's directory is cut short"))?,
                method: number::<2>(bytes, at + 10)?,
                packed: number::<4>(bytes, at + 20)?,
                whole: number::<4>(bytes, at + 24)?,
                at: number::<4>(bytes, at + 42)?,
            });
            at += ENTRY_SIZE + lengths.iter().sum::<usize>();
        }
        Ok(Self { bytes, entries })
    }

    /// The contents of a member, of `most` bytes.
    pub fn read(&self, name: &str, most: usize) -> Result<Vec<u8>, EngineError> {
        let entry = self.entries.iter().find(|entry| entry.name == name.as_bytes());
        let entry = entry.ok_or_else(|| broken(format!("a zip file has no {name:?}")))?;
        let wrong = |what: &str| broken(format!("{name:?} of a zip file {what}"));
        if entry.whole > most {
            return Err(wrong(&format!("is larger than {most} bytes")));
        }
        if self.bytes.get(entry.at..entry.at.saturating_add(4)) != Some(MEMBER) {
            return Err(wrong("is not where its directory says"));
        }
        let names = number::<2>(self.bytes, entry.at + 26)? + number::<2>(self.bytes, entry.at + 28)?;
        let begin = entry.at + MEMBER_SIZE + names;
        let packed =
            self.bytes.get(begin..begin.saturating_add(entry.packed)).ok_or_else(|| wrong("is cut short"))?;
        let whole = match entry.method {
            0 => packed.to_vec(),
            8 => {
                let mut out = Vec::new();
                let inflated = flate2::read::DeflateDecoder::new(packed)
                    .take(entry.whole as u64 + 1)
                    .read_to_end(&mut out);
                inflated.map_err(|e| wrong(&format!("cannot be decompressed: {e}")))?;
                out
            }
            method => {
                return Err(wrong(&format!(
                    "is compressed by method {method}; stored and deflated are read"
                )));
            }
        };
        if whole.len() != entry.whole {
            return Err(wrong("is not as long as its directory says"));
        }
        Ok(whole)
    }
}
