//! Resizes along any axes, one after the other: an element of the result is a weighted sum of neighbours.

use super::super::moves::{blank, index_select};
use super::super::{Outcome, Value, axis, elements, fail};
use super::{narrowed, wide};
use crate::EngineError;
use crate::graph::{Aspect, Coordinates, Method, Nearest, Resample};
use crate::value::Kind;

/// Places along one axis of a result: for each of them is kept what it is made of.
const LONGEST: f64 = (1 << 20) as f64;

/// The places that an element comes from, and what they weigh; None: it lies outside.
type Span = Option<Vec<(usize, f64)>>;

/// What happens along an axis.
#[derive(Debug, Clone, Copy)]
struct Side {
    size: usize,
    out: usize,
    /// New places for each old one.
    scale: f64,
    /// The extent of the result before it was rounded.
    exact: f64,
    region: [f64; 2],
}

impl Side {
    fn keeps(&self, how: &Resample) -> bool {
        let whole = how.coordinates != Coordinates::Region || self.region == [0.0, 1.0];
        self.size == self.out && (self.scale - 1.0).abs() < 1e-9 && whole
    }

    /// Where an element of the result lies.
    fn place(&self, how: Coordinates, n: usize) -> f64 {
        let (n, size, scale) = (n as f64, self.size as f64, self.scale);
        let last = size - 1.0;
        let half_pixel = (n + 0.5) / scale - 0.5;
        let is_first = match how {
            Coordinates::HalfPixelTorch => self.out == 1,
            Coordinates::AlignCorners => self.exact == 1.0,
            _ => false,
        };
        if is_first {
            return 0.0;
        }
        match how {
            Coordinates::HalfPixel | Coordinates::HalfPixelTorch => half_pixel,
            Coordinates::HalfPixelSymmetric => size / 2.0 * (1.0 - self.out as f64 / self.exact) + half_pixel,
            Coordinates::Middle => (n + 0.5) / scale,
            Coordinates::AlignCorners => n * last / (self.exact - 1.0),
            Coordinates::Asymmetric => n / scale,
            Coordinates::Region => {
                let [start, end] = self.region;
                let within = if self.exact == 1.0 { 0.5 } else { n / (self.exact - 1.0) };
                start * last + within * (end - start) * last
            }
        }
    }

    fn spans(&self, how: &Resample) -> Vec<Span> {
        (0..self.out).map(|n| self.span(how, n)).collect()
    }

    fn span(&self, how: &Resample, n: usize) -> Span {
        let at = self.place(how.coordinates, n);
        let last = self.size as f64 - 1.0;
        if how.coordinates == Coordinates::Region && !(0.0..=last).contains(&at) {
            return None;
        }
        // The part of the way from one place to the next: a place itself is the end of the way to it.
        let base = at.ceil() - 1.0;
        let part = at - base;
        let shrink = if how.antialias { self.scale.min(1.0) } else { 1.0 };
        let reach = match how.method {
            Method::Cubic(_) => 2.0,
            _ => 1.0,
        };
        let first = (-reach / shrink).floor() + 1.0;
        let count = (2.0 - 2.0 * first) as usize;
        let mut weighted: Vec<(f64, f64)> = (0..count)
            .map(|i| {
                let step = first + i as f64;
                (base + step, weight(how.method, part, step, shrink))
            })
            .collect();
        if how.exclude_outside {
            weighted.iter_mut().filter(|(p, _)| !(0.0..=last).contains(p)).for_each(|w| w.1 = 0.0);
        }
        if how.exclude_outside || how.antialias {
            let sum: f64 = weighted.iter().map(|w| w.1).sum();
            if sum != 0.0 {
                weighted.iter_mut().for_each(|w| w.1 /= sum);
            }
        }
        let span = weighted.into_iter().filter(|w| w.1 != 0.0);
        Some(span.map(|(place, weight)| (place.clamp(0.0, last) as usize, weight)).collect())
    }
}

/// What the neighbour weighs that is so many steps from the one before a place.
fn weight(method: Method, part: f64, step: f64, shrink: f64) -> f64 {
    let distance = ((step - part) * shrink).abs();
    match method {
        Method::Nearest(nearest) => {
            let after = match nearest {
                Nearest::HalfDown => part > 0.5,
                Nearest::HalfUp => part >= 0.5,
                // A place itself is the end of the way to it.
                Nearest::Floor => part == 1.0,
                Nearest::Ceil => true,
            };
            f64::from(u8::from(after == (step == 1.0)))
        }
        Method::Linear => (1.0 - distance).max(0.0),
        Method::Cubic(a) => cubic(f64::from(a), distance),
    }
}

/// Keys' polynomial at a distance.
pub fn cubic(a: f64, x: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

/// The axes and what happens along each.
fn sides(how: &Resample, x: &Value, roi: &Value, target: &Value) -> Result<Vec<(usize, Side)>, EngineError> {
    let axes = match &how.axes[..] {
        [] => (0..x.rank()).collect(),
        given => given.iter().map(|a| axis(*a, x.rank())).collect::<Result<Vec<_>, _>>()?,
    };
    let target = wide(target)?;
    let regions = wide(roi)?;
    let count = axes.len();
    let wrong = || fail(format!("a resize of {:?} to {target:?}", x.dims()));
    let sound = |n: &f64| n.is_finite() && *n >= 0.0 && *n < 1e9;
    if target.len() != count || !target.iter().all(sound) {
        return Err(wrong());
    }
    if how.coordinates == Coordinates::Region
        && (regions.len() != 2 * count || !regions.iter().all(|r| r.is_finite()))
    {
        return Err(fail("a resize of a region needs where it begins and ends along each axis"));
    }
    let extents: Vec<f64> = axes.iter().map(|a| x.dims()[*a] as f64).collect();
    let mut factors = target.clone();
    if how.by_sizes {
        factors = target.iter().zip(&extents).map(|(size, own)| size / own.max(1.0)).collect();
        let folded = match how.aspect {
            Aspect::Stretch => None,
            Aspect::NotLarger => factors.iter().copied().reduce(f64::min),
            Aspect::NotSmaller => factors.iter().copied().reduce(f64::max),
        };
        if let Some(all) = folded {
            factors.fill(all);
        }
    }
    let mut sides = Vec::new();
    for (n, at) in axes.into_iter().enumerate() {
        let exact = match how.by_sizes {
            true if how.aspect == Aspect::Stretch => target[n],
            true => (factors[n] * extents[n] + 0.5).floor(),
            // As wide as factors are.
            false => f64::from(factors[n] as f32 * extents[n] as f32),
        };
        let region = if regions.len() == 2 * count { [regions[n], regions[count + n]] } else { [0.0, 1.0] };
        let out = exact.floor();
        if out > 0.0 && (extents[n] == 0.0 || factors[n] == 0.0) || out > LONGEST {
            return Err(wrong());
        }
        sides.push((at, Side { size: x.dims()[at], out: out as usize, scale: factors[n], exact, region }));
    }
    Ok(sides)
}

/// x, regions, factors or sizes
pub fn resample(how: &Resample, x: &Value, roi: &Value, target: &Value) -> Outcome {
    let mut sides = sides(how, x, roi, target)?;
    let mut shape = x.dims().to_vec();
    for (at, side) in &sides {
        shape[*at] = side.out;
        elements(&shape)?;
    }
    if elements(&shape)? == 0 {
        return blank(x.kind(), &shape);
    }
    sides.retain(|(_, side)| !side.keeps(how));
    let spans: Vec<(usize, Vec<Span>)> = sides.iter().map(|(at, side)| (*at, side.spans(how))).collect();
    let inside = spans.iter().all(|(_, spans)| spans.iter().all(Option::is_some));
    if matches!(how.method, Method::Nearest(_)) && inside {
        return spans.iter().try_fold(x.clone(), |x, (at, spans)| {
            let place = |s: &Span| s.as_ref().and_then(|s| s.first()).map_or(0, |s| s.0 as i64);
            index_select(&x, &spans.iter().map(place).collect::<Vec<i64>>(), *at)
        });
    }
    let (mut data, mut dims) = (wide(x)?, x.dims().to_vec());
    for (at, spans) in &spans {
        data = along(&data, &mut dims, *at, spans, f64::from(how.beyond))?;
    }
    if x.kind() == Kind::I64 {
        let whole: Vec<i64> = data.into_iter().map(|x| x.round_ties_even() as i64).collect();
        return Value::of(whole, &dims);
    }
    narrowed(x.kind(), data, &dims)
}

fn along(
    data: &[f64],
    dims: &mut [usize],
    at: usize,
    spans: &[Span],
    beyond: f64,
) -> Result<Vec<f64>, EngineError> {
    let (size, inner) = (dims[at], dims[at + 1..].iter().product::<usize>());
    dims[at] = spans.len();
    let mut out = vec![0.0; elements(dims)?];
    let (block, row) = (spans.len() * inner, size * inner);
    for (to, from) in out.chunks_exact_mut(block.max(1)).zip(data.chunks_exact(row.max(1))) {
        for (to, span) in to.chunks_exact_mut(inner.max(1)).zip(spans) {
            match span {
                None => to.fill(beyond),
                Some(span) => {
                    for (place, weight) in span {
                        let from = &from[place * inner..][..inner];
                        to.iter_mut().zip(from).for_each(|(t, f)| *t += weight * f);
                    }
                }
            }
        }
    }
    Ok(out)
}
