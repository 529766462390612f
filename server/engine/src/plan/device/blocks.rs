//! Blocks of pixels that become images of their own, as dilated convolutions are sometimes written, and the way back.

use super::form::{Made, Task, Wrong, fail};
use crate::kernels::elements;
use candle_core::Tensor;

fn sizes(told: &[i64]) -> Result<Vec<usize>, Wrong> {
    told.iter().map(|n| usize::try_from(*n).map_err(|_| fail("a size is negative"))).collect()
}

/// x, block shape, paddings
pub fn space_to_batch(task: &Task<'_>) -> Made {
    let (block, around) = (sizes(task.ints(1)?)?, sizes(task.ints(2)?)?);
    let mut x = task.tensor(0)?.clone();
    let axes = block.len();
    if x.rank() < axes + 1 || block.contains(&0) || around.len() != 2 * axes {
        return Err(fail("blocks of more axes than the image has"));
    }
    let pairs = around.as_chunks::<2>().0;
    let mut padded = x.dims().to_vec();
    for (size, pair) in padded.iter_mut().skip(1).zip(pairs) {
        *size = size.saturating_add(pair[0]).saturating_add(pair[1]);
    }
    elements(&padded)?;
    for (n, pair) in pairs.iter().enumerate() {
        x = x.pad_with_zeros(n + 1, pair[0], pair[1])?;
    }
    let dims = x.dims().to_vec();
    let mut split = vec![dims[0]];
    for (size, block) in dims[1..].iter().zip(&block) {
        if !size.is_multiple_of(*block) {
            return Err(fail(format!("an axis of {size} in blocks of {block}")));
        }
        split.extend([size / block, *block]);
    }
    split.extend(&dims[axes + 1..]);
    let inner = (0..axes).map(|n| 2 * n + 1);
    let order = (0..axes).map(|n| 2 * n + 2).chain([0]).chain(inner).chain(2 * axes + 1..split.len());
    let images = dims[0].saturating_mul(elements(&block)?);
    let shape = std::iter::once(images)
        .chain((0..axes).map(|n| split[2 * n + 1]))
        .chain(dims[axes + 1..].iter().copied())
        .collect::<Vec<_>>();
    moved(&x, split.clone(), order.collect(), shape)
}

/// x, block shape, crops
pub fn batch_to_space(task: &Task<'_>) -> Made {
    let (block, crops) = (sizes(task.ints(1)?)?, sizes(task.ints(2)?)?);
    let x = task.tensor(0)?;
    let (dims, axes) = (x.dims().to_vec(), block.len());
    let blocks = elements(&block)?;
    if dims.len() < axes + 1 || blocks == 0 || !dims[0].is_multiple_of(blocks) || crops.len() != 2 * axes {
        return Err(fail(format!("images {dims:?} are no blocks of {block:?}")));
    }
    let split = [&block[..], &[dims[0] / blocks], &dims[1..]].concat();
    let pairs = (0..axes).flat_map(|n| [axes + 1 + n, n]);
    let order = std::iter::once(axes).chain(pairs).chain(2 * axes + 1..split.len());
    let shape = std::iter::once(dims[0] / blocks)
        .chain((0..axes).map(|n| dims[n + 1] * block[n]))
        .chain(dims[axes + 1..].iter().copied())
        .collect::<Vec<_>>();
    let mut out = moved(x, split.clone(), order.collect(), shape)?;
    for (n, crop) in crops.as_chunks::<2>().0.iter().enumerate() {
        let kept = out.dims()[n + 1].checked_sub(crop[0]).and_then(|size| size.checked_sub(crop[1]));
        let kept = kept.ok_or_else(|| fail("crops larger than the image"))?;
        out = out.narrow(n + 1, crop[0], kept)?;
    }
    Ok(out)
}

fn moved(x: &Tensor, split: Vec<usize>, order: Vec<usize>, shape: Vec<usize>) -> Made {
    Ok(x.reshape(split)?.permute(order)?.reshape(shape)?)
}
