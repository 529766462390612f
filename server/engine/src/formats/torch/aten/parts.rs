//! A tensor taken apart.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::graph::{Op, ValueId};

/// Parts of one tensor.
const MOST_PARTS: i64 = 4096;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.strip_suffix("_copy").unwrap_or(&c.name);
    match name {
        "unbind" => {
            let x = c.x(b)?;
            let dim = c.int_or(b, 1, "dim", 0)?;
            let at = b.axis(x, dim)?;
            if b.shape(x).is_some_and(|shape| shape[at].is_none()) {
                let moved =
                    b.apply("movedim", &[&Val::Tensor(c.first()?), &Val::Int(at as i64), &Val::Int(0)])?;
                let Val::Tensor(rows) = moved else { return broken("an axis that cannot be moved") };
                return Ok(Some(vec![Val::Slices(rows)]));
            }
            let count = extent(b, x, at)?;
            let dtype = b.dtype(x);
            let mut shape = b.shape(x).map(<[_]>::to_vec).unwrap_or_default();
            let parts = b.ops(Op::Unpack(at as i64, count), &[x], &vec![dtype; count])?;
            shape.remove(at);
            for part in &parts {
                b.shaped(*part, shape.clone());
            }
            b.give_list(&parts)
        }
        "split"
        | "split_with_sizes"
        | "chunk"
        | "unsafe_split"
        | "unsafe_chunk"
        | "unsafe_split_with_sizes"
        | "tensor_split" => {
            let x = c.x(b)?;
            let dim = c.int_or(b, 2, "dim", 0)?;
            let at = b.axis(x, dim)?;
            if let Some(sizes) = chunks(b, c, (x, at), name)? {
                let parts = split_by(b, x, at, &sizes)?;
                return b.give_list(&parts);
            }
            if let Some(sizes) = told_by_request(b, c, name) {
                let parts = split_by(b, x, at, &sizes)?;
                return b.give_list(&parts);
            }
            let sizes = sizes(b, c, x, at, name)?;
            let parts = split(b, x, at, &sizes)?;
            b.give_list(&parts)
        }
        "glu" => {
            let x = c.x(b)?;
            let dim = c.int_or(b, 1, "dim", -1)?;
            let at = b.axis(x, dim)?;
            let half = extent(b, x, at)? as i64 / 2;
            let parts = split(b, x, at, &[half, half])?;
            let gate = super::pointwise::one(b, crate::graph::Unary::Sigmoid, parts[1])?;
            let value = b.binary(crate::graph::Binary::Mul, parts[0], gate)?;
            b.give(value)
        }
        _ => Ok(None),
    }
}

/// The extent of an axis, which has to be known.
fn extent(b: &Builder, x: ValueId, at: usize) -> Result<usize> {
    match b.shape(x).and_then(|s| s[at]) {
        Some(extent) => Ok(extent),
        None => unsupported("of an axis whose extent is not known"),
    }
}

fn sizes(b: &Builder, c: &Call, x: ValueId, at: usize, name: &str) -> Result<Vec<i64>> {
    let given = ["split_sizes", "split_size", "sections", "chunks", "indices", "indices_or_sections"];
    let given = given.into_iter().find(|n| c.get(usize::MAX, n).is_some()).unwrap_or("split_size");
    if let Some(list) = c.get(1, given).and_then(Val::items) {
        let known: Option<Vec<i64>> = list.iter().map(|n| b.known(n)).collect();
        let Some(known) = known else { return unsupported("into parts whose sizes are not known") };
        if name != "tensor_split" {
            return Ok(known);
        }
        let total = extent(b, x, at)? as i64;
        let ends: Vec<i64> = known.iter().map(|n| (*n).clamp(0, total)).chain([total]).collect();
        let begins = std::iter::once(0).chain(ends.iter().copied());
        return Ok(ends.iter().zip(begins).map(|(end, begin)| (end - begin).max(0)).collect());
    }
    let number = c.int(b, 1, given)?;
    if number < 1 {
        return broken("a tensor in no parts");
    }
    let total = extent(b, x, at)? as i64;
    if name == "tensor_split" {
        return Ok((0..number.min(MOST_PARTS))
            .map(|n| total / number + i64::from(n < total % number))
            .collect());
    }
    let size = if name.ends_with("chunk") { total.saturating_add(number - 1) / number } else { number };
    let size = size.max(1);
    let count = (total.saturating_add(size - 1) / size).max(1);
    if count > MOST_PARTS {
        return broken(format!("a tensor in {count} parts"));
    }
    Ok((0..count).map(|n| size.min(total - n * size)).collect())
}

/// Parts of an axis whose extent a request decides, in an export, which has as many as are asked for; None: it is another operation.
fn chunks(b: &mut Builder, c: &Call, (x, at): (ValueId, usize), name: &str) -> Result<Option<Vec<Val>>> {
    if !name.ends_with("chunk") || c.overload.is_empty() || b.shape(x).is_none_or(|s| s[at].is_some()) {
        return Ok(None);
    }
    let count = c.int(b, 1, "chunks")?;
    if !(1..=MOST_PARTS).contains(&count) {
        return broken(format!("a tensor in {count} parts"));
    }
    let total = b.extent(x, at as i64)?;
    let more = super::combined(b, "add", &total, &Val::Int(count - 1))?;
    let size = super::combined(b, "floordiv", &more, &Val::Int(count))?;
    let before = super::combined(b, "mul", &size, &Val::Int(count - 1))?;
    let last = super::combined(b, "sub", &total, &before)?;
    Ok(Some([vec![size; count as usize - 1], vec![last]].concat()))
}

/// Sizes that a request decides; None: they are known, or it is not sizes that are told.
fn told_by_request(b: &Builder, c: &Call, name: &str) -> Option<Vec<Val>> {
    let given = c.get(1, "split_sizes").or_else(|| c.get(1, "split_size")).and_then(Val::items)?;
    (name != "tensor_split" && given.iter().any(|n| b.known(n).is_none())).then_some(given)
}

/// Parts of these sizes along an axis.
pub fn split(b: &mut Builder, x: ValueId, at: usize, sizes: &[i64]) -> Result<Vec<ValueId>> {
    split_by(b, x, at, &sizes.iter().copied().map(Val::Int).collect::<Vec<_>>())
}

fn split_by(b: &mut Builder, x: ValueId, at: usize, sizes: &[Val]) -> Result<Vec<ValueId>> {
    if sizes.len() == 1 {
        return Ok(vec![x]);
    }
    let dtype = b.dtype(x);
    let (lengths, axis) = (b.vector(sizes)?, b.int(at as i64)?);
    let parts = b.ops(Op::SplitSizes(sizes.len()), &[x, lengths, axis], &vec![dtype; sizes.len()])?;
    Ok(parts.into_iter().map(|part| b.shaped_beside(part, x, at)).collect())
}
