//! Packing as rows come: in any order, from several threads, so that weights are packed while they are read.

use super::super::simd::{Kernel, Lanes, Simd, run};
use super::pack::Packed;
use super::{PANEL, Shared};
use crate::value::Output;
use std::sync::atomic::{AtomicBool, Ordering};

/// What rows are packed to: matrices side by side, of equal width.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Side {
    pub count: usize,
    pub inner: usize,
    pub columns: usize,
}

/// Packed matrices on their way.
#[derive(Debug)]
pub struct Rows<'a> {
    side: Side,
    memory: Vec<Shared>,
    /// By which each column is multiplied.
    factors: Option<&'a [f32]>,
    /// Rows that came: each is written by one call alone.
    came: Vec<AtomicBool>,
}

impl<'a> Rows<'a> {
    /// The memory stays borrowed as long as these are used.
    fn new(side: Side, factors: Option<&'a [f32]>, memory: &'a mut [Output<f32>]) -> Self {
        let came = (0..side.inner).map(|_| AtomicBool::new(false)).collect();
        Self { side, memory: memory.iter_mut().map(|m| Shared::new(m)).collect(), factors, came }
    }

    /// Packs some rows, from `first` on; row-major, all columns of all matrices. Each row comes once.
    pub fn put(&self, first: usize, rows: &[f32]) {
        let Side { count, inner, columns } = self.side;
        let step = count * columns;
        assert!(rows.len().is_multiple_of(step));
        let many = rows.len() / step;
        assert!(first <= inner && many <= inner - first);
        for came in &self.came[first..first + many] {
            assert!(!came.swap(true, Ordering::Relaxed), "a row is packed twice");
        }
        for panel in 0..columns.div_ceil(PANEL) {
            for (n, memory) in self.memory.iter().enumerate() {
                // SAFETY: no other call has these rows, as just found, and the memory is borrowed until all calls are over.
                #[allow(unsafe_code)]
                let to = unsafe { memory.part((panel * inner + first) * PANEL, many * PANEL) };
                let to = to.as_chunks_mut().0;
                let column = n * columns + panel * PANEL;
                let width = (columns - panel * PANEL).min(PANEL);
                run(Copy { to, rows, column, width, step, factors: self.factors });
            }
        }
    }
}

/// Packs the rows that `read` hands over; `room` is the error if there is no room for them. None: `read` handed none over, and said so.
pub fn pack_rows<E>(
    side: Side,
    factors: Option<&[f32]>,
    room: impl Fn() -> E,
    read: impl FnOnce(&Rows<'_>) -> Result<bool, E>,
) -> Result<Option<Vec<Packed>>, E> {
    let size = Packed::elements(side.inner, side.columns).ok_or_else(&room)?;
    let memory = (0..side.count).map(|_| Output::try_lasting(size).ok_or_else(&room));
    let mut memory = memory.collect::<Result<Vec<_>, E>>()?;
    let whole = read(&Rows::new(side, factors, &mut memory))?;
    Ok(whole.then(|| packed(side, memory)))
}

fn packed(side: Side, memory: Vec<Output<f32>>) -> Vec<Packed> {
    let packed = |memory: Output<f32>| Packed::from_memory(memory.into(), side.inner, side.columns);
    memory.into_iter().filter_map(packed).collect()
}

/// Rows of one panel.
struct Copy<'a> {
    to: &'a mut [[f32; PANEL]],
    rows: &'a [f32],
    column: usize,
    width: usize,
    /// From a row to the next.
    step: usize,
    factors: Option<&'a [f32]>,
}

impl Kernel for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let factors = self.factors.map(|f| &f[self.column..self.column + self.width]);
        let rows = self.rows.chunks(self.step).map(|row| &row[self.column..self.column + self.width]);
        for (to, row) in self.to.iter_mut().zip(rows) {
            match <&[f32; PANEL]>::try_from(row) {
                Ok(row) => whole::<S>(to, row, factors),
                // What is left of the panel is zero already.
                Err(_) => match factors {
                    None => to[..row.len()].copy_from_slice(row),
                    Some(f) => to.iter_mut().zip(row.iter().zip(f)).for_each(|(to, (x, f))| *to = x * f),
                },
            }
        }
    }
}

#[inline(always)]
fn whole<S: Simd>(to: &mut [f32; PANEL], row: &[f32; PANEL], factors: Option<&[f32]>) {
    let ((to, _), (row, _)) = (to.as_chunks_mut::<16>(), row.as_chunks::<16>());
    let factors: &[Lanes] = factors.map_or(&[], |f| f.as_chunks().0);
    for (n, (to, row)) in to.iter_mut().zip(row).enumerate() {
        let x = S::load(row);
        S::store(factors.get(n).map_or(x, |f| S::mul(x, S::load(f))), to);
    }
}

#[cfg(test)]
mod tests {
    use super::super::pack::{Matrix, Packed};
    use super::{Side, pack_rows};
    use rayon::prelude::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * 7919) % 1009) as f32 - 500.0).collect()
    }

    /// The rows in pieces of several sizes, on several threads, are the matrix packed at once.
    #[test]
    fn rows_give_what_the_whole_matrix_gives() {
        for (count, inner, columns) in
            [(1, 50, 32), (1, 7, 100), (3, 20, 5), (2, 33, 64), (1, 1, 1), (4, 9, 33)]
        {
            let width = count * columns;
            let (weights, factors) = (numbers(inner * width), numbers(width));
            for piece in [1, 3, 8, 64] {
                for factors in [None, Some(factors.as_slice())] {
                    let side = Side { count, inner, columns };
                    let packed = pack_rows(
                        side,
                        factors,
                        || (),
                        |to| {
                            let pieces = weights.par_chunks(piece * width).enumerate();
                            pieces.for_each(|(n, rows)| to.put(n * piece, rows));
                            Ok(true)
                        },
                    );
                    let scaled = weights.iter().zip((0..width).cycle());
                    let scaled: Vec<f32> = scaled.map(|(x, n)| factors.map_or(*x, |f| x * f[n])).collect();
                    for (n, packed) in packed.unwrap().unwrap().iter().enumerate() {
                        let data = &scaled[n * columns..];
                        let m = Matrix { data, rows: inner, columns, row_step: width, column_step: 1 };
                        assert_eq!(packed.as_slice(), Packed::of(m).as_slice(), "{side:?} {piece}");
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "a row is packed twice")]
    fn a_row_that_comes_twice_is_refused() {
        let side = Side { count: 1, inner: 4, columns: 2 };
        let _ = pack_rows(
            side,
            None,
            || (),
            |to| {
                to.put(0, &[0.0; 4]);
                to.put(1, &[0.0; 4]);
                Ok(true)
            },
        );
    }

    #[test]
    fn nothing_is_packed_if_nothing_comes() {
        let side = Side { count: 1, inner: 4, columns: 2 };
        assert!(pack_rows(side, None, || "full", |_| Ok(false)).unwrap().is_none());
        assert_eq!(pack_rows(side, None, || "full", |_| Err("broken")).unwrap_err(), "broken");
        let vast = Side { count: 1, inner: usize::MAX / 8, columns: 64 };
        assert_eq!(pack_rows(vast, None, || "full", |_| Ok(true)).unwrap_err(), "full");
    }
}
