//! TFRecord: records one after the other, each with its length and two checksums.

use std::io::{self, Read};

/// A record's length, the checksum of that; after the record its own.
const HEADER: u64 = 12;
const FOOTER: u64 = 4;
/// What TensorFlow adds to a rotated checksum, so that one of bytes that hold a checksum differs from it.
const MASK: u32 = 0xa282_ead8;

/// Records of a source of known length.
pub struct Records<R> {
    source: R,
    left: u64,
}

impl<R: Read> Records<R> {
    /// Of a source that has this many bytes.
    pub fn new(source: R, bytes: u64) -> Self {
        Self { source, left: bytes }
    }

    fn record(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; HEADER as usize];
        self.left = self.left.checked_sub(HEADER).ok_or_else(|| broken("it ends within a record"))?;
        self.source.read_exact(&mut header)?;
        let ([length @ .., _, _, _, _], sum) = (header, [header[8], header[9], header[10], header[11]]);
        check(&length, sum)?;
        let length = u64::from_le_bytes(length);
        let after = length.checked_add(FOOTER).and_then(|n| self.left.checked_sub(n));
        self.left = after.ok_or_else(|| broken("a record is longer than the file"))?;
        let mut record = vec![0; usize::try_from(length).map_err(|_| broken("a record is too long"))?];
        self.source.read_exact(&mut record)?;
        let mut sum = [0; FOOTER as usize];
        self.source.read_exact(&mut sum)?;
        check(&record, sum)?;
        Ok(record)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

fn check(bytes: &[u8], sum: [u8; 4]) -> io::Result<()> {
    if masked(bytes) == u32::from_le_bytes(sum) {
        Ok(())
    } else {
        Err(broken("a checksum is wrong; is it a TFRecord file?"))
    }
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Records, masked};

    fn record(data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u64).to_le_bytes();
        [&length, &masked(&length).to_le_bytes()[..], data, &masked(data).to_le_bytes()].concat()
    }

    fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        Records::new(file, file.len() as u64).map(|r| r.map_err(|e| e.to_string())).collect()
    }

    #[test]
    fn records_as_tensorflow_writes_them() {
        // Of `tf.io.TFRecordWriter` for the record `abc`.
        let written = b"\x03\0\0\0\0\0\0\0\xb0\x99I\x0eabcnW\xf1!";
        assert_eq!(read(written).unwrap(), [b"abc"]);
        assert_eq!(read(&[record(b"one"), record(b""), record(&[0; 500])].concat()).unwrap().len(), 3);
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let file = [record(b"first"), record(b"second")].concat();
        for end in 1..file.len() {
            let whole = end == record(b"first").len();
            assert_eq!(read(&file[..end]).is_ok(), whole, "{end}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            assert!(read(&damaged).is_err(), "{at}");
        }
    }

    #[test]
    fn a_length_is_compared_with_the_file_before_memory_is_taken() {
        for length in [1u64 << 40, u64::MAX, u64::MAX - 3] {
            let length = length.to_le_bytes();
            let file = [&length, &masked(&length).to_le_bytes()[..], b"abc"].concat();
            assert!(read(&file).unwrap_err().contains("longer than the file"));
        }
    }
}
