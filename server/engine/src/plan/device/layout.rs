//! Images lie channels first on the device, because candle's convolutions want them so, and are seen channels last, as in the graph: a
//! value is a view with its axes in another order, which costs nothing. What is done element by element is done as they lie, so that
//! a network of convolutions never moves its images.

use super::form::{Made, Wrong};
use candle_core::Tensor;

/// Channels last, seen channels first.
pub const FIRST: [usize; 4] = [0, 3, 1, 2];
/// The way back.
pub const LAST: [usize; 4] = [0, 2, 3, 1];

/// An image as convolutions want it.
pub fn channels_first(x: &Tensor) -> Made {
    Ok(x.permute(FIRST)?.contiguous()?)
}

/// An image as the graph sees it.
pub fn channels_last(x: &Tensor) -> Made {
    Ok(x.permute(LAST)?)
}

/// Whether a value is an image that lies channels first.
pub fn lies_first(x: &Tensor) -> bool {
    x.rank() == 4 && !x.is_contiguous() && x.permute(FIRST).is_ok_and(|x| x.is_contiguous())
}

/// The values with their axes as the largest image among them lies; true: they were turned. All have four axes then.
fn turned(values: &[Tensor]) -> Result<Option<Vec<Tensor>>, Wrong> {
    if !values.iter().any(lies_first) || values.iter().any(|v| v.rank() > 4) {
        return Ok(None);
    }
    let turn = |v: &Tensor| {
        if v.rank() == 4 {
            return Ok(v.permute(FIRST)?);
        }
        let dims = [&vec![1; 4 - v.rank()], v.dims()].concat();
        Ok(v.reshape(dims)?.permute(FIRST)?)
    };
    values.iter().map(turn).collect::<Result<_, Wrong>>().map(Some)
}

/// Does something element by element, with broadcasting, on values as they lie.
pub fn as_they_lie(values: &[Tensor], work: impl Fn(&[Tensor]) -> Made) -> Made {
    match turned(values)? {
        Some(turned) => channels_last(&work(&turned)?),
        None => work(values),
    }
}

/// The same along an axis of values that have as many axes; the work is told which axis it is.
pub fn along(values: &[Tensor], axis: usize, work: impl Fn(&[Tensor], usize) -> Made) -> Made {
    match turned(values)? {
        Some(turned) => channels_last(&work(&turned, LAST.get(axis).copied().unwrap_or(axis))?),
        None => work(values, axis),
    }
}
