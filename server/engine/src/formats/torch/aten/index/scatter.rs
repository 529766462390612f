//! Elements replaced, and sorted into intervals.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, is_float};
use super::super::super::dtypes::{Operand, promoted};
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::pointwise::choose;
use super::super::{binary, create, lower};
use super::{Indices, indices};
use crate::DType;
use crate::graph::{Binary, Op, Rare, Update, ValueId};

/// Values put where indices say.
pub fn put(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let dtype = b.dtype(x);
    let update = c.value(b, 2, "values")?;
    let update = b.cast(update, dtype)?;
    if let Some([Val::Tensor(mask)]) = c.get(1, "indices").and_then(Val::items).as_deref() {
        let mask = b.value(*mask)?;
        let one = b.dims(update).is_some_and(|d| d.iter().all(|n| *n == 1));
        if b.dtype(mask) == DType::Bool && one {
            let update = b.reshape(update, &[])?;
            let Some(more) = b.rank(x)?.checked_sub(b.rank(mask)?) else {
                return broken("a mask of more axes than what it picks from");
            };
            let mut shape = b.extents(mask)?;
            shape.extend(vec![Val::Int(1); more]);
            let mask = if more > 0 { b.reshape(mask, &shape)? } else { mask };
            return choose(b, mask, update, x);
        }
    }
    let Indices { axes, values } = indices(b, c, x, 1)?;
    let rank = b.rank(x)?;
    if axes.is_empty() || axes.iter().any(|at| *at >= rank) {
        return broken("indices of other axes than there are");
    }
    let order: Vec<usize> = axes.iter().copied().chain((0..rank).filter(|a| !axes.contains(a))).collect();
    let update = laid_out(b, x, update, &axes, values[0])?;
    let moved = b.transpose(x, &order)?;
    let tuples = b.op(Op::Pack(-1), &values, DType::I64)?;
    let kind = if c.flag(3, "accumulate", false)? { Update::Add } else { Update::Replace };
    let made = onto(b, kind, moved, tuples, update)?;
    let mut back = vec![0; rank];
    order.iter().enumerate().for_each(|(n, at)| back[*at] = n);
    b.transpose(made, &back)
}

/// An update as large as what indices pick, the axes of the indices in front.
fn laid_out(b: &mut Builder, x: ValueId, update: ValueId, axes: &[usize], index: ValueId) -> Result<ValueId> {
    let places = b.extents(index)?;
    let mut rest = Vec::new();
    for at in (0..b.rank(x)?).filter(|at| !axes.contains(at)) {
        rest.push(b.extent(x, at as i64)?);
    }
    // Indices of axes beside each other stand where those were, others in front.
    let beside = axes.windows(2).all(|w| w[1] == w[0] + 1);
    let first = if beside { axes[0] } else { 0 };
    let shape = [&rest[..first], &places, &rest[first..]].concat();
    let wide = b.broadcast(update, &shape)?;
    let order: Vec<usize> =
        (first..first + places.len()).chain(0..first).chain(first + places.len()..shape.len()).collect();
    b.transpose(wide, &order)
}

pub fn onto(b: &mut Builder, kind: Update, x: ValueId, tuples: ValueId, update: ValueId) -> Result<ValueId> {
    let (dtype, shape) = (b.dtype(x), b.shape(x).map(<[_]>::to_vec));
    let made = b.op(Op::Rare(Box::new(Rare::TensorScatter(kind))), &[x, tuples, update], dtype)?;
    Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
}

/// Values merged into elements, with what these were or without.
pub fn merged(
    b: &mut Builder,
    how: &str,
    x: ValueId,
    tuples: ValueId,
    update: ValueId,
    with_own: bool,
) -> Result<ValueId> {
    let (kind, nothing) = match how {
        "sum" | "add" | "mean" => (Update::Add, 0.0),
        "prod" | "multiply" => (Update::Mul, 1.0),
        "amax" => (Update::Max, f64::NEG_INFINITY),
        "amin" => (Update::Min, f64::INFINITY),
        other => return unsupported(format!("reduce={other:?}")),
    };
    let blank = |b: &mut Builder, x: ValueId, number: f64| {
        let (dtype, shape) = (b.dtype(x), b.extents(update)?);
        let number = b.number(number, dtype)?;
        let number = b.broadcast(number, &shape)?;
        onto(b, Update::Replace, x, tuples, number)
    };
    let base = if with_own { x } else { blank(b, x, nothing)? };
    let made = onto(b, kind, base, tuples, update)?;
    if how != "mean" {
        return Ok(made);
    }
    let (dtype, all, each) = (b.dtype(x), b.extents(x)?, b.extents(update)?);
    let one = b.number(1.0, dtype)?;
    let (own, ones) = (b.broadcast(one, &all)?, b.broadcast(one, &each)?);
    let own = if with_own { own } else { blank(b, own, 0.0)? };
    let counts = onto(b, Update::Add, own, tuples, ones)?;
    // Where nothing was merged there is nothing to divide by.
    let counts = b.binary(Binary::Max, counts, one)?;
    b.binary(if is_float(dtype) { Binary::Div } else { Binary::FloorDiv }, made, counts)
}

/// Along an axis, values put at the places that an index names.
pub fn scattered(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let (x, dim) = (c.x(b)?, c.int(b, 1, "dim")?);
    let index = c.value(b, 2, "index")?;
    let (rank, at) = (b.rank(x)?, b.axis(x, dim)?);
    let dtype = b.dtype(x);
    let shape = b.extents(index)?;
    let update = match c.get(3, if c.get(usize::MAX, "value").is_some() { "value" } else { "src" }) {
        Some(Val::Tensor(handle)) => {
            let mut update = b.value(*handle)?;
            for axis in 0..rank {
                if b.shape(update).and_then(|s| s.get(axis).copied()) != b.shape(index).map(|s| s[axis]) {
                    update = b.narrow(update, axis, &Val::Int(0), &shape[axis])?;
                }
            }
            b.cast(update, dtype)?
        }
        Some(number) => {
            let number = Call { arguments: vec![(Some("value".to_owned()), number.clone())], ..c.clone() };
            let number = binary::typed(b, &number, 0, "value", dtype)?;
            b.broadcast(number, &shape)?
        }
        None => return c.wrong("src", "a tensor or a number"),
    };
    let mut columns = Vec::new();
    for axis in 0..rank {
        columns.push(if axis == at {
            index
        } else {
            let count = create::counted(b, &shape[axis])?;
            let mut own = vec![Val::Int(1); rank];
            own[axis] = Val::Int(-1);
            let count = b.reshape(count, &own)?;
            b.broadcast(count, &shape)?
        });
    }
    let tuples = b.op(Op::Pack(-1), &columns, DType::I64)?;
    match (c.name.as_str(), c.text(4, "reduce").as_deref()) {
        ("scatter_add", _) => onto(b, Update::Add, x, tuples, update),
        (_, Some(how)) => merged(b, how, x, tuples, update, c.flag(5, "include_self", true)?),
        (_, None) => onto(b, Update::Replace, x, tuples, update),
    }
}

pub fn bucketed(b: &mut Builder, c: &Call, sorted: ValueId, x: ValueId) -> Result<ValueId> {
    let upper = c.flag(3, "right", false)? || c.text(4, "side").as_deref() == Some("right");
    if c.some(5, "sorter").is_some() {
        return unsupported("by a sorter");
    }
    let shape = b.extents(x)?;
    let dtype = promoted(&[Operand::tensor(b, x), Operand::tensor(b, sorted)]);
    let (x, sorted) = (b.cast(x, dtype)?, b.cast(sorted, dtype)?);
    let (mut own, mut rows) = (Val::Int(-1), Val::Int(1));
    if b.rank(sorted)? > 1 {
        (own, rows) = (b.extent(x, -1)?, Val::Int(-1));
    }
    let length = b.extent(sorted, -1)?;
    let (x, sorted) = (b.reshape(x, &[rows.clone(), own])?, b.reshape(sorted, &[rows, length])?);
    let found = b.op(Op::Rare(Box::new(Rare::SearchSorted { upper })), &[sorted, x], DType::I64)?;
    b.shaped(found, vec![None, None]);
    let found = b.reshape(found, &shape)?;
    if c.flag(2, "out_int32", false)? { b.cast(found, DType::I32) } else { Ok(found) }
}

/// A tensor with a part of it replaced.
pub fn part_put(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let copy = c.x(b)?;
    let base = b.tensor(copy);
    let mut rest: Vec<(Option<String>, Val)> = c.arguments.iter().skip(2).cloned().collect();
    rest.insert(0, (None, Val::Tensor(base)));
    let name = c.name.strip_suffix("_scatter").unwrap_or(&c.name).to_owned();
    let viewed = lower(b, &Call { name, arguments: rest, ..c.clone() })?;
    let [Val::Tensor(view)] = viewed[..] else { return broken("a part of nothing") };
    let from = c.value(b, 1, "src")?;
    b.write(view, from)?;
    b.value(base)
}
