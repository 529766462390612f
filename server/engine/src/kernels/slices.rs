//! Parts of values, by begin, end and step.

use super::access::{axis, ints};
use super::moves::{self, Strided};
use super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::Masks;

/// What happens to one axis.
pub enum Cut {
    Range { begin: i64, end: i64, step: i64 },
    One(i64),
    New,
}

/// NumPy's `x[a:b:c, d, ..., newaxis]`.
pub fn strided(x: &Value, begin: &Value, end: &Value, steps: &Value, masks: &Masks) -> Outcome {
    let cuts = cuts(x.dims(), &ints(begin)?, &ints(end)?, &ints(steps)?, masks)?;
    let mut view = Strided::whole(x.dims());
    let (mut at, mut shape) = (0, crate::value::Dims::new());
    for cut in cuts {
        match cut {
            Cut::New => shape.push(1),
            Cut::One(place) => {
                let place = axis(place, x.dims()[at])?;
                view.cut(at, place, 1, 1);
                at += 1;
            }
            Cut::Range { begin, end, step } => {
                let count = count(begin, end, step);
                view.cut(at, usize::try_from(begin).unwrap_or(0), count, step as isize);
                shape.push(count);
                at += 1;
            }
        }
    }
    moves::view(x, &view)?.reshape(&shape)
}

/// How many places there are from `begin` to before `end`.
pub fn count(begin: i64, end: i64, step: i64) -> usize {
    let span =
        if step > 0 { i128::from(end) - i128::from(begin) } else { i128::from(begin) - i128::from(end) };
    let step = i128::from(step).abs();
    usize::try_from((span + step - 1) / step).unwrap_or(0)
}

/// Lays the specification over the axes: an ellipsis stands for all that are not named.
pub fn cuts(
    dims: &[usize],
    begin: &[i64],
    end: &[i64],
    steps: &[i64],
    m: &Masks,
) -> Result<Vec<Cut>, EngineError> {
    if end.len() != begin.len() || steps.len() != begin.len() {
        return Err(fail("a slice whose begins, ends and steps differ in number"));
    }
    let has = |mask: i64, i: usize| mask >> i & 1 == 1;
    let mut at = 0;
    let mut cuts = Vec::new();
    for named in lay(dims.len(), begin.len(), m)? {
        let size = i64::try_from(dims.get(at).copied().unwrap_or(0));
        let size = size.map_err(|_| fail("a slice of an axis longer than there can be"))?;
        cuts.push(match named {
            Named::New => Cut::New,
            Named::One(i) => Cut::One(begin[i]),
            Named::Whole => Cut::Range { begin: 0, end: size, step: 1 },
            Named::Range(i) => {
                let given = |mask: i64, n: i64| (!has(mask, i)).then_some(n);
                let (begin, end) = (given(m.begin, begin[i]), given(m.end, end[i]));
                let (begin, end) = within(size, begin, end, steps[i])?;
                Cut::Range { begin, end, step: steps[i] }
            }
        });
        at += usize::from(!matches!(named, Named::New));
    }
    Ok(cuts)
}

/// What a specification says of one axis: which of its items does.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// The axis is not named.
    Whole,
    Range(usize),
    One(usize),
    New,
}

/// A specification of so many items for a value of so many axes.
pub fn lay(rank: usize, items: usize, m: &Masks) -> Result<Vec<Named>, EngineError> {
    if items > 32 {
        return Err(fail("a slice whose begins, ends and steps are too many"));
    }
    let has = |mask: i64, i: usize| mask >> i & 1 == 1;
    let named = (0..items).filter(|i| !has(m.ellipsis, *i) && !has(m.new_axis, *i)).count();
    let mut left = rank.checked_sub(named).ok_or_else(|| fail("a slice of more axes than there are"))?;
    let mut laid = Vec::new();
    for i in 0..items {
        if has(m.ellipsis, i) {
            laid.extend(vec![Named::Whole; left]);
            left = 0;
        } else if has(m.new_axis, i) {
            laid.push(Named::New);
        } else if has(m.shrink, i) {
            laid.push(Named::One(i));
        } else {
            laid.push(Named::Range(i));
        }
    }
    laid.extend(vec![Named::Whole; left]);
    Ok(laid)
}

/// Where a range begins and ends on an axis of so many; what is not given is from one end of it to the other.
pub fn within(size: i64, begin: Option<i64>, end: Option<i64>, step: i64) -> Result<(i64, i64), EngineError> {
    if step == 0 {
        return Err(fail("a slice with steps of 0"));
    }
    let clamp = |n: i64| {
        let n = if n < 0 { n.saturating_add(size) } else { n };
        if step > 0 { n.clamp(0, size) } else { n.clamp(-1, size - 1) }
    };
    let (first, last) = if step > 0 { (0, size) } else { (size - 1, -1) };
    Ok((begin.map_or(first, clamp), end.map_or(last, clamp)))
}

/// A size of -1 goes to the end.
pub fn slice(x: &Value, begin: &Value, size: &Value) -> Outcome {
    let (begin, size) = (ints(begin)?, ints(size)?);
    if begin.len() != x.rank() || size.len() != x.rank() {
        return Err(fail("a slice needs a begin and a size for each axis"));
    }
    let mut view = Strided::whole(x.dims());
    for (i, (b, s)) in begin.into_iter().zip(size).enumerate() {
        let total = x.dims()[i] as i64;
        let s = if s == -1 { total.saturating_sub(b) } else { s };
        if b < 0 || s < 0 || b.checked_add(s).is_none_or(|e| e > total) {
            return Err(fail(format!("a slice from {b}, {s} long, of an axis of {total}")));
        }
        view.cut(i, b.unsigned_abs() as usize, s.unsigned_abs() as usize, 1);
    }
    moves::view(x, &view)
}

pub fn reverse(x: &Value, axes: &Value) -> Outcome {
    let mut view = Strided::whole(x.dims());
    for a in ints(axes)? {
        let at = axis(a, x.rank())?;
        let size = x.dims()[at];
        view.cut(at, size.saturating_sub(1), size, -1);
    }
    moves::view(x, &view)
}
