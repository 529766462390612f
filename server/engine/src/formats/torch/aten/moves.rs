//! What moves elements: repeated, turned around, shifted, with a border.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken, unsupported};
use super::{Outcome, combined};
use crate::DType;
use crate::graph::{Op, Rare, ValueId};

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
    if are_alone(c) {
        return interleaved_by_each(b, c);
    }
    let x = c.x(b)?;
    let repeats = match c.get(1, "repeats") {
        Some(Val::Int(n)) => *n,
        Some(given @ Val::Tensor(_)) => match b.known(given) {
            Some(n) => n,
            None => return interleaved_by_each(b, c),
        },
        _ => return unsupported("by a number that depends on the request"),
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

/// Whether nothing is told but how often each place is repeated.
fn are_alone(c: &Call) -> bool {
    c.get(1, "repeats").is_none()
        || c.arguments.first().is_some_and(|(name, _)| name.as_deref() == Some("repeats"))
}

/// Each place of an axis as often as a tensor says.
fn interleaved_by_each(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let Some((_, x)) = c.arguments.first() else { return c.wrong("repeats", "a tensor") };
    let (mut x, mut dim) = (x.clone(), Val::Int(0));
    let mut times = match c.get(1, "repeats") {
        Some(times @ Val::Tensor(_)) if !are_alone(c) => times.clone(),
        // Without anything else the places themselves are repeated.
        _ => {
            let count = b.apply("size", &[&x, &Val::Int(0)])?;
            std::mem::replace(&mut x, b.apply("arange", &[&count])?)
        }
    };
    match c.some(2, "dim") {
        Some(given) => dim = given.clone(),
        None => x = b.apply("reshape", &[&x, &Val::list(vec![Val::Int(-1)])])?,
    }
    let value = b.of(&times)?;
    if b.rank(value)? == 0 {
        let extent = b.apply("size", &[&x, &dim])?;
        times = b.apply("expand", &[&times, &Val::list(vec![extent])])?;
    }
    let ends = b.apply("cumsum", &[&times, &Val::Int(0)])?;
    let count = b.apply("sum", &[&times])?;
    let count = b.apply("Int", &[&count])?;
    let places = b.apply("arange", &[&count])?;
    // A place belongs to the first that ends behind it.
    let owners = b.apply("bucketize", &[&places, &ends, &Val::Bool(false), &Val::Bool(true)])?;
    let made = b.apply("index_select", &[&x, &dim, &owners])?;
    b.of(&made)
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

/// Channels that become pixels, the way back, and channels dealt out anew.
fn shuffled(b: &mut Builder, c: &Call) -> Result<ValueId> {
    let x = c.x(b)?;
    let shape = b.extents(x)?;
    if shape.len() == 4 || shape.len() < 3 {
        return shuffled_images(b, c, x);
    }
    // Whatever stands in front is the batch.
    let (front, image) = shape.split_at(shape.len() - 3);
    let images = b.reshape(x, &[&[Val::Int(-1)], image].concat())?;
    let made = shuffled_images(b, c, images)?;
    let image = b.extents(made)?.split_off(1);
    b.reshape(made, &[front, &image[..]].concat())
}

fn shuffled_images(b: &mut Builder, c: &Call, x: ValueId) -> Result<ValueId> {
    let name = if c.name.starts_with("pixel") { "upscale_factor" } else { "groups" };
    let name = if c.name == "pixel_unshuffle" { "downscale_factor" } else { name };
    let factor = c.int(b, 1, name)?;
    let Some([_, Some(channels), _, _]) = b.shape(x).and_then(|s| s.first_chunk::<4>().copied()) else {
        return unsupported("of what is no image of known channels");
    };
    if !(1..=1 << 16).contains(&factor) {
        return broken("a factor that is none");
    }
    let extents = b.extents(x)?;
    let (batch, channels) = (extents[0].clone(), channels as i64);
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
            let factor = Val::Int(factor);
            let high = combined(b, "mul", &extents[2], &factor)?;
            let wide = combined(b, "mul", &extents[3], &factor)?;
            b.reshape(moved, &[batch, Val::Int(outs), high, wide])
        }
        "pixel_unshuffle" => {
            let by = Val::Int(factor);
            let high = combined(b, "floordiv", &extents[2], &by)?;
            let wide = combined(b, "floordiv", &extents[3], &by)?;
            let split = [batch.clone(), Val::Int(channels), high.clone(), by.clone(), wide.clone(), by];
            let apart = b.reshape(x, &split)?;
            let moved = b.transpose(apart, &[0, 1, 3, 5, 2, 4])?;
            b.reshape(moved, &[batch, Val::Int(channels.saturating_mul(factor * factor)), high, wide])
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
