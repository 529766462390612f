//! Windows that slide over volumes [batch, depth, height, width, channels]; an image is a volume of depth 1.

mod sizes;

use super::super::access::{make, sizes, zeros};
use super::super::moves::{cat, narrow};
use super::super::{Outcome, Value, elements, fail};
use super::Values;
use crate::EngineError;
use crate::graph::{Op, Sliding};
use crate::value::{Element, Kind};
use sizes::{Sizes, five, taps};

/// Elements of the matrix of windows that are made at a time.
const TILE: usize = 4 << 20;

/// Floats that are summed up.
trait Float: Element + num_traits::Float + std::ops::AddAssign + std::ops::DivAssign {}
impl Float for f32 {}
impl Float for f64 {}

/// Runs a function on floats of the width that a value has.
macro_rules! by_width {
    ($x:expr, $f:ident($($a:expr),*)) => {
        match $x.kind() {
            Kind::F64 => $f::<f64>($($a),*),
            _ => $f::<f32>($($a),*),
        }
    };
}

fn matmul(a: &Value, b: &Value, transpose_b: bool) -> Outcome {
    let op = Op::MatMul { transpose_a: false, transpose_b };
    super::super::run(&op, &[a, b])?.pop().ok_or_else(|| fail("a product without a result"))
}

pub fn conv(x: &Value, filter: &Value, s: &Sliding) -> Outcome {
    by_width!(x, convolved(x, filter, s))
}

fn convolved<T: Float>(x: &Value, filter: &Value, s: &Sliding) -> Outcome {
    let [kd, kh, kw, per_group, outs] = taps(filter.dims())?;
    let dims = five(x.dims())?;
    let groups = dims[4].checked_div(per_group).unwrap_or(0);
    if groups * per_group != dims[4] || groups == 0 || outs % groups != 0 {
        return Err(fail(format!("a filter {:?} on a volume {:?}", filter.dims(), x.dims())));
    }
    if groups > 1 {
        let mut parts = Vec::new();
        for n in 0..groups {
            let x = narrow(x, x.rank() - 1, n * per_group, per_group)?;
            let own = narrow(filter, filter.rank() - 1, n * (outs / groups), outs / groups)?;
            parts.push(convolved::<T>(&x, &own, s)?);
        }
        return cat(&parts.iter().collect::<Vec<_>>(), x.rank() - 1);
    }
    let g = Sizes::new(dims, [kd, kh, kw], s)?;
    let (shape, inner) = (g.shape(x.rank(), outs)?, elements(&[kd, kh, kw, per_group])?);
    let filter = filter.reshape(&[inner, outs])?;
    let mut out = zeros::<T>(&shape)?;
    let from = x.slice::<T>()?;
    let rows = (TILE / inner.max(1)).max(1);
    for first in (0..g.pixels()).step_by(rows) {
        let count = rows.min(g.pixels() - first);
        let mut windows = vec![T::default(); count * inner];
        g.cut(from, first, &mut windows);
        let made = matmul(&make(windows, &[count, inner])?, &filter, false)?;
        out[first * outs..(first + count) * outs].copy_from_slice(made.slice::<T>()?);
    }
    make(out, &shape)
}

/// `filter` is [height, width, in, multiplier]: each channel is a group of its own.
pub fn depthwise(x: &Value, filter: &Value, s: &Sliding) -> Outcome {
    let [h, w, ins, each] = *filter.dims() else {
        return Err(fail(format!("a filter of shape {:?}", filter.dims())));
    };
    conv(x, &filter.reshape(&[h, w, 1, elements(&[ins, each])?])?, s)
}

/// `filter` is [depth, height, width, out, in]; `size` the shape of the result.
pub fn transposed(size: &Value, filter: &Value, x: &Value, s: &Sliding) -> Outcome {
    by_width!(x, spread(size, filter, x, s))
}

fn spread<T: Float>(size: &Value, filter: &Value, x: &Value, s: &Sliding) -> Outcome {
    let [kd, kh, kw, outs, ins] = taps(filter.dims())?;
    let batch = five(x.dims())?[0];
    let shape = match sizes(size)?[..] {
        [h, w] if x.rank() == 4 => [batch, 1, h, w, outs],
        [n, h, w, c] if x.rank() == 4 => [n, 1, h, w, c],
        [d, h, w] if x.rank() == 5 => [batch, d, h, w, outs],
        [n, d, h, w, c] if x.rank() == 5 => [n, d, h, w, c],
        _ => return Err(fail("a transposed convolution to no volume")),
    };
    let g = Sizes::new(shape, [kd, kh, kw], s)?;
    if x.dims() != g.shape(x.rank(), ins)? || shape[4] != outs {
        return Err(fail(format!("a transposed convolution of {:?} to {shape:?}", x.dims())));
    }
    let (pixels, taps, c) = (g.pixels(), g.taps(), outs);
    elements(&[pixels, taps, c])?;
    let parts = matmul(&x.reshape(&[pixels, ins])?, &filter.reshape(&[taps * c, ins])?, true)?;
    let mut out = zeros::<T>(&shape)?;
    if taps * c > 0 {
        for (pixel, part) in parts.slice::<T>()?.chunks_exact(taps * c).enumerate() {
            g.each(pixel, |tap, to| {
                let from = &part[tap * c..(tap + 1) * c];
                out[to * c..(to + 1) * c].iter_mut().zip(from).for_each(|(t, p)| *t += *p);
            });
        }
    }
    let [n, d, h, w, c] = shape;
    if x.rank() == 4 { make(out, &[n, h, w, c]) } else { make(out, &[n, d, h, w, c]) }
}

/// An image `[n, h, w, c]` of a shape, and how windows slide over it.
fn image(size: &Value, window: [usize; 3], s: &Sliding) -> Result<(Sizes, [usize; 4]), EngineError> {
    let &[n, h, w, c] = &sizes(size)?[..] else { return Err(fail("an image has four axes")) };
    elements(&[n, h, w, c])?;
    Ok((Sizes::new([n, 1, h, w, c], window, s)?, [n, h, w, c]))
}

/// What the input of [`depthwise`] is given where its result is given `x`.
pub fn depthwise_back(size: &Value, filter: &Value, x: &Value, s: &Sliding) -> Outcome {
    let [h, w, channels, each] = *filter.dims() else {
        return Err(fail(format!("a filter of shape {:?}", filter.dims())));
    };
    let (g, shape) = image(size, [1, h, w], s)?;
    let outs = elements(&[channels, each])?;
    if x.dims() != g.shape(4, outs)? || shape[3] != channels {
        return Err(fail(format!("a convolution that {:?} is of, of {shape:?}", x.dims())));
    }
    let (from, weights, mut out) = (x.slice::<f32>()?, filter.slice::<f32>()?, zeros::<f32>(&shape)?);
    for (pixel, given) in from.chunks_exact(outs.max(1)).enumerate() {
        g.each(pixel, |tap, to| {
            let own = &weights[tap * outs..(tap + 1) * outs];
            for (n, (weight, given)) in own.iter().zip(given).enumerate() {
                out[to * channels + n / each] += weight * given;
            }
        });
    }
    make(out, &shape)
}

/// What an image is given where the means of its windows are given `x`.
pub fn means_back(size: &Value, x: &Value, window: [usize; 3], s: &Sliding) -> Outcome {
    let (g, shape) = image(size, window, s)?;
    let c = shape[3];
    if x.dims() != g.shape(4, c)? {
        return Err(fail(format!("means that {:?} is of, of {shape:?}", x.dims())));
    }
    let (from, mut out) = (x.slice::<f32>()?, zeros::<f32>(&shape)?);
    for (pixel, given) in from.chunks_exact(c.max(1)).enumerate() {
        let mut count = 0f32;
        g.each(pixel, |_, _| count += 1.0);
        g.each(pixel, |_, to| {
            out[to * c..(to + 1) * c].iter_mut().zip(given).for_each(|(to, x)| *to += x / count);
        });
    }
    make(out, &shape)
}

pub fn pool(x: &Value, max: bool, window: [usize; 3], s: &Sliding) -> Outcome {
    if max && x.kind() == Kind::I64 {
        return most(x, window, s);
    }
    by_width!(x, pooled(x, max, window, s))
}

/// Maxima of whole numbers.
fn most(x: &Value, window: [usize; 3], s: &Sliding) -> Outcome {
    let g = Sizes::new(five(x.dims())?, window, s)?;
    let (c, from) = (g.channels, x.slice::<i64>()?);
    let shape = g.shape(x.rank(), c)?;
    let mut out = zeros::<i64>(&shape)?;
    for (pixel, to) in out.chunks_exact_mut(c.max(1)).enumerate() {
        to.fill(i64::MIN);
        g.each(pixel, |_, at| {
            to.iter_mut().zip(&from[at * c..(at + 1) * c]).for_each(|(t, p)| *t = *p.max(t));
        });
    }
    make(out, &shape)
}

fn pooled<T: Float>(x: &Value, max: bool, window: [usize; 3], s: &Sliding) -> Outcome {
    let g = Sizes::new(five(x.dims())?, window, s)?;
    let (c, from) = (g.channels, x.slice::<T>()?);
    let shape = g.shape(x.rank(), c)?;
    let mut out = zeros::<T>(&shape)?;
    for (pixel, to) in out.chunks_exact_mut(c.max(1)).enumerate() {
        let mut count = T::default();
        to.fill(if max { T::neg_infinity() } else { T::default() });
        g.each(pixel, |_, at| {
            let values = to.iter_mut().zip(&from[at * c..(at + 1) * c]);
            if max {
                values.for_each(|(t, p)| *t = if *p > *t || p.is_nan() { *p } else { *t });
            } else {
                values.for_each(|(t, p)| *t += *p);
            }
            count += T::one();
        });
        if !max {
            to.iter_mut().for_each(|t| *t /= count);
        }
    }
    make(out, &shape)
}

/// Maxima, and the places in the image where they were.
pub fn pool_with_places(x: &Value, window: [usize; 3], s: &Sliding, batch_too: bool) -> Values {
    let g = Sizes::new(five(x.dims())?, window, s)?;
    let (c, from) = (g.channels, x.slice::<f32>()?);
    let (shape, image) = (g.shape(x.rank(), c)?, g.own.iter().product::<usize>());
    let (mut out, mut places) = (zeros::<f32>(&shape)?, zeros::<i64>(&shape)?);
    let pixels = out.chunks_exact_mut(c.max(1)).zip(places.chunks_exact_mut(c.max(1)));
    for (pixel, (to, places)) in pixels.enumerate() {
        let mut found = false;
        g.each(pixel, |_, at| {
            let base = if batch_too { at } else { at % image } * c;
            for i in 0..c {
                let value = from[at * c + i];
                if !found || value > to[i] {
                    (to[i], places[i]) = (value, (base + i) as i64);
                }
            }
            found = true;
        });
    }
    Ok(vec![make(out, &shape)?, make(places, &shape)?])
}

/// The largest sum of a window and a filter laid over it.
pub fn dilation(x: &Value, filter: &Value, s: &Sliding) -> Outcome {
    let [kh, kw, channels] = *filter.dims() else {
        return Err(fail(format!("a filter of shape {:?}", filter.dims())));
    };
    let g = Sizes::new(five(x.dims())?, [1, kh, kw], s)?;
    if channels != g.channels {
        return Err(fail(format!("a filter {:?} on an image {:?}", filter.dims(), x.dims())));
    }
    let (c, from, w) = (channels, x.slice::<f32>()?, filter.slice::<f32>()?);
    let shape = g.shape(x.rank(), c)?;
    let mut out = zeros::<f32>(&shape)?;
    for (pixel, to) in out.chunks_exact_mut(c.max(1)).enumerate() {
        to.fill(f32::MIN);
        g.each(pixel, |tap, at| {
            for (i, to) in to.iter_mut().enumerate() {
                let sum = from[at * c + i] + w[tap * c + i];
                *to = if sum > *to { sum } else { *to };
            }
        });
    }
    make(out, &shape)
}

/// Each window as one pixel of many channels.
pub fn patches(x: &Value, window: [usize; 3], s: &Sliding) -> Outcome {
    let g = Sizes::new(five(x.dims())?, window, s)?;
    let shape = g.shape(x.rank(), elements(&[window[0], window[1], window[2], g.channels])?)?;
    let mut out = zeros::<f32>(&shape)?;
    g.cut::<f32>(x.slice()?, 0, &mut out);
    make(out, &shape)
}
