//! Images scaled: along each axis a pixel of the result is a weighted sum of a few neighbours.

use super::super::access::{make, sizes, zeros};
use super::super::{Outcome, Value, elements, fail, shapes};
use super::wide;
use crate::EngineError;
use crate::graph::Kernel;

/// For each place of the result the places it comes from and what they weigh.
type Spans = Vec<Vec<(usize, f32)>>;

/// Both axes of an image, after what [`Spans`] say.
fn apply(x: &Value, rows: &Spans, columns: &Spans) -> Outcome {
    let [n, h, w, c] = *x.dims() else { return Err(fail("an image has four axes")) };
    let x = shapes::cast(x, crate::DType::F32)?;
    let (from, shape) = (x.slice::<f32>()?, [n, rows.len(), columns.len(), c]);
    elements(&[n, rows.len(), w, c])?;
    let mut out = zeros::<f32>(&shape)?;
    let mut row = vec![0.0f32; w * c];
    let width = (columns.len() * c).max(1);
    for (number, to) in out.chunks_exact_mut(width).enumerate() {
        row.fill(0.0);
        for (y, weight) in &rows[number % rows.len()] {
            let line = ((number / rows.len()) * h + y) * w * c;
            row.iter_mut().zip(&from[line..line + w * c]).for_each(|(t, f)| *t += weight * f);
        }
        for (span, to) in columns.iter().zip(to.chunks_exact_mut(c.max(1))) {
            for (at, weight) in span {
                to.iter_mut().zip(&row[at * c..(at + 1) * c]).for_each(|(t, f)| *t += weight * f);
            }
        }
    }
    make(out, &shape)
}

/// Old and new heights and widths.
fn extents(x: &Value, size: &Value) -> Result<[(usize, usize); 2], EngineError> {
    let ([n, h, w, c], &[rows, columns]) = (x.dims(), &sizes(size)?[..]) else {
        return Err(fail("an image is scaled to a height and a width"));
    };
    if *h == 0 || *w == 0 || rows == 0 || columns == 0 {
        return Err(fail("a resize of or to an empty image"));
    }
    elements(&[*n, rows, columns, *c])?;
    Ok([(*h, rows), (*w, columns)])
}

/// Old places for each new one.
fn ratio(size: usize, out: usize, align_corners: bool) -> f32 {
    if align_corners && out > 1 { (size - 1) as f32 / (out - 1) as f32 } else { size as f32 / out as f32 }
}

pub fn bicubic(x: &Value, size: &Value, align_corners: bool, half_pixel: bool) -> Outcome {
    let spans = extents(x, size)?.map(|(size, out)| {
        let scale = ratio(size, out, align_corners);
        (0..out).map(|n| cubic(n, size, scale, half_pixel)).collect::<Spans>()
    });
    apply(x, &spans[0], &spans[1])
}

/// Steps between two pixels in which cubic weights are tabled; weights are those of the nearest step, as in TensorFlow.
const STEPS: f32 = 1024.0;

/// The weight of a pixel nearer than one, and of one nearer than two; in 64 bits, because the terms nearly cancel.
fn cubic_weights(a: f64, near: f32, far: f32) -> (f32, f32) {
    let (x, y) = (f64::from(near), f64::from(far));
    let weight = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    (weight as f32, (((a * y - 5.0 * a) * y + 8.0 * a) * y - 4.0 * a) as f32)
}

fn cubic(n: usize, size: usize, scale: f32, half_pixel: bool) -> Vec<(usize, f32)> {
    let at = if half_pixel { (n as f32 + 0.5) * scale - 0.5 } else { n as f32 * scale };
    let a = if half_pixel { -0.5 } else { -0.75 };
    let low = at.floor();
    let offset = ((at - low) * STEPS).round_ties_even() / STEPS;
    let (before, first) = cubic_weights(a, offset, offset + 1.0);
    let (after, last_weight) = cubic_weights(a, 1.0 - offset, 2.0 - offset);
    let weights = [first, before, after, last_weight];
    let last = size as i64 - 1;
    let mut span: Vec<(usize, f32)> = Vec::with_capacity(4);
    for (i, weight) in weights.into_iter().enumerate() {
        let place = low as i64 - 1 + i as i64;
        let kept = place.clamp(0, last);
        // Beyond the border there is nothing, or (in the older form) the border again.
        let weight = if half_pixel && kept != place { 0.0 } else { weight };
        span.push((usize::try_from(kept).unwrap_or(0), weight));
    }
    if half_pixel {
        let sum: f32 = span.iter().map(|s| s.1).sum();
        if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
            span.iter_mut().for_each(|s| s.1 /= sum);
        }
    }
    span
}

/// Each pixel is the mean of the area it covers.
pub fn area(x: &Value, size: &Value, align_corners: bool) -> Outcome {
    let spans = extents(x, size)?.map(|(size, out)| {
        let scale = ratio(size, out, align_corners);
        let span = |n: usize| {
            let (begin, end) = (n as f32 * scale, (n + 1) as f32 * scale);
            let part = |i: i64| ((i + 1) as f32).min(end) - (i as f32).max(begin);
            let places = begin.floor() as i64..end.ceil() as i64;
            let place = |i: i64| usize::try_from(i.clamp(0, size as i64 - 1)).unwrap_or(0);
            places.map(|i| (place(i), part(i) / scale)).collect()
        };
        (0..out).map(span).collect::<Spans>()
    });
    apply(x, &spans[0], &spans[1])
}

/// Each pixel is the mean of a square, as far as it is within the picture.
pub fn shrink(x: &Value, side: usize) -> Outcome {
    let &[height, width, channels] = x.dims() else {
        return Err(fail("one picture is made smaller at a time"));
    };
    let samples = x.slice::<i64>()?;
    let (rows, columns) = (height.div_ceil(side.max(1)), width.div_ceil(side.max(1)));
    let mut out = Vec::with_capacity(elements(&[rows, columns, channels])?);
    let span = |n: usize, extent: usize| n * side..((n + 1) * side).min(extent);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let (down, across) = (span(row, height), span(column, width));
        let count = (down.len() * across.len()).max(1) as i64;
        for channel in 0..channels {
            let line = |r: usize| across.clone().map(move |c| samples[(r * width + c) * channels + channel]);
            out.push((down.clone().flat_map(line).sum::<i64>() + count / 2) / count);
        }
    }
    make(out, &[rows, columns, channels])
}

/// How far a kernel reaches.
fn reach(kernel: Kernel) -> f32 {
    match kernel {
        Kernel::Box => 0.5,
        Kernel::Triangle => 1.0,
        Kernel::Lanczos(radius) => f32::from(radius),
        Kernel::Gaussian => 1.5,
        Kernel::KeysCubic | Kernel::MitchellCubic => 2.0,
    }
}

/// What a neighbour at a distance weighs.
fn weigh(kernel: Kernel, x: f32) -> f32 {
    match kernel {
        Kernel::Box if x < 0.5 => 1.0,
        Kernel::Box => {
            if x == 0.5 {
                0.5
            } else {
                0.0
            }
        }
        Kernel::Triangle => (1.0 - x).max(0.0),
        Kernel::Lanczos(radius) => {
            let (radius, pi) = (f32::from(radius), std::f32::consts::PI);
            if x > radius {
                0.0
            } else if x <= 1e-3 {
                1.0
            } else {
                radius * (pi * x).sin() * (pi * x / radius).sin() / (pi * pi * x * x)
            }
        }
        Kernel::Gaussian => {
            if x >= 1.5 {
                0.0
            } else {
                (-x * x / 0.5).exp()
            }
        }
        Kernel::KeysCubic | Kernel::MitchellCubic if x >= 2.0 => 0.0,
        Kernel::KeysCubic if x >= 1.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Kernel::KeysCubic => (1.5 * x - 2.5) * x * x + 1.0,
        Kernel::MitchellCubic if x >= 1.0 => ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0,
        Kernel::MitchellCubic => (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0,
    }
}

pub fn scale_and_translate(
    x: &Value,
    size: &Value,
    scale: &Value,
    translation: &Value,
    kernel: Kernel,
    antialias: bool,
) -> Outcome {
    let extents = extents(x, size)?;
    let (scale, translation) = (wide(scale)?, wide(translation)?);
    if scale.len() != 2 || translation.len() != 2 || scale.iter().any(|s| *s <= 0.0 || !s.is_finite()) {
        return Err(fail("a scaling needs a factor and a shift for each axis"));
    }
    let spans = |i: usize| {
        let (size, out) = extents[i];
        weighted(size, out, scale[i] as f32, translation[i] as f32, kernel, antialias)
    };
    apply(x, &spans(0), &spans(1))
}

fn weighted(size: usize, out: usize, scale: f32, shift: f32, kernel: Kernel, antialias: bool) -> Spans {
    let inverse = 1.0 / scale;
    let spread = if antialias { inverse.max(1.0) } else { 1.0 };
    let span = |n: usize| {
        let at = (n as f32 + 0.5) * inverse - inverse * shift;
        if at < 0.0 || at > size as f32 || at.is_nan() {
            return Vec::new();
        }
        let last = size as i64 - 1;
        let first = ((at - reach(kernel) * spread - 0.5).ceil() as i64).clamp(0, last);
        let end = ((at + reach(kernel) * spread - 0.5).floor() as i64).clamp(0, last);
        let mut span: Vec<(usize, f32)> = (first..=end)
            .map(|i| {
                let distance = (i as f32 + 0.5 - at).abs() / spread;
                (usize::try_from(i).unwrap_or(0), weigh(kernel, distance))
            })
            .collect();
        let sum: f32 = span.iter().map(|s| s.1).sum();
        if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
            span.iter_mut().for_each(|s| s.1 /= sum);
        }
        span
    };
    (0..out).map(span).collect()
}
