//! Shapes: asked for, changed, filled.

use super::access::{Element, axis, int, ints, make, sizes, with};
use super::{Outcome, Value, elements, fail};
use crate::EngineError;
use candle_core::DType;

pub fn shape_of(x: &Value) -> Outcome {
    let dims: Vec<i64> = x.dims().iter().map(|d| *d as i64).collect();
    let rank = dims.len();
    make(dims, &[rank])
}

/// One extent may be -1: what is left.
pub fn reshape(x: &Value, shape: &Value) -> Outcome {
    let wanted = ints(shape)?;
    let count = x.elem_count();
    let known = wanted
        .iter()
        .filter(|d| **d != -1)
        .try_fold(1usize, |n, d| usize::try_from(*d).ok().and_then(|d| n.checked_mul(d)));
    let unfit = || fail(format!("shape {:?} cannot become {wanted:?}", x.dims()));
    let known = known.ok_or_else(unfit)?;
    let open = wanted.iter().filter(|d| **d == -1).count();
    let rest = count.checked_div(known).unwrap_or(0);
    if open > 1 || (if open == 1 { rest * known } else { known }) != count {
        return Err(unfit());
    }
    let dims: Vec<usize> = wanted.iter().map(|d| usize::try_from(*d).unwrap_or(rest)).collect();
    Ok(x.reshape(dims)?)
}

pub fn broadcast_to(x: &Value, shape: &Value) -> Outcome {
    expand(x, &sizes(shape)?)
}

/// The value, repeated to a shape.
pub fn expand(x: &Value, shape: &[usize]) -> Outcome {
    elements(shape)?;
    Ok(x.broadcast_as(shape)?.contiguous()?)
}

pub fn transpose(x: &Value, order: &Value) -> Outcome {
    let order: Result<Vec<usize>, _> = ints(order)?.into_iter().map(|a| axis(a, x.rank())).collect();
    Ok(x.permute(order?)?.contiguous()?)
}

pub fn expand_dims(x: &Value, at: &Value) -> Outcome {
    Ok(x.unsqueeze(axis(int(at)?, x.rank() + 1)?)?)
}

pub fn squeeze(x: &Value, dims: &[i64]) -> Outcome {
    let mut drop = vec![false; x.rank()];
    for d in dims {
        drop[axis(*d, x.rank())?] = true;
    }
    let gone = |i: usize, d: usize| if dims.is_empty() { d == 1 } else { drop[i] };
    if x.dims().iter().enumerate().any(|(i, d)| gone(i, *d) && *d != 1) {
        return Err(fail(format!("cannot squeeze axes {dims:?} of shape {:?}", x.dims())));
    }
    let kept: Vec<usize> =
        x.dims().iter().enumerate().filter(|(i, d)| !gone(*i, **d)).map(|(_, d)| *d).collect();
    Ok(x.reshape(kept)?)
}

pub fn fill(shape: &Value, value: &Value) -> Outcome {
    expand(value, &sizes(shape)?)
}

pub fn range(start: &Value, limit: &Value, delta: &Value) -> Outcome {
    if start.dtype() == DType::I64 {
        let (start, limit, delta) = (int(start)?, int(limit)?, int(delta)?);
        let span = i128::from(limit) - i128::from(start);
        let count = if delta == 0 {
            -1
        } else {
            (span + i128::from(delta) - i128::from(delta.signum())) / i128::from(delta)
        };
        let count = usize::try_from(count.max(0)).ok().filter(|_| delta != 0);
        let count = count.ok_or_else(|| fail("a range with steps of 0"))?;
        elements(&[count])?;
        return make((0..count as i64).map(|n| start + n * delta).collect::<Vec<i64>>(), &[count]);
    }
    let one = |v: &Value| with::<f32, _>(v, |v| v.first().copied().unwrap_or(f32::NAN));
    let (start, limit, delta) = (one(start)?, one(limit)?, one(delta)?);
    let count = ((limit - start) / delta).ceil().max(0.0);
    if !count.is_finite() || count > super::MOST_ELEMENTS as f32 {
        return Err(fail("a range without an end"));
    }
    let count = count as usize;
    make((0..count).map(|n| start + n as f32 * delta).collect::<Vec<f32>>(), &[count])
}

pub fn cast(x: &Value, to: crate::DType) -> Outcome {
    use crate::DType as D;
    match to {
        D::F32 | D::F16 | D::BF16 => Ok(x.to_dtype(DType::F32)?),
        D::F64 => Ok(x.to_dtype(DType::F64)?),
        D::Bool => match x.dtype() {
            DType::F32 => not_zero::<f32>(x),
            DType::F64 => not_zero::<f64>(x),
            DType::I64 => not_zero::<i64>(x),
            _ => Ok(x.clone()),
        },
        D::String => Err(fail("a cast to strings")),
        _ => Ok(x.to_dtype(DType::I64)?),
    }
}

fn not_zero<T: Element>(x: &Value) -> Outcome {
    make(with::<T, _>(x, |x| x.iter().map(|x| u8::from(*x != T::default())).collect())?, x.dims())
}

pub fn select(condition: &Value, yes: &Value, no: &Value) -> Outcome {
    let shape = super::elementwise::broadcast_shape(yes.dims(), no.dims())?;
    // The older operation takes a condition for each row.
    let rows = condition.rank() == 1
        && shape.len() > 1
        && condition.dims()[0] == shape[0]
        && condition.dims()[0] != *shape.last().unwrap_or(&0);
    let condition = if rows {
        condition.reshape([vec![shape[0]], vec![1; shape.len() - 1]].concat())?
    } else {
        condition.clone()
    };
    let shape = super::elementwise::broadcast_shape(condition.dims(), &shape)?;
    let (condition, yes, no) = (expand(&condition, &shape)?, expand(yes, &shape)?, expand(no, &shape)?);
    Ok(condition.where_cond(&yes, &no)?)
}

pub fn one_hot(indices: &Value, depth: &Value, on: &Value, off: &Value, at: i64) -> Outcome {
    let depth = usize::try_from(int(depth)?).map_err(|_| fail("a negative depth"))?;
    let at = axis(at, indices.rank() + 1)?;
    let mut shape = indices.dims().to_vec();
    shape.insert(at, depth);
    elements(&shape)?;
    let counted = make((0..depth as i64).collect::<Vec<i64>>(), &[depth])?;
    let mut axis_shape = vec![1; shape.len()];
    axis_shape[at] = depth;
    let hit = super::elementwise::compare(
        crate::graph::Compare::Equal,
        &indices.unsqueeze(at)?,
        &counted.reshape(axis_shape)?,
    )?;
    select(&hit, on, off)
}

/// Sizes of the parts of a split.
pub fn split_sizes(total: usize, wanted: &[i64]) -> Result<Vec<usize>, EngineError> {
    let known: i64 = wanted.iter().filter(|n| **n >= 0).sum();
    let rest = i64::try_from(total).unwrap_or(i64::MAX) - known;
    let parts: Vec<i64> = wanted.iter().map(|n| if *n < 0 { rest } else { *n }).collect();
    if parts.iter().any(|n| *n < 0) || parts.iter().sum::<i64>() != total as i64 {
        return Err(fail(format!("cannot split {total} into {wanted:?}")));
    }
    Ok(parts.into_iter().map(|n| n.unsigned_abs() as usize).collect())
}
