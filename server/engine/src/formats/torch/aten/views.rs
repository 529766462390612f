//! Tensors that show the elements of another one: in another shape, another order, or a part of them.

mod strided;

use super::super::arguments::Call;
use super::super::build::{Builder, place};
use super::super::value::{Handle, Result, Val, broken, unsupported};
use super::super::views::Shown;
use super::Outcome;
use crate::graph::{Op, ValueId};

/// What gives its first argument as it is.
const SAME: [&str; 16] = [
    "contiguous",
    "detach",
    "alias",
    "view_as_real_copy",
    "dropout",
    "native_dropout",
    "feature_dropout",
    "alpha_dropout",
    "feature_alpha_dropout",
    "lift_fresh",
    "positive",
    "_unsafe_alias",
    "requires_grad",
    "resolve_conj",
    "resolve_neg",
    "lift",
];
/// What copies its first argument.
const COPIES: [&str; 4] = ["clone", "lift_fresh_copy", "detach_copy", "alias_copy"];

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let name = c.name.as_str();
    if c.name == "detach"
        && let Some(plain) = no_number(b, c)?
    {
        return b.give(plain);
    }
    if SAME.contains(&name) {
        let x = c.first()?;
        return Ok(Some(vec![Val::Tensor(x); if name == "native_dropout" { 2 } else { 1 }]));
    }
    if COPIES.contains(&name) {
        let x = c.x(b)?;
        return b.give(x);
    }
    let name = name.strip_suffix("_copy").unwrap_or(name);
    let viewed = match name {
        "view" | "reshape" | "_unsafe_view" | "_reshape_alias" | "view_as" | "reshape_as" | "flatten"
        | "unflatten" | "unsqueeze" | "squeeze" | "ravel" => (reshaped(b, c, name)?, Shown::Reshaped),
        "permute" | "transpose" | "swapaxes" | "swapdims" | "t" | "numpy_T" | "mT" | "movedim"
        | "moveaxis" | "adjoint" => {
            let (value, order) = permuted(b, c, name)?;
            (value, Shown::Permuted(order))
        }
        "expand" | "expand_as" | "broadcast_to" => (expanded(b, c, name)?, Shown::Other),
        "select" => selected(b, c)?,
        "slice" | "narrow" => sliced(b, c, name)?,
        "diagonal" | "unfold" | "as_strided" => return strided::strided(b, c, name),
        _ => return Ok(None),
    };
    let base: Handle = c.first()?;
    let handle = b.view(base, viewed.0, viewed.1);
    Ok(Some(vec![Val::Tensor(handle)]))
}

fn reshaped(b: &mut Builder, c: &Call, name: &str) -> Result<ValueId> {
    let x = c.x(b)?;
    match name {
        "view" if matches!(c.get(1, "dtype"), Some(Val::Type(_))) => unsupported("of bits as another type"),
        "view" | "_unsafe_view" | "_reshape_alias" => {
            let shape = c.sizes(1, "size")?;
            b.reshape(x, &shape)
        }
        "reshape" => {
            let shape = c.sizes(1, "shape")?;
            b.reshape(x, &shape)
        }
        "view_as" | "reshape_as" => {
            let other = c.value(b, 1, "other")?;
            let shape = b.extents(other)?;
            b.reshape(x, &shape)
        }
        "ravel" => b.reshape(x, &[Val::Int(-1)]),
        "unsqueeze" => {
            let dim = c.int(b, 1, "dim")?;
            b.expand_dims(x, dim)
        }
        "squeeze" => squeezed(b, c, x),
        "flatten" => flattened(b, c, x),
        _ => {
            let at = c.int(b, 1, "dim")?;
            let at = b.axis(x, at)?;
            let sizes = c.sizes(2, "sizes")?;
            let mut shape = b.extents(x)?;
            shape.splice(at..=at, sizes);
            b.reshape(x, &shape)
        }
    }
}

fn flattened(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    let (start, end) = (c.int_or(b, 1, "start_dim", 0)?, c.int_or(b, 2, "end_dim", -1)?);
    if end == -1 && start == 1 && b.shape(x).is_none() {
        let rows = b.extent(x, 0)?;
        return b.reshape(x, &[rows, Val::Int(-1)]);
    }
    let rank = b.rank(x)?;
    if rank == 0 {
        return b.reshape(x, &[Val::Int(1)]);
    }
    let (start, end) = (place(start, rank)?, place(end, rank)?);
    if start > end {
        return broken("a flatten that ends before it begins");
    }
    let extents = b.extents(x)?;
    let inner: Option<i64> =
        extents[start..=end].iter().map(|n| b.known(n)).try_fold(1i64, |n, extent| n.checked_mul(extent?));
    let mut shape = extents[..start].to_vec();
    // Two extents that are not known cannot both follow from the others.
    let open = shape.iter().chain(&extents[end + 1..]).filter(|n| b.known(n).is_none()).count();
    shape.push(match inner {
        Some(inner) if open > 0 => Val::Int(inner),
        _ => Val::Int(-1),
    });
    shape.extend_from_slice(&extents[end + 1..]);
    b.reshape(x, &shape)
}

/// Only axes of extent 1 go.
fn squeezed(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    let dims = match c.get(1, "dim") {
        None => (0..b.rank(x)? as i64).collect(),
        Some(_) => c.ints(b, 1, "dim")?,
    };
    let rank = b.rank(x)?;
    let mut gone = Vec::new();
    for dim in dims {
        if rank == 0 {
            continue;
        }
        let at = place(dim, rank)?;
        match b.shape(x).and_then(|s| s[at]) {
            Some(1) => gone.push(at as i64),
            Some(_) => {}
            // Batches are batches, even of one.
            None if c.get(1, "dim").is_none() && at == 0 => {}
            // An export that leaves an extent open has seen that it is not one.
            None if !c.overload.is_empty() => {}
            None => return unsupported("of an axis whose extent is not known"),
        }
    }
    if gone.is_empty() { Ok(x) } else { b.squeeze(x, gone) }
}

fn permuted(b: &mut Builder, c: &Call, name: &str) -> Result<(ValueId, Vec<usize>)> {
    let x = c.x(b)?;
    if name == "permute" {
        let dims = c.ints(b, 1, "dims")?;
        let order = dims.iter().map(|d| place(*d, dims.len())).collect::<Result<Vec<_>>>()?;
        return Ok((b.transpose(x, &order)?, order));
    }
    let rank = b.rank(x)?;
    let mut order: Vec<usize> = (0..rank).collect();
    match name {
        "t" | "numpy_T" => order.reverse(),
        "mT" | "adjoint" if rank >= 2 => order.swap(rank - 1, rank - 2),
        "movedim" | "moveaxis" => order = moved(b, c, rank)?,
        _ => {
            let first = if c.get(usize::MAX, "axis0").is_some() { "axis0" } else { "dim0" };
            let second = if first == "axis0" { "axis1" } else { "dim1" };
            let (from, to) = (c.int(b, 1, first)?, c.int(b, 2, second)?);
            if rank > 0 {
                order.swap(place(from, rank)?, place(to, rank)?);
            }
        }
    }
    Ok((b.transpose(x, &order)?, order))
}

fn moved(b: &Builder, c: &Call, rank: usize) -> Result<Vec<usize>> {
    let (from, to) = (c.ints(b, 1, "source")?, c.ints(b, 2, "destination")?);
    let from = from.iter().map(|d| place(*d, rank)).collect::<Result<Vec<_>>>()?;
    let to = to.iter().map(|d| place(*d, rank)).collect::<Result<Vec<_>>>()?;
    let mut rest = (0..rank).filter(|at| !from.contains(at));
    let mut order = Vec::new();
    for at in 0..rank {
        let named = to.iter().position(|t| *t == at).and_then(|n| from.get(n)).copied();
        order.extend(named.or_else(|| rest.next()));
    }
    if order.len() == rank { Ok(order) } else { broken("axes that are moved to places that do not fit") }
}

fn expanded(b: &mut Builder, c: &Call, name: &str) -> Result<ValueId> {
    let x = c.x(b)?;
    let shape = match name {
        "expand_as" => {
            let other = c.value(b, 1, "other")?;
            b.extents(other)?
        }
        _ => c.sizes(1, "size")?,
    };
    let has_own = shape.iter().any(|n| b.known(n) == Some(-1));
    if !has_own {
        return b.broadcast(x, &shape);
    }
    let rank = b.rank(x)?;
    let Some(more) = shape.len().checked_sub(rank) else { return broken("an expansion to fewer axes") };
    let mut full = Vec::new();
    for (at, extent) in shape.iter().enumerate() {
        let own = b.known(extent) == Some(-1);
        full.push(match at.checked_sub(more) {
            Some(at) if own => b.extent(x, at as i64)?,
            _ => extent.clone(),
        });
    }
    b.broadcast(x, &full)
}

fn selected(b: &mut Builder, c: &Call) -> Result<(ValueId, Shown)> {
    let x = c.x(b)?;
    let dim = c.int(b, 1, "dim")?;
    let at = if dim >= 0 { dim as usize } else { b.axis(x, dim)? };
    let Some(index) = c.get(2, "index").cloned() else { return c.wrong("index", "an int") };
    let mut place = index.clone();
    if let Some(n @ ..0) = b.known(&index) {
        // Counted from the end.
        place = match b.extent(x, at as i64)? {
            Val::Int(extent) => Val::Int(extent.saturating_add(n)),
            extent => {
                let (extent, n) = (b.scalar(&extent)?, b.int(n)?);
                Val::Symbol(b.binary(crate::graph::Binary::Add, extent, n)?)
            }
        };
    }
    let dtype = b.dtype(x);
    let (index_value, axis) = (b.scalar(&place)?, b.int(at as i64)?);
    let value = b.op(Op::Gather { batch_dims: 0 }, &[x, index_value, axis], dtype)?;
    Ok((value, Shown::Selected(at, index)))
}

fn sliced(b: &mut Builder, c: &Call, name: &str) -> Result<(ValueId, Shown)> {
    let x = c.x(b)?;
    let dim = c.int_or(b, 1, "dim", 0)?;
    let at = if dim >= 0 { dim as usize } else { b.axis(x, dim)? };
    let or = |value: Option<&Val>, default| value.cloned().unwrap_or(Val::Int(default));
    let places = if name == "narrow" {
        let (start, length) = (or(c.some(2, "start"), 0), or(c.some(3, "length"), 0));
        let end = super::scalars::combine(b, "add", &start, &length)?;
        [start, end, Val::Int(1)]
    } else {
        [or(c.some(2, "start"), 0), or(c.some(3, "end"), i64::MAX), or(c.some(4, "step"), 1)]
    };
    let value = cut(b, x, at, &places)?;
    Ok((value, Shown::Sliced(at, places)))
}

/// Places of an axis: begin, end, step.
pub fn cut(b: &mut Builder, x: ValueId, at: usize, places: &[Val; 3]) -> Result<ValueId> {
    let known: Vec<Option<i64>> = places.iter().map(|p| b.known(p)).collect();
    let extent = b.shape(x).and_then(|s| s.get(at).copied().flatten());
    let whole = known[1].is_some_and(|end| end == i64::MAX || extent.is_some_and(|e| end >= e as i64));
    if known[0] == Some(0) && whole && known[2] == Some(1) {
        return Ok(x);
    }
    let dtype = b.dtype(x);
    let mut inputs = vec![x];
    for (place, before) in places.iter().zip([0, 0, 1]) {
        let mut all = vec![Val::Int(before); at];
        all.push(place.clone());
        inputs.push(b.vector(&all)?);
    }
    let before = (1i64 << at.min(62)) - 1;
    let masks = crate::graph::Masks { begin: before, end: before, ..crate::graph::Masks::default() };
    let value = b.op(Op::StridedSlice(masks), &inputs, dtype)?;
    Ok(b.shaped_beside(value, x, at))
}

/// What a constant of a trace is that stands for a tensor and not for a number: that is taken apart from its program.
fn no_number(b: &mut Builder, c: &Call) -> Result<Option<ValueId>> {
    let x = c.x(b)?;
    match b.to.constant(x).cloned() {
        Some(literal) if b.numbers.contains(&x) => {
            let dtype = b.dtype(x);
            b.literal(literal, dtype).map(Some)
        }
        _ => Ok(None),
    }
}
