//! Convolutions of channels-last images by packed filters: as products whose rows are read straight from the image (`narrow`: without
//! blocks of copies), or, for windows of 3x3, after Winograd.
#![allow(dead_code, reason = "called by the plan")]

mod narrow;
#[cfg(test)]
mod tests;
mod windows;
mod winograd;

pub use super::spatial::Geometry;

use super::gemm::{Epilogue, Matrix, Packed, Problem, Shared, multiply};
use super::simd::Isa;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// A product for each group, whose rows are windows.
    Direct,
    /// Tiles of 4x4 results from 36 products each, instead of 144.
    Winograd,
}

/// A packed filter, for every algorithm.
#[derive(Debug, Clone)]
pub struct Weights {
    dims: [usize; 4],
    /// One for each group.
    packed: Vec<Packed>,
}

impl Weights {
    /// Packs a filter `[height, width, channels of a group, outs]`.
    pub fn new(filter: &[f32], dims: [usize; 4], groups: usize) -> Self {
        let [kh, kw, per_group, outs] = dims;
        assert!(groups > 0 && outs.is_multiple_of(groups) && filter.len() == kh * kw * per_group * outs);
        let (rows, columns) = (kh * kw * per_group, outs / groups);
        let of = |n| {
            let data = filter.get(n * columns..).unwrap_or_default();
            Packed::of(Matrix { data, rows, columns, row_step: outs, column_step: 1 })
        };
        Self { dims, packed: (0..groups).map(of).collect() }
    }

    /// What was once made by [`Weights::new`]; None if the parts are not those of such a filter.
    pub fn from_parts(dims: [usize; 4], groups: usize, packed: Vec<Packed>) -> Option<Self> {
        let [kh, kw, per_group, outs] = dims;
        let (inner, columns) = (kh * kw * per_group, outs / groups.max(1));
        let fits =
            packed.len() == groups && packed.iter().all(|p| (p.inner(), p.columns()) == (inner, columns));
        fits.then_some(Self { dims, packed })
    }

    /// The packed matrices: one for each group.
    pub fn parts(&self) -> &[Packed] {
        &self.packed
    }

    /// The packed matrices, taken out.
    pub fn into_parts(self) -> Vec<Packed> {
        self.packed
    }

    /// Of the filter.
    pub fn dims(&self) -> [usize; 4] {
        self.dims
    }

    /// Groups of channels.
    pub fn groups(&self) -> usize {
        self.packed.len()
    }
}

/// The faster algorithm for a filter `[height, width, channels of a group, outs]` over such an image.
pub fn choose(g: &Geometry, dims: [usize; 4], groups: usize) -> Algorithm {
    let can = groups == 1 && g.window == [3, 3] && g.strides == [1, 1] && g.dilations == [1, 1];
    let worth = || winograd::cost(g, dims) < winograd::direct_cost(g);
    if can && worth() { Algorithm::Winograd } else { Algorithm::Direct }
}

/// `out = epilogue(convolution of x)`, channels last. `threads`: on how many.
pub fn convolution(
    out: &mut [f32],
    x: &[f32],
    g: &Geometry,
    weights: &Weights,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let algorithm = choose(g, weights.dims, weights.groups());
    convolution_by(algorithm, Isa::best(), out, x, g, weights, epilogue, threads);
}

/// Whether [`pooled`] takes such an image.
pub fn pools(g: &Geometry, weights: &Weights, epilogue: &Epilogue<'_>) -> bool {
    epilogue.activation.keeps_order()
        && !epilogue.adds
        && choose(g, weights.dims, weights.groups()) == Algorithm::Winograd
}

/// The largest of each 2x2 results of a convolution, which are never all in memory.
pub fn pooled(
    out: &mut [f32],
    x: &[f32],
    g: &Geometry,
    weights: &Weights,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    pooled_on(Isa::best(), out, x, g, weights, epilogue, threads);
}

fn pooled_on(
    isa: Isa,
    out: &mut [f32],
    x: &[f32],
    g: &Geometry,
    weights: &Weights,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let ([kh, kw, ins, outs], pixels) = (weights.dims, (g.out_height / 2) * (g.out_width / 2));
    assert!(pools(g, weights, epilogue) && g.window == [kh, kw] && g.channels == ins);
    assert!(x.len() == g.batch * g.height * g.width * ins && out.len() == g.batch * pixels * outs);
    let panels = weights.packed[0].panels();
    winograd::convolution(isa, Shared::new(out), x, g, panels, (epilogue, true), threads);
}

#[allow(clippy::too_many_arguments, reason = "a convolution, and how to do it")]
fn convolution_by(
    algorithm: Algorithm,
    isa: Isa,
    out: &mut [f32],
    x: &[f32],
    g: &Geometry,
    weights: &Weights,
    epilogue: &Epilogue<'_>,
    threads: usize,
) {
    let [kh, kw, per_group, outs] = weights.dims;
    let rows = g.batch * g.out_height * g.out_width;
    assert!(x.len() == g.batch * g.height * g.width * g.channels && out.len() == rows * outs);
    let groups = weights.groups();
    assert!(g.window == [kh, kw] && g.channels == per_group * groups);
    let to = Shared::new(out);
    if algorithm == Algorithm::Winograd {
        let panels = weights.packed[0].panels();
        return winograd::convolution(isa, to, x, g, panels, (epilogue, false), threads);
    }
    if groups == 1 && narrow::fits(g) {
        return narrow::convolution(isa, to, x, g, weights.packed[0].panels(), epilogue, threads);
    }
    let around = if groups == 1 && !plain(g) { windows::padded(x, g) } else { None };
    let (x, g) = around.as_ref().map_or((x, g), |(x, g)| (x.as_slice(), g));
    for (n, packed) in weights.packed.iter().enumerate() {
        let first_column = n * (outs / groups);
        let problem = Problem { isa, rows, right: packed.into(), out_step: outs, first_column };
        if plain(g) {
            let data = x.get(n * per_group..).unwrap_or_default();
            let x = Matrix { data, rows, columns: per_group, row_step: g.channels, column_step: 1 };
            multiply(&problem, to, &x, epilogue, threads);
        } else {
            let windows = windows::Windows::new(x, g, n * per_group, per_group);
            multiply(&problem, to, &windows, epilogue, threads);
        }
    }
}

/// Whether the windows are the pixels.
fn plain(g: &Geometry) -> bool {
    let same_size = g.out_height == g.height && g.out_width == g.width;
    g.window == [1, 1] && g.strides == [1, 1] && g.before == [0, 0] && same_size
}
