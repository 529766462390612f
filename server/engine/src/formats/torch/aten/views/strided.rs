//! Views that pick elements by their numbers.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, place};
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::Outcome;
use super::super::grids::windows;
use crate::DType;
use crate::graph::{Align, Literal, Op, Rare, ValueId};

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
            let Some(dims) = b.dims(x) else { return unsupported("of a tensor whose shape is not known") };
            let (size, stride) = (c.ints(b, 1, "size")?, c.ints(b, 2, "stride")?);
            let offset = c.int_or(b, 3, "storage_offset", 0)?;
            let total = dims.iter().fold(1usize, |n, d| n.saturating_mul(*d));
            let places = places(&size, &stride, offset, total)?;
            let shape: Vec<usize> = size.iter().map(|n| *n as usize).collect();
            let indices = b.literal(Literal::I64(places, shape), DType::I64)?;
            let (flat, axis) = (b.reshape(x, &[Val::Int(-1)])?, b.int(0)?);
            let value = b.op(Op::Gather { batch_dims: 0 }, &[flat, indices, axis], dtype)?;
            b.give(value)
        }
        _ => diagonal(b, c, x),
    }
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
