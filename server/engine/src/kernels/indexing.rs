//! Gathering, padding, tiling, and the moves between space and batch.

use super::access::{axis, int, ints, sizes};
use super::moves::{blank, cat, index_select, narrow, permute};
use super::{Outcome, Value, elements, fail};
use crate::EngineError;

/// The slices of `x` along an axis that the indices name.
pub fn gather(x: &Value, indices: &Value, along: &Value, batch_dims: i64) -> Outcome {
    if batch_dims != 0 {
        return super::rare::gather_batched(x, indices, int(along)?, batch_dims);
    }
    let at = axis(int(along)?, x.rank())?;
    let shape = [&x.dims()[..at], indices.dims(), &x.dims()[at + 1..]].concat();
    elements(&shape)?;
    index_select(x, indices.slice()?, at)?.reshape(&shape)
}

fn pairs(paddings: &Value, rank: usize) -> Result<Vec<(usize, usize)>, EngineError> {
    let flat = sizes(paddings)?;
    if flat.len() != rank * 2 {
        return Err(fail(format!("{} paddings for {rank} axes", flat.len() / 2)));
    }
    Ok(flat.as_chunks::<2>().0.iter().map(|[a, b]| (*a, *b)).collect())
}

pub fn pad(x: &Value, paddings: &Value, value: Option<&Value>) -> Outcome {
    let mut out = x.clone();
    for (i, (before, after)) in pairs(paddings, x.rank())?.into_iter().enumerate() {
        let block = |count: usize, like: &Value| {
            let mut shape = like.dims().to_vec();
            shape[i] = count;
            elements(&shape)?;
            match value {
                Some(value) => super::shapes::expand(value, &shape),
                None => blank(x.kind(), &shape),
            }
        };
        let mut parts = Vec::new();
        if before > 0 {
            parts.push(block(before, &out)?);
        }
        parts.push(out.clone());
        if after > 0 {
            parts.push(block(after, &out)?);
        }
        if parts.len() > 1 {
            let mut shape = out.dims().to_vec();
            shape[i] = shape[i].saturating_add(before).saturating_add(after);
            elements(&shape)?;
            out = cat(&parts.iter().collect::<Vec<_>>(), i)?;
        }
    }
    Ok(out)
}

/// The border is a mirror; `symmetric`: the edge is in it too.
pub fn mirror_pad(x: &Value, paddings: &Value, symmetric: bool) -> Outcome {
    let mut out = x.clone();
    for (i, (before, after)) in pairs(paddings, x.rank())?.into_iter().enumerate() {
        let size = out.dims()[i];
        let skip = usize::from(!symmetric);
        if before.max(after) + skip > size {
            return Err(fail(format!("a mirror of {before} and {after} on an axis of {size}")));
        }
        if before == 0 && after == 0 {
            continue;
        }
        let places: Vec<i64> = (0..before)
            .rev()
            .map(|n| n + skip)
            .chain(0..size)
            .chain((0..after).map(|n| size - 1 - skip - n))
            .map(|n| n as i64)
            .collect();
        out = index_select(&out, &places, i)?;
    }
    Ok(out)
}

pub fn tile(x: &Value, repeats: &Value) -> Outcome {
    let repeats = sizes(repeats)?;
    if repeats.len() != x.rank() {
        return Err(fail(format!("{} repeats for {} axes", repeats.len(), x.rank())));
    }
    let shape: Option<Vec<usize>> = x.dims().iter().zip(&repeats).map(|(d, r)| d.checked_mul(*r)).collect();
    let shape = shape.ok_or_else(|| fail("a tile too large"))?;
    if elements(&shape)? == 0 {
        return blank(x.kind(), &shape);
    }
    let mut out = x.clone();
    for (i, count) in repeats.into_iter().enumerate() {
        out = match count {
            0 => narrow(&out, i, 0, 0)?,
            1 => out,
            _ => cat(&vec![&out; count], i)?,
        };
    }
    Ok(out)
}

/// Blocks of pixels become images of their own.
pub fn space_to_batch(x: &Value, block: &Value, paddings: &Value) -> Outcome {
    let block = sizes(block)?;
    let axes = block.len();
    let (dims, rank) = (x.dims(), x.rank());
    if rank < axes + 1 || block.contains(&0) {
        return Err(fail("blocks of more axes than the image has"));
    }
    let around = [vec![0, 0], ints(paddings)?, vec![0; 2 * (rank - axes - 1)]].concat();
    let count = around.len();
    let x = pad(x, &super::access::make(around, &[count])?, None)?;
    let mut split = vec![dims[0]];
    for (i, b) in block.iter().enumerate() {
        let size = x.dims()[i + 1];
        if size % b != 0 {
            return Err(fail(format!("an axis of {size} in blocks of {b}")));
        }
        split.extend([size / b, *b]);
    }
    split.extend(&dims[axes + 1..]);
    let order: Vec<usize> = (0..axes)
        .map(|i| 2 * i + 2)
        .chain([0])
        .chain((0..axes).map(|i| 2 * i + 1))
        .chain(2 * axes + 1..split.len())
        .collect();
    let images = dims[0] * block.iter().product::<usize>();
    let spatial: Vec<usize> = (0..axes).map(|i| split[2 * i + 1]).collect();
    let shape = [vec![images], spatial, dims[axes + 1..].to_vec()].concat();
    permute(&x.reshape(&split)?, &order)?.reshape(&shape)
}

/// The way back from [`space_to_batch`].
pub fn batch_to_space(x: &Value, block: &Value, crops: &Value) -> Outcome {
    let (block, crops) = (sizes(block)?, sizes(crops)?);
    let (dims, axes) = (x.dims(), block.len());
    let blocks = elements(&block)?;
    if dims.len() < axes + 1 || blocks == 0 || dims[0] % blocks != 0 || crops.len() != 2 * axes {
        return Err(fail(format!("images {dims:?} are no blocks of {block:?}")));
    }
    let split = [block.clone(), vec![dims[0] / blocks], dims[1..].to_vec()].concat();
    let order: Vec<usize> = [axes]
        .into_iter()
        .chain((0..axes).flat_map(|i| [axes + 1 + i, i]))
        .chain(2 * axes + 1..split.len())
        .collect();
    let spatial: Vec<usize> = (0..axes).map(|i| dims[i + 1] * block[i]).collect();
    let shape = [vec![dims[0] / blocks], spatial, dims[axes + 1..].to_vec()].concat();
    let mut out = permute(&x.reshape(&split)?, &order)?.reshape(&shape)?;
    for i in 0..axes {
        let size = out.dims()[i + 1];
        let kept = size.checked_sub(crops[2 * i]).and_then(|s| s.checked_sub(crops[2 * i + 1]));
        let kept = kept.ok_or_else(|| fail("crops larger than the image"))?;
        out = narrow(&out, i + 1, crops[2 * i], kept)?;
    }
    Ok(out)
}
