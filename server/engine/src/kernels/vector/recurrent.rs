//! Recurrent layers over whole sequences. The inputs' part of the gates comes from one product over all steps; here the state's
//! part is added, step by step, with weights packed once.

use crate::graph::Activation;
use crate::kernels::activate;
use crate::kernels::simd::{Kernel, LANES, Simd, run};

/// Columns of a panel.
const PANEL: usize = 32;

/// Weights `[rows, columns]` as panels `[columns / 32][rows][32]`, filled up with zeros.
#[derive(Debug, Clone)]
pub struct Packed {
    rows: usize,
    columns: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Packs the columns `from..from + columns` of a matrix whose rows have `width` numbers.
    pub fn new(matrix: &[f32], width: usize, from: usize, columns: usize) -> Self {
        let rows = matrix.len() / width.max(1);
        let mut panels = vec![0.0; columns.div_ceil(PANEL) * rows * PANEL];
        for (p, panel) in panels.chunks_exact_mut((rows * PANEL).max(1)).enumerate() {
            let count = (columns - p * PANEL).min(PANEL);
            for (to, row) in panel.chunks_exact_mut(PANEL).zip(matrix.chunks_exact(width.max(1))) {
                to[..count].copy_from_slice(&row[from + p * PANEL..][..count]);
            }
        }
        Self { rows, columns, panels }
    }

    /// Adds `h` of `[batch, rows]` times the matrix to the first columns of each row of `to`, which is `stride` wide.
    #[inline(always)]
    fn add_product<S: Simd>(&self, h: &[f32], to: &mut [f32], stride: usize) {
        for (p, panel) in self.panels.chunks_exact((self.rows * PANEL).max(1)).enumerate() {
            let at = p * PANEL;
            let count = (self.columns - at).min(PANEL);
            let fours = h.chunks(4 * self.rows).zip(to.chunks_mut(4 * stride));
            for (h, to) in fours {
                if h.len() == 4 * self.rows {
                    rows::<S, 4>(panel, h, self.rows, &mut to[at..], stride, count);
                } else {
                    for (h, to) in h.chunks_exact(self.rows).zip(to.chunks_mut(stride)) {
                        rows::<S, 1>(panel, h, self.rows, &mut to[at..], stride, count);
                    }
                }
            }
        }
    }
}

/// `N` rows times a panel.
#[inline(always)]
fn rows<S: Simd, const N: usize>(
    panel: &[f32],
    h: &[f32],
    width: usize,
    to: &mut [f32],
    stride: usize,
    count: usize,
) {
    let mut sums = [[S::splat(0.0); 2]; N];
    let h: [&[f32]; N] = std::array::from_fn(|n| &h[n * width..(n + 1) * width]);
    for (i, weights) in panel.as_chunks::<PANEL>().0.iter().enumerate() {
        let (lanes, _) = weights.as_chunks::<LANES>();
        let (a, b) = (S::load(&lanes[0]), S::load(&lanes[1]));
        for (sum, h) in sums.iter_mut().zip(&h) {
            let x = S::splat(h[i]);
            sum[0] = S::fma(x, a, sum[0]);
            sum[1] = S::fma(x, b, sum[1]);
        }
    }
    for (n, sum) in sums.iter().enumerate() {
        let (low, high) = to[n * stride..][..count].split_at_mut(count.min(LANES));
        S::store_part(S::add(S::load_part(low), sum[0]), low);
        if !high.is_empty() {
            S::store_part(S::add(S::load_part(high), sum[1]), high);
        }
    }
}

/// The shape of what goes through a layer.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// Rows.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Numbers of a state.
    pub units: usize,
    /// From the last step to the first. Outputs lie at the steps they belong to.
    pub backwards: bool,
    /// `[batch, steps]`: where false, the state is kept and the output is repeated.
    pub mask: Option<&'a [bool]>,
    /// Where the mask is false, the output is zero.
    pub zero_masked: bool,
}

/// A layer; gates lie in Keras's order.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// `h = activation(x + h U)`
    Simple {
        /// `[units, units]`
        weights: &'a Packed,
        /// Of the state.
        activation: Activation,
    },
    /// Gates i, f, c, o.
    Lstm {
        /// `[units, 4 units]`
        weights: &'a Packed,
        /// Of the state and the candidate.
        activation: Activation,
        /// Of the gates.
        recurrent: Activation,
    },
    /// Gates z, r, h.
    Gru {
        /// `[units, 2 units]`: z and r.
        gates: &'a Packed,
        /// `[units, units]`: h.
        candidate: &'a Packed,
        /// The second bias, `[3 units]`, if the reset comes after the product.
        reset_after: Option<&'a [f32]>,
        /// Of the candidate.
        activation: Activation,
        /// Of the gates.
        recurrent: Activation,
    },
}

impl Cell<'_> {
    /// Gates of a step.
    fn gates(&self) -> usize {
        match self {
            Self::Simple { .. } => 1,
            Self::Lstm { .. } => 4,
            Self::Gru { .. } => 3,
        }
    }
}

/// Runs a layer. `x`: `[batch, steps, gates * units]`, with the first bias; `h` and, of an LSTM, `c`: `[batch, units]`, the state before
/// and after; `out`: `[batch, steps, units]`, if all outputs are wanted. False, and nothing done, if a size is wrong.
#[must_use]
pub fn recurrent(
    cell: Cell<'_>,
    sequence: Sequence<'_>,
    x: &[f32],
    h: &mut [f32],
    c: &mut [f32],
    out: Option<&mut [f32]>,
) -> bool {
    let (s, state) = (&sequence, sequence.batch * sequence.units);
    let has = |w: &Packed, gates: usize| w.rows == s.units && w.columns == gates * s.units;
    let fits = match &cell {
        Cell::Simple { weights, .. } => has(weights, 1),
        Cell::Lstm { weights, .. } => has(weights, 4) && c.len() == state,
        Cell::Gru { gates, candidate, reset_after, .. } => {
            has(gates, 2) && has(candidate, 1) && reset_after.is_none_or(|b| b.len() == 3 * s.units)
        }
    };
    let fits = fits
        && s.units > 0
        && x.len() == state * s.steps * cell.gates()
        && h.len() == state
        && s.mask.is_none_or(|m| m.len() == s.batch * s.steps)
        && out.as_ref().is_none_or(|o| o.len() == state * s.steps);
    if fits {
        run(Layer { cell, sequence, x, h, c, out });
    }
    fits
}

struct Layer<'a> {
    cell: Cell<'a>,
    sequence: Sequence<'a>,
    x: &'a [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
    out: Option<&'a mut [f32]>,
}

impl Kernel for Layer<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let Sequence { batch, steps, units, .. } = self.sequence;
        let wide = self.cell.gates() * units;
        let (mut gates, mut extra) = (vec![0.0; batch * wide], vec![0.0; batch * 3 * units]);
        let mut seen = vec![false; batch];
        for n in 0..steps {
            let t = if self.sequence.backwards { steps - 1 - n } else { n };
            for (b, to) in gates.chunks_exact_mut(wide).enumerate() {
                to.copy_from_slice(&self.x[(b * steps + t) * wide..][..wide]);
            }
            self.step::<S>(t, &mut gates, &mut extra);
            for (b, seen) in seen.iter_mut().enumerate() {
                let counts = self.counts(b, t);
                *seen |= counts;
                if let Some(out) = &mut self.out {
                    let to = &mut out[(b * steps + t) * units..][..units];
                    if counts || (*seen && !self.sequence.zero_masked) {
                        to.copy_from_slice(&self.h[b * units..][..units]);
                    } else {
                        to.fill(0.0);
                    }
                }
            }
        }
    }
}

impl Layer<'_> {
    fn counts(&self, row: usize, step: usize) -> bool {
        self.sequence.mask.is_none_or(|m| m[row * self.sequence.steps + step])
    }

    /// One step of all rows: from gates that hold the inputs' part to the new state.
    #[inline(always)]
    fn step<S: Simd>(&mut self, t: usize, gates: &mut [f32], extra: &mut [f32]) {
        let u = self.sequence.units;
        match self.cell {
            Cell::Simple { weights, .. } => weights.add_product::<S>(self.h, gates, u),
            Cell::Lstm { weights, .. } => weights.add_product::<S>(self.h, gates, 4 * u),
            Cell::Gru { gates: weights, candidate, reset_after: Some(bias), .. } => {
                weights.add_product::<S>(self.h, gates, 3 * u);
                extra.chunks_exact_mut(3 * u).for_each(|e| e.copy_from_slice(bias));
                candidate.add_product::<S>(self.h, &mut extra[2 * u..], 3 * u);
            }
            Cell::Gru { gates: weights, .. } => weights.add_product::<S>(self.h, gates, 3 * u),
        }
        if let Cell::Gru { candidate, reset_after: None, recurrent, .. } = self.cell {
            let reset = &mut extra[..self.h.len()];
            for ((g, h), to) in
                gates.chunks_exact_mut(3 * u).zip(self.h.chunks_exact(u)).zip(reset.chunks_exact_mut(u))
            {
                activate::slice::<S>(recurrent, &mut g[..2 * u]);
                to.iter_mut().zip(&g[u..2 * u]).zip(h).for_each(|((to, r), h)| *to = r * h);
            }
            candidate.add_product::<S>(reset, &mut gates[2 * u..], 3 * u);
        }
        for (b, (g, extra)) in
            gates.chunks_exact_mut(gates_of(&self.cell) * u).zip(extra.chunks_exact(3 * u)).enumerate()
        {
            if self.counts(b, t) {
                let c = self.c.get_mut(b * u..(b + 1) * u).unwrap_or_default();
                finish::<S>(&self.cell, g, extra, &mut self.h[b * u..(b + 1) * u], c);
            }
        }
    }
}

fn gates_of(cell: &Cell<'_>) -> usize {
    cell.gates()
}

/// From the gates of one row to its state.
#[inline(always)]
fn finish<S: Simd>(cell: &Cell<'_>, g: &mut [f32], extra: &[f32], h: &mut [f32], c: &mut [f32]) {
    let u = h.len();
    match *cell {
        Cell::Simple { activation, .. } => {
            activate::slice::<S>(activation, g);
            h.copy_from_slice(g);
        }
        Cell::Lstm { activation, recurrent, .. } => {
            activate::slice::<S>(recurrent, &mut g[..2 * u]);
            activate::slice::<S>(activation, &mut g[2 * u..3 * u]);
            activate::slice::<S>(recurrent, &mut g[3 * u..]);
            let (i, f, n, o) = (&g[..u], &g[u..2 * u], &g[2 * u..3 * u], &g[3 * u..]);
            for k in 0..u {
                c[k] = f[k] * c[k] + i[k] * n[k];
            }
            h.copy_from_slice(c);
            activate::slice::<S>(activation, h);
            h.iter_mut().zip(o).for_each(|(h, o)| *h *= o);
        }
        Cell::Gru { reset_after, activation, recurrent, .. } => {
            let (gates, n) = g.split_at_mut(2 * u);
            if let Some(bias) = reset_after {
                gates.iter_mut().zip(bias).for_each(|(g, b)| *g += b);
                activate::slice::<S>(recurrent, gates);
                for k in 0..u {
                    n[k] += gates[u + k] * extra[2 * u + k];
                }
            }
            activate::slice::<S>(activation, n);
            for k in 0..u {
                h[k] = gates[k] * h[k] + (1.0 - gates[k]) * n[k];
            }
        }
    }
}

#[cfg(test)]
mod tests;
