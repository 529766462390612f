//! Elements picked, replaced and put in place by their numbers.

mod scatter;
mod slices;

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken};
use super::Outcome;
use super::join::together;
use super::pointwise::{against, choose};
use crate::DType;
use crate::graph::{Binary as B, Compare, Op, Rare, Rows, ValueId};
use scatter::{bucketed, part_put, put, scattered};

const GATHER: Op = Op::Gather { batch_dims: 0 };

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "embedding" => {
            let (weight, indices) = (c.value(b, 0, "weight")?, c.value(b, 1, "indices")?);
            pick(b, weight, indices, 0)?
        }
        "index_select" => {
            let (x, dim) = (c.x(b)?, c.int(b, 1, "dim")?);
            let at = b.axis(x, dim)?;
            let indices = c.value(b, 2, "index")?;
            pick(b, x, indices, at)?
        }
        "gather" => {
            let (x, dim) = (c.x(b)?, c.int(b, 1, "dim")?);
            let index = c.value(b, 2, "index")?;
            gathered(b, x, dim, index)?
        }
        "take_along_dim" => {
            let (x, index) = (c.x(b)?, c.value(b, 1, "indices")?);
            let Some(dim) = c.maybe_ints(b, 2, "dim")? else { return Ok(None) };
            gathered(b, x, dim.first().copied().unwrap_or(0), index)?
        }
        "index" | "_unsafe_index" => indexed(b, c)?,
        "masked_fill" => {
            let (x, mask) = (c.x(b)?, c.value(b, 1, "mask")?);
            let mask = b.cast(mask, DType::Bool)?;
            let dtype = b.dtype(x);
            let fill = super::binary::typed(b, c, 2, "value", dtype)?;
            choose(b, mask, fill, x)?
        }
        "nonzero" => {
            let x = c.x(b)?;
            places(b, x)?
        }
        "where" => {
            let x = c.x(b)?;
            let (found, rank) = (places(b, x)?, b.rank(x)?);
            let columns = (0..rank).map(|n| column(b, found, n)).collect::<Result<Vec<_>>>()?;
            return b.give_list(&columns);
        }
        "masked_select" => {
            let (x, mask) = (c.x(b)?, c.value(b, 1, "mask")?);
            let shape = together(b, &[x, mask])?;
            let (x, mask) = (b.broadcast(x, &shape)?, b.broadcast(mask, &shape)?);
            let (found, dtype) = (places(b, mask)?, b.dtype(x));
            let value = b.op(Op::Rare(Box::new(Rare::GatherNd)), &[x, found], dtype)?;
            b.shaped(value, vec![None])
        }
        "index_put" | "_unsafe_index_put" | "_index_put_impl" => put(b, c)?,
        "scatter" | "scatter_add" | "scatter_reduce" => scattered(b, c)?,
        "one_hot" => one_hot(b, c)?,
        "bucketize" | "searchsorted" => {
            let (sorted, x) = if c.name == "bucketize" {
                (c.value(b, 1, "boundaries")?, c.value(b, 0, "self")?)
            } else {
                (c.value(b, 0, "sorted_sequence")?, c.value(b, 1, "self")?)
            };
            bucketed(b, c, sorted, x)?
        }
        "select_scatter" | "slice_scatter" => part_put(b, c)?,
        _ => return slices::lower(b, c),
    };
    b.give(value)
}

fn one_hot(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let classes = c.int_or(b, 1, "num_classes", -1)?;
    let depth = if classes < 0 {
        // As many as the largest number says.
        let all = b.as_tensor(x);
        let most = b.apply("max", &[&all])?;
        let most = b.of(&most)?;
        let one = b.int(1)?;
        b.binary(B::Add, most, one)?
    } else {
        b.int(classes)?
    };
    let (on, off) = (b.int(1)?, b.int(0)?);
    b.op(Op::OneHot(-1), &[x, depth, on, off], DType::I64)
}

/// The slices along an axis that indices name, which are not below zero.
fn pick(b: &mut Builder, x: ValueId, indices: ValueId, at: usize) -> Result<ValueId> {
    b.whole(indices)?;
    let (dtype, axis) = (b.dtype(x), b.int(at as i64)?);
    b.op(GATHER, &[x, indices, axis], dtype)
}

/// Of each place along an axis the element that the index at that place names.
fn gathered(b: &mut Builder, x: ValueId, dim: i64, index: ValueId) -> Result<ValueId> {
    b.whole(index)?;
    let (rank, at) = (b.rank(x)?, b.axis(x, dim)?);
    if b.rank(index)? != rank {
        return broken("a gather by an index of another number of axes");
    }
    // Beside the axis, the index may be smaller.
    let mut x = x;
    for other in (0..rank).filter(|a| *a != at) {
        let (own, wanted) = (b.shape(x).and_then(|s| s[other]), b.shape(index).and_then(|s| s[other]));
        if own != wanted {
            let size = b.extent(index, other as i64)?;
            x = b.narrow(x, other, &Val::Int(0), &size)?;
        }
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(at, rank - 1);
    let (x, index) = (b.transpose(x, &order)?, b.transpose(index, &order)?);
    let (dtype, last) = (b.dtype(x), rank as i64 - 1);
    let axis = b.int(last)?;
    let shape = b.shape(index).map(<[_]>::to_vec);
    let value = b.op(Op::Gather { batch_dims: last }, &[x, index, axis], dtype)?;
    let value = shape.map_or(value, |shape| b.shaped(value, shape));
    b.transpose(value, &order)
}

/// The places of what is not zero, a row for each.
fn places(b: &mut Builder, x: ValueId) -> Result<ValueId> {
    let rank = b.shape(x).map(<[_]>::len);
    let found = b.op(Op::Rare(Box::new(Rare::Rows(Rows::Where))), &[x], DType::I64)?;
    Ok(match rank {
        Some(rank) => b.shaped(found, vec![None, Some(rank)]),
        None => found,
    })
}

/// Of places in rows those along one axis.
fn column(b: &mut Builder, found: ValueId, at: usize) -> Result<ValueId> {
    let (at, axis) = (b.int(at as i64)?, b.int(1)?);
    let own = b.op(GATHER, &[found, at, axis], DType::I64)?;
    Ok(b.shaped(own, vec![None]))
}

/// Indices of some axes; a mask is the indices of its truths.
struct Indices {
    /// The axes, in order.
    axes: Vec<usize>,
    /// Of one shape.
    values: Vec<ValueId>,
}

/// What an index list names: which axes, and by what.
fn indices(b: &mut Builder, c: &Call, x: ValueId, place: usize) -> Result<Indices> {
    let Some(list) = c.get(place, "indices").and_then(Val::items) else {
        return c.wrong("indices", "a list of tensors");
    };
    let (mut axes, mut values, mut at) = (Vec::new(), Vec::new(), 0);
    for item in list {
        let Val::Tensor(handle) = item else {
            at += 1;
            continue;
        };
        let index = b.value(handle)?;
        if b.dtype(index) == DType::Bool || b.dtype(index) == DType::U8 {
            let rank = b.rank(index)?;
            let found = places(b, index)?;
            for column in 0..rank {
                values.push(self::column(b, found, column)?);
                axes.push(at);
                at += 1;
            }
            continue;
        }
        b.whole(index)?;
        axes.push(at);
        values.push(from_start(b, index, x, at)?);
        at += 1;
    }
    if values.len() > 1 && values.iter().any(|v| b.shape(*v) != b.shape(values[0])) {
        let shape = together(b, &values)?;
        values = values.into_iter().map(|v| b.broadcast(v, &shape)).collect::<Result<_>>()?;
    }
    if axes.is_empty() { broken("an index of nothing") } else { Ok(Indices { axes, values }) }
}

/// Indices below zero count from the end.
fn from_start(b: &mut Builder, index: ValueId, x: ValueId, at: usize) -> Result<ValueId> {
    if b.to.numbers(index).is_some_and(|n| n.iter().all(|n| *n >= 0)) {
        return Ok(index);
    }
    if matches!(b.to.maker(index), Some(Op::Range)) {
        return Ok(index);
    }
    let extent = b.extent(x, at as i64)?;
    let extent = b.scalar(&extent)?;
    let is_below = against(b, Compare::Less, index, 0.0)?;
    let dtype = b.dtype(index);
    let turned = b.binary(B::Add, index, extent)?;
    let index = choose(b, is_below, turned, index)?;
    Ok(b.typed(index, dtype))
}

fn indexed(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let Indices { axes, values } = indices(b, c, x, 1)?;
    if let ([at], [index]) = (&axes[..], &values[..]) {
        return pick(b, x, *index, *at);
    }
    let rank = b.rank(x)?;
    let order: Vec<usize> = axes.iter().copied().chain((0..rank).filter(|a| !axes.contains(a))).collect();
    let (moved, dtype) = (b.transpose(x, &order)?, b.dtype(x));
    let tuples = b.op(Op::Pack(-1), &values, DType::I64)?;
    let wide = b.shape(values[0]).map(<[_]>::len);
    let shape = b.shape(values[0]).zip(b.shape(moved)).map(|(i, x)| [i, &x[axes.len()..]].concat());
    let picked = b.op(Op::Rare(Box::new(Rare::GatherNd)), &[moved, tuples], dtype)?;
    let picked = shape.map_or(picked, |shape| b.shaped(picked, shape));
    // Axes that lie beside each other are replaced where they were; else the new ones come first.
    let first = axes[0];
    let together = axes.windows(2).all(|w| w[1] == w[0] + 1);
    let Some(wide) = wide.filter(|_| together && first > 0) else { return Ok(picked) };
    let total = rank - axes.len() + wide;
    let back: Vec<usize> = (wide..wide + first).chain(0..wide).chain(wide + first..total).collect();
    b.transpose(picked, &back)
}
