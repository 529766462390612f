//! Over axes.

use super::form::{Made, Task, fail};
use super::tensors::{full, of_number};
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
        DType::I64 => full(whole(i64::MIN, i64::MAX), dims, device)?,
        DType::U8 => full(u8::from(whole(0, 1) == 1), dims, device)?,
        _ => {
            let number = match kind {
                Reduce::Max => f64::NEG_INFINITY,
                Reduce::Min => f64::INFINITY,
                Reduce::Mean => f64::NAN,
                _ => 0.0,
            };
            of_number(number, dims, dtype, device)?
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
    if x.dim(along)? > IN_ORDER {
        return first_extreme(max, x, along);
    }
    let places = if max { x.argmax(along)? } else { x.argmin(along)? };
    Ok(places.to_dtype(DType::I64)?)
}

/// As many elements as a GPU looks at abreast: of several extremes among more it finds any, not the first.
const IN_ORDER: usize = 1024;

/// The first place of the extreme along an axis of any length.
fn first_extreme(max: bool, x: &Tensor, along: usize) -> Made {
    let (size, device) = (x.dim(along)?, x.device());
    let extreme = if max { x.max_keepdim(along)? } else { x.min_keepdim(along)? };
    let mut axis = vec![1; x.rank()];
    axis[along] = size;
    let places = Tensor::from_vec((0..size as i64).collect(), axis, device)?.broadcast_as(x.dims())?;
    let none = Tensor::full(size as i64, vec![1; x.rank()], device)?;
    let hits = x.broadcast_eq(&extreme)?.where_cond(&places, &none.broadcast_as(x.dims())?)?;
    // Where NaN is the extreme, nothing equals it.
    let found = hits.min_keepdim(along)?;
    let found = found.broadcast_lt(&none)?.where_cond(&found, &found.zeros_like()?)?;
    Ok(found.squeeze(along)?)
}

#[cfg(test)]
mod tests {
    use super::first_extreme;
    use candle_core::{Device, Tensor};

    #[test]
    fn of_several_extremes_the_first_is_found() {
        let rows: Vec<f32> =
            (0..3 * 2000).map(|n| ((n % 2000) / 7 % 50) as f32 * [1., -1., 0.][n / 2000]).collect();
        let x = Tensor::from_vec(rows, (3, 2000), &Device::Cpu).unwrap();
        for (max, wanted) in [(true, [343, 0, 0]), (false, [0, 343, 0])] {
            let made = first_extreme(max, &x, 1).unwrap();
            assert_eq!(made.to_vec1::<i64>().unwrap(), wanted);
            let turned = first_extreme(max, &x.t().unwrap(), 0).unwrap();
            assert_eq!(turned.to_vec1::<i64>().unwrap(), wanted);
        }
        let nan = Tensor::full(f32::NAN, (2, 1500), &Device::Cpu).unwrap();
        assert_eq!(first_extreme(true, &nan, 1).unwrap().to_vec1::<i64>().unwrap(), [0, 0]);
    }
}
