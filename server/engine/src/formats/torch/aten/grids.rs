//! Images read at given places, and windows of images as columns.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::{Outcome, combined};
use crate::formats::channels_first::Window;
use crate::graph::{Around, Binary as B, Grid, Imaging, Method, Nearest, Op, Rare, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "grid_sampler" | "grid_sampler_2d" | "grid_sampler_3d" => sampled(b, c)?,
        "affine_grid_generator" => {
            let (transforms, size) = (c.value(b, 0, "theta")?, c.sizes(1, "size")?);
            let op = Imaging::AffineGrid { align_corners: c.flag(2, "align_corners", false)? };
            let (dtype, axes) = (b.dtype(transforms), size.len());
            let size = b.vector(&size)?;
            let made = b.op(Op::Rare(Box::new(Rare::Image(op))), &[transforms, size], dtype)?;
            b.shaped(made, vec![None; axes])
        }
        "im2col" => to_columns(b, c)?,
        "col2im" => from_columns(b, c)?,
        _ => return Ok(None),
    };
    b.give(value)
}

fn sampled(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, grid) = (c.value(b, 0, "input")?, c.value(b, 1, "grid")?);
    let method = match c.int_or(b, 2, "interpolation_mode", 0)? {
        0 => Method::Linear,
        1 => Method::Nearest(Nearest::HalfDown),
        _ => Method::Cubic(-0.75),
    };
    let around = match c.int_or(b, 3, "padding_mode", 0)? {
        0 => Around::Zeros,
        1 => Around::Border,
        _ => Around::Reflection,
    };
    let how = Grid { method, around, align_corners: c.flag(4, "align_corners", false)? };
    let mut shape = b.shape(x).map_or_else(|| vec![None; 4], <[_]>::to_vec);
    let places = b.shape(grid).map(<[_]>::to_vec);
    for (at, extent) in shape.iter_mut().enumerate().skip(2) {
        *extent = places.as_ref().and_then(|p| p.get(at - 1).copied().flatten());
    }
    let dtype = b.dtype(x);
    let made = b.op(Op::Rare(Box::new(Rare::Image(Imaging::SampleGrid(how)))), &[x, grid], dtype)?;
    Ok(b.shaped(made, shape))
}

/// How windows move along each axis of an image.
struct Moves {
    kernel: Vec<usize>,
    dilation: Vec<usize>,
    padding: Vec<usize>,
    stride: Vec<usize>,
}

impl Moves {
    fn of(b: &Builder, c: &Call, first: usize) -> Result<Self> {
        let size = |n: usize, name, default| c.spatial(b, first + n, name, 2, default);
        let moves = Self {
            kernel: size(0, "kernel_size", 1)?,
            dilation: size(1, "dilation", 1)?,
            padding: size(2, "padding", 0)?,
            stride: size(3, "stride", 1)?,
        };
        if moves.kernel.iter().chain(&moves.dilation).chain(&moves.stride).any(|n| *n == 0) {
            return broken("a window that is none");
        }
        Ok(moves)
    }
}

/// The first argument with a batch, and whether it had none.
fn batched(b: &mut Builder, c: &Call, rank: usize) -> Result<(ValueId, bool)> {
    let x = c.x(b)?;
    let own = b.rank(x)?;
    if own + 1 == rank {
        return Ok((b.expand_dims(x, 0)?, true));
    }
    if own == rank { Ok((x, false)) } else { unsupported(format!("of a tensor with {own} axes")) }
}

/// An axis as its windows: places of a window, then windows.
pub fn windows(
    b: &mut Builder,
    x: ValueId,
    at: usize,
    size: usize,
    step: usize,
    gap: usize,
) -> Result<ValueId> {
    let span = (size.saturating_sub(1)).saturating_mul(gap).saturating_add(1) as i64;
    let extent = b.extent(x, at as i64)?;
    let rest = combined(b, "sub", &extent, &Val::Int(span))?;
    if b.known(&rest).is_some_and(|rest| rest < 0) {
        return broken("windows larger than their axis");
    }
    let whole = combined(b, "floordiv", &rest, &Val::Int(step as i64))?;
    let count = combined(b, "add", &whole, &Val::Int(1))?;
    let mut numbered = |count: &Val, factor: usize, shape: [i64; 2]| {
        let numbers = super::create::counted(b, count)?;
        let factor = b.int(factor as i64)?;
        let places = b.binary(B::Mul, numbers, factor)?;
        b.reshape(places, &shape.map(Val::Int))
    };
    let taps = numbered(&Val::Int(size as i64), gap, [-1, 1])?;
    let begins = numbered(&count, step, [1, -1])?;
    let places = b.binary(B::Add, taps, begins)?;
    let (dtype, axis) = (b.dtype(x), b.int(at as i64)?);
    b.op(Op::Gather { batch_dims: 0 }, &[x, places, axis], dtype)
}

fn to_columns(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let moves = Moves::of(b, c, 1)?;
    let (x, single) = batched(b, c, 4)?;
    let pads = [moves.padding[1], moves.padding[1], moves.padding[0], moves.padding[0]];
    let pads = Val::list(pads.iter().map(|n| Val::Int(*n as i64)).collect());
    let image = b.as_tensor(x);
    let image = b.apply("constant_pad_nd", &[&image, &pads])?;
    let image = b.of(&image)?;
    let (channels, kernel) = (b.extent(x, 1)?, &moves.kernel);
    let rows = windows(b, image, 2, kernel[0], moves.stride[0], moves.dilation[0])?;
    let parts = windows(b, rows, 4, kernel[1], moves.stride[1], moves.dilation[1])?;
    let parts = b.transpose(parts, &[0, 1, 2, 4, 3, 5])?;
    let each = Val::Int((kernel[0] * kernel[1]) as i64);
    let height = combined(b, "mul", &channels, &each)?;
    let batch = b.extent(x, 0)?;
    let mut count = Val::Int(1);
    for at in [4, 5] {
        let extent = b.extent(parts, at)?;
        count = combined(b, "mul", &count, &extent)?;
    }
    let made = b.reshape(parts, &[batch, height, count])?;
    if single { b.squeeze(made, vec![0]) } else { Ok(made) }
}

fn from_columns(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let moves = Moves::of(b, c, 2)?;
    let (x, single) = batched(b, c, 3)?;
    let size = c.sizes(1, "output_size")?;
    let mut window = Window::new(&[]);
    window.strides = moves.stride;
    window.dilations = moves.dilation;
    window.pads = moves.padding.iter().map(|n| [*n, *n]).collect();
    let kernel: Vec<i64> = moves.kernel.iter().map(|n| *n as i64).collect();
    let (dtype, size, kernel) = (b.dtype(x), b.vector(&size)?, b.ints(&kernel)?);
    let op = Op::Rare(Box::new(Rare::Image(Imaging::FromColumns(Box::new(window)))));
    let made = b.op(op, &[x, size, kernel], dtype)?;
    let known = b.to.numbers(size).unwrap_or_default();
    let side = |n: usize| known.get(n).and_then(|n| usize::try_from(*n).ok());
    let batch = b.shape(x).and_then(|s| s.first().copied().flatten());
    b.shaped(made, vec![batch, None, side(0), side(1)]);
    if single { b.squeeze(made, vec![0]) } else { Ok(made) }
}
