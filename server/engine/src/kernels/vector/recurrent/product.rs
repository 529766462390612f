//! The state times its weights, added to the gates.

use crate::kernels::gemm::{PANEL, Packed, load, store};
use crate::kernels::simd::{LANES, Simd, load_all};

/// Adds `h` of `[batch, units]` times a matrix to the first columns of each row of `to`, which is `stride` wide.
#[inline(always)]
pub fn add_product<S: Simd>(weights: &Packed, h: &[f32], to: &mut [f32], stride: usize) {
    let (units, columns) = (weights.inner(), weights.columns());
    let panels = weights.as_slice().as_chunks::<PANEL>().0;
    for (h, to) in h.chunks(4 * units).zip(to.chunks_mut(4 * stride)) {
        if h.len() == 4 * units {
            for (p, panel) in panels.chunks_exact(units).enumerate() {
                let wanted = p * PANEL..columns.min((p + 1) * PANEL);
                if S::TILE[1] == 2 {
                    four_rows::<S, 2>(panel, h, to, stride, 0, wanted);
                } else {
                    four_rows::<S, 1>(panel, h, to, stride, 0, wanted.clone());
                    four_rows::<S, 1>(panel, h, to, stride, LANES, wanted);
                }
            }
            continue;
        }
        for (h, to) in h.chunks_exact(units).zip(to.chunks_mut(stride)) {
            for (p, pair) in panels.chunks(2 * units).enumerate() {
                let at = 2 * p * PANEL;
                let to = &mut to[at..columns.min(at + 2 * PANEL)];
                let (left, right) = pair.split_at(units);
                if S::TILE[1] == 2 && !right.is_empty() {
                    one_row::<S, 2>([left, right], h, to);
                    continue;
                }
                // There are not the registers for both.
                for (panel, to) in [left, right].into_iter().zip(to.chunks_mut(PANEL)) {
                    one_row::<S, 1>([panel], h, to);
                }
            }
        }
    }
}

/// Four rows times some vectors of a panel, which begin at a column of it; `columns` are the panel's.
#[inline(always)]
fn four_rows<S: Simd, const WIDE: usize>(
    panel: &[[f32; PANEL]],
    h: &[f32],
    to: &mut [f32],
    stride: usize,
    from: usize,
    columns: std::ops::Range<usize>,
) {
    let units = panel.len();
    let mut sums = [[S::splat(0.0); WIDE]; 4];
    let h: [&[f32]; 4] = std::array::from_fn(|n| &h[n * units..][..units]);
    for (i, weights) in panel.iter().enumerate() {
        let (lanes, _) = weights[from..].as_chunks::<LANES>();
        let weights = load_all::<S, WIDE>(lanes);
        for (sum, h) in sums.iter_mut().zip(&h) {
            let x = S::splat(h[i]);
            for (sum, w) in sum.iter_mut().zip(weights) {
                *sum = S::fma(x, w, *sum);
            }
        }
    }
    for (n, sum) in sums.into_iter().enumerate() {
        let to = &mut to[n * stride..][columns.clone()];
        add::<S, WIDE>(sum, to.get_mut(from..).unwrap_or_default());
    }
}

/// A row times panels that lie beside each other. Even and odd numbers are summed apart: a sum waits for the one before it.
#[inline(always)]
fn one_row<S: Simd, const N: usize>(panels: [&[[f32; PANEL]]; N], h: &[f32], to: &mut [f32]) {
    let mut sums = [[[S::splat(0.0); 2]; N]; 2];
    let (pairs, last) = h.as_chunks::<2>();
    for (i, [even, odd]) in pairs.iter().enumerate() {
        accumulate::<S, N>(&panels, 2 * i, *even, &mut sums[0]);
        accumulate::<S, N>(&panels, 2 * i + 1, *odd, &mut sums[1]);
    }
    if let [x] = last {
        accumulate::<S, N>(&panels, h.len() - 1, *x, &mut sums[0]);
    }
    let [even, odd] = sums;
    for ((to, even), odd) in to.chunks_mut(PANEL).zip(even).zip(odd) {
        add::<S, 2>([S::add(even[0], odd[0]), S::add(even[1], odd[1])], to);
    }
}

/// Adds a number times its row of each panel.
#[inline(always)]
fn accumulate<S: Simd, const N: usize>(
    panels: &[&[[f32; PANEL]]; N],
    row: usize,
    x: f32,
    sums: &mut [[S::V; 2]; N],
) {
    let x = S::splat(x);
    for (panel, sum) in panels.iter().zip(sums) {
        let (lanes, _) = panel[row].as_chunks::<LANES>();
        sum[0] = S::fma(x, S::load(&lanes[0]), sum[0]);
        sum[1] = S::fma(x, S::load(&lanes[1]), sum[1]);
    }
}

/// Adds vectors to as many numbers as there are.
#[inline(always)]
fn add<S: Simd, const N: usize>(sum: [S::V; N], to: &mut [f32]) {
    for (to, sum) in to.chunks_mut(LANES).zip(sum) {
        store::<S>(S::add(load::<S>(to), sum), to);
    }
}
