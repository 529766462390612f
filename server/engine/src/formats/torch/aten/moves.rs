//! What moves elements: repeated, turned around, shifted, with a border.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::DType;
use crate::graph::{Literal, Op, Rare, ValueId};

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let value = match c.name.as_str() {
        "repeat" | "tile" => {
            let x = c.x(b)?;
            let mut repeats = c.sizes(1, if c.name == "tile" { "dims" } else { "repeats" })?;
            let rank = b.rank(x)?;
            while repeats.len() < rank {
                repeats.insert(0, Val::Int(1));
            }
            let mut shape = vec![Val::Int(1); repeats.len() - rank];
            shape.extend(b.extents(x)?);
            let x = if shape.len() > rank { b.reshape(x, &shape)? } else { x };
            let (dtype, repeats) = (b.dtype(x), b.vector(&repeats)?);
            b.op(Op::Tile, &[x, repeats], dtype)?
        }
        "repeat_interleave" => interleaved(b, c)?,
        "flip" => {
            let x = c.x(b)?;
            let dims = c.ints(b, 1, "dims")?;
            let (dtype, axes) = (b.dtype(x), b.ints(&dims)?);
            b.op(Op::Reverse, &[x, axes], dtype)?
        }
        "roll" => roll(b, c)?,
        "pad" | "constant_pad_nd" | "reflection_pad1d" | "reflection_pad2d" | "reflection_pad3d"
        | "replication_pad1d" | "replication_pad2d" | "replication_pad3d" => padded(b, c)?,
        "pixel_shuffle" | "pixel_unshuffle" | "channel_shuffle" | "native_channel_shuffle" => shuffled(b, c)?,
        "tril" | "triu" => {
            let x = c.x(b)?;
            let diagonal = c.int_or(b, 1, "diagonal", 0)?;
            triangle(b, x, c.name == "tril", diagonal)?
        }
        _ => return Ok(None),
    };
    b.give(value)
}

fn interleaved(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let repeats = match c.get(1, "repeats") {
        Some(Val::Int(n)) => *n,
        _ => return unsupported("by a tensor"),
    };
    let (x, at) = match c.maybe_ints(b, 2, "dim")?.as_deref() {
        Some([dim]) => (x, b.axis(x, *dim)?),
        _ => (b.reshape(x, &[Val::Int(-1)])?, 0),
    };
    let spread = b.expand_dims(x, at as i64 + 1)?;
    let mut times = vec![1i64; b.rank(spread)?];
    times[at + 1] = repeats;
    let (dtype, times) = (b.dtype(x), b.ints(&times)?);
    let tiled = b.op(Op::Tile, &[spread, times], dtype)?;
    let mut shape = b.extents(x)?;
    shape[at] = match &shape[at] {
        Val::Int(n) => Val::Int(n.saturating_mul(repeats)),
        _ => Val::Int(-1),
    };
    b.reshape(tiled, &shape)
}

fn roll(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let shifts = c.ints(b, 1, "shifts")?;
    let dims = c.maybe_ints(b, 2, "dims")?.unwrap_or_default();
    let dtype = b.dtype(x);
    let op = Op::Rare(Box::new(Rare::Roll));
    if dims.is_empty() {
        let flat = b.reshape(x, &[Val::Int(-1)])?;
        let (shift, axis) = (b.ints(&shifts)?, b.ints(&[0])?);
        let rolled = b.op(op, &[flat, shift, axis], dtype)?;
        let shape = b.extents(x)?;
        return b.reshape(rolled, &shape);
    }
    let shape = b.shape(x).map(<[_]>::to_vec);
    let (shifts, axes) = (b.ints(&shifts)?, b.ints(&dims)?);
    let rolled = b.op(op, &[x, shifts, axes], dtype)?;
    Ok(shape.map_or(rolled, |shape| b.shaped(rolled, shape)))
}

/// A border, told from the last axis on.
fn padded(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let pads =
        c.ints(b, 1, if c.name.contains("_pad") && c.name != "constant_pad_nd" { "padding" } else { "pad" })?;
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
            let place = if c.name == "pad" { 3 } else { 2 };
            let fill = c.float_or(place, "value", 0.0)?;
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

/// Channels that become pixels, the way back, and channels dealt out anew.
fn shuffled(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let name = if c.name.starts_with("pixel") { "upscale_factor" } else { "groups" };
    let name = if c.name == "pixel_unshuffle" { "downscale_factor" } else { name };
    let factor = c.int(b, 1, name)?;
    let Some([_, Some(channels), height, width]) = b.shape(x).and_then(|s| s.first_chunk::<4>().copied())
    else {
        return unsupported("of what is no image of known channels");
    };
    if !(1..=1 << 16).contains(&factor) {
        return broken("a factor that is none");
    }
    let extents = b.extents(x)?;
    let (batch, channels) = (extents[0].clone(), channels as i64);
    let of = |n: Option<usize>, m: &dyn Fn(i64) -> i64| n.map_or(Val::Int(-1), |n| Val::Int(m(n as i64)));
    match c.name.as_str() {
        "pixel_shuffle" => {
            let outs = channels / (factor * factor);
            let split = [
                batch.clone(),
                Val::Int(outs),
                Val::Int(factor),
                Val::Int(factor),
                extents[2].clone(),
                extents[3].clone(),
            ];
            let apart = b.reshape(x, &split)?;
            let moved = b.transpose(apart, &[0, 1, 4, 2, 5, 3])?;
            let times = |n: i64| n.saturating_mul(factor);
            b.reshape(moved, &[batch, Val::Int(outs), of(height, &times), of(width, &times)])
        }
        "pixel_unshuffle" => {
            let (Some(height), Some(width)) = (height, width) else {
                return unsupported("of an image whose size is not known");
            };
            let (high, wide) = (height as i64 / factor, width as i64 / factor);
            let split = [
                batch.clone(),
                Val::Int(channels),
                Val::Int(high),
                Val::Int(factor),
                Val::Int(wide),
                Val::Int(factor),
            ];
            let apart = b.reshape(x, &split)?;
            let moved = b.transpose(apart, &[0, 1, 3, 5, 2, 4])?;
            b.reshape(
                moved,
                &[batch, Val::Int(channels.saturating_mul(factor * factor)), Val::Int(high), Val::Int(wide)],
            )
        }
        _ => {
            let split = [
                batch.clone(),
                Val::Int(factor),
                Val::Int(channels / factor),
                extents[2].clone(),
                extents[3].clone(),
            ];
            let apart = b.reshape(x, &split)?;
            let moved = b.transpose(apart, &[0, 2, 1, 3, 4])?;
            b.reshape(moved, &extents)
        }
    }
}

/// What lies below or above a diagonal; zero elsewhere.
pub fn triangle(b: &mut Builder, x: ValueId, lower: bool, diagonal: i64) -> Result<ValueId> {
    let dtype = b.dtype(x);
    if !is_float(dtype) || diagonal < 0 || !lower {
        return masked_triangle(b, x, lower, diagonal);
    }
    let (below, above) = (b.int(-1)?, b.int(diagonal)?);
    let shape = b.shape(x).map(<[_]>::to_vec);
    let made = b.op(Op::Rare(Box::new(Rare::BandPart)), &[x, below, above], dtype)?;
    Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
}

fn masked_triangle(b: &mut Builder, x: ValueId, lower: bool, diagonal: i64) -> Result<ValueId> {
    let mask = triangle_mask(b, x, lower, diagonal)?;
    let dtype = b.dtype(x);
    let zero = b.number(0.0, dtype)?;
    super::pointwise::choose(b, mask, x, zero)
}

/// Where columns are not beyond a diagonal, or not before it, as a matrix of truths of the size of a value's last two axes.
pub fn triangle_mask(b: &mut Builder, x: ValueId, lower: bool, diagonal: i64) -> Result<ValueId> {
    let (rows, columns) = (b.extent(x, -2)?, b.extent(x, -1)?);
    let rows = super::create::counted(b, &rows)?;
    let columns = super::create::counted(b, &columns)?;
    let (rows, columns) =
        (b.reshape(rows, &[Val::Int(-1), Val::Int(1)])?, b.reshape(columns, &[Val::Int(1), Val::Int(-1)])?);
    let diagonal = b.int(diagonal)?;
    let edge = b.binary(crate::graph::Binary::Add, rows, diagonal)?;
    let op = if lower { crate::graph::Compare::LessEqual } else { crate::graph::Compare::GreaterEqual };
    b.op(Op::Compare(op), &[columns, edge], DType::Bool)
}
