//! Shapes: asked for, changed, filled.

use super::access::{Element, axis, int, ints, make, sizes};
use super::moves;
use super::{Outcome, Value, elements, fail};
use crate::EngineError;
use crate::value::Kind;
use num_traits::Float;

pub fn shape_of(x: &Value) -> Outcome {
    // A list stands for an array of what its items are.
    if let Ok(list) = x.items() {
        return make(vec![list.items.len() as i64], &[1]);
    }
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
    x.reshape(&dims)
}

pub fn broadcast_to(x: &Value, shape: &Value) -> Outcome {
    expand(x, &sizes(shape)?)
}

/// The value, repeated to a shape.
pub fn expand(x: &Value, shape: &[usize]) -> Outcome {
    moves::expand(x, shape)
}

pub fn transpose(x: &Value, order: &Value) -> Outcome {
    let order: Result<Vec<usize>, _> = ints(order)?.into_iter().map(|a| axis(a, x.rank())).collect();
    moves::permute(x, &order?)
}

pub fn expand_dims(x: &Value, at: &Value) -> Outcome {
    unsqueeze(x, axis(int(at)?, x.rank() + 1)?)
}

/// A new axis of extent 1.
pub fn unsqueeze(x: &Value, at: usize) -> Outcome {
    let mut dims: crate::value::Dims = x.dims().into();
    dims.insert(at, 1);
    x.reshape(&dims)
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
    x.reshape(&kept)
}

pub fn fill(shape: &Value, value: &Value) -> Outcome {
    expand(value, &sizes(shape)?)
}

pub fn range(start: &Value, limit: &Value, delta: &Value) -> Outcome {
    if start.kind() == Kind::I64 {
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
        // What is between does not have to fit, the results do.
        let at = |n: i64| start.wrapping_add(n.wrapping_mul(delta));
        return make((0..count as i64).map(at).collect::<Vec<i64>>(), &[count]);
    }
    if start.kind() == Kind::F64 {
        return steps(super::MOST_ELEMENTS as f64, floats::<f64>([start, limit, delta])?);
    }
    steps(super::MOST_ELEMENTS as f32, floats::<f32>([start, limit, delta])?)
}

fn floats<T: Element + Float>(values: [&Value; 3]) -> Result<[T; 3], EngineError> {
    let mut all = [T::nan(); 3];
    for (to, value) in all.iter_mut().zip(values) {
        *to = value.slice::<T>()?.first().copied().unwrap_or_else(T::nan);
    }
    Ok(all)
}

fn steps<T: Element + Float>(most: T, [start, limit, delta]: [T; 3]) -> Outcome {
    let count = Float::max(((limit - start) / delta).ceil(), T::zero());
    let whole = count.to_usize().filter(|_| count <= most && !((limit - start) / delta).is_nan());
    let count = whole.ok_or_else(|| fail("a range without an end"))?;
    let at = |n: usize| start + T::from(n).unwrap_or_else(T::nan) * delta;
    make((0..count).map(at).collect::<Vec<T>>(), &[count])
}

pub fn cast(x: &Value, to: crate::DType) -> Outcome {
    use crate::DType as D;
    match to {
        D::F32 => to_floats::<f32>(x),
        // Computed in 32 bits, but no finer than the type is.
        D::F16 => rounded(&to_floats::<f32>(x)?, |x| half::f16::from_f32(x).to_f32()),
        D::BF16 => rounded(&to_floats::<f32>(x)?, |x| half::bf16::from_f32(x).to_f32()),
        D::F64 => to_floats::<f64>(x),
        D::Bool => match x.kind() {
            Kind::F32 => not_zero::<f32>(x),
            Kind::F64 => not_zero::<f64>(x),
            Kind::I64 => not_zero::<i64>(x),
            Kind::Bool => Ok(x.clone()),
            _ => Err(fail("a cast from strings")),
        },
        D::String => Err(fail("a cast to strings")),
        D::I64 | D::U64 => to_integers(x, to),
        _ => {
            let x = to_integers(x, to)?;
            let wrapped: Vec<i64> = x.slice::<i64>()?.iter().map(|n| wrap(*n, to)).collect();
            make(wrapped, x.dims())
        }
    }
}

fn to_floats<T: Element + num_traits::NumCast>(x: &Value) -> Outcome {
    fn all<F: Element + num_traits::ToPrimitive, T: Element + num_traits::NumCast>(x: &Value) -> Outcome {
        let nan = || T::default();
        make(x.slice::<F>()?.iter().map(|x| T::from(*x).unwrap_or_else(nan)).collect::<Vec<T>>(), x.dims())
    }
    if x.kind() == T::KIND {
        return Ok(x.clone());
    }
    match x.kind() {
        Kind::F32 => all::<f32, T>(x),
        Kind::F64 => all::<f64, T>(x),
        Kind::I64 => all::<i64, T>(x),
        Kind::Bool => all::<u8, T>(x),
        _ => Err(fail("a cast from strings")),
    }
}

fn to_integers(x: &Value, to: crate::DType) -> Outcome {
    match x.kind() {
        Kind::I64 => Ok(x.clone()),
        Kind::F32 => {
            let whole = x.slice::<f32>()?.iter().map(|x| towards_zero(f64::from(*x), to));
            make(whole.collect::<Vec<i64>>(), x.dims())
        }
        Kind::F64 => {
            let whole = x.slice::<f64>()?.iter().map(|x| towards_zero(*x, to));
            make(whole.collect::<Vec<i64>>(), x.dims())
        }
        Kind::Bool => make(x.slice::<u8>()?.iter().map(|x| i64::from(*x)).collect::<Vec<i64>>(), x.dims()),
        _ => Err(fail("a cast from strings")),
    }
}

/// Towards zero. What does not fit, NaN too, is the least number, as x86 processors have it; narrow types are cut from 32 bits.
fn towards_zero(x: f64, to: crate::DType) -> i64 {
    use crate::DType as D;
    let wide = matches!(to, D::I64 | D::U64 | D::U32);
    let (least, bound) =
        if wide { (i64::MIN, -(i64::MIN as f64)) } else { (i64::from(i32::MIN), 2_147_483_648.0) };
    let whole = x.trunc();
    if whole >= -bound && whole < bound { whole as i64 } else { least }
}

fn rounded(x: &Value, f: impl Fn(f32) -> f32) -> Outcome {
    make(x.slice::<f32>()?.iter().map(|x| f(*x)).collect::<Vec<f32>>(), x.dims())
}

/// What is left of an integer in a narrower type.
fn wrap(n: i64, to: crate::DType) -> i64 {
    use crate::DType as D;
    match to {
        D::I8 => i64::from(n as i8),
        D::I16 => i64::from(n as i16),
        D::I32 => i64::from(n as i32),
        D::U8 => i64::from(n as u8),
        D::U16 => i64::from(n as u16),
        D::U32 => i64::from(n as u32),
        _ => n,
    }
}

fn not_zero<T: Element>(x: &Value) -> Outcome {
    make(x.slice::<T>()?.iter().map(|x| u8::from(*x != T::default())).collect::<Vec<u8>>(), x.dims())
}

pub fn select(condition: &Value, yes: &Value, no: &Value) -> Outcome {
    let shape = super::elementwise::broadcast_shape(yes.dims(), no.dims())?;
    // The older operation takes a condition for each row.
    let rows = condition.rank() == 1
        && shape.len() > 1
        && condition.dims()[0] == shape[0]
        && condition.dims()[0] != *shape.last().unwrap_or(&0);
    let condition = if rows {
        condition.reshape(&[vec![shape[0]], vec![1; shape.len() - 1]].concat())?
    } else {
        condition.clone()
    };
    let shape = super::elementwise::broadcast_shape(condition.dims(), &shape)?;
    let (condition, yes, no) = (expand(&condition, &shape)?, expand(yes, &shape)?, expand(no, &shape)?);
    moves::choose(&condition, &yes, &no)
}

pub fn one_hot(indices: &Value, depth: &Value, on: &Value, off: &Value, at: i64) -> Outcome {
    let depth = usize::try_from(int(depth)?).map_err(|_| fail("a negative depth"))?;
    let at = axis(at, indices.rank() + 1)?;
    let mut shape = indices.dims().to_vec();
    shape.insert(at, depth);
    elements(&shape)?;
    elements(&[depth])?;
    let counted = make((0..depth as i64).collect::<Vec<i64>>(), &[depth])?;
    let mut axis_shape = vec![1; shape.len()];
    axis_shape[at] = depth;
    let hit = super::elementwise::compare(
        crate::graph::Compare::Equal,
        &unsqueeze(indices, at)?,
        &counted.reshape(&axis_shape)?,
    )?;
    select(&hit, on, off)
}

/// Sizes of the parts of a split.
pub fn split_sizes(total: usize, wanted: &[i64]) -> Result<Vec<usize>, EngineError> {
    let unfit = || fail(format!("cannot split {total} into {wanted:?}"));
    let known = wanted.iter().filter_map(|n| usize::try_from(*n).ok()).try_fold(0usize, usize::checked_add);
    let open = wanted.iter().filter(|n| **n < 0).count();
    let rest = known.and_then(|k| total.checked_sub(k)).ok_or_else(unfit)?;
    if open > 1 || (open == 0 && rest > 0) {
        return Err(unfit());
    }
    Ok(wanted.iter().map(|n| usize::try_from(*n).unwrap_or(rest)).collect())
}
