//! How much an archive may unpack to.

/// Limits on the decompressed side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Entries, directories included.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Decompressed bytes for each compressed one…
    pub ratio: u64,
    /// …checked beyond this many decompressed bytes: small archives of zeros are harmless.
    pub ratio_after: u64,
    /// Bytes of one entry's headers.
    pub header: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 4096, bytes: 64 << 30, ratio: 200, ratio_after: 64 << 20, header: 1 << 20 }
    }
}
