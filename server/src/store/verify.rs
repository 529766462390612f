//! Checks a stream against the checksum that the store keeps of the whole object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::io::{Error, ErrorKind, Read, Result};

/// A checksum of a whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// CRC-32C, big-endian.
    Crc32c([u8; 4]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Checksum {
    /// Reads what S3 sends: base64 of the bytes; a composite checksum (`…-7`, of parts) is none of the whole object.
    pub fn from_headers(crc32c: Option<&str>, sha256: Option<&str>) -> Option<Self> {
        let crc32c = crc32c.and_then(|v| STANDARD.decode(v).ok()).and_then(|v| v.try_into().ok());
        let sha256 = sha256.and_then(|v| STANDARD.decode(v).ok()).and_then(|v| v.try_into().ok());
        crc32c.map(Self::Crc32c).or(sha256.map(Self::Sha256))
    }
}

/// Passes bytes through and fails at the end if they are not the ones that were stored.
pub struct Verify<R> {
    inner: R,
    wanted: Checksum,
    crc32c: u32,
    sha256: Sha256,
}

impl<R: Read> Verify<R> {
    /// Wraps a reader of a whole object.
    pub fn new(inner: R, wanted: Checksum) -> Self {
        Self { inner, wanted, crc32c: 0, sha256: Sha256::new() }
    }

    fn matches(&self) -> bool {
        match &self.wanted {
            Checksum::Crc32c(wanted) => self.crc32c.to_be_bytes() == *wanted,
            Checksum::Sha256(wanted) => self.sha256.clone().finalize().as_slice() == wanted,
        }
    }
}

impl<R: Read> Read for Verify<R> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(buf)?;
        if n == 0 && !buf.is_empty() && !self.matches() {
            let error =
                crate::error::StoreError::Corrupt("the bytes do not match the object's checksum".to_owned());
            return Err(Error::new(ErrorKind::InvalidData, error));
        }
        match self.wanted {
            Checksum::Crc32c(_) => self.crc32c = crc32c::crc32c_append(self.crc32c, &buf[..n]),
            Checksum::Sha256(_) => self.sha256.update(&buf[..n]),
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::{Checksum, Verify};
    use std::io::Read;

    #[test]
    fn wrong_bytes_fail_at_the_end() {
        let sum = Checksum::Crc32c(crc32c::crc32c(b"model").to_be_bytes());
        let mut out = Vec::new();
        assert!(Verify::new(&b"model"[..], sum.clone()).read_to_end(&mut out).is_ok());
        assert!(Verify::new(&b"modal"[..], sum).read_to_end(&mut out).is_err());
    }

    #[test]
    fn a_composite_checksum_is_not_used() {
        assert_eq!(Checksum::from_headers(Some("AAAAAA==-7"), None), None);
    }
}
