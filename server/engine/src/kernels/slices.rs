//! Parts of values, by begin, end and step.

use super::access::{axis, ints, make};
use super::{Outcome, Value, fail};
use crate::EngineError;
use crate::graph::Masks;

/// What happens to one axis.
enum Cut {
    Range { begin: i64, end: i64, step: i64 },
    One(i64),
    New,
}

/// NumPy's `x[a:b:c, d, ..., newaxis]`.
pub fn strided(x: &Value, begin: &Value, end: &Value, steps: &Value, masks: &Masks) -> Outcome {
    let cuts = cuts(x.dims(), &ints(begin)?, &ints(end)?, &ints(steps)?, masks)?;
    let mut out = x.clone();
    let (mut at, mut shape) = (0, Vec::new());
    for cut in cuts {
        match cut {
            Cut::New => shape.push(1),
            Cut::One(place) => {
                let size = out.dims()[at];
                let place = axis(place, size)?;
                out = out.narrow(at, place, 1)?;
                at += 1;
            }
            Cut::Range { begin, end, step } => {
                out = range(&out, at, begin, end, step)?;
                shape.push(out.dims()[at]);
                at += 1;
            }
        }
    }
    Ok(out.contiguous()?.reshape(shape)?)
}

/// Lays the specification over the axes: an ellipsis stands for all that are not named.
fn cuts(
    dims: &[usize],
    begin: &[i64],
    end: &[i64],
    steps: &[i64],
    m: &Masks,
) -> Result<Vec<Cut>, EngineError> {
    if end.len() != begin.len() || steps.len() != begin.len() || begin.len() > 32 {
        return Err(fail("a slice whose begins, ends and steps differ in number"));
    }
    let has = |mask: i64, i: usize| mask >> i & 1 == 1;
    let named = (0..begin.len()).filter(|i| !has(m.ellipsis, *i) && !has(m.new_axis, *i)).count();
    let mut left =
        dims.len().checked_sub(named).ok_or_else(|| fail("a slice of more axes than there are"))?;
    let (mut cuts, mut at) = (Vec::new(), 0);
    let whole = |cuts: &mut Vec<Cut>, at: &mut usize, count: usize| {
        for size in &dims[*at..*at + count] {
            cuts.push(Cut::Range { begin: 0, end: *size as i64, step: 1 });
        }
        *at += count;
    };
    for i in 0..begin.len() {
        if has(m.ellipsis, i) {
            whole(&mut cuts, &mut at, left);
            left = 0;
        } else if has(m.new_axis, i) {
            cuts.push(Cut::New);
        } else if has(m.shrink, i) {
            cuts.push(Cut::One(begin[i]));
            at += 1;
        } else {
            let (size, step) = (dims[at] as i64, steps[i]);
            if step == 0 {
                return Err(fail("a slice with steps of 0"));
            }
            let clamp = |n: i64| {
                let n = if n < 0 { n.saturating_add(size) } else { n };
                if step > 0 { n.clamp(0, size) } else { n.clamp(-1, size - 1) }
            };
            let (first, last) = if step > 0 { (0, size) } else { (size - 1, -1) };
            let begin = if has(m.begin, i) { first } else { clamp(begin[i]) };
            let end = if has(m.end, i) { last } else { clamp(end[i]) };
            cuts.push(Cut::Range { begin, end, step });
            at += 1;
        }
    }
    let rest = dims.len() - at;
    whole(&mut cuts, &mut at, rest);
    Ok(cuts)
}

fn range(x: &Value, at: usize, begin: i64, end: i64, step: i64) -> Outcome {
    let count =
        if step > 0 { (end - begin + step - 1) / step } else { (begin - end - step - 1) / -step }.max(0);
    if step == 1 {
        let size = x.dims()[at];
        let begin = usize::try_from(begin).unwrap_or(0).min(size);
        return Ok(x.narrow(at, begin, usize::try_from(count).unwrap_or(0))?.contiguous()?);
    }
    let places: Vec<i64> = (0..count).map(|n| begin + n * step).collect();
    pick(x, at, places)
}

/// Some places of an axis.
fn pick(x: &Value, at: usize, places: Vec<i64>) -> Outcome {
    let count = places.len();
    if count == 0 {
        return Ok(x.narrow(at, 0, 0)?.contiguous()?);
    }
    Ok(x.contiguous()?.index_select(&make(places, &[count])?, at)?)
}

/// A size of -1 goes to the end.
pub fn slice(x: &Value, begin: &Value, size: &Value) -> Outcome {
    let (begin, size) = (ints(begin)?, ints(size)?);
    if begin.len() != x.rank() || size.len() != x.rank() {
        return Err(fail("a slice needs a begin and a size for each axis"));
    }
    let mut out = x.clone();
    for (i, (b, s)) in begin.into_iter().zip(size).enumerate() {
        let total = x.dims()[i] as i64;
        let s = if s == -1 { total - b } else { s };
        if b < 0 || s < 0 || b.checked_add(s).is_none_or(|e| e > total) {
            return Err(fail(format!("a slice from {b}, {s} long, of an axis of {total}")));
        }
        out = out.narrow(i, b.unsigned_abs() as usize, s.unsigned_abs() as usize)?;
    }
    Ok(out.contiguous()?)
}

pub fn reverse(x: &Value, axes: &Value) -> Outcome {
    let mut out = x.clone();
    for a in ints(axes)? {
        let at = axis(a, x.rank())?;
        out = pick(&out, at, (0..x.dims()[at] as i64).rev().collect())?;
    }
    Ok(out)
}
