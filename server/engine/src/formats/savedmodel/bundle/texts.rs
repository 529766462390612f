//! Tensors of strings.

use super::super::proto::dtype;
use super::super::sstable;
use super::{Bundle, checked, shape, unequal};
use crate::{DType, EngineError};

impl Bundle {
    /// A tensor of strings: the length of each, a checksum of those, then the strings.
    pub fn texts(&self, key: &str) -> Result<Vec<Vec<u8>>, EngineError> {
        let wrong = || EngineError::broken(format!("checkpoint entry {key:?}: its strings are not readable"));
        let entry = self.find(key)?;
        let count = shape(entry).and_then(|s| checked(&s, 1)).ok_or_else(wrong)?;
        let (_, size) = self.place(key, entry)?;
        // Each string has at least its length.
        if dtype(entry.dtype) != Some(DType::String) || !entry.slices.is_empty() || count > size {
            return Err(wrong());
        }
        let mut bytes = vec![0; size];
        self.fill(entry, &mut bytes)?;
        let (mut rest, mut sum) = (bytes.as_slice(), 0u32);
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            let length = sstable::varint(&mut rest).ok_or_else(wrong)?;
            sum = match u32::try_from(length) {
                Ok(short) => crc32c::crc32c_append(sum, &short.to_le_bytes()),
                Err(_) => crc32c::crc32c_append(sum, &length.to_le_bytes()),
            };
            lengths.push(usize::try_from(length).map_err(|_| wrong())?);
        }
        let (checksum, mut rest) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let all = crc32c::crc32c_append(crc32c::crc32c_append(sum, checksum), rest);
        if sstable::masked(sum).to_le_bytes() != *checksum || sstable::masked(all) != entry.crc32c {
            return Err(unequal(key));
        }
        let mut texts = Vec::with_capacity(count);
        for length in lengths {
            let (text, after) = rest.split_at_checked(length).ok_or_else(wrong)?;
            texts.push(text.to_vec());
            rest = after;
        }
        Ok(texts)
    }
}
