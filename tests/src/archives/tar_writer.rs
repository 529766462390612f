//! Writes tar headers field by field, so that any of them can lie.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

const BLOCK: usize = 512;

/// A tar that is being written.
#[derive(Debug, Clone, Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// A regular file.
    pub fn file(self, path: &str, data: &[u8]) -> Self {
        self.header(path.as_bytes(), b'0', data.len() as u64, b"").data(data)
    }

    /// A regular file whose path is not text.
    pub fn file_at(self, path: &[u8], data: &[u8]) -> Self {
        self.header(path, b'0', data.len() as u64, b"").data(data)
    }

    /// A directory.
    pub fn dir(self, path: &str) -> Self {
        self.header(path.as_bytes(), b'5', 0, b"")
    }

    /// A link, device, pipe or what else has a type of its own.
    pub fn special(self, path: &str, kind: u8, target: &str) -> Self {
        self.header(path.as_bytes(), kind, 0, target.as_bytes())
    }

    /// A header that says `size`, whatever follows.
    pub fn claim(self, path: &str, size: u64) -> Self {
        self.header(path.as_bytes(), b'0', size, b"")
    }

    /// Every file of an archive, `place` says where.
    pub fn files(self, files: &[(String, Vec<u8>)], place: impl Fn(&str) -> String) -> Self {
        files.iter().fold(self, |tar, (name, data)| tar.file(&place(name), data))
    }

    /// A pax header for the next entry.
    pub fn pax(self, records: &[(&str, &str)]) -> Self {
        let text: String = records.iter().map(|(k, v)| record(k, v)).collect();
        self.header(b"PaxHeader", b'x', text.len() as u64, b"").data(text.as_bytes())
    }

    /// A pax header for all that follows.
    pub fn global_pax(self, records: &[(&str, &str)]) -> Self {
        let text: String = records.iter().map(|(k, v)| record(k, v)).collect();
        self.header(b"pax_global_header", b'g', text.len() as u64, b"").data(text.as_bytes())
    }

    /// A GNU long name for the next entry.
    pub fn long_name(self, name: &str) -> Self {
        let data = [name.as_bytes(), b"\0"].concat();
        self.header(b"././@LongLink", b'L', data.len() as u64, b"").data(&data)
    }

    /// Any bytes.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Flips the bits of one byte.
    pub fn damage(mut self, at: usize) -> Self {
        self.bytes[at] ^= 0xff;
        self
    }

    /// The whole tar.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 2 * BLOCK]);
        self.bytes
    }

    /// The whole tar without its end.
    pub fn open_end(self) -> Vec<u8> {
        self.bytes
    }

    /// The whole tar, compressed.
    pub fn gz(self) -> Vec<u8> {
        gzip(&self.end())
    }

    fn data(mut self, data: &[u8]) -> Self {
        self.bytes.extend_from_slice(data);
        let full = self.bytes.len().next_multiple_of(BLOCK);
        self.bytes.resize(full, 0);
        self
    }

    fn header(mut self, path: &[u8], kind: u8, size: u64, target: &[u8]) -> Self {
        let mut block = [0u8; BLOCK];
        let (path, target) = (&path[..path.len().min(100)], &target[..target.len().min(100)]);
        block[..path.len()].copy_from_slice(path);
        block[100..107].copy_from_slice(if kind == b'5' { b"0000755" } else { b"0000644" });
        block[108..115].copy_from_slice(b"0000000");
        block[116..123].copy_from_slice(b"0000000");
        block[124..136].copy_from_slice(&size_field(size));
        block[136..147].copy_from_slice(b"00000000000");
        block[148..156].copy_from_slice(b"        ");
        block[156] = kind;
        block[157..157 + target.len()].copy_from_slice(target);
        block[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend(block);
        self
    }
}

/// Eleven octal digits, or GNU's base 256 for what they cannot hold.
fn size_field(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if size < 1 << 33 {
        field[..11].copy_from_slice(format!("{size:011o}").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
    }
    field
}

/// A pax record: its own length, its key, its value.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

/// Compresses, fast.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
