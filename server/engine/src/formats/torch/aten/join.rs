//! Tensors put together.

use super::super::arguments::Call;
use super::super::build::{Builder, place};
use super::super::dtypes::{Operand, promoted};
use super::super::value::{Result, Val, broken};
use super::Outcome;
use crate::graph::{Op, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "cat" | "concat" | "concatenate" => {
            let all = alike(b, c)?;
            // Tensors of nothing fit everything.
            let kept: Vec<ValueId> =
                all.iter().copied().filter(|v| b.dims(*v).as_deref() != Some(&[0])).collect();
            let all = if kept.is_empty() { all } else { kept };
            let dim = c.int_or(b, 1, "dim", 0)?;
            along(b, &all, dim)?
        }
        "stack" => {
            let all = alike(b, c)?;
            let dim = c.int_or(b, 1, "dim", 0)?;
            let Some(first) = all.first() else { return broken("a stack of nothing") };
            let dtype = b.dtype(*first);
            b.op(Op::Pack(dim), &all, dtype)?
        }
        "hstack" | "vstack" | "dstack" | "column_stack" => {
            let all = alike(b, c)?;
            let rank = match all.first() {
                Some(first) => b.rank(*first)?,
                None => return broken("a stack of nothing"),
            };
            let raised = match (c.name.as_str(), rank) {
                ("vstack", ..2) => Some("atleast_2d"),
                ("hstack", 0) => Some("atleast_1d"),
                ("dstack", ..3) => Some("atleast_3d"),
                ("column_stack", 1) => return columns(b, &all),
                _ => None,
            };
            if let Some(raised) = raised {
                let all = all.iter().map(|v| b.as_tensor(*v)).collect();
                let all = b.apply(raised, &[&Val::list(all)])?;
                return Ok(Some(vec![b.apply(&c.name, &[&all])?]));
            }
            let at = match (c.name.as_str(), rank) {
                ("vstack", 2..) | ("hstack", 1) => 0,
                ("hstack" | "column_stack", 2..) => 1,
                ("dstack", 3..) => 2,
                _ => return Ok(None),
            };
            b.concat(&all, at)?
        }
        "meshgrid" => return meshgrid(b, c),
        "broadcast_tensors" => {
            let all = c.tensors(b, 0, "tensors")?;
            let shape = together(b, &all)?;
            let wide = all.iter().map(|v| b.broadcast(*v, &shape)).collect::<Result<Vec<_>>>()?;
            return b.give_list(&wide);
        }
        _ => return Ok(None),
    };
    b.give(value)
}

/// Vectors as the columns of a matrix.
fn columns(b: &mut Builder, all: &[ValueId]) -> Outcome {
    let dtype = all.first().map_or(crate::DType::F32, |v| b.dtype(*v));
    let made = b.op(Op::Pack(1), all, dtype)?;
    b.give(made)
}

/// The tensors of a list, of one type.
fn alike(b: &mut Builder, c: &Call) -> Result<Vec<ValueId>> {
    let all = c.tensors(b, 0, "tensors")?;
    let operands: Vec<Operand> = all.iter().map(|v| Operand::tensor(b, *v)).collect();
    let dtype = promoted(&operands);
    all.into_iter().map(|v| b.cast(v, dtype)).collect()
}

fn along(b: &mut Builder, all: &[ValueId], dim: i64) -> Result<ValueId> {
    let [first, ..] = all else { return broken("a concatenation of nothing") };
    let at = if dim >= 0 { dim as usize } else { b.axis(*first, dim)? };
    if all.len() == 1 {
        return Ok(*first);
    }
    // Of images, along the channels: the channels may lie last.
    let rank = b.rank(*first)?;
    place(at as i64, rank)?;
    b.concat(all, at)
}

/// The shape that all broadcast to.
pub fn together(b: &mut Builder, all: &[ValueId]) -> Result<Vec<Val>> {
    let mut shape: Vec<Val> = Vec::new();
    for value in all {
        let own = b.extents(*value)?;
        while shape.len() < own.len() {
            shape.insert(0, Val::Int(1));
        }
        let before = shape.len() - own.len();
        for (to, extent) in shape[before..].iter_mut().zip(own) {
            match (b.known(to), b.known(&extent)) {
                (_, Some(1)) => {}
                (Some(1), _) | (None, Some(_)) => *to = extent,
                _ => {}
            }
        }
    }
    Ok(shape)
}

fn meshgrid(b: &mut Builder, c: &Call) -> Outcome {
    let mut all = c.tensors(b, 0, "tensors")?;
    let by_columns = c.text(1, "indexing").as_deref() == Some("xy") && all.len() > 1;
    if by_columns {
        all.swap(0, 1);
    }
    let mut shape = Vec::new();
    for value in &all {
        shape.push(b.extent(*value, 0)?);
    }
    let mut grids = Vec::new();
    for (at, value) in all.iter().enumerate() {
        let mut own = vec![Val::Int(1); all.len()];
        own[at] = Val::Int(-1);
        let spread = b.reshape(*value, &own)?;
        grids.push(b.broadcast(spread, &shape)?);
    }
    if by_columns {
        grids.swap(0, 1);
    }
    b.give_list(&grids)
}
