//! Recurrent layers over whole sequences, step after step. The inputs' part of the gates comes from one product over all steps; here
//! the state's part is added, with weights packed once.

mod mask;
mod product;

pub use mask::Mask;

use crate::graph::Cell;
use crate::kernels::activate;
use crate::kernels::gemm::{Packed, Shared, share, workers};
use crate::kernels::simd::{Isa, Kernel, Simd, run_on};
use mask::Rows;
use product::add_product;
use std::ops::Range;

/// What the state is multiplied by.
#[derive(Debug)]
pub struct Weights {
    /// `[units, gates units]`; of a GRU that resets before it multiplies: `[units, 2 units]`.
    pub first: Packed,
    /// `[units, units]`: the candidate of such a GRU.
    pub second: Option<Packed>,
    /// `[3 units]`: added to the state's products of a GRU that resets after them.
    pub bias: Vec<f32>,
}

/// The shape of what goes through a layer.
#[derive(Debug, Clone, Copy)]
pub struct Sequence {
    /// Rows.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Numbers of a state.
    pub units: usize,
}

/// What a layer reads and writes. `x`: `[steps, batch, gates units]`, with the first bias; `h` and, of an LSTM, `c`: `[batch, units]`,
/// the state before and after; `out`: `[steps, batch, units]`, if all outputs are wanted. A mask: at which steps of which rows nothing is
/// made.
#[derive(Debug)]
pub struct Run<'a> {
    pub cell: Cell,
    pub weights: &'a Weights,
    pub sequence: Sequence,
    pub x: &'a [f32],
    pub h: &'a mut [f32],
    pub c: &'a mut [f32],
    pub out: Option<&'a mut [f32]>,
    pub mask: Option<Mask<'a>>,
}

impl Run<'_> {
    /// Whether all sizes are right.
    fn fits(&self) -> bool {
        let (weights, Sequence { batch, steps, units }) = (self.weights, self.sequence);
        let state = batch * units;
        let has = |w: &Packed, gates: usize| w.inner() == units && w.columns() == gates * units;
        let fits = match self.cell {
            Cell::Simple { .. } => has(&weights.first, 1),
            Cell::Lstm { .. } => has(&weights.first, 4) && self.c.len() == state,
            Cell::Gru { reset_after: true, .. } => has(&weights.first, 3) && weights.bias.len() == 3 * units,
            Cell::Gru { .. } => has(&weights.first, 2) && weights.second.as_ref().is_some_and(|w| has(w, 1)),
        };
        fits && units > 0
            && self.x.len() == state * steps * self.cell.gates()
            && self.h.len() == state
            && self.out.as_ref().is_none_or(|o| o.len() == state * steps)
            && self.mask.as_ref().is_none_or(|m| m.fits(self.sequence))
    }

    /// Multiplications of the states.
    fn work(&self) -> usize {
        let Sequence { batch, steps, units } = self.sequence;
        [batch, steps, units, self.cell.gates()].iter().fold(units, |work, n| work.saturating_mul(*n))
    }
}

/// Rows that are multiplied together: pieces of a layer have a multiple of them.
const TALL: usize = 4;

/// Runs layers that do not wait for each other, side by side: whole layers, or some rows of each. False, and nothing done, if a size is
/// wrong.
#[must_use]
pub fn recurrent(runs: &mut [Run<'_>], threads: usize) -> bool {
    recurrent_on(Isa::best(), runs, threads)
}

fn recurrent_on(isa: Isa, runs: &mut [Run<'_>], threads: usize) -> bool {
    if !runs.iter().all(Run::fits) {
        return false;
    }
    let work = runs.iter().fold(0usize, |all, run| all.saturating_add(run.work()));
    let threads = workers(threads, work);
    let parts = threads.div_ceil(runs.len().max(1));
    let mut pieces = Vec::new();
    for run in runs {
        let Sequence { batch, units, .. } = run.sequence;
        let tall = batch.div_ceil(parts).next_multiple_of(TALL).max(TALL);
        let out = run.out.as_deref_mut().map(Shared::new);
        let states = [Shared::new(run.h), Shared::new(run.c)];
        let mask = run.mask.as_mut().map(Mask::share);
        for first in (0..batch).step_by(tall) {
            let rows = first..(first + tall).min(batch);
            let (cell, weights, sequence) = (run.cell, run.weights, run.sequence);
            let mask = mask.as_ref().map(|m| m.rows(sequence, rows.clone()));
            pieces.push(Piece { cell, weights, sequence, x: run.x, states, out, mask, rows, units });
        }
    }
    share(threads, pieces.len(), |n| pieces[n].run(isa));
    true
}

/// Some rows of a layer.
struct Piece<'a> {
    cell: Cell,
    weights: &'a Weights,
    sequence: Sequence,
    x: &'a [f32],
    states: [Shared; 2],
    out: Option<Shared>,
    mask: Option<Rows<'a>>,
    rows: Range<usize>,
    units: usize,
}

impl Piece<'_> {
    fn run(&self, isa: Isa) {
        let (at, len) = (self.rows.start * self.units, self.rows.len() * self.units);
        let [h, c] = self.states;
        // SAFETY: pieces have other rows each, and the slices are borrowed as long as there are pieces.
        #[allow(unsafe_code)]
        let h = unsafe { h.part(at, len) };
        // SAFETY: as above.
        #[allow(unsafe_code)]
        let c = if let Cell::Lstm { .. } = self.cell { unsafe { c.part(at, len) } } else { &mut [] };
        run_on(isa, Layer { piece: self, h, c });
    }
}

struct Layer<'a> {
    piece: &'a Piece<'a>,
    h: &'a mut [f32],
    c: &'a mut [f32],
}

impl Kernel for Layer<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let Piece { sequence, rows, units, cell, x, out, mask, .. } = self.piece;
        let (gates, count) = (cell.gates() * units, rows.len());
        let (mut sums, mut extra) = (vec![0.0; count * gates], vec![0.0; count * 3 * units]);
        let mut masked = mask.as_ref().map(Rows::begin);
        for (t, x) in x.chunks_exact(sequence.batch * gates).enumerate() {
            let marks = masked.as_mut().map_or(Some(&[][..]), |m| m.begin_step(t, self.h, self.c));
            if let Some(marks) = marks {
                sums.copy_from_slice(&x[rows.start * gates..rows.end * gates]);
                self.step::<S>(&mut sums, &mut extra, marks);
            }
            if let Some(masked) = &mut masked {
                masked.end_step(t, self.h, self.c);
            }
            if let Some(out) = out {
                // SAFETY: as in `Piece::run`.
                #[allow(unsafe_code)]
                let to = unsafe { out.part((t * sequence.batch + rows.start) * units, count * units) };
                to.copy_from_slice(masked.as_ref().map_or(&*self.h, |m| m.shown()));
            }
        }
    }
}

impl Layer<'_> {
    /// One step of all rows but those marked with 0: from gates that hold the inputs' part to the new state.
    #[inline(always)]
    fn step<S: Simd>(&mut self, gates: &mut [f32], extra: &mut [f32], marks: &[u8]) {
        let Piece { cell, weights, units: u, .. } = *self.piece;
        let wide = cell.gates() * u;
        match cell {
            Cell::Gru { reset_after: true, .. } => {
                extra.chunks_exact_mut(3 * u).for_each(|e| e.copy_from_slice(&weights.bias));
                add_product::<S>(&weights.first, self.h, extra, 3 * u);
            }
            _ => add_product::<S>(&weights.first, self.h, gates, wide),
        }
        if let (Cell::Gru { recurrent, .. }, Some(second)) = (cell, &weights.second) {
            let reset = &mut extra[..self.h.len()];
            let rows =
                gates.chunks_exact_mut(3 * u).zip(self.h.chunks_exact(u)).zip(reset.chunks_exact_mut(u));
            for ((g, h), to) in rows {
                activate::slice::<S>(recurrent, &mut g[..2 * u]);
                to.iter_mut().zip(&g[u..2 * u]).zip(h).for_each(|((to, r), h)| *to = r * h);
            }
            add_product::<S>(second, reset, &mut gates[2 * u..], 3 * u);
        }
        for (b, (g, extra)) in gates.chunks_exact_mut(wide).zip(extra.chunks_exact(3 * u)).enumerate() {
            if marks.get(b) == Some(&0) {
                continue;
            }
            let c = self.c.get_mut(b * u..(b + 1) * u).unwrap_or_default();
            finish::<S>(cell, g, extra, &mut self.h[b * u..(b + 1) * u], c);
        }
    }
}

/// From the gates of one row to its state.
#[inline(always)]
fn finish<S: Simd>(cell: Cell, g: &mut [f32], extra: &[f32], h: &mut [f32], c: &mut [f32]) {
    let u = h.len();
    match cell {
        Cell::Simple { activation } => {
            activate::slice::<S>(activation, g);
            h.copy_from_slice(g);
        }
        Cell::Lstm { activation, recurrent } => {
            activate::slice::<S>(recurrent, &mut g[..2 * u]);
            activate::slice::<S>(activation, &mut g[2 * u..3 * u]);
            activate::slice::<S>(recurrent, &mut g[3 * u..]);
            let ((i, f), (n, o)) = (g[..2 * u].split_at(u), g[2 * u..].split_at(u));
            for (((c, i), f), n) in c.iter_mut().zip(i).zip(f).zip(n) {
                *c = f * *c + i * n;
            }
            h.copy_from_slice(c);
            activate::slice::<S>(activation, h);
            h.iter_mut().zip(o).for_each(|(h, o)| *h *= o);
        }
        Cell::Gru { activation, recurrent, reset_after } => {
            let (gates, n) = g.split_at_mut(2 * u);
            if reset_after {
                gates.iter_mut().zip(extra).for_each(|(g, e)| *g += e);
                activate::slice::<S>(recurrent, gates);
                n.iter_mut().zip(&gates[u..]).zip(&extra[2 * u..]).for_each(|((n, r), e)| *n += r * e);
            }
            activate::slice::<S>(activation, n);
            for ((h, z), n) in h.iter_mut().zip(&gates[..u]).zip(n) {
                *h = z * *h + (1.0 - z) * *n;
            }
        }
    }
}

#[cfg(test)]
mod tests;
