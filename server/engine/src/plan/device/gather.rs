//! What is picked by places: slices by indices, and the pixels of an image that is scaled. Indices are read on the host, where they
//! are compared with the axis before the device sees them: it would read whatever lies there.

use super::form::{Made, Task, Wrong, fail};
use super::moves::pick;
use crate::graph::Resize;
use crate::kernels::{Tap, axis, taps};
use candle_core::{DType, Tensor};

/// x, indices, axis
pub fn gather(task: &Task<'_>) -> Made {
    let x = task.tensor(0)?;
    let at = axis(task.ints(2)?.first().copied().unwrap_or(0), x.rank())?;
    let (size, indices) = (x.dims()[at], task.told(1)?);
    let place = |n: &i64| {
        let place = usize::try_from(*n).ok().filter(|p| *p < size);
        place.ok_or_else(|| fail(format!("index {n} is not in [0, {size})")))
    };
    let places = indices.slice::<i64>()?.iter().map(place).collect::<Result<Vec<_>, Wrong>>()?;
    let shape = [&x.dims()[..at], indices.dims(), &x.dims()[at + 1..]].concat();
    Ok(pick(x, &places, at, task)?.reshape(shape)?)
}

/// x, size
pub fn resize(task: &Task<'_>, how: &Resize) -> Made {
    let dims = task.dims()?;
    let mut x = task.tensor(0)?.clone();
    let [_, height, width, _] = *x.dims() else {
        return Err(fail("a resize needs an image and its new height and width"));
    };
    let [_, to_height, to_width, _] = *dims else { return Err(fail("a resize to no image")) };
    if height == 0 || width == 0 {
        return Err(fail("a resize of an empty image"));
    }
    for (at, size, out) in [(1, height, to_height), (2, width, to_width)] {
        let taps = taps(how, size, out);
        let places = |which: fn(&Tap) -> usize| taps.iter().map(which).collect::<Vec<usize>>();
        let low = pick(&x, &places(|t| t.0), at, task)?;
        x = if how.bilinear {
            let shares: Vec<f32> = taps.iter().map(|t| t.2).collect();
            let mut shape = [1; 4];
            shape[at] = out;
            let shares = Tensor::from_vec(shares, shape.to_vec(), task.device)?;
            let low = low.to_dtype(DType::F32)?;
            let high = pick(&x, &places(|t| t.1), at, task)?.to_dtype(DType::F32)?;
            low.add(&high.sub(&low)?.broadcast_mul(&shares)?)?
        } else {
            low
        };
    }
    Ok(x)
}
