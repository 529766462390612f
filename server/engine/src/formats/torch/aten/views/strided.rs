//! Views that pick elements by their numbers.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, place};
use super::super::super::value::{Result, Val, broken};
use super::super::Outcome;
use super::super::grids::windows;
use crate::DType;
use crate::graph::{Align, Binary, Literal, Op, Rare, ValueId};

/// Elements of a view.
const MOST_PLACES: i64 = 1 << 24;

pub fn strided(b: &mut Builder, c: &Call, name: &str) -> Outcome {
    let x = c.x(b)?;
    let dtype = b.dtype(x);
    match name {
        "unfold" => {
            let (dim, size, step) = (c.int(b, 1, "dimension")?, c.int(b, 2, "size")?, c.int(b, 3, "step")?);
            let at = b.axis(x, dim)?;
            let (Ok(size), Ok(step)) = (usize::try_from(size), usize::try_from(step)) else {
                return broken("windows that are none");
            };
            if size == 0 || step == 0 {
                return broken("windows that are none");
            }
            let windows = windows(b, x, at, size, step, 1)?;
            let rank = b.rank(windows)?;
            let order: Vec<usize> = (0..rank).filter(|a| *a != at).chain([at]).collect();
            let value = b.transpose(windows, &order)?;
            b.give(value)
        }
        "as_strided" => {
            let indices = match b.dims(x) {
                Some(dims) if is_known(b, c) => {
                    let (size, stride) = (c.ints(b, 1, "size")?, c.ints(b, 2, "stride")?);
                    let offset = c.int_or(b, 3, "storage_offset", 0)?;
                    let total = dims.iter().fold(1usize, |n, d| n.saturating_mul(*d));
                    let places = places(&size, &stride, offset, total)?;
                    let shape: Vec<usize> = size.iter().map(|n| *n as usize).collect();
                    b.literal(Literal::I64(places, shape), DType::I64)?
                }
                _ => counted(b, c)?,
            };
            let (flat, axis) = (b.reshape(x, &[Val::Int(-1)])?, b.int(0)?);
            let value = b.op(Op::Gather { batch_dims: 0 }, &[flat, indices, axis], dtype)?;
            b.give(value)
        }
        _ => diagonal(b, c, x),
    }
}

/// Whether extents and steps are known before there is a request.
fn is_known(b: &Builder, c: &Call) -> bool {
    c.ints(b, 1, "size").is_ok() && c.ints(b, 2, "stride").is_ok()
}

/// The numbers of the elements that extents and steps name, which the request decides.
fn counted(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (size, stride) = (c.sizes(1, "size")?, c.sizes(2, "stride")?);
    if size.len() != stride.len() {
        return broken("a strided view without a step for each axis");
    }
    let offset = c.some(3, "storage_offset").cloned().unwrap_or(Val::Int(0));
    let mut sum = b.scalar(&offset)?;
    for (at, (extent, step)) in size.iter().zip(&stride).enumerate() {
        let (numbers, step) = (super::super::create::counted(b, extent)?, b.scalar(step)?);
        let steps = b.binary(Binary::Mul, numbers, step)?;
        let mut shape = vec![Val::Int(1); size.len() - at];
        shape[0] = Val::Int(-1);
        let steps = b.reshape(steps, &shape)?;
        sum = b.binary(Binary::Add, sum, steps)?;
    }
    Ok(sum)
}

/// The numbers of the elements that extents and steps name.
fn places(size: &[i64], stride: &[i64], offset: i64, total: usize) -> Result<Vec<i64>> {
    let count =
        size.iter().try_fold(1i64, |n, s| n.checked_mul(*s)).filter(|n| (0..=MOST_PLACES).contains(n));
    if count.is_none() || size.len() != stride.len() || size.iter().any(|n| *n < 0) {
        return broken("a strided view that is larger than what it shows");
    }
    let mut places = vec![offset];
    for (size, stride) in size.iter().zip(stride) {
        let next =
            places.iter().flat_map(|at| (0..*size).map(move |n| at.checked_add(n.checked_mul(*stride)?)));
        places = match next.collect::<Option<Vec<i64>>>() {
            Some(next) => next,
            None => return broken("a strided view beyond what it shows"),
        };
    }
    if places.iter().any(|at| usize::try_from(*at).map_or(true, |at| at >= total)) {
        return broken("a strided view beyond what it shows");
    }
    Ok(places)
}

fn diagonal(b: &mut Builder, c: &Call, x: ValueId) -> Outcome {
    let offset = c.int_or(b, 1, "offset", 0)?;
    let (first, second) = (c.int_or(b, 2, "dim1", 0)?, c.int_or(b, 3, "dim2", 1)?);
    let rank = b.rank(x)?;
    let (first, second) = (place(first, rank)?, place(second, rank)?);
    let order: Vec<usize> =
        (0..rank).filter(|a| *a != first && *a != second).chain([first, second]).collect();
    let moved = b.transpose(x, &order)?;
    let dtype = b.dtype(x);
    let (k, zero) = (b.int(offset)?, b.number(0.0, dtype)?);
    let align = Align { upper_left: true, lower_left: true };
    let op = Op::Rare(Box::new(Rare::MatrixDiagPart(align)));
    let value = b.op(op, &[moved, k, zero], dtype)?;
    b.shaped(value, vec![None; rank - 1]);
    b.give(value)
}
