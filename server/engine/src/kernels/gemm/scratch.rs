//! Memory that a thread keeps from one use to the next.

use crate::value::Lines;
use std::cell::Cell;
use std::thread::LocalKey;

/// A thread's memory for one purpose; whatever was in it last is still there.
pub struct Scratch {
    lines: Cell<Lines>,
    /// Takes no less, once it is used.
    least: usize,
}

impl Scratch {
    /// As much as is asked for.
    pub const fn new() -> Self {
        Self { lines: Cell::new(Lines::NONE), least: 0 }
    }

    /// Whole large pages, where the system has them: for what is written in many places by turns, of each of which the processor would
    /// have to look up a small page.
    pub const fn large() -> Self {
        Self { lines: Cell::new(Lines::NONE), least: Lines::LARGE }
    }

    /// Lends `count` arrays of the memory.
    pub fn lend<const N: usize, R>(
        of: &'static LocalKey<Self>,
        count: usize,
        work: impl FnOnce(&mut [[f32; N]]) -> R,
    ) -> R {
        let (mut lines, least) = of.with(|s| (s.lines.replace(Lines::NONE), s.least));
        let bytes = count * size_of::<[f32; N]>();
        if lines.bytes() < bytes {
            // The old memory goes first.
            drop(lines);
            lines = Lines::zeroed(bytes.next_multiple_of(least.max(1)));
        }
        let given = work(&mut lines.elements_mut().as_chunks_mut().0[..count]);
        of.with(|s| s.lines.set(lines));
        given
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    thread_local! {
        static SMALL: Scratch = const { Scratch::new() };
        static LARGE: Scratch = const { Scratch::large() };
    }

    #[test]
    fn memory_grows_stays_and_may_be_used_within_its_use() {
        for of in [&SMALL, &LARGE] {
            Scratch::lend::<3, _>(of, 5, |a| a.fill([7.0; 3]));
            Scratch::lend::<3, _>(of, 4, |a| {
                assert_eq!(a, [[7.0; 3]; 4]);
                // The outer memory is out: this is another.
                Scratch::lend::<3, _>(of, 9, |b| assert_eq!(b, [[0.0; 3]; 9]));
                a.fill([8.0; 3]);
            });
            Scratch::lend::<1, _>(of, 12, |a| assert_eq!(a, [[8.0]; 12]));
            Scratch::lend::<2, _>(of, 1 << 20, |a| assert_eq!(a.len(), 1 << 20));
            Scratch::lend::<2, _>(of, 0, |a| assert!(a.is_empty()));
        }
    }
}
