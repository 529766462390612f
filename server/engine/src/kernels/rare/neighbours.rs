//! Pixels and their channels: moved into each other, normalised among each other.

use super::super::access::make;
use super::super::moves::permute;
use super::super::{Outcome, Value, fail};
use crate::value::{Element, Kind};
use num_traits::Float;
use std::iter::Sum;

/// Blocks of pixels become channels.
pub fn space_to_depth(x: &Value, block: usize) -> Outcome {
    let [n, h, w, c] = *x.dims() else { return Err(fail("an image has four axes")) };
    if block == 0 || h % block != 0 || w % block != 0 {
        return Err(fail(format!("an image {:?} in blocks of {block}", x.dims())));
    }
    let (rows, columns) = (h / block, w / block);
    let split = x.reshape(&[n, rows, block, columns, block, c])?;
    permute(&split, &[0, 1, 3, 2, 4, 5])?.reshape(&[n, rows, columns, block * block * c])
}

/// Channels become blocks of pixels.
pub fn depth_to_space(x: &Value, block: usize) -> Outcome {
    let [n, h, w, c] = *x.dims() else { return Err(fail("an image has four axes")) };
    let square = block.checked_mul(block).filter(|s| *s > 0 && c % s == 0);
    let Some(square) = square else { return Err(fail(format!("{c} channels as blocks of {block}"))) };
    let inner = c / square;
    let split = x.reshape(&[n, h, w, block, block, inner])?;
    permute(&split, &[0, 1, 3, 2, 4, 5])?.reshape(&[n, h * block, w * block, inner])
}

/// Each channel divided by a power of the squares of those around it.
pub fn lrn(x: &Value, around: [i64; 2], bias: f32, alpha: f32, beta: f32) -> Outcome {
    match x.kind() {
        Kind::F64 => normalised::<f64>(x, around, bias, alpha, beta),
        _ => normalised::<f32>(x, around, bias, alpha, beta),
    }
}

fn normalised<T: Element + Float + From<f32> + Sum>(
    x: &Value,
    around: [i64; 2],
    bias: f32,
    alpha: f32,
    beta: f32,
) -> Outcome {
    let Some(c) = x.dims().last().copied().filter(|c| *c > 0) else { return Ok(x.clone()) };
    let [before, after] = around.map(|n| usize::try_from(n).unwrap_or(0));
    let [bias, alpha, beta] = [bias, alpha, beta].map(<T as From<f32>>::from);
    let mut out = x.slice::<T>()?.to_vec();
    let mut squares = vec![T::zero(); c];
    for row in out.chunks_exact_mut(c) {
        squares.iter_mut().zip(row.iter()).for_each(|(s, x)| *s = *x * *x);
        for (i, x) in row.iter_mut().enumerate() {
            let around = &squares[i.saturating_sub(before)..i.saturating_add(after).saturating_add(1).min(c)];
            *x = *x * (bias + alpha * around.iter().copied().sum::<T>()).powf(-beta);
        }
    }
    make(out, x.dims())
}
