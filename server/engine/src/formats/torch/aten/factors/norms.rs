//! Norms of matrices.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, unsupported};
use super::{last, values};

/// Norms of matrices: of their elements' squares, of sums of rows or columns, of singular values.
pub fn norm(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let dims = c.maybe_ints(b, 2, "dim")?.unwrap_or_else(|| vec![-2, -1]);
    let keep = Val::Bool(c.flag(3, "keepdim", false)?);
    let [rows, columns] = dims[..] else { return unsupported("along other than two axes") };
    let both = Val::list(vec![Val::Int(rows), Val::Int(columns)]);
    let order = match (c.text(1, "ord"), c.get(1, "ord")) {
        (Some(text), _) if &*text == "nuc" => 0.0,
        (Some(text), _) if &*text == "fro" => return frobenius(b, x, &both, &keep),
        (Some(text), _) => return unsupported(format!("ord={text:?}")),
        (None, None | Some(Val::None)) => return frobenius(b, x, &both, &keep),
        (None, Some(_)) => c.float_or(1, "ord", 2.0)?,
    };
    let largest = if order > 0.0 { "amax" } else { "amin" };
    if order.abs() == 1.0 || order.is_infinite() {
        let (summed, left) = if order.abs() == 1.0 { (rows, columns) } else { (columns, rows) };
        let size = b.apply("abs", &[x])?;
        let sums = b.apply("sum", &[&size, &Val::list(vec![Val::Int(summed)]), &Val::Bool(true)])?;
        let found = b.apply(largest, &[&sums, &Val::list(vec![Val::Int(left)]), &Val::Bool(true)])?;
        return if matches!(keep, Val::Bool(true)) {
            Ok(found)
        } else {
            b.apply("squeeze", &[&found, &both])
        };
    }
    let moved = b.apply("movedim", &[x, &both, &Val::list(vec![Val::Int(-2), last()])])?;
    let found = values(b, &moved)?;
    let axes = Val::list(vec![last()]);
    let made = match order {
        0.0 => b.apply("sum", &[&found, &axes])?,
        2.0 | -2.0 => b.apply(largest, &[&found, &axes])?,
        _ => return unsupported(format!("ord={order}")),
    };
    if matches!(keep, Val::Bool(false)) {
        return Ok(made);
    }
    let value = b.of(x)?;
    let mut at = [b.axis(value, rows)?, b.axis(value, columns)?];
    at.sort_unstable();
    let made = b.apply("unsqueeze", &[&made, &Val::Int(at[0] as i64)])?;
    b.apply("unsqueeze", &[&made, &Val::Int(at[1] as i64)])
}

fn frobenius(b: &mut Builder, x: &Val, axes: &Val, keep: &Val) -> Result<Val> {
    b.apply("linalg_vector_norm", &[x, &Val::Int(2), axes, keep])
}
