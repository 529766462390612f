//! Fourier transforms. A complex number is a pair: complex values have a last axis of two more than TensorFlow says.

use super::super::{Outcome, Value, elements, fail};
use super::{narrowed, wide};
use crate::EngineError;
use crate::graph::Spectrum;
use crate::value::Kind;
use std::f64::consts::PI;

pub type Complex = (f64, f64);

/// Rows that are longer are not transformed.
pub const LONGEST: usize = 1 << 24;

fn times(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn turn(part: f64) -> Complex {
    (part.cos(), part.sin())
}

pub fn run(op: Spectrum, x: &Value, lengths: Option<&Value>) -> Outcome {
    let lengths = lengths.map(super::super::access::sizes).transpose()?;
    let kind = x.kind();
    let pairs = |x: &Value| -> Result<Vec<Complex>, EngineError> {
        if x.dims().last() != Some(&2) {
            return Err(fail("complex numbers are needed"));
        }
        Ok(wide(x)?.chunks_exact(2).map(|p| (p[0], p[1])).collect())
    };
    let plain = x.dims().split_last().map_or(&[][..], |(_, rest)| rest);
    let each = |f: fn(&Complex) -> f64| narrowed(kind, pairs(x)?.iter().map(f).collect(), plain);
    match op {
        Spectrum::Magnitude => each(|c| c.0.hypot(c.1)),
        Spectrum::Angle => each(|c| c.1.atan2(c.0)),
        Spectrum::Real => each(|c| c.0),
        Spectrum::Imaginary => each(|c| c.1),
        Spectrum::Conjugate => joined(kind, pairs(x)?.iter().map(|c| (c.0, -c.1)).collect(), plain),
        Spectrum::Whole { axes, inverse } => {
            let shape = plain.to_vec();
            let mut grid = Grid::new(pairs(x)?, shape, axes)?;
            for axis in 0..axes {
                grid.transform(axis, inverse);
            }
            grid.value(kind)
        }
        Spectrum::OfReals { axes } => {
            let data = wide(x)?.into_iter().map(|r| (r, 0.0)).collect();
            let mut grid = Grid::new(data, x.dims().to_vec(), axes)?;
            let lengths = wanted(lengths, axes)?;
            grid.fit(&lengths)?;
            for axis in 0..axes {
                grid.transform(axis, false);
            }
            // The other half is the mirrored one.
            let kept = [&lengths[..axes - 1], &[lengths[axes - 1] / 2 + 1]].concat();
            grid.fit(&kept)?;
            grid.value(kind)
        }
        Spectrum::ToReals { axes } => {
            let mut grid = Grid::new(pairs(x)?, plain.to_vec(), axes)?;
            let lengths = wanted(lengths, axes)?;
            let half = lengths[axes - 1] / 2 + 1;
            grid.fit(&[&lengths[..axes - 1], &[half]].concat())?;
            for axis in 0..axes - 1 {
                grid.transform(axis, true);
            }
            grid.fit(&lengths)?;
            grid.mirror(half);
            grid.transform(axes - 1, true);
            narrowed(kind, grid.data.iter().map(|c| c.0).collect(), &grid.shape)
        }
    }
}

fn wanted(lengths: Option<Vec<usize>>, axes: usize) -> Result<Vec<usize>, EngineError> {
    let fit = |l: &Vec<usize>| l.len() == axes && axes > 0 && l.iter().all(|l| *l <= LONGEST);
    lengths.filter(fit).ok_or_else(|| fail("a length for each axis is needed"))
}

fn joined(kind: Kind, data: Vec<Complex>, shape: &[usize]) -> Outcome {
    let dims = [shape, &[2]].concat();
    elements(&dims)?;
    narrowed(kind, data.into_iter().flat_map(|c| [c.0, c.1]).collect(), &dims)
}

/// Complex numbers of which the last axes are transformed.
struct Grid {
    data: Vec<Complex>,
    shape: Vec<usize>,
    axes: usize,
}

impl Grid {
    fn new(data: Vec<Complex>, shape: Vec<usize>, axes: usize) -> Result<Self, EngineError> {
        if axes == 0 || shape.len() < axes || shape.iter().any(|d| *d > LONGEST) {
            return Err(fail(format!("a transform over {axes} axes of {shape:?}")));
        }
        Ok(Self { data, shape, axes })
    }

    fn value(self, kind: Kind) -> Outcome {
        joined(kind, self.data, &self.shape)
    }

    /// Cuts the last axes, or fills them up with zeros.
    fn fit(&mut self, lengths: &[usize]) -> Result<(), EngineError> {
        let outer = self.shape.len() - self.axes;
        let shape = [&self.shape[..outer], lengths].concat();
        if shape == self.shape {
            return Ok(());
        }
        let mut data = vec![(0.0, 0.0); elements(&shape)?];
        for (n, value) in self.data.iter().enumerate() {
            let (mut rest, mut to, mut step, mut inside) = (n, 0, 1, true);
            for (have, want) in self.shape.iter().zip(&shape).rev() {
                let at = rest % have;
                rest /= have;
                inside &= at < *want;
                to += at * step;
                step *= want;
            }
            if inside {
                data[to] = *value;
            }
        }
        (self.data, self.shape) = (data, shape);
        Ok(())
    }

    /// Transforms one of the last axes.
    fn transform(&mut self, axis: usize, inverse: bool) {
        let at = self.shape.len() - self.axes + axis;
        let (count, inner) = (self.shape[at], self.shape[at + 1..].iter().product::<usize>());
        if self.data.is_empty() || count == 0 {
            return;
        }
        let plan = Plan::new(count, inverse);
        let mut line = vec![(0.0, 0.0); count];
        for block in self.data.chunks_exact_mut(count * inner) {
            for n in 0..inner {
                line.iter_mut().zip(block[n..].iter().step_by(inner)).for_each(|(to, from)| *to = *from);
                plan.run(&mut line);
                block[n..].iter_mut().step_by(inner).zip(&line).for_each(|(to, from)| *to = *from);
            }
        }
    }

    /// Fills the second half of the last axis with what belongs to a row of real numbers.
    fn mirror(&mut self, half: usize) {
        let count = self.shape.last().copied().unwrap_or(0);
        for line in self.data.chunks_exact_mut(count.max(1)) {
            for n in half..count {
                line[n] = (line[count - n].0, -line[count - n].1);
            }
        }
    }
}

/// How rows of one length are transformed: halved again and again, or as a convolution of such a length.
pub struct Plan {
    count: usize,
    inverse: bool,
    /// The turns of the length that is halved.
    turns: Vec<Complex>,
    /// The chirp, and its transform.
    chirp: Vec<Complex>,
    transformed: Vec<Complex>,
}

impl Plan {
    pub fn new(count: usize, inverse: bool) -> Self {
        let sign = if inverse { 1.0 } else { -1.0 };
        let size = if count.is_power_of_two() { count } else { (2 * count).next_power_of_two() };
        let turns = (0..size / 2).map(|n| turn(-2.0 * PI * n as f64 / size as f64)).collect();
        let mut plan = Self { count, inverse, turns, chirp: Vec::new(), transformed: Vec::new() };
        if size != count {
            // Squares are taken modulo twice the length, so that angles stay small.
            let angle = |n: usize| ((n as u128 * n as u128) % (2 * count as u128)) as f64 * PI / count as f64;
            plan.chirp = (0..count).map(|n| turn(sign * angle(n))).collect();
            let mut other = vec![(0.0, 0.0); size];
            for (n, c) in plan.chirp.iter().enumerate() {
                other[n] = (c.0, -c.1);
                other[(size - n) % size] = (c.0, -c.1);
            }
            plan.halve(&mut other);
            plan.transformed = other;
        }
        plan
    }

    pub fn run(&self, line: &mut [Complex]) {
        if self.chirp.is_empty() {
            let flip = |line: &mut [Complex]| line.iter_mut().for_each(|c| c.1 = -c.1);
            if self.inverse {
                flip(line);
            }
            self.halve(line);
            if self.inverse {
                flip(line);
            }
        } else {
            let size = self.transformed.len();
            let mut long = vec![(0.0, 0.0); size];
            for ((to, x), c) in long.iter_mut().zip(&*line).zip(&self.chirp) {
                *to = times(*x, *c);
            }
            self.halve(&mut long);
            for (to, other) in long.iter_mut().zip(&self.transformed) {
                let product = times(*to, *other);
                *to = (product.0, -product.1);
            }
            self.halve(&mut long);
            for ((to, x), c) in line.iter_mut().zip(&long).zip(&self.chirp) {
                *to = times((x.0 / size as f64, -x.1 / size as f64), *c);
            }
        }
        if self.inverse {
            line.iter_mut().for_each(|c| *c = (c.0 / self.count as f64, c.1 / self.count as f64));
        }
    }

    /// The forward transform of a row whose length is a power of two.
    fn halve(&self, line: &mut [Complex]) {
        let count = line.len();
        if count < 2 {
            return;
        }
        let bits = count.trailing_zeros();
        for n in 0..count {
            let other = n.reverse_bits() >> (usize::BITS - bits);
            if n < other {
                line.swap(n, other);
            }
        }
        let mut half = 1;
        while half < count {
            let step = self.turns.len() / half;
            for block in line.chunks_exact_mut(half * 2) {
                let (low, high) = block.split_at_mut(half);
                for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let turned = times(*b, self.turns[n * step]);
                    (*a, *b) = ((a.0 + turned.0, a.1 + turned.1), (a.0 - turned.0, a.1 - turned.1));
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_those_of_the_definition() {
        for count in [1usize, 2, 3, 5, 8, 12, 17, 64] {
            let x: Vec<Complex> =
                (0..count).map(|n| ((n * 7 % 5) as f64 - 1.5, (n * 3 % 4) as f64)).collect();
            for inverse in [false, true] {
                let mut line = x.clone();
                Plan::new(count, inverse).run(&mut line);
                for (k, got) in line.iter().enumerate() {
                    let sign = if inverse { 2.0 } else { -2.0 };
                    let mut sum = (0.0, 0.0);
                    for (n, x) in x.iter().enumerate() {
                        let term = times(*x, turn(sign * PI * (n * k) as f64 / count as f64));
                        sum = (sum.0 + term.0, sum.1 + term.1);
                    }
                    let by = if inverse { count as f64 } else { 1.0 };
                    let error = (got.0 - sum.0 / by).abs() + (got.1 - sum.1 / by).abs();
                    assert!(error < 1e-10, "{count} {inverse} {k}: {error}");
                }
            }
        }
    }
}
