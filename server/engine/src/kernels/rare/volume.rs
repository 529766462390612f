//! Windows that slide over volumes [batch, depth, height, width, channels]; an image is a volume of depth 1.

use super::super::access::{make, sizes, zeros};
use super::super::moves::{cat, narrow};
use super::super::{Outcome, Value, elements, fail};
use super::Values;
use crate::EngineError;
use crate::graph::{Op, Padding, Sliding};
use crate::value::{Element, Kind};

/// Elements of the matrix of windows that are made at a time.
const TILE: usize = 4 << 20;

/// Sizes of a volume and of what slides over it.
struct Sizes {
    batch: usize,
    own: [usize; 3],
    channels: usize,
    out: [usize; 3],
    before: [usize; 3],
    window: [usize; 3],
    strides: [usize; 3],
    dilations: [usize; 3],
}

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

/// The five extents of a filter; that of images has a depth of 1.
fn taps(dims: &[usize]) -> Result<[usize; 5], EngineError> {
    match *dims {
        [h, w, ins, outs] => Ok([1, h, w, ins, outs]),
        [d, h, w, ins, outs] => Ok([d, h, w, ins, outs]),
        _ => Err(fail(format!("a filter of shape {dims:?}"))),
    }
}

/// The five extents; an image gets a depth of 1.
fn five(dims: &[usize]) -> Result<[usize; 5], EngineError> {
    match *dims {
        [n, h, w, c] => Ok([n, 1, h, w, c]),
        [n, d, h, w, c] => Ok([n, d, h, w, c]),
        _ => Err(fail(format!("shape {dims:?} is of no image and no volume"))),
    }
}

impl Sizes {
    fn new(dims: [usize; 5], window: [usize; 3], s: &Sliding) -> Result<Self, EngineError> {
        let [batch, depth, height, width, channels] = dims;
        if window.iter().any(|w| *w == 0 || *w > 1 << 20) {
            return Err(fail(format!("a window of {window:?}")));
        }
        let own = [depth, height, width];
        let (mut out, mut before) = ([0; 3], [0; 3]);
        for i in 0..3 {
            let span = (window[i] - 1) * s.dilations[i] + 1;
            let (first, last) = match s.padding {
                Padding::Same | Padding::SameLower => {
                    out[i] = own[i].div_ceil(s.strides[i]);
                    let needed = (out[i].max(1) - 1).saturating_mul(s.strides[i]).saturating_add(span);
                    let around = needed.saturating_sub(own[i]);
                    before[i] = if s.padding == Padding::Same { around / 2 } else { around.div_ceil(2) };
                    continue;
                }
                Padding::Valid => (0, 0),
                Padding::Explicit([t, b, l, r]) => {
                    [(s.depth_padding[0], s.depth_padding[1]), (t, b), (l, r)][i]
                }
            };
            let rest = own[i].saturating_add(first).saturating_add(last).checked_sub(span);
            let rest = rest.ok_or_else(|| fail(format!("a window of {span} over {}", own[i])))?;
            (out[i], before[i]) = (rest / s.strides[i] + 1, first);
        }
        elements(&[batch, out[0], out[1], out[2]])?;
        Ok(Self { batch, own, channels, out, before, window, strides: s.strides, dilations: s.dilations })
    }

    fn pixels(&self) -> usize {
        self.batch * self.out.iter().product::<usize>()
    }

    fn taps(&self) -> usize {
        self.window.iter().product()
    }

    /// The shape of the result, of as many axes as the input.
    fn shape(&self, rank: usize, channels: usize) -> Result<Vec<usize>, EngineError> {
        let [depth, height, width] = self.out;
        let shape = match (rank, depth) {
            (4, 1) => vec![self.batch, height, width, channels],
            (4, _) => return Err(fail("a window that is deeper than an image")),
            _ => vec![self.batch, depth, height, width, channels],
        };
        elements(&shape)?;
        Ok(shape)
    }

    /// Calls with each tap of a window that lies in the volume: its number and the place of its pixel.
    fn each(&self, pixel: usize, mut f: impl FnMut(usize, usize)) {
        let [_, oh, ow] = self.out;
        let at = [pixel / (oh * ow) % self.out[0], pixel / ow % oh, pixel % ow];
        let image = pixel / (oh * ow) / self.out[0];
        let place = |i: usize, tap: usize| {
            let at = (at[i] * self.strides[i] + tap * self.dilations[i]).checked_sub(self.before[i])?;
            (at < self.own[i]).then_some(at)
        };
        for kd in 0..self.window[0] {
            let Some(d) = place(0, kd) else { continue };
            for kh in 0..self.window[1] {
                let Some(h) = place(1, kh) else { continue };
                for kw in 0..self.window[2] {
                    let Some(w) = place(2, kw) else { continue };
                    let tap = (kd * self.window[1] + kh) * self.window[2] + kw;
                    f(tap, ((image * self.own[0] + d) * self.own[1] + h) * self.own[2] + w);
                }
            }
        }
    }

    /// The windows of some pixels as the rows of a matrix.
    fn cut<T: Element>(&self, x: &[T], first: usize, to: &mut [T]) {
        let c = self.channels;
        let row = self.taps() * c;
        to.fill(T::default());
        if row == 0 {
            return;
        }
        for (n, to) in to.chunks_exact_mut(row).enumerate() {
            self.each(first + n, |tap, from| {
                to[tap * c..(tap + 1) * c].copy_from_slice(&x[from * c..(from + 1) * c]);
            });
        }
    }
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
