//! Over axes.

use super::form::{Made, Task, fail};
use crate::graph::Reduce;
use crate::kernels::axis;
use crate::value::Kind;
use candle_core::{DType, Tensor};

/// Whether candle can do it with elements of a kind.
pub fn has(kind: Reduce, of: Kind) -> bool {
    match of {
        Kind::F32 | Kind::F64 => matches!(kind, Reduce::Sum | Reduce::Mean | Reduce::Max | Reduce::Min),
        Kind::I64 => matches!(kind, Reduce::Sum | Reduce::Max | Reduce::Min),
        Kind::Bool => matches!(kind, Reduce::All | Reduce::Any | Reduce::Max | Reduce::Min),
        Kind::Text | Kind::List => false,
    }
}

/// x, axes
pub fn reduce(kind: Reduce, keep: bool, task: &Task<'_>) -> Made {
    let x = task.tensor(0)?;
    let mut axes = task.axes(1, x.rank())?;
    axes.sort_unstable();
    axes.dedup();
    if axes.is_empty() {
        return Ok(x.clone());
    }
    if x.elem_count() == 0 {
        return of_nothing(kind, x.dtype(), task);
    }
    let made = match kind {
        Reduce::Sum => x.sum_keepdim(&axes[..])?,
        Reduce::Mean => x.mean_keepdim(&axes[..])?,
        Reduce::Max | Reduce::Any => each(x, &axes, |x, axis| Ok(x.max_keepdim(axis)?))?,
        Reduce::Min | Reduce::All => each(x, &axes, |x, axis| Ok(x.min_keepdim(axis)?))?,
        Reduce::Prod => return Err(fail("a product over axes on the device")),
    };
    if keep {
        return Ok(made);
    }
    let kept = made.dims().iter().enumerate().filter(|(n, _)| !axes.contains(n)).map(|(_, d)| *d);
    Ok(made.reshape(kept.collect::<Vec<usize>>())?)
}

/// What is made of no elements at all.
fn of_nothing(kind: Reduce, dtype: DType, task: &Task<'_>) -> Made {
    let (dims, device) = (task.dims()?, task.device);
    let whole = |least: i64, most: i64| match kind {
        Reduce::Max => least,
        Reduce::Min => most,
        Reduce::All => 1,
        _ => 0,
    };
    Ok(match dtype {
        DType::I64 => Tensor::full(whole(i64::MIN, i64::MAX), dims, device)?,
        DType::U8 => Tensor::full(whole(0, 1), dims, device)?.to_dtype(dtype)?,
        _ => {
            let number = match kind {
                Reduce::Max => f64::NEG_INFINITY,
                Reduce::Min => f64::INFINITY,
                Reduce::Mean => f64::NAN,
                _ => 0.0,
            };
            Tensor::full(number, dims, device)?.to_dtype(dtype)?
        }
    })
}

/// One axis after another.
fn each(x: &Tensor, axes: &[usize], work: impl Fn(&Tensor, usize) -> Made) -> Made {
    axes.iter().try_fold(x.clone(), |x, axis| work(&x, *axis))
}

/// The place of the extreme along an axis: x, axis
pub fn arg_extreme(max: bool, task: &Task<'_>) -> Made {
    let x = task.tensor(0)?;
    let along = task.ints(1)?.first().copied().unwrap_or(0);
    let along = axis(along, x.rank())?;
    let places = if max { x.argmax(along)? } else { x.argmin(along)? };
    Ok(places.to_dtype(DType::I64)?)
}
