//! Borders around tensors.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::DType;
use crate::graph::{Along, Border, Literal, Op, Rare, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "pad" | "constant_pad_nd" | "reflection_pad1d" | "reflection_pad2d" | "reflection_pad3d"
        | "replication_pad1d" | "replication_pad2d" | "replication_pad3d" => {
            let value = padded(b, c)?;
            b.give(value)
        }
        _ => Ok(None),
    }
}

/// What a border of one number is made of.
fn fill(c: &Call) -> Result<f64> {
    c.float_or(if c.name == "pad" { 3 } else { 2 }, "value", 0.0)
}

/// A border, told from the last axis on.
fn padded(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let pads_name = if c.name.contains("_pad") && c.name != "constant_pad_nd" { "padding" } else { "pad" };
    let pads = c.sizes(1, pads_name)?;
    let mode = match c.name.as_str() {
        "constant_pad_nd" => "constant".into(),
        "pad" => c.text(2, "mode").unwrap_or_else(|| "constant".into()),
        name if name.starts_with("reflection") => "reflect".into(),
        _ => "replicate".into(),
    };
    let rank = b.rank(x)?;
    if pads.len() > 2 * rank || pads.len() % 2 != 0 {
        return broken("a border of more axes than there are");
    }
    let known: Option<Vec<i64>> = pads.iter().map(|n| b.known(n)).collect();
    let Some(pads) = known else { return by_request(b, c, x, &pads, &mode) };
    let mut sides = vec![[0i64; 2]; rank];
    for (n, pair) in pads.chunks_exact(2).enumerate() {
        sides[rank - 1 - n] = [pair[0], pair[1]];
    }
    // Below zero it takes something away.
    let mut x = x;
    for (at, side) in sides.iter_mut().enumerate() {
        if side.iter().any(|n| *n < 0) {
            let [begin, end] = side.map(|n| (-n).max(0));
            let end = if end == 0 { i64::MAX } else { -end };
            x = super::views::cut(b, x, at, &[Val::Int(begin), Val::Int(end), Val::Int(1)])?;
            *side = side.map(|n| n.max(0));
        }
    }
    if sides.iter().flatten().all(|n| *n == 0) {
        return Ok(x);
    }
    let dtype = b.dtype(x);
    let flat =
        b.literal(Literal::I64(sides.iter().flatten().copied().collect(), vec![rank, 2]), DType::I64)?;
    match &*mode {
        "constant" => {
            let fill = fill(c)?;
            if rank >= 3 && sides[..2] == [[0, 0], [0, 0]] && dtype == DType::F32 && rank <= 5 {
                let pads: Vec<[usize; 2]> =
                    sides[2..].iter().map(|s| s.map(|n| n.unsigned_abs() as usize)).collect();
                return b.made(dtype, |to| to.bordered(x, &pads, fill as f32));
            }
            let fill = b.number(fill, dtype)?;
            b.op(Op::Pad, &[x, flat, fill], dtype)
        }
        "reflect" => b.op(Op::MirrorPad { symmetric: false }, &[x, flat], dtype),
        "replicate" => edges(b, x, &sides),
        "circular" => circled(b, x, &sides),
        other => unsupported(format!("mode {other:?}")),
    }
}

/// The edge, repeated.
fn edges(b: &mut Builder, x: ValueId, sides: &[[i64; 2]]) -> Result<ValueId> {
    let mut x = x;
    for (at, [before, after]) in sides.iter().enumerate() {
        let mut parts = vec![x];
        for (count, place) in [(*before, 0), (*after, -1)] {
            if count > 0 {
                let end = if place == 0 { 1 } else { i64::MAX };
                let edge = super::views::cut(b, x, at, &[Val::Int(place), Val::Int(end), Val::Int(1)])?;
                let mut times = vec![1i64; sides.len()];
                times[at] = count;
                let (dtype, times) = (b.dtype(x), b.ints(&times)?);
                let edge = b.op(Op::Tile, &[edge, times], dtype)?;
                parts.insert(if place == 0 { 0 } else { parts.len() }, edge);
            }
        }
        if parts.len() > 1 {
            x = b.concat(&parts, at)?;
        }
    }
    Ok(x)
}

/// The other end, as if each axis were a circle.
fn circled(b: &mut Builder, x: ValueId, sides: &[[i64; 2]]) -> Result<ValueId> {
    let mut x = x;
    for (at, [before, after]) in sides.iter().enumerate() {
        let mut parts = vec![x];
        if *before > 0 {
            parts.insert(
                0,
                super::views::cut(b, x, at, &[Val::Int(-before), Val::Int(i64::MAX), Val::Int(1)])?,
            );
        }
        if *after > 0 {
            parts.push(super::views::cut(b, x, at, &[Val::Int(0), Val::Int(*after), Val::Int(1)])?);
        }
        if parts.len() > 1 {
            x = b.concat(&parts, at)?;
        }
    }
    Ok(x)
}

/// A border whose extents the request decides.
fn by_request(b: &mut Builder, c: &Call, x: ValueId, pads: &[Val], mode: &str) -> Result<ValueId> {
    let border = match mode {
        "constant" => Border::Constant,
        "reflect" => Border::Reflect,
        "replicate" => Border::Edge,
        "circular" => Border::Wrap,
        other => return unsupported(format!("mode {other:?}")),
    };
    let (rank, dtype) = (b.rank(x)?, b.dtype(x));
    let count = pads.len() / 2;
    let axes: Vec<i64> = (0..count).map(|n| (rank - 1 - n) as i64).collect();
    let sides: Vec<Val> = pads.iter().step_by(2).chain(pads.iter().skip(1).step_by(2)).cloned().collect();
    let (sides, axes) = (b.vector(&sides)?, b.ints(&axes)?);
    let number = b.number(fill(c)?, dtype)?;
    let op = Op::Rare(Box::new(Rare::Along(Along::Pad(border))));
    let made = b.op(op, &[x, sides, axes, number], dtype)?;
    let mut shape = b.shape(x).map_or_else(|| vec![None; rank], <[_]>::to_vec);
    shape[rank - count..].fill(None);
    Ok(b.shaped(made, shape))
}
