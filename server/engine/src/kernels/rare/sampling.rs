//! Values read at given places, from -1 at the first to 1 at the last element of an axis, and grids of such places.

use super::super::access::sizes;
use super::super::{Outcome, Value, elements, fail};
use super::resample::cubic;
use super::{narrowed, wide};
use crate::graph::{Around, Grid, Method};
use crate::value::Kind;

/// The coefficient of Keys' polynomial.
const CUBIC: f64 = -0.75;

/// An axis that is read.
#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    /// Computed in 32 bits.
    single: bool,
}

impl Axis {
    /// Where a place from -1 to 1 lies.
    fn spread(self, place: f64, align_corners: bool) -> f64 {
        if self.single {
            let (place, size) = (place as f32, self.size as f32);
            let at = if align_corners {
                (place + 1.0) / 2.0 * (size - 1.0)
            } else {
                ((place + 1.0) * size - 1.0) / 2.0
            };
            return f64::from(at);
        }
        let size = self.size as f64;
        if align_corners { (place + 1.0) / 2.0 * (size - 1.0) } else { ((place + 1.0) * size - 1.0) / 2.0 }
    }

    /// Mirrored at the borders until it is between them.
    fn reflected(self, at: f64, align_corners: bool) -> f64 {
        let (low, high) =
            if align_corners { (0.0, self.size as f64 - 1.0) } else { (-0.5, self.size as f64 - 0.5) };
        let range = high - low;
        if (low..=high).contains(&at) {
            return at;
        }
        if range <= 0.0 || !at.is_finite() {
            return 0.0;
        }
        let beyond = (low - at).max(at - high);
        let (turns, rest) = ((beyond / range).trunc(), beyond % range);
        if (turns % 2.0 == 0.0) == (at < low) { low + rest } else { high - rest }
    }

    /// The element at a place; None: there is none, and it counts as zero.
    fn element(self, at: f64, how: &Grid) -> Option<usize> {
        let last = self.size as f64 - 1.0;
        let at = match how.around {
            Around::Zeros if !(0.0..=last).contains(&at) => return None,
            Around::Reflection => self.reflected(at, how.align_corners).trunc(),
            _ => at,
        };
        Some(at.clamp(0.0, last) as usize)
    }

    /// The elements that a place is made of, and what they weigh.
    fn taps(self, place: f64, how: &Grid, taps: &mut Vec<(usize, f64)>) {
        taps.clear();
        let mut at = self.spread(place, how.align_corners);
        if matches!(how.method, Method::Nearest(_)) {
            at = at.round_ties_even();
        }
        let border = if how.align_corners { 0.0 } else { 0.5 };
        // What a polynomial is made of is brought back element by element.
        let one_by_one = matches!(how.method, Method::Cubic(_));
        if !one_by_one && (at < -border || at > self.size as f64 - 1.0 + border) {
            at = match how.around {
                Around::Zeros => at,
                Around::Border => at.clamp(0.0, self.size as f64 - 1.0),
                Around::Reflection => self.reflected(at, how.align_corners),
            };
        }
        let first = at.floor();
        let steps = match how.method {
            Method::Nearest(_) => 0..=0,
            Method::Linear => 0..=1,
            Method::Cubic(_) => -1..=2,
        };
        for step in steps {
            let place = first + f64::from(step);
            let weight = match how.method {
                Method::Nearest(_) => 1.0,
                Method::Linear => 1.0 - (at - place).abs(),
                Method::Cubic(_) => cubic(CUBIC, (at - place).abs()),
            };
            // Nearest places are whole, but for those that were mirrored.
            if let Some(element) = self.element(place, how).filter(|_| weight != 0.0) {
                taps.push((element, weight));
            }
        }
    }
}

/// x `[batch, channels, …]`, places `[batch, …, axes]`, the last axis first
pub fn sample(how: &Grid, x: &Value, grid: &Value) -> Outcome {
    let ([batch, channels, own @ ..], [batches, places @ .., axes]) = (x.dims(), grid.dims()) else {
        return Err(fail("places are read of an image or a volume"));
    };
    if batch != batches || own.len() != *axes || !(1..=3).contains(axes) || places.len() != *axes {
        return Err(fail(format!("places {:?} in {:?}", grid.dims(), x.dims())));
    }
    let shape: Vec<usize> = [*batch, *channels].into_iter().chain(places.iter().copied()).collect();
    let mut out = vec![0.0; elements(&shape)?];
    let (from, at) = (wide(x)?, wide(grid)?);
    let (size, count): (usize, usize) = (own.iter().product(), places.iter().product());
    if size == 0 {
        return narrowed(x.kind(), out, &shape);
    }
    let mut taps = vec![Vec::new(); *axes];
    let mut all: Vec<(usize, f64)> = Vec::new();
    for (number, place) in at.chunks_exact(*axes).enumerate() {
        all.clear();
        all.push((0, 1.0));
        for (n, size) in own.iter().enumerate() {
            let axis = Axis { size: *size, single: grid.kind() == Kind::F32 };
            axis.taps(place[axes - 1 - n], how, &mut taps[n]);
            all = all
                .iter()
                .flat_map(|(at, weight)| taps[n].iter().map(move |(i, w)| (at * size + i, weight * w)))
                .collect();
        }
        let (image, pixel) = (number / count, number % count);
        for channel in 0..*channels {
            let plane = (image * channels + channel) * size;
            out[(image * channels + channel) * count + pixel] =
                all.iter().map(|(at, weight)| from[plane + at] * weight).sum();
        }
    }
    narrowed(x.kind(), out, &shape)
}

/// The places that transforms `[batch, axes, axes + 1]` give for what is read, of a shape `[batch, channels, …]`.
pub fn affine(align_corners: bool, transforms: &Value, size: &Value) -> Outcome {
    let size = sizes(size)?;
    let ([batch, axes, columns], [_, _, own @ ..]) = (transforms.dims(), &size[..]) else {
        return Err(fail("a grid needs transforms and the shape of an image"));
    };
    if *columns != axes + 1 || own.len() != *axes || !(1..=3).contains(axes) {
        return Err(fail(format!("transforms {:?} of an image {size:?}", transforms.dims())));
    }
    let shape: Vec<usize> = std::iter::once(*batch).chain(own.iter().copied()).chain([*axes]).collect();
    let mut out = Vec::with_capacity(elements(&shape)?);
    let count: usize = own.iter().product();
    let place = |at: usize, size: usize| match align_corners {
        true if size == 1 => 0.0,
        true => 2.0 * at as f64 / (size as f64 - 1.0) - 1.0,
        false => (2.0 * at as f64 + 1.0) / size as f64 - 1.0,
    };
    for transform in wide(transforms)?.chunks_exact(axes * columns) {
        for pixel in 0..count {
            // The last axis comes first.
            let (mut rest, mut at) = (pixel, [0.0; 3]);
            for (at, size) in at.iter_mut().zip(own.iter().rev()) {
                *at = place(rest % size, *size);
                rest /= size;
            }
            for row in transform.chunks_exact(*columns) {
                let sum: f64 = row.iter().zip(&at[..*axes]).map(|(t, a)| t * a).sum();
                out.push(sum + row[*axes]);
            }
        }
    }
    narrowed(transforms.kind(), out, &shape)
}
