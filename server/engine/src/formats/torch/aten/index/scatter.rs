//! Elements replaced, and sorted into intervals.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, broken, unsupported};
use super::super::pointwise::choose;
use super::super::{binary, create, lower};
use super::{Indices, indices};
use crate::DType;
use crate::graph::{Op, Rare, Update, ValueId};

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
            let more = b.rank(x)? - b.rank(mask)?;
            let mut shape = b.extents(mask)?;
            shape.extend(vec![Val::Int(1); more]);
            let mask = if more > 0 { b.reshape(mask, &shape)? } else { mask };
            return choose(b, mask, update, x);
        }
    }
    let Indices { axes, values } = indices(b, c, x, 1)?;
    if axes.iter().enumerate().any(|(n, at)| n != *at) {
        return unsupported("by indices that are not of the first axes");
    }
    let tuples = b.op(Op::Pack(-1), &values, DType::I64)?;
    let mut shape = b.extents(values[0])?;
    for at in axes.len()..b.rank(x)? {
        shape.push(b.extent(x, at as i64)?);
    }
    let update = b.broadcast(update, &shape)?;
    let kind = if c.flag(3, "accumulate", false)? { Update::Add } else { Update::Replace };
    onto(b, kind, x, tuples, update)
}

fn onto(b: &mut Builder, kind: Update, x: ValueId, tuples: ValueId, update: ValueId) -> Result<ValueId> {
    let (dtype, shape) = (b.dtype(x), b.shape(x).map(<[_]>::to_vec));
    let made = b.op(Op::Rare(Box::new(Rare::TensorScatter(kind))), &[x, tuples, update], dtype)?;
    Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
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
    let reduce = c.text(4, "reduce");
    let kind = match (c.name.as_str(), reduce.as_deref()) {
        ("scatter_add", _) | (_, Some("add" | "sum")) => Update::Add,
        (_, Some("amax")) => Update::Max,
        (_, Some("amin")) => Update::Min,
        (_, None) => Update::Replace,
        (_, Some(other)) => return unsupported(format!("reduce={other:?}")),
    };
    onto(b, kind, x, tuples, update)
}

pub fn bucketed(b: &mut Builder, c: &Call, sorted: ValueId, x: ValueId) -> Result<ValueId> {
    let upper = c.flag(3, "right", false)?;
    if b.rank(sorted)? != 1 {
        return unsupported("in rows of their own");
    }
    let shape = b.extents(x)?;
    let dtype = b.dtype(sorted);
    let x = b.cast(x, dtype)?;
    let (row, sorted) =
        (b.reshape(x, &[Val::Int(1), Val::Int(-1)])?, b.reshape(sorted, &[Val::Int(1), Val::Int(-1)])?);
    let found = b.op(Op::Rare(Box::new(Rare::SearchSorted { upper })), &[sorted, row], DType::I64)?;
    b.shaped(found, vec![Some(1), None]);
    b.reshape(found, &shape)
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
