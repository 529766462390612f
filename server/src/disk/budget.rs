//! Bytes on disk, in blocks.

/// The unit in which file systems give space away, and what a directory or an inode costs at most.
pub const BLOCK: u64 = 4096;

/// Bytes charged for a file of `size` bytes: its blocks and one for its inode and name.
pub fn file_cost(size: u64) -> u64 {
    size.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK)
}

#[derive(Debug)]
pub struct Space {
    pub budget: u64,
    pub used: u64,
}

impl Space {
    pub fn lacks(&self, bytes: u64) -> bool {
        self.used.saturating_add(bytes) > self.budget
    }

    /// False, and nothing changes, when the bytes do not fit.
    pub fn charge(&mut self, bytes: u64) -> bool {
        let fits = !self.lacks(bytes);
        if fits {
            self.used += bytes;
        }
        fits
    }

    pub fn release(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }
}
