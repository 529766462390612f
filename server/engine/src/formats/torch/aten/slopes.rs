//! How steep what is told of places is, along axes.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    if c.name != "gradient" {
        return Ok(None);
    }
    let Some((_, x)) = c.arguments.first().cloned() else { return c.wrong("self", "a tensor") };
    let value = b.of(&x)?;
    // One overload has no distances.
    let short = c.arguments.iter().filter(|(name, _)| name.is_none()).count() == 3;
    let (dim_at, order_at) = if short { (1, 2) } else { (2, 3) };
    let dims = match c.maybe_ints(b, dim_at, "dim")? {
        Some(dims) => dims,
        None => (0..b.rank(value)? as i64).collect(),
    };
    let spacing = c.some(if short { usize::MAX } else { 1 }, "spacing").cloned().unwrap_or(Val::Int(1));
    let spacing = match spacing.items() {
        Some(each) if each.len() == dims.len() => each,
        Some(_) => return broken("distances of other axes than are told"),
        None => vec![spacing; dims.len()],
    };
    let order = c.int_or(b, order_at, "edge_order", 1)?;
    let mut made = Vec::new();
    for (dim, spacing) in dims.iter().zip(&spacing) {
        let at = b.axis(value, *dim)?;
        let moved = b.apply("movedim", &[&x, &Val::Int(at as i64), &Val::Int(-1)])?;
        let slope = along(b, &moved, spacing, order)?;
        made.push(b.apply("movedim", &[&slope, &Val::Int(-1), &Val::Int(at as i64)])?);
    }
    Ok(Some(vec![Val::list(made)]))
}

/// Part of the last axis.
fn part(b: &mut Builder, x: &Val, from: i64, to: i64) -> Result<Val> {
    b.apply("slice", &[x, &Val::Int(-1), &Val::Int(from), &Val::Int(to), &Val::Int(1)])
}

/// Along the last axis, by parabolas through three places; at both ends by lines, or by the nearest parabolas.
fn along(b: &mut Builder, x: &Val, spacing: &Val, order: i64) -> Result<Val> {
    let places = match spacing {
        Val::Tensor(_) => spacing.clone(),
        step => {
            let extent = b.apply("size", &[x, &Val::Int(-1)])?;
            let numbers = b.apply("arange", &[&extent])?;
            let numbers = b.apply("type_as", &[&numbers, x])?;
            b.apply("mul", &[&numbers, step])?
        }
    };
    let (after, before) = (part(b, x, 1, i64::MAX)?, part(b, x, 0, -1)?);
    let rise = b.apply("sub", &[&after, &before])?;
    let (after, before) = (part(b, &places, 1, i64::MAX)?, part(b, &places, 0, -1)?);
    let steps = b.apply("sub", &[&after, &before])?;
    // The slopes between neighbours, and how they are weighed at the place between.
    let slopes = b.apply("div", &[&rise, &steps])?;
    let (left, right) = (part(b, &slopes, 0, -1)?, part(b, &slopes, 1, i64::MAX)?);
    let (near, far) = (part(b, &steps, 0, -1)?, part(b, &steps, 1, i64::MAX)?);
    let both = b.apply("add", &[&near, &far])?;
    let share = b.apply("div", &[&near, &both])?;
    let inner = b.apply("lerp", &[&left, &right, &share])?;
    let ends = match order {
        1 => [part(b, &slopes, 0, 1)?, part(b, &slopes, -1, i64::MAX)?],
        2 => {
            // A line between two places of a parabola is as steep as both together, halved.
            let twice = |b: &mut Builder, slope: &Val, middle: &Val| {
                let double = b.apply("mul", &[slope, &Val::Int(2)])?;
                b.apply("sub", &[&double, middle])
            };
            let (first, last) = (part(b, &slopes, 0, 1)?, part(b, &slopes, -1, i64::MAX)?);
            let (second, before) = (part(b, &inner, 0, 1)?, part(b, &inner, -1, i64::MAX)?);
            [twice(b, &first, &second)?, twice(b, &last, &before)?]
        }
        _ => return unsupported(format!("edge_order={order}")),
    };
    let [first, last] = ends;
    b.apply("cat", &[&Val::list(vec![first, inner, last]), &Val::Int(-1)])
}
