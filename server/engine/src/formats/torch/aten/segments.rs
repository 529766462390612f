//! Parts of an axis that become one place each.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, unsupported};
use super::Outcome;
use super::matrices::argument;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    match c.name.as_str() {
        "segment_reduce" => Ok(Some(vec![reduced(b, c)?])),
        _ => Ok(None),
    }
}

/// The sum, mean, product or an extreme of each part of the first axis; of a part of nothing what was there before.
fn reduced(b: &mut Builder, c: &Call) -> Result<Val> {
    let x = argument(c, 0, "data")?.clone();
    let Some(how) = c.text(1, "reduce") else { return c.wrong("reduce", "a string") };
    if c.int_or(b, usize::MAX, "axis", 0)? != 0 {
        return unsupported("but along the first axis");
    }
    let first = Val::Int(0);
    let lengths = match (c.some(usize::MAX, "lengths"), c.some(usize::MAX, "offsets")) {
        (Some(lengths), _) => lengths.clone(),
        (None, Some(offsets)) => b.apply("diff", &[&offsets.clone()])?,
        _ => return unsupported("without lengths"),
    };
    let value = b.of(&lengths)?;
    if b.rank(value)? != 1 {
        return unsupported("of batches");
    }
    let told = c.float(usize::MAX, "initial")?;
    let start = told.unwrap_or(match &*how {
        "max" => f64::NEG_INFINITY,
        "min" => f64::INFINITY,
        "prod" => 1.0,
        _ => 0.0,
    });
    let parts = b.apply("size", &[&lengths, &first])?;
    let numbers = b.apply("arange", &[&parts])?;
    let owners = b.apply("repeat_interleave", &[&numbers, &lengths, &first])?;
    let value = b.of(&x)?;
    let mut shape = b.extents(value)?;
    let rank = shape.len();
    shape[0] = parts;
    let blank = b.apply("new_full", &[&x, &Val::list(shape), &Val::Float(start)])?;
    let plain = match &*how {
        "max" => "amax",
        "min" => "amin",
        "prod" => "prod",
        "sum" | "mean" => {
            let sum = b.apply("index_add", &[&blank, &first, &owners, &x])?;
            if &*how == "sum" {
                return Ok(sum);
            }
            // What was told stays as it is where there is nothing beside it.
            let count =
                if told.is_some() { b.apply("clamp_min", &[&lengths, &Val::Int(1)])? } else { lengths };
            let mut column = vec![Val::Int(1); rank];
            column[0] = Val::Int(-1);
            let count = b.apply("reshape", &[&count, &Val::list(column)])?;
            return b.apply("div", &[&sum, &count]);
        }
        other => return unsupported(format!("by {other:?}")),
    };
    b.apply("index_reduce", &[&blank, &first, &owners, &x, &Val::text(plain), &Val::Bool(true)])
}
