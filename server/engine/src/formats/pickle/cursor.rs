//! Steps through the bytes of a pickle.

use crate::EngineError;

/// A line of a pickle of text is no longer than that.
const LONGEST_LINE: usize = 1 << 20;

/// A place in a file. The bytes are given with each step: what steps may change what lies beside them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    pub at: usize,
}

fn cut() -> EngineError {
    EngineError::broken("the pickle ends too early")
}

impl Cursor {
    /// Where the next bytes begin; they are there.
    pub fn skip(&mut self, file: &[u8], count: usize) -> Result<usize, EngineError> {
        let begin = self.at;
        let end = begin.checked_add(count).filter(|end| *end <= file.len()).ok_or_else(cut)?;
        self.at = end;
        Ok(begin)
    }

    pub fn take<'f>(&mut self, file: &'f [u8], count: usize) -> Result<&'f [u8], EngineError> {
        let begin = self.skip(file, count)?;
        Ok(&file[begin..self.at])
    }

    pub fn array<const N: usize>(&mut self, file: &[u8]) -> Result<[u8; N], EngineError> {
        self.take(file, N)?.try_into().map_err(|_| cut())
    }

    pub fn byte(&mut self, file: &[u8]) -> Result<u8, EngineError> {
        Ok(self.array::<1>(file)?[0])
    }

    /// A length of so many bytes, little-endian; as many bytes are there.
    pub fn length(&mut self, file: &[u8], bytes: usize) -> Result<usize, EngineError> {
        let taken = self.take(file, bytes)?;
        let mut whole = [0; 8];
        whole.iter_mut().zip(taken).for_each(|(to, from)| *to = *from);
        let length = usize::try_from(u64::from_le_bytes(whole)).unwrap_or(usize::MAX);
        let left = file.len() - self.at;
        if length > left {
            return Err(EngineError::broken(format!(
                "the pickle tells of {length} bytes where {left} are left"
            )));
        }
        Ok(length)
    }

    /// Bytes to the end of a line, which is taken too.
    pub fn line<'f>(&mut self, file: &'f [u8]) -> Result<&'f [u8], EngineError> {
        let rest = file.get(self.at..).unwrap_or(&[]);
        let length = rest.iter().take(LONGEST_LINE).position(|b| *b == b'\n').ok_or_else(cut)?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    /// A line of a name or a number.
    pub fn word<'f>(&mut self, file: &'f [u8]) -> Result<&'f str, EngineError> {
        let line = std::str::from_utf8(self.line(file)?);
        line.map(|l| l.trim_end_matches('\r'))
            .map_err(|_| EngineError::broken("a line of the pickle is not UTF-8"))
    }
}
