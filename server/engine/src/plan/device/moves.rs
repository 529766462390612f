//! What computes nothing but places and shapes. Views cost nothing: a transpose, a part, a repetition is copied by whoever needs it
//! together.

use super::form::{Made, Task, Tensors, Wrong, fail};
use super::layout::along;
use super::tensors::of_number;
use crate::graph::{Masks, Op};
use crate::kernels::slices::{self, Cut};
use crate::kernels::{axis, split_sizes};
use crate::value::Kind;
use candle_core::{DType, Tensor};

/// The same elements in the shape that the rule foretold.
pub fn reshape(task: &Task<'_>) -> Made {
    Ok(task.tensor(0)?.reshape(task.dims()?)?)
}

/// Repeated to a shape; `x` is the operand that is repeated.
pub fn spread(task: &Task<'_>, x: usize) -> Made {
    Ok(task.tensor(x)?.broadcast_as(task.dims()?)?)
}

/// x, permutation
pub fn transpose(task: &Task<'_>) -> Made {
    let x = task.tensor(0)?;
    Ok(x.permute(task.axes(1, x.rank())?)?)
}

/// xs…, axis
pub fn concat(task: &Task<'_>) -> Made {
    let (parts, last) = (task.tensors(), task.args.len().saturating_sub(1));
    let rank = parts.first().map_or(0, Tensor::rank);
    let at = axis(task.ints(last)?.first().copied().unwrap_or(0), rank)?;
    side_by_side(&parts, at)
}

/// Values beside each other along an axis.
pub fn side_by_side(parts: &[Tensor], at: usize) -> Made {
    let there: Vec<Tensor> = parts.iter().filter(|p| p.elem_count() > 0).cloned().collect();
    match (&there[..], parts.first()) {
        ([], Some(first)) => Ok(first.clone()),
        ([], None) => Err(fail("a concatenation of nothing")),
        (there, _) => along(there, at, |parts, at| Ok(Tensor::cat(parts, at)?)),
    }
}

/// Values of one shape along a new axis.
pub fn pack(task: &Task<'_>, at: i64) -> Made {
    let parts = task.tensors();
    let at = axis(at, parts.first().map_or(0, Tensor::rank) + 1)?;
    Ok(Tensor::stack(&parts, at)?)
}

/// Parts along an axis.
pub fn split(op: &Op, task: &Task<'_>) -> Tensors {
    let x = task.tensor(0)?;
    let told = |n: usize| Ok::<_, Wrong>(task.ints(n)?.first().copied().unwrap_or(0));
    let (at, sizes) = match op {
        Op::Split(count) => {
            let at = axis(told(1)?, x.rank())?;
            let size = x.dims()[at];
            if *count == 0 || !size.is_multiple_of(*count) {
                return Err(fail(format!("cannot split {size} into {count} equal parts")));
            }
            (at, vec![size / count; *count])
        }
        Op::SplitSizes(count) => {
            let at = axis(told(2)?, x.rank())?;
            let sizes = split_sizes(x.dims()[at], task.ints(1)?)?;
            if sizes.len() != *count {
                return Err(fail("a split with another number of parts than outputs"));
            }
            (at, sizes)
        }
        Op::Unpack(at, count) => {
            let at = axis(*at, x.rank())?;
            if x.dims()[at] != *count {
                return Err(fail(format!("cannot unpack {:?} into {count}", x.dims())));
            }
            (at, vec![1; *count])
        }
        _ => return Err(fail("not a split")),
    };
    let mut from = 0;
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        let part = x.narrow(at, from, size)?;
        parts.push(if matches!(op, Op::Unpack(..)) { part.squeeze(at)? } else { part });
        from += size;
    }
    Ok(parts)
}

/// x, begin, end, strides
pub fn strided(task: &Task<'_>, masks: &Masks) -> Made {
    let x = task.tensor(0)?;
    let cuts = slices::cuts(x.dims(), task.ints(1)?, task.ints(2)?, task.ints(3)?, masks)?;
    let (mut x, mut at) = (x.clone(), 0);
    for cut in cuts {
        match cut {
            Cut::New => x = x.unsqueeze(at)?,
            Cut::One(place) => {
                x = x.narrow(at, axis(place, x.dims()[at])?, 1)?.squeeze(at)?;
                continue;
            }
            Cut::Range { begin, end, step } => {
                let count = slices::count(begin, end, step);
                x = part(&x, at, usize::try_from(begin).unwrap_or(0), count, step, task)?;
            }
        }
        at += 1;
    }
    Ok(x)
}

/// Places of an axis in steps.
fn part(x: &Tensor, at: usize, begin: usize, count: usize, step: i64, task: &Task<'_>) -> Made {
    if step == 1 || count == 0 {
        return Ok(x.narrow(at, begin.min(x.dims()[at]), count)?);
    }
    let place = |n: usize| begin.saturating_add_signed((n as isize).saturating_mul(step as isize));
    let places: Vec<usize> = (0..count).map(place).collect();
    if places.iter().any(|p| *p >= x.dims()[at]) {
        return Err(fail("a slice beyond its axis"));
    }
    pick(x, &places, at, task)
}

/// Some places of an axis, which are there.
pub fn pick(x: &Tensor, places: &[usize], at: usize, task: &Task<'_>) -> Made {
    Ok(x.contiguous()?.index_select(&task.places(places)?, at)?)
}

/// x, begin, size
pub fn slice(task: &Task<'_>) -> Made {
    let mut x = task.tensor(0)?.clone();
    let (begin, size) = (task.ints(1)?, task.ints(2)?);
    if begin.len() != x.rank() || size.len() != x.rank() {
        return Err(fail("a slice needs a begin and a size for each axis"));
    }
    for (at, (begin, size)) in begin.iter().zip(size).enumerate() {
        let total = x.dims()[at];
        let whole = usize::try_from(*begin).ok().filter(|b| *b <= total);
        let size = if *size == -1 { whole.map(|b| total - b) } else { usize::try_from(*size).ok() };
        let fits = whole.zip(size).filter(|(b, s)| b.checked_add(*s).is_some_and(|end| end <= total));
        let (begin, size) =
            fits.ok_or_else(|| fail(format!("a slice from {begin} of an axis of {total}")))?;
        x = x.narrow(at, begin, size)?;
    }
    Ok(x)
}

/// x, axes
pub fn reverse(task: &Task<'_>) -> Made {
    let mut x = task.tensor(0)?.clone();
    for a in task.ints(1)? {
        let at = axis(*a, x.rank())?;
        let places: Vec<usize> = (0..x.dims()[at]).rev().collect();
        x = pick(&x, &places, at, task)?;
    }
    Ok(x)
}

/// x, repeats
pub fn tile(task: &Task<'_>) -> Made {
    // The rule compared their number with that of the axes.
    let repeats = task.ints(1)?.iter().map(|n| usize::try_from(*n).map_err(|_| fail("a size is negative")));
    let mut x = task.tensor(0)?.clone();
    for (at, count) in repeats.collect::<Result<Vec<_>, _>>()?.into_iter().enumerate() {
        if count != 1 {
            x = side_by_side(&vec![x; count], at)?;
        }
    }
    Ok(x)
}

/// Before and after each axis.
fn pairs(paddings: &[i64], rank: usize) -> Result<Vec<[usize; 2]>, Wrong> {
    let sizes = paddings.iter().map(|n| usize::try_from(*n).map_err(|_| fail("a size is negative")));
    let sizes = sizes.collect::<Result<Vec<_>, _>>()?;
    if sizes.len() != rank * 2 {
        return Err(fail(format!("{} paddings for {rank} axes", sizes.len() / 2)));
    }
    Ok(sizes.as_chunks::<2>().0.to_vec())
}

/// x, paddings, value?
pub fn pad(task: &Task<'_>) -> Made {
    let mut x = task.tensor(0)?.clone();
    let value = if task.args.len() > 2 { number(task.told(2)?)? } else { 0.0 };
    for (at, around) in pairs(task.ints(1)?, x.rank())?.into_iter().enumerate() {
        let border = |size: usize| {
            let mut dims = x.dims().to_vec();
            dims[at] = size;
            of_number(value, &dims, x.dtype(), task.device)
        };
        let mut parts = vec![x.clone()];
        if around[0] > 0 {
            parts.insert(0, border(around[0])?);
        }
        if around[1] > 0 {
            parts.push(border(around[1])?);
        }
        if parts.len() > 1 {
            x = side_by_side(&parts, at)?;
        }
    }
    Ok(x)
}

/// One number of any type.
fn number(value: &crate::value::Value) -> Result<f64, Wrong> {
    let first = match value.kind() {
        Kind::F32 => value.slice::<f32>()?.first().map(|x| f64::from(*x)),
        Kind::F64 => value.slice::<f64>()?.first().copied(),
        Kind::I64 => value.slice::<i64>()?.first().map(|x| *x as f64),
        _ => value.slice::<u8>()?.first().map(|x| f64::from(*x)),
    };
    first.ok_or_else(|| fail("expected a number, got none"))
}

/// The border is a mirror: x, paddings
pub fn mirror(task: &Task<'_>, symmetric: bool) -> Made {
    let mut x = task.tensor(0)?.clone();
    let skip = usize::from(!symmetric);
    for (at, [before, after]) in pairs(task.ints(1)?, x.rank())?.into_iter().enumerate() {
        let size = x.dims()[at];
        if before.max(after) + skip > size {
            return Err(fail(format!("a mirror of {before} and {after} on an axis of {size}")));
        }
        if before + after > 0 {
            let front = (0..before).rev().map(|n| n + skip);
            let places = front.chain(0..size).chain((0..after).map(|n| size - 1 - skip - n));
            x = pick(&x, &places.collect::<Vec<_>>(), at, task)?;
        }
    }
    Ok(x)
}

/// indices, depth, on, off
pub fn one_hot(task: &Task<'_>, at: i64) -> Made {
    let indices = task.tensor(0)?;
    let at = axis(at, indices.rank() + 1)?;
    let depth = *task.dims()?.get(at).ok_or_else(|| fail("a depth is missing"))?;
    let mut dims = vec![1; indices.rank() + 1];
    dims[at] = depth;
    let counted: Vec<i64> = (0..depth as i64).collect();
    let counted = Tensor::from_vec(counted, dims, task.device)?;
    let hit = indices.to_dtype(DType::I64)?.unsqueeze(at)?.broadcast_eq(&counted)?;
    super::elementwise::select(&hit, task.tensor(2)?, task.tensor(3)?)
}
