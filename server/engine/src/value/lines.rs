//! Memory of buffers, in cache lines: of the allocator, or, if it is much, pages of the system's own.
//!
//! Pages of 4 KiB cost more to come by than to fill: the system stops the thread for each, clears it, and enters it into a table.
//! Where it can give 2 MiB at a time it is asked to. What is left over at the end of a buffer comes in small pages, so
//! that no buffer takes more memory than it needs; and all goes back to the system with the buffer.

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

/// A cache line: what buffers are made of, so that each begins at one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Line([u8; 64]);

// SAFETY: sixty-four bytes without padding, every pattern of which is one.
#[allow(unsafe_code)]
unsafe impl Zeroable for Line {}
// SAFETY: as above; it is `Copy` and has no lifetime.
#[allow(unsafe_code)]
unsafe impl Pod for Line {}

/// Lines of one buffer.
#[derive(Debug)]
pub enum Lines {
    /// Of the allocator.
    Heap(Vec<Line>),
    /// Pages of the system, and the bytes of them that are used.
    Pages(MmapMut, usize),
}

impl Lines {
    /// None of them.
    pub const NONE: Self = Self::Heap(Vec::new());
    /// Bytes of a large page.
    pub const LARGE: usize = 2 << 20;

    /// So many bytes rounded up to lines, all zero. Pages that nobody writes to stay away.
    pub fn zeroed(bytes: usize) -> Self {
        let lines = bytes.div_ceil(size_of::<Line>());
        Self::pages(lines).unwrap_or_else(|| Self::Heap(bytemuck::zeroed_vec(lines)))
    }

    /// As [`Lines::zeroed`]; None: there is no room for them.
    pub fn try_zeroed(bytes: usize) -> Option<Self> {
        let lines = bytes.div_ceil(size_of::<Line>());
        Self::pages(lines).or_else(|| bytemuck::try_zeroed_vec(lines).ok().map(Self::Heap))
    }

    /// None: they are too few, or there is no room.
    fn pages(lines: usize) -> Option<Self> {
        let bytes = lines.checked_mul(size_of::<Line>()).filter(|bytes| *bytes >= Self::LARGE)?;
        // The system places only whole large pages where large pages can be.
        let map = MmapMut::map_anon(bytes.checked_next_multiple_of(Self::LARGE)?).ok()?;
        #[cfg(target_os = "linux")]
        if let Err(error) = map.advise_range(memmap2::Advice::HugePage, 0, bytes / Self::LARGE * Self::LARGE)
        {
            tracing::debug!(%error, "there are no large pages");
        }
        Some(Self::Pages(map, bytes))
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        match self {
            Self::Heap(lines) => lines.len(),
            Self::Pages(_, bytes) => bytes / size_of::<Line>(),
        }
    }

    /// Bytes of them all.
    pub fn bytes(&self) -> usize {
        self.len() * size_of::<Line>()
    }

    /// As numbers.
    pub fn elements<T: Pod>(&self) -> &[T] {
        match self {
            Self::Heap(lines) => bytemuck::cast_slice(lines),
            Self::Pages(map, bytes) => bytemuck::cast_slice(&map[..*bytes]),
        }
    }

    /// As numbers, to be written.
    pub fn elements_mut<T: Pod>(&mut self) -> &mut [T] {
        match self {
            Self::Heap(lines) => bytemuck::cast_slice_mut(lines),
            Self::Pages(map, bytes) => bytemuck::cast_slice_mut(&mut map[..*bytes]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    const LARGE: usize = Lines::LARGE;

    #[test]
    fn lines_are_zero_whole_and_writable_wherever_they_come_from() {
        for bytes in [0, 1, 64, 1000, LARGE - 64, LARGE, LARGE + 1, 3 * LARGE + 100] {
            let mut lines = Lines::zeroed(bytes);
            assert_eq!(matches!(lines, Lines::Pages(..)), bytes >= LARGE, "{bytes}");
            assert_eq!(lines.len(), bytes.div_ceil(64));
            assert_eq!(lines.elements::<u8>().len(), lines.len() * 64);
            assert!(lines.elements::<u64>().iter().all(|n| *n == 0));
            lines.elements_mut::<u32>().fill(7);
            assert!(lines.elements::<u32>().iter().all(|n| *n == 7));
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_none() {
        assert!(Lines::try_zeroed(1 << 60).is_none());
        assert!(Lines::try_zeroed(usize::MAX).is_none());
    }
}
