//! Windows over one to three axes behind the channels, and what is folded of them or put together from them.

use super::super::access::{make, output, sizes, zeros};
use super::super::{Outcome, Value, elements, fail};
use super::{Values, by_kind, narrowed, one, wide};
use crate::EngineError;
use crate::graph::{Fold, Folding, Padding, Window};
use crate::value::Element;
use std::ops::Range;

/// One axis, and the windows along it.
#[derive(Debug, Clone, Copy)]
struct Axis {
    size: usize,
    taps: usize,
    stride: usize,
    dilation: usize,
    before: usize,
    after: usize,
    out: usize,
}

impl Axis {
    /// One of a single place.
    const NONE: Self = Self { size: 1, taps: 1, stride: 1, dilation: 1, before: 0, after: 0, out: 1 };

    fn new(size: usize, window: &Window, n: usize, round_up: bool) -> Result<Self, EngineError> {
        let (taps, stride, dilation) = (window.kernel[n], window.strides[n], window.dilations[n]);
        let span = window.span(n);
        let axis = |before, after, out| Self { size, taps, stride, dilation, before, after, out };
        if let Some(same) = window.same {
            let out = size.div_ceil(stride);
            let around = (out.max(1) - 1).saturating_mul(stride).saturating_add(span).saturating_sub(size);
            let before = if same == Padding::SameLower { around.div_ceil(2) } else { around / 2 };
            return Ok(axis(before, around - before, out));
        }
        let [before, after] = window.pads[n];
        let rest = size.saturating_add(before + after).checked_sub(span);
        let rest = rest.ok_or_else(|| fail(format!("a window of {span} over {size}")))?;
        let mut out = rest / stride + 1;
        if round_up {
            out = rest.div_ceil(stride) + 1;
            // The last window begins in the image, or in what lies before it.
            if (out - 1).saturating_mul(stride) >= size + before {
                out -= 1;
            }
        }
        Ok(axis(before, after, out))
    }

    /// Taps of a window that are nearer than a place, which counts from the first of what lies before.
    fn taps_below(&self, window: usize, end: usize) -> usize {
        let start = window * self.stride;
        end.saturating_sub(start).div_ceil(self.dilation).min(self.taps)
    }

    /// Taps of a window that lie in the image.
    fn inside(&self, window: usize) -> Range<usize> {
        let first = self.taps_below(window, self.before);
        first..self.taps_below(window, self.before + self.size).max(first)
    }

    /// Taps of a window that lie in the image or in what is around it.
    fn around(&self, window: usize) -> usize {
        self.taps_below(window, self.before + self.size + self.after)
    }

    /// Where a tap lies, which is in the image.
    fn place(&self, window: usize, tap: usize) -> usize {
        window * self.stride + tap * self.dilation - self.before
    }
}

/// Three axes; those that are not there have a single place.
struct Axes([Axis; 3]);

impl Axes {
    fn new(dims: &[usize], window: &Window, round_up: bool) -> Result<Self, EngineError> {
        if !window.is_sound() || dims.len() != window.kernel.len() {
            return Err(fail(format!("a window {:?} over {dims:?}", window.kernel)));
        }
        // Shapes that requests tell may be of any size.
        elements(dims)?;
        let mut axes = [Axis::NONE; 3];
        for (n, size) in dims.iter().enumerate() {
            axes[3 - dims.len() + n] = Axis::new(*size, window, n, round_up)?;
        }
        elements(&axes.map(|a| a.out))?;
        Ok(Self(axes))
    }

    /// The shape of the result with this in front.
    fn shape(&self, front: &[usize], axes: usize) -> Vec<usize> {
        let out = self.0[3 - axes..].iter().map(|a| a.out);
        front.iter().copied().chain(out).collect()
    }

    fn places(&self) -> usize {
        self.0.iter().map(|a| a.size).product()
    }

    fn windows(&self) -> usize {
        self.0.iter().map(|a| a.out).product()
    }

    /// Where a window is along each axis.
    fn window(&self, number: usize) -> [usize; 3] {
        let [_, b, c] = self.0;
        [number / (b.out * c.out), number / c.out % b.out, number % c.out]
    }

    /// Calls with each tap of a window that lies in the image: its number, its place.
    fn each(&self, window: [usize; 3], mut f: impl FnMut(usize, usize)) {
        let [a, b, c] = self.0;
        for i in a.inside(window[0]) {
            for j in b.inside(window[1]) {
                for k in c.inside(window[2]) {
                    let row = a.place(window[0], i) * b.size + b.place(window[1], j);
                    f((i * b.taps + j) * c.taps + k, row * c.size + c.place(window[2], k));
                }
            }
        }
    }

    /// A place, counted along the first axis first.
    fn by_columns(&self, place: usize) -> usize {
        let [a, b, c] = self.0;
        let (first, second, third) = (place / (b.size * c.size), place / c.size % b.size, place % c.size);
        (third * b.size + second) * a.size + first
    }
}

/// Batch, channels, and the rest.
fn parts(x: &Value) -> Result<([usize; 2], &[usize]), EngineError> {
    match x.dims() {
        [batch, channels, rest @ ..] => Ok(([*batch, *channels], rest)),
        other => Err(fail(format!("shape {other:?} is of no image"))),
    }
}

pub fn fold(how: &Folding, x: &Value) -> Values {
    match how.fold {
        Fold::Max => by_kind!(x, maxima(how, x)),
        _ => one(folded(how, x)),
    }
}

/// Maxima, and where they are among all elements.
fn maxima<T: Element + PartialOrd>(how: &Folding, x: &Value) -> Values {
    let (front, dims) = parts(x)?;
    let axes = Axes::new(dims, &how.window, how.round_up)?;
    let shape = axes.shape(&front, dims.len());
    let (mut out, mut places) = (zeros::<T>(&shape)?, zeros::<i64>(&shape)?);
    let (windows, size, from) = (axes.windows(), axes.places(), x.slice::<T>()?);
    for (n, (to, place)) in out.iter_mut().zip(places.iter_mut()).enumerate() {
        let plane = n / windows * size;
        let mut best: Option<(T, usize)> = None;
        axes.each(axes.window(n % windows), |_, at| {
            let value = from[plane + at];
            if best.is_none_or(|(most, _)| value > most) {
                best = Some((value, at));
            }
        });
        if let Some((value, at)) = best {
            let at = if how.column_major { axes.by_columns(at) } else { at };
            (*to, *place) = (value, (plane + at) as i64);
        }
    }
    Ok(vec![make(out, &shape)?, make(places, &shape)?])
}

fn folded(how: &Folding, x: &Value) -> Outcome {
    let (front, dims) = parts(x)?;
    let axes = Axes::new(dims, &how.window, how.round_up)?;
    let shape = axes.shape(&front, dims.len());
    let count = elements(&shape)?;
    let (windows, size, from) = (axes.windows(), axes.places(), wide(x)?);
    let result = |n: usize| {
        let (plane, window) = (&from[n / windows * size..][..size], axes.window(n % windows));
        let (mut sum, mut count) = (0.0, 0usize);
        axes.each(window, |_, at| {
            sum += if let Fold::Norm(power) = how.fold { plane[at].abs().powf(power) } else { plane[at] };
            count += 1;
        });
        match how.fold {
            Fold::Norm(power) => sum.powf(1.0 / power),
            Fold::Mean { around: true } => {
                let all = axes.0.iter().zip(window).map(|(axis, at)| axis.around(at));
                sum / all.product::<usize>() as f64
            }
            _ => sum / count as f64,
        }
    };
    narrowed(x.kind(), (0..count).map(result).collect(), &shape)
}

/// Windows that were laid out as columns `[batch, channels · taps, windows]`, added up in an image `[batch, channels, …]`.
pub fn from_columns(window: &Window, x: &Value, image: &Value, block: &Value) -> Outcome {
    let (image, kernel) = (sizes(image)?, sizes(block)?);
    let mut window = window.clone();
    if window.kernel.is_empty() {
        let own = Window::new(&kernel);
        let or = |given: Vec<usize>, own: Vec<usize>| if given.is_empty() { own } else { given };
        window.strides = or(window.strides, own.strides);
        window.dilations = or(window.dilations, own.dilations);
        window.pads = if window.pads.is_empty() { own.pads } else { window.pads };
        window.kernel = kernel;
    }
    let axes = Axes::new(&image, &window, false)?;
    let (windows, taps) = (axes.windows(), elements(&window.kernel)?);
    let [batch, rows, columns] = *x.dims() else { return Err(fail("columns have three axes")) };
    if columns != windows || !rows.is_multiple_of(taps) {
        return Err(fail(format!(
            "{rows} rows of {columns} columns, for windows of {taps} at {windows} places"
        )));
    }
    let shape: Vec<usize> = [batch, rows / taps].into_iter().chain(image).collect();
    by_kind!(x, added(&axes, x, &shape, taps))
}

fn added<T: Element + num_traits::NumOps>(axes: &Axes, x: &Value, shape: &[usize], taps: usize) -> Outcome {
    let mut out = output::<T>(shape)?;
    out.fill(T::default());
    let (windows, size, from) = (axes.windows(), axes.places(), x.slice::<T>()?);
    if size == 0 || windows == 0 {
        return make(out, shape);
    }
    for (to, from) in out.chunks_exact_mut(size).zip(from.chunks_exact(taps * windows)) {
        for number in 0..windows {
            axes.each(axes.window(number), |tap, at| to[at] = to[at] + from[tap * windows + number]);
        }
    }
    make(out, shape)
}
