//! Diagonals of matrices: bands kept, diagonals taken out, put in.

use super::super::access::{int, ints, make, output};
use super::super::{Outcome, Value, elements, fail};
use super::{at, by_kind, copied};
use crate::EngineError;
use crate::graph::Align;
use crate::value::Element;

/// Some diagonals of matrices of a size, from `low` to `high`, laid in rows of one length: the highest first.
struct Diagonals {
    rows: usize,
    columns: usize,
    low: i64,
    high: i64,
    longest: usize,
    align: Align,
}

impl Diagonals {
    fn new(k: &Value, rows: usize, columns: usize, align: Align) -> Result<Self, EngineError> {
        let (low, high) = range(k)?;
        let (r, c) = (rows as i64, columns as i64);
        let inside = |k: i64| (k > -r && k < c) || k == 0;
        if !inside(low) || !inside(high) {
            return Err(fail(format!("diagonals {low} to {high} of a matrix of {rows} by {columns}")));
        }
        let longest = usize::try_from((r + high.min(0)).min(c - low.max(0))).unwrap_or(0);
        Ok(Self { rows, columns, low, high, longest, align })
    }

    fn count(&self) -> usize {
        usize::try_from(self.high - self.low + 1).unwrap_or(0)
    }

    /// Calls with each place in the rows of diagonals and its place in the matrix.
    fn each(&self, mut f: impl FnMut(usize, usize)) {
        for (n, k) in (self.low..=self.high).rev().enumerate() {
            let (top, left) = ((-k).max(0).unsigned_abs() as usize, k.max(0).unsigned_abs() as usize);
            let length = self.rows.saturating_sub(top).min(self.columns.saturating_sub(left));
            let at_left = (k >= 0 && self.align.upper_left) || (k <= 0 && self.align.lower_left);
            let lead = if at_left { 0 } else { self.longest - length };
            for i in 0..length {
                f(n * self.longest + lead + i, (top + i) * self.columns + left + i);
            }
        }
    }

    /// The shape of the diagonals of matrices whose batch is of a shape.
    fn shape(&self, batch: &[usize]) -> Vec<usize> {
        let mut shape = batch.to_vec();
        if self.count() > 1 {
            shape.push(self.count());
        }
        shape.push(self.longest);
        shape
    }
}

fn range(k: &Value) -> Result<(i64, i64), EngineError> {
    match ints(k)?[..] {
        [k] => Ok((k, k)),
        [low, high] if low <= high => Ok((low, high)),
        _ => Err(fail("diagonals are named by their first and last")),
    }
}

fn matrix(x: &Value) -> Result<(&[usize], usize, usize), EngineError> {
    match x.dims() {
        [batch @ .., rows, columns] => Ok((batch, *rows, *columns)),
        other => Err(fail(format!("shape {other:?} is not of matrices"))),
    }
}

/// Elements at most so far below and above the diagonal; a negative number: all of them.
pub fn band(x: &Value, lower: &Value, upper: &Value) -> Outcome {
    let (lower, upper) = (int(lower)?, int(upper)?);
    by_kind!(x, band_of(x, lower, upper))
}

fn band_of<T: Element>(x: &Value, lower: i64, upper: i64) -> Outcome {
    let (_, rows, columns) = matrix(x)?;
    let mut out = copied::<T>(x)?;
    for (n, row) in out.chunks_exact_mut(columns.max(1)).enumerate() {
        let r = (n % rows.max(1)) as i64;
        for (c, to) in row.iter_mut().enumerate() {
            let c = c as i64;
            if (lower >= 0 && r - c > lower) || (upper >= 0 && c - r > upper) {
                *to = T::default();
            }
        }
    }
    make(out, x.dims())
}

/// diagonal, k, rows, columns, padding: matrices that have these diagonals.
pub fn diag(align: Align, inputs: &[&Value]) -> Outcome {
    let (x, k) = (at(inputs, 0)?, at(inputs, 1)?);
    let (low, high) = range(k)?;
    let count = usize::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(usize::MAX);
    let (batch, longest) = match x.dims() {
        [batch @ .., longest] if count == 1 => (batch, *longest),
        [batch @ .., n, longest] if *n == count => (batch, *longest),
        other => return Err(fail(format!("shape {other:?} is not of {count} diagonals"))),
    };
    let least = |k: i64| usize::try_from(k.max(0)).unwrap_or(usize::MAX).saturating_add(longest);
    let (rows, columns) = (least(high.saturating_neg()), least(low));
    let wanted = |n: usize| -> Result<Option<usize>, EngineError> {
        let given = inputs.get(n).map_or(Ok(-1), |v| int(v))?;
        Ok(usize::try_from(given).ok())
    };
    let (rows, columns) = match (wanted(2)?, wanted(3)?) {
        (None, None) => (rows.max(columns), rows.max(columns)),
        (r, c) => (r.unwrap_or(rows), c.unwrap_or(columns)),
    };
    elements(&[batch, &[rows, columns]].concat())?;
    let diagonals = Diagonals::new(k, rows, columns, align)?;
    if diagonals.longest != longest {
        return Err(fail(format!("diagonals of {longest} in a matrix of {rows} by {columns}")));
    }
    let shape = [batch, &[rows, columns]].concat();
    let padding = match inputs.get(4) {
        Some(padding) => super::super::moves::expand(&padding.reshape(&[])?, &shape)?,
        None => super::super::moves::blank(x.kind(), &shape)?,
    };
    by_kind!(x, put(&diagonals, &padding, x))
}

/// The matrices with their diagonals replaced.
fn put<T: Element>(diagonals: &Diagonals, x: &Value, values: &Value) -> Outcome {
    let (mut out, values) = (copied::<T>(x)?, values.slice::<T>()?);
    let (size, own) = (diagonals.rows * diagonals.columns, diagonals.count() * diagonals.longest);
    if size > 0 && own > 0 {
        for (to, from) in out.chunks_exact_mut(size).zip(values.chunks_exact(own)) {
            diagonals.each(|d, m| to[m] = from[d]);
        }
    }
    make(out, x.dims())
}

pub fn set(align: Align, x: &Value, values: &Value, k: &Value) -> Outcome {
    let (batch, rows, columns) = matrix(x)?;
    let diagonals = Diagonals::new(k, rows, columns, align)?;
    if values.dims() != diagonals.shape(batch) || values.kind() != x.kind() {
        return Err(fail(format!("diagonals {:?} of {:?}", values.dims(), x.dims())));
    }
    by_kind!(x, put(&diagonals, x, values))
}

pub fn part(align: Align, x: &Value, k: &Value, padding: &Value) -> Outcome {
    let (batch, rows, columns) = matrix(x)?;
    let diagonals = Diagonals::new(k, rows, columns, align)?;
    let shape = diagonals.shape(batch);
    by_kind!(x, take(&diagonals, x, padding, &shape))
}

fn take<T: Element>(diagonals: &Diagonals, x: &Value, padding: &Value, shape: &[usize]) -> Outcome {
    let padding = padding.slice::<T>()?.first().copied().unwrap_or_default();
    let mut out = output::<T>(shape)?;
    out.fill(padding);
    let (size, own) = (diagonals.rows * diagonals.columns, diagonals.count() * diagonals.longest);
    if size > 0 && own > 0 {
        for (to, from) in out.chunks_exact_mut(own).zip(x.slice::<T>()?.chunks_exact(size)) {
            diagonals.each(|d, m| to[d] = from[m]);
        }
    }
    make(out, shape)
}

/// All elements of a value on the diagonal of one of twice as many axes.
pub fn whole_diag(x: &Value) -> Outcome {
    let shape = [x.dims(), x.dims()].concat();
    elements(&shape)?;
    by_kind!(x, spread(x, &shape))
}

fn spread<T: Element>(x: &Value, shape: &[usize]) -> Outcome {
    let mut out = super::super::access::zeros::<T>(shape)?;
    let from = x.slice::<T>()?;
    from.iter().enumerate().for_each(|(i, v)| out[i * (from.len() + 1)] = *v);
    make(out, shape)
}

/// The way back from [`whole_diag`].
pub fn whole_part(x: &Value) -> Outcome {
    let (first, second) = x.dims().split_at(x.rank() / 2);
    if first != second {
        return Err(fail(format!("shape {:?} has no diagonal", x.dims())));
    }
    by_kind!(x, pick(x, first))
}

fn pick<T: Element>(x: &Value, shape: &[usize]) -> Outcome {
    let (count, from) = (elements(shape)?, x.slice::<T>()?);
    make((0..count).map(|i| from[i * (count + 1)]).collect::<Vec<T>>(), shape)
}
