//! Elements at shares of each row in order.

use super::super::super::arguments::Call;
use super::super::super::build::Builder;
use super::super::super::value::{Result, Val, unsupported};
use super::super::combined;

/// Of one share or several, whose axis comes first. What is no number makes the whole row none, or does not count.
pub fn quantile(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let last = Val::Int(-1);
    let own = b.of(x)?;
    let (rank, dtype) = (b.rank(own)?, b.dtype(own));
    let rows = match c.some(2, "dim") {
        Some(dim) => b.apply("movedim", &[x, dim, &last])?,
        None => b.apply("reshape", &[x, &Val::list(vec![last.clone()])])?,
    };
    let Some(mut shares) = c.get(1, "q").cloned() else { return c.wrong("q", "a number") };
    if !matches!(shares, Val::Tensor(_)) {
        shares = b.apply("scalar_tensor", &[&shares, &Val::Type(dtype)])?;
    }
    let asked = b.of(&shares)?;
    let several = b.rank(asked)? > 0;
    let count = if several { last.clone() } else { Val::Int(1) };
    let shares = b.apply("reshape", &[&shares, &Val::list(vec![count])])?;
    let [mut made, none] = picked(b, c, &rows, &shares)?;
    made = b.apply("masked_fill", &[&made, &none, &Val::Float(f64::NAN)])?;
    made = if several {
        b.apply("movedim", &[&made, &last, &Val::Int(0)])?
    } else {
        b.apply("squeeze", &[&made, &last])?
    };
    if !c.flag(3, "keepdim", false)? {
        return Ok(made);
    }
    let before = usize::from(several);
    if c.some(2, "dim").is_none() {
        let mut shape = vec![Val::Int(1); rank + before];
        shape[0] = if several { last } else { Val::Int(1) };
        return b.apply("reshape", &[&made, &Val::list(shape)]);
    }
    let dim = c.int(b, 2, "dim")?;
    let at = b.axis(own, dim)? + before;
    b.apply("unsqueeze", &[&made, &Val::Int(at as i64)])
}

/// Elements at shares of rows, and which of them are no numbers.
fn picked(b: &mut Builder, c: &Call, rows: &Val, shares: &Val) -> Result<[Val; 2]> {
    let last = Val::Int(-1);
    let is_known = b.apply("eq", &[rows, rows])?;
    let is_nan = b.apply("logical_not", &[&is_known])?;
    let numbers = b.apply("masked_fill", &[rows, &is_nan, &Val::Float(f64::INFINITY)])?;
    let sorted = b.apply_all("sort", &[&numbers, &last, &Val::Bool(false)])?.remove(0);
    let count = b.apply("sum", &[&is_known, &Val::list(vec![last.clone()]), &Val::Bool(true)])?;
    let extent = b.apply("size", &[rows, &last])?;
    let none = b.apply("lt", &[&count, &if c.name == "quantile" { extent.clone() } else { Val::Int(1) }])?;
    let last_place = if c.name == "quantile" {
        let end = combined(b, "sub", &extent, &Val::Int(1))?;
        b.apply("full_like", &[&count, &end])?
    } else {
        let end = b.apply("sub", &[&count, &Val::Int(1)])?;
        b.apply("clamp_min", &[&end, &Val::Int(0)])?
    };
    let place = b.apply("mul", &[&last_place, shares])?;
    let (below, above) = (b.apply("floor", &[&place])?, b.apply("ceil", &[&place])?);
    let mut at = |place: &Val| {
        let place = b.apply("long", &[place])?;
        b.apply("gather", &[&sorted, &last, &place])
    };
    let made = match c.text(4, "interpolation").as_deref() {
        Some("lower") => at(&below)?,
        Some("higher") => at(&above)?,
        Some("nearest") => {
            let nearest = b.apply("round", &[&place])?;
            let nearest = b.apply("long", &[&nearest])?;
            b.apply("gather", &[&sorted, &last, &nearest])?
        }
        how @ (None | Some("linear" | "midpoint")) => {
            let (low, high) = (at(&below)?, at(&above)?);
            let share =
                if how == Some("midpoint") { Val::Float(0.5) } else { b.apply("sub", &[&place, &below])? };
            b.apply("lerp", &[&low, &high, &share])?
        }
        Some(other) => return unsupported(format!("interpolation={other:?}")),
    };
    Ok([made, none])
}
