//! A product as pieces of work that threads share: blocks of rows, groups of panels, parts of the sums.

use super::super::crew::share;
use super::super::simd::{Isa, Kernel, Simd, run_on};
use super::block::{Block, DEPTH, Lies, Lying, Row};
use super::cut::{FEW, cut, part_of, workers};
use super::pack::pack_panel;
use super::tile::Panel;
use super::{Epilogue, Matrix, PANEL, Right, Scratch};
use std::ops::Range;

/// Memory that several threads write to, each to other parts.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    start: *mut f32,
    len: usize,
}

// SAFETY: it is used only through `part`, whose callers keep the parts apart.
#[allow(unsafe_code)]
unsafe impl Send for Shared {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Shared {}

impl Shared {
    /// The slice stays borrowed as long as the caller keeps its own name of it.
    pub fn new(out: &mut [f32]) -> Self {
        Self { start: out.as_mut_ptr(), len: out.len() }
    }

    /// Numbers of it.
    pub fn len(self) -> usize {
        self.len
    }

    /// What begins later.
    pub fn from(self, at: usize) -> Self {
        assert!(at <= self.len);
        // Within the memory, or just after it: checked.
        Self { start: self.start.wrapping_add(at), len: self.len - at }
    }

    /// A part.
    ///
    /// # Safety
    /// The memory is still borrowed, and nobody else has a part that overlaps this one.
    #[allow(unsafe_code, clippy::mut_from_ref)]
    #[inline(always)]
    pub unsafe fn part<'a>(self, at: usize, len: usize) -> &'a mut [f32] {
        assert!(at <= self.len && len <= self.len - at);
        // SAFETY: in bounds, checked just above; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), len) }
    }
}

/// Where the rows of the left operand come from.
pub trait Source: Sync {
    /// The rows as they lie in memory, and from one to the next, if that is what they are.
    fn lying(&self) -> Option<(&[f32], usize)> {
        None
    }

    /// Writes the numbers `depth` of some rows to the start of each row of `block`. Must be `#[inline(always)]`.
    fn fill<S: Simd>(&self, block: &mut [Row], first: usize, depth: Range<usize>);
}

struct Fill<'a, F>(&'a F, &'a mut [Row], usize, Range<usize>);

impl<F: Source> Kernel for Fill<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        self.0.fill::<S>(self.1, self.2, self.3);
    }
}

/// A product.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub isa: Isa,
    pub rows: usize,
    pub right: Right<'a>,
    /// From a row of the result to the next.
    pub out_step: usize,
    /// Where in a row of the result the first column is; biases are counted from the row's start.
    pub first_column: usize,
}

thread_local! {
    static BLOCK: Scratch = const { Scratch::new() };
    static PACKED: Scratch = const { Scratch::new() };
}

/// The product of a source's rows and weights, written to columns of `out`.
pub fn multiply<F: Source>(
    p: &Problem<'_>,
    out: Shared,
    source: &F,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let sizes @ [rows, inner, columns] = [p.rows, p.right.inner(), p.right.columns()];
    assert!(epilogue.fits(p.out_step) && p.first_column + columns <= p.out_step.max(1));
    let panels = columns.div_ceil(PANEL);
    let threads = workers(threads, sizes.into_iter().fold(1, usize::saturating_mul));
    // To find where rows lie costs as much as to copy 32 numbers, for each panel.
    let lying = source.lying().filter(|_| panels <= FEW && panels * PANEL <= inner && run_on(p.isa, Lies));
    let [tall, wide] = cut(sizes, threads, lying.is_none());
    let groups = panels.div_ceil(wide);
    share(threads, rows.div_ceil(tall) * groups, |n| {
        let rows = (n / groups) * tall..(n / groups * tall + tall).min(rows);
        let panels = (n % groups) * wide..(n % groups * wide + wide).min(panels);
        let piece = Piece { p, out, epilogue, rows, panels };
        match lying {
            Some((data, step)) => piece.lying(data, step),
            None => piece.copied(source),
        }
    });
}

/// Some rows of a product, and some panels.
struct Piece<'a> {
    p: &'a Problem<'a>,
    out: Shared,
    epilogue: &'a Epilogue<'a>,
    rows: Range<usize>,
    panels: Range<usize>,
}

impl Piece<'_> {
    /// By rows that are copied, or made, part by part of the sums.
    fn copied<F: Source>(&self, source: &F) {
        Scratch::lend(&BLOCK, self.rows.len(), |block| {
            self.parts(|depth| {
                run_on(self.p.isa, Fill(source, block, self.rows.start, depth.clone()));
                self.part(Block::Copied(block), depth);
            });
        });
    }

    /// By rows where they lie.
    fn lying(&self, data: &[f32], step: usize) {
        self.parts(|depth| {
            let data = data.get(self.rows.start * step + depth.start..).unwrap_or_default();
            self.part(Block::Lying(Lying { data, step, count: self.rows.len() }), depth);
        });
    }

    /// The parts that sums are made in.
    fn parts(&self, mut part: impl FnMut(Range<usize>)) {
        let inner = self.p.right.inner();
        let deep = part_of(inner, inner.div_ceil(DEPTH), 1);
        for start in (0..inner.max(1)).step_by(deep) {
            part(start..(start + deep).min(inner));
        }
    }

    fn part(&self, block: Block<'_>, depth: Range<usize>) {
        let filled = Filled { block, depth: depth.clone(), first_row: self.rows.start };
        let panels = self.panels.clone();
        match self.p.right {
            Right::Panels(all) => {
                filled.times(self.p, self.out, self.epilogue, panels, |n| &all.panel(n)[depth.clone()]);
            }
            Right::Stored(matrix) => filled.times_stored(self.p, self.out, self.epilogue, panels, matrix),
        }
    }
}

/// A block that is ready.
#[derive(Debug, Clone)]
struct Filled<'a> {
    block: Block<'a>,
    /// Which part of the sums it is.
    depth: Range<usize>,
    /// The first row's place in the result.
    first_row: usize,
}

impl Filled<'_> {
    /// Multiplies by some columns of a matrix that is not packed, packed here.
    fn times_stored(
        &self,
        p: &Problem<'_>,
        out: Shared,
        epilogue: &Epilogue<'_>,
        panels: Range<usize>,
        matrix: Matrix<'_>,
    ) {
        let deep = self.depth.len();
        let part = Matrix { data: &matrix.data[self.depth.start * matrix.row_step..], rows: deep, ..matrix };
        for first in panels.clone().step_by(FEW) {
            let few = first..(first + FEW).min(panels.end);
            Scratch::lend::<PANEL, _>(&PACKED, few.len() * deep, |lines| {
                for (n, panel) in few.clone().zip(lines.chunks_exact_mut(deep.max(1))) {
                    pack_panel(panel, part, n * PANEL);
                }
                self.times(p, out, epilogue, few.clone(), |n| &lines[(n - first) * deep..][..deep]);
            });
        }
    }

    /// Multiplies by some panels, of each of which `part` is what belongs to the block.
    fn times<'w>(
        &self,
        p: &Problem<'_>,
        out: Shared,
        epilogue: &Epilogue<'_>,
        panels: Range<usize>,
        part: impl Fn(usize) -> &'w [[f32; PANEL]],
    ) {
        for n in panels.clone() {
            let next = if n + 1 < panels.end { part(n + 1) } else { &[] };
            let column = p.first_column + n * PANEL;
            let panel = Panel {
                block: self.block,
                weights: part(n),
                next,
                out,
                at: self.first_row * p.out_step + column,
                step: p.out_step,
                column,
                width: (p.right.columns() - n * PANEL).min(PANEL),
                first: self.depth.start == 0 && !epilogue.adds,
                last: self.depth.end == p.right.inner(),
                epilogue: *epilogue,
            };
            run_on(p.isa, panel);
        }
    }
}
