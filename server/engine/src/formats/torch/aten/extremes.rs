//! The largest, the smallest, the first few in order, and where they are.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, unsupported};
use super::Outcome;
use super::pointwise::{choose, like, one};
use super::reduce::reduced;
use crate::DType;
use crate::graph::{Along, Binary as B, Compare, Op, Rare, Reduce as R, Unary as U, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "max" | "min" => extreme(b, c),
        "argmax" | "argmin" => {
            let x = c.x(b)?;
            let keep = c.flag(2, "keepdim", false)?;
            let max = c.name == "argmax";
            let place = match c.some(1, "dim") {
                Some(_) => {
                    let dim = c.int(b, 1, "dim")?;
                    placed(b, x, dim, max, keep)?
                }
                None => {
                    let flat = b.reshape(x, &[Val::Int(-1)])?;
                    placed(b, flat, 0, max, false)?
                }
            };
            b.give(place)
        }
        "aminmax" => {
            let x = c.x(b)?;
            let dims = c.maybe_ints(b, 1, "dim")?;
            let keep = c.flag(2, "keepdim", false)?;
            let low = reduced(b, R::Min, x, dims.as_deref(), keep)?;
            let high = reduced(b, R::Max, x, dims.as_deref(), keep)?;
            b.give_all(&[low, high])
        }
        "topk" => {
            let x = c.x(b)?;
            let count = match c.get(1, "k") {
                Some(k) => b.scalar(k)?,
                None => return c.wrong("k", "an int"),
            };
            let dim = c.int_or(b, 2, "dim", -1)?;
            let found = first(b, x, count, dim, c.flag(3, "largest", true)?)?;
            b.give_all(&found)
        }
        "sort" | "argsort" => {
            let x = c.x(b)?;
            // Whether equal elements keep their order comes first in one overload; they always do here.
            let stable = matches!(c.overload.as_str(), "stable");
            let (place, next) = if stable { (2, 3) } else { (1, 2) };
            let dim = c.int_or(b, place, "dim", -1)?;
            let descending = c.flag(next, "descending", false)?;
            let extent = b.extent(x, dim)?;
            let count = b.scalar(&extent)?;
            let found = first(b, x, count, dim, descending)?;
            if c.name == "sort" { b.give_all(&found) } else { b.give(found[1]) }
        }
        _ => Ok(None),
    }
}

fn extreme(b: &mut Builder, c: &Call) -> Outcome {
    let (kind, max) = if c.name == "max" { (R::Max, true) } else { (R::Min, false) };
    let x = c.x(b)?;
    match c.get(1, if c.overload == "other" { "other" } else { "dim" }) {
        Some(Val::Tensor(_)) => {
            let name = if max { "maximum" } else { "minimum" };
            super::lower(b, &Call { name: name.to_owned(), ..c.clone() }).map(Some)
        }
        None => {
            let value = reduced(b, kind, x, None, false)?;
            b.give(value)
        }
        Some(_) => {
            let dim = c.int(b, 1, "dim")?;
            let keep = c.flag(2, "keepdim", false)?;
            let value = reduced(b, kind, x, Some(&[dim]), keep)?;
            let place = placed(b, x, dim, max, keep)?;
            b.give_all(&[value, place])
        }
    }
}

fn placed(b: &mut Builder, x: ValueId, dim: i64, max: bool, keep: bool) -> Result<ValueId> {
    let at = b.axis(x, dim)? as i64;
    let axis = b.int(at)?;
    let place = b.op(Op::ArgExtreme { max }, &[x, axis], DType::I64)?;
    if keep { b.expand_dims(place, at) } else { Ok(place) }
}

/// The first elements of an axis in order, and where they were.
fn first(b: &mut Builder, x: ValueId, count: ValueId, dim: i64, largest: bool) -> Result<[ValueId; 2]> {
    let dtype = b.dtype(x);
    let rank = b.rank(x)?;
    if rank == 0 {
        let place = b.int(0)?;
        return Ok([x, place]);
    }
    let at = b.axis(x, dim)?;
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(at, rank - 1);
    let moved = b.transpose(x, &order)?;
    let by_place = !largest && is_float(dtype);
    let turned = if largest { moved } else { turned(b, moved)? };
    let shape = b.shape(turned).map(<[_]>::to_vec);
    let found = b.ops(Op::TopK, &[turned, count], &[dtype, DType::I64])?;
    if let Some(mut shape) = shape {
        if let Some(last) = shape.last_mut() {
            *last = b.known(&b.symbol(count)).and_then(|n| usize::try_from(n).ok());
        }
        found.iter().for_each(|v| {
            b.shaped(*v, shape.clone());
        });
    }
    let values = if by_place {
        let pick = Op::Rare(Box::new(Rare::Along(Along::GatherElements { axis: -1 })));
        let values = b.op(pick, &[moved, found[1]], dtype)?;
        match b.shape(found[1]).map(<[_]>::to_vec) {
            Some(shape) => b.shaped(values, shape),
            None => values,
        }
    } else if largest {
        found[0]
    } else {
        turned_back(b, found[0])?
    };
    Ok([b.transpose(values, &order)?, b.transpose(found[1], &order)?])
}

/// Numbers whose order is the other way round.
fn turned(b: &mut Builder, x: ValueId) -> Result<ValueId> {
    match b.dtype(x) {
        DType::Bool => b.op(Op::Unary(U::LogicalNot), &[x], DType::Bool),
        dtype if is_float(dtype) => {
            // What is no number is above all others, and comes last then.
            let is_nan = b.op(Op::Compare(Compare::NotEqual), &[x, x], DType::Bool)?;
            let (turned, last) = (one(b, U::Neg, x)?, like(b, x, f64::NEG_INFINITY)?);
            choose(b, is_nan, last, turned)
        }
        // The least integer has no negative; what is less than it by one turned has.
        _ => {
            let minus = b.int(-1)?;
            b.binary(B::Sub, minus, x)
        }
    }
}

fn turned_back(b: &mut Builder, x: ValueId) -> Result<ValueId> {
    if b.dtype(x) == DType::String { unsupported("of strings") } else { turned(b, x) }
}
