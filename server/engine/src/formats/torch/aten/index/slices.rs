//! Slices along an axis replaced or merged by their numbers, and elements by their number among all.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val};
use super::super::{Outcome, binary};
use super::from_start;
use super::scatter::{merged, onto};
use crate::graph::{Binary, Update, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "index_add" | "index_copy" | "index_fill" | "index_reduce" => {
            let value = on_slices(b, c)?;
            b.give(value)
        }
        "masked_scatter" => Ok(Some(vec![dealt(b, c)?])),
        "take" => {
            let (Some(x), Some(index)) = (c.get(0, "self"), c.get(1, "index")) else {
                return c.wrong("index", "a tensor");
            };
            let flat = b.apply("reshape", &[x, &Val::list(vec![Val::Int(-1)])])?;
            Ok(Some(vec![b.apply("index", &[&flat, &Val::list(vec![index.clone()])])?]))
        }
        _ => Ok(None),
    }
}

fn on_slices(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, dim) = (c.x(b)?, c.int(b, 1, "dim")?);
    let (rank, at, dtype) = (b.rank(x)?, b.axis(x, dim)?, b.dtype(x));
    let index = c.value(b, 2, "index")?;
    let index = b.reshape(index, &[Val::Int(-1)])?;
    let index = from_start(b, index, x, at)?;
    let order: Vec<usize> = std::iter::once(at).chain((0..rank).filter(|a| *a != at)).collect();
    let moved = b.transpose(x, &order)?;
    let update = if c.name == "index_fill" {
        let number = binary::typed(b, c, 3, "value", dtype)?;
        let mut shape = b.extents(moved)?;
        shape[0] = b.extent(index, 0)?;
        b.broadcast(number, &shape)?
    } else {
        let source = c.value(b, 3, "source")?;
        let source = b.cast(source, dtype)?;
        b.transpose(source, &order)?
    };
    let tuples = b.expand_dims(index, 1)?;
    let made = match c.name.as_str() {
        "index_reduce" => {
            let how = c.text(4, "reduce").unwrap_or_else(|| "".into());
            merged(b, &how, moved, tuples, update, c.flag(5, "include_self", true)?)?
        }
        "index_add" => {
            let update = match c.some(4, "alpha") {
                None | Some(Val::Int(1)) => update,
                Some(_) => {
                    let alpha = binary::typed(b, c, 4, "alpha", dtype)?;
                    b.binary(Binary::Mul, update, alpha)?
                }
            };
            onto(b, Update::Add, moved, tuples, update)?
        }
        _ => onto(b, Update::Replace, moved, tuples, update)?,
    };
    let back: Vec<usize> = (1..=at).chain([0]).chain(at + 1..rank).collect();
    b.transpose(made, &back)
}

/// The elements of a source in order, to where a mask holds.
fn dealt(b: &mut Builder, c: &Call) -> Result<Val> {
    let (Some(x), Some(mask), Some(source)) = (c.get(0, "self"), c.get(1, "mask"), c.get(2, "source")) else {
        return c.wrong("source", "a tensor");
    };
    let mask = b.apply("expand_as", &[mask, x])?;
    let flat = Val::list(vec![Val::Int(-1)]);
    let row = b.apply("reshape", &[&mask, &flat])?;
    let counted = b.apply("cumsum", &[&row, &Val::Int(0)])?;
    let places = b.apply("sub", &[&counted, &Val::Int(1)])?;
    let places = b.apply("clamp_min", &[&places, &Val::Int(0)])?;
    let source = b.apply("reshape", &[source, &flat])?;
    let all = b.apply("index", &[&source, &Val::list(vec![places])])?;
    let all = b.apply("view_as", &[&all, x])?;
    b.apply("where", &[&mask, &all, x])
}
