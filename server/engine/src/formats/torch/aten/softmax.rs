//! Softmax along any axis.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::Result;
use super::Outcome;
use super::pointwise::{choose, floating, like};
use crate::DType;
use crate::graph::{Compare, Op, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let log = match c.name.as_str() {
        "softmax" | "_softmax" | "special_softmax" | "_safe_softmax" => false,
        "log_softmax" | "_log_softmax" | "special_log_softmax" => true,
        _ => return Ok(None),
    };
    let mut x = c.x(b)?;
    let may_cast = !c.name.starts_with('_') || c.name == "_safe_softmax";
    if let Some(dtype) = if may_cast { c.dtype(2, "dtype")? } else { None } {
        x = b.cast(x, dtype)?;
    }
    let x = floating(b, x)?;
    let dim = c.int(b, 1, "dim")?;
    let mut y = along(b, x, dim, log)?;
    if c.name == "_safe_softmax" {
        // Where everything is masked there is nothing, not an undefined number.
        let is_nan = b.op(Op::Compare(Compare::NotEqual), &[y, y], DType::Bool)?;
        let zero = like(b, y, 0.0)?;
        y = choose(b, is_nan, zero, y)?;
    }
    b.give(y)
}

/// Softmax along an axis: that of the graph is along the last one.
pub fn along(b: &mut Builder, x: ValueId, dim: i64, log: bool) -> Result<ValueId> {
    let dtype = b.dtype(x);
    let op = Op::Softmax { log };
    if dim == -1 {
        return b.op(op, &[x], dtype);
    }
    let (rank, at) = (b.rank(x)?, b.axis(x, dim)?);
    if at + 1 == rank {
        return b.op(op, &[x], dtype);
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(at, rank - 1);
    let moved = b.transpose(x, &order)?;
    let y = b.op(op, &[moved], dtype)?;
    b.transpose(y, &order)
}
