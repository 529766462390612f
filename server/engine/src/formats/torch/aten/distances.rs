//! Distances and similarities of vectors.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val};
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let names = match c.name.as_str() {
        "cosine_similarity" | "cdist" | "_cdist_forward" | "pairwise_distance" => ["x1", "x2"],
        "dist" => ["self", "other"],
        _ => return Ok(None),
    };
    let (Some(x), Some(y)) = (c.get(0, names[0]).cloned(), c.get(1, names[1]).cloned()) else {
        return c.wrong(names[1], "a tensor");
    };
    let last = Val::list(vec![Val::Int(-1)]);
    let y = match c.name.as_str() {
        "cosine_similarity" => cosine(b, c, &x, &y)?,
        "pairwise_distance" => {
            let order = Val::Float(c.float_or(2, "p", 2.0)?);
            let keep = Val::Bool(c.flag(4, "keepdim", false)?);
            let difference = b.apply("sub", &[&x, &y])?;
            let difference = b.apply("add", &[&difference, &Val::Float(c.float_or(3, "eps", 1e-6)?)])?;
            b.apply("linalg_vector_norm", &[&difference, &order, &last, &keep])?
        }
        "dist" => {
            let difference = b.apply("sub", &[&x, &y])?;
            b.apply("linalg_vector_norm", &[&difference, &Val::Float(c.float_or(2, "p", 2.0)?)])?
        }
        _ => {
            let rows = b.apply("unsqueeze", &[&x, &Val::Int(-2)])?;
            let columns = b.apply("unsqueeze", &[&y, &Val::Int(-3)])?;
            let difference = b.apply("sub", &[&rows, &columns])?;
            b.apply("linalg_vector_norm", &[&difference, &Val::Float(c.float_or(2, "p", 2.0)?), &last])?
        }
    };
    Ok(Some(vec![y]))
}

/// Vectors that are shorter than `eps` are as long as it.
fn cosine(b: &mut Builder, c: &Call, x: &Val, y: &Val) -> Result<Val> {
    let dim = Val::list(vec![Val::Int(c.int_or(b, 2, "dim", 1)?)]);
    let least = Val::Float(c.float_or(3, "eps", 1e-8)?);
    let mut unit = |value: &Val| {
        let length = b.apply("linalg_vector_norm", &[value, &Val::Int(2), &dim, &Val::Bool(true)])?;
        let length = b.apply("clamp_min", &[&length, &least])?;
        b.apply("div", &[value, &length])
    };
    let (x, y) = (unit(x)?, unit(y)?);
    let product = b.apply("mul", &[&x, &y])?;
    b.apply("sum", &[&product, &dim])
}
