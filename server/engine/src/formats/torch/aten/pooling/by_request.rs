//! Axes pooled to as many parts as the request says, or of extents that it says: which places each part has is computed with it.

use super::super::super::build::Builder;
use super::super::super::value::{Result, Val};
use super::super::combined;
use crate::graph::ValueId;

/// The means of images of a batch and channels, pooled to sizes; where none is asked for, an axis stays as it is.
pub fn to_sizes(b: &mut Builder, x: ValueId, wanted: &[Val]) -> Result<ValueId> {
    let mut y = x;
    for (axis, wanted) in wanted.iter().enumerate().filter(|(_, n)| !matches!(n, Val::None)) {
        y = along(b, y, axis + 2, wanted)?;
    }
    Ok(y)
}

fn along(b: &mut Builder, x: ValueId, at: usize, wanted: &Val) -> Result<ValueId> {
    let own = b.extent(x, at as i64)?;
    let mut shape = b.shape(x).map(<[_]>::to_vec);
    if let Some(extent) = shape.as_mut().and_then(|s| s.get_mut(at)) {
        *extent = b.known(wanted).and_then(|n| usize::try_from(n).ok());
    }
    let (is_within, counts) = parts(b, &own, wanted)?;
    let x = b.as_tensor(x);
    let (axis, last) = (Val::Int(at as i64), Val::Int(-1));
    let moved = b.apply("transpose", &[&x, &axis, &last])?;
    let shares = b.apply("div", &[&is_within, &counts])?;
    let shares = b.apply("type_as", &[&shares, &x])?;
    let shares = b.apply("transpose", &[&shares, &Val::Int(0), &Val::Int(1)])?;
    let made = b.apply("matmul", &[&moved, &shares])?;
    let made = b.apply("transpose", &[&made, &axis, &last])?;
    let made = b.of(&made)?;
    Ok(shape.map_or(made, |shape| b.shaped(made, shape)))
}

/// Which places each part has, part by part, and how many; as `adaptive::part` says.
fn parts(b: &mut Builder, own: &Val, wanted: &Val) -> Result<(Val, Val)> {
    let numbers = b.apply("arange", &[wanted])?;
    let begins = b.apply("mul", &[&numbers, own])?;
    let ends = b.apply("add", &[&begins, own])?;
    let begins = b.apply("floor_divide", &[&begins, wanted])?;
    let less = combined(b, "sub", wanted, &Val::Int(1))?;
    let ends = b.apply("add", &[&ends, &less])?;
    let ends = b.apply("floor_divide", &[&ends, wanted])?;
    let (begins, ends) =
        (b.apply("unsqueeze", &[&begins, &Val::Int(1)])?, b.apply("unsqueeze", &[&ends, &Val::Int(1)])?);
    let places = b.apply("arange", &[own])?;
    let (from, to) = (b.apply("ge", &[&places, &begins])?, b.apply("lt", &[&places, &ends])?);
    let is_within = b.apply("logical_and", &[&from, &to])?;
    Ok((is_within, b.apply("sub", &[&ends, &begins])?))
}
