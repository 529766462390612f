//! Counts, areas, spreads and distances that are short programs of other operations.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use super::matrices::argument;

/// Columns of powers, and parts of a histogram.
const MOST_PARTS: i64 = 1 << 16;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    let last = Val::Int(-1);
    let made = match c.name.as_str() {
        "histc" => histogram(b, c, &x)?,
        "trapezoid" | "trapz" => {
            let parts = areas(b, c, &x)?;
            b.apply("sum", &[&parts, &Val::list(vec![dim_of(b, c)?])])?
        }
        "cumulative_trapezoid" => {
            let parts = areas(b, c, &x)?;
            b.apply("cumsum", &[&parts, &dim_of(b, c)?])?
        }
        "cov" => covariance(b, c, &x)?,
        "corrcoef" => correlation(b, &x)?,
        "nanmedian" => return known_median(b, c, &x).map(Some),
        "pdist" | "_pdist_forward" => {
            let all = b.apply("cdist", &[&x, &x, &Val::Float(c.float_or(1, "p", 2.0)?)])?;
            let extent = b.apply("size", &[&x, &Val::Int(0)])?;
            let places = b.apply_all("triu_indices", &[&extent, &extent, &Val::Int(1)])?;
            let rows = b.apply("select", &[&places[0], &Val::Int(0), &Val::Int(0)])?;
            let columns = b.apply("select", &[&places[0], &Val::Int(0), &Val::Int(1)])?;
            b.apply("index", &[&all, &Val::list(vec![rows, columns])])?
        }
        "vander" | "linalg_vander" => powers(b, c, &x)?,
        "renorm" => shortened(b, c, &x)?,
        "norm_except_dim" => {
            let dim = c.int_or(b, 2, "dim", 0)?;
            let order = Val::Float(c.float_or(1, "pow", 2.0)?);
            norm_beside(b, &x, &order, dim)?
        }
        "atleast_1d" | "atleast_2d" | "atleast_3d" => raised(b, &c.name, &x)?,
        "diagflat" => {
            let flat = b.apply("reshape", &[&x, &Val::list(vec![last])])?;
            b.apply("diag_embed", &[&flat, &Val::Int(c.int_or(b, 1, "offset", 0)?)])?
        }
        "sum_to_size" => summed_to(b, c, &x)?,
        "equal" => {
            let same = b.apply("eq", &[&x, argument(c, 1, "other")?])?;
            b.apply("all", &[&same])?
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

fn dim_of(b: &Builder, c: &Call) -> Result<Val> {
    Ok(Val::Int(c.int_or(b, usize::MAX, "dim", -1)?))
}

/// How many elements are in each part between two limits.
fn histogram(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let parts = c.int_or(b, 1, "bins", 100)?;
    let (low, high) = (c.float_or(2, "min", 0.0)?, c.float_or(3, "max", 0.0)?);
    if !(1..=MOST_PARTS).contains(&parts) || low > high {
        return broken(format!("a histogram of {parts} parts from {low} to {high}"));
    }
    let flat = b.apply("reshape", &[x, &Val::list(vec![Val::Int(-1)])])?;
    // Limits that are the same are those of the elements.
    let (begin, span) = if low < high {
        (Val::Float(low), Val::Float(high - low))
    } else {
        let (least, most) = (b.apply("amin", &[&flat])?, b.apply("amax", &[&flat])?);
        let span = b.apply("sub", &[&most, &least])?;
        let is_one = b.apply("eq", &[&span, &Val::Int(0)])?;
        // One number alone is in the middle of two.
        let wider = b.apply("masked_fill", &[&span, &is_one, &Val::Int(2)])?;
        let lower = b.apply("sub", &[&least, &Val::Int(1)])?;
        (b.apply("where", &[&is_one, &lower, &least])?, wider)
    };
    let moved = b.apply("sub", &[&flat, &begin])?;
    let share = b.apply("div", &[&moved, &span])?;
    let place = b.apply("mul", &[&share, &Val::Int(parts)])?;
    let (above, below) = (b.apply("ge", &[&share, &Val::Int(0)])?, b.apply("le", &[&share, &Val::Int(1)])?);
    let is_in = b.apply("logical_and", &[&above, &below])?;
    let is_out = b.apply("logical_not", &[&is_in])?;
    let place = b.apply("masked_fill", &[&place, &is_out, &Val::Int(0)])?;
    let place = b.apply("floor", &[&place])?;
    // What lies on the last limit is in the last part.
    let place = b.apply("clamp_max", &[&place, &Val::Int(parts - 1)])?;
    let place = b.apply("long", &[&place])?;
    let ones = b.apply("type_as", &[&is_in, x])?;
    let blank = b.apply("new_zeros", &[x, &Val::list(vec![Val::Int(parts)])])?;
    b.apply("index_add", &[&blank, &Val::Int(0), &place, &ones])
}

/// All of an axis but the first place, or but the last.
fn neighbours(b: &mut Builder, x: &Val, dim: &Val) -> Result<[Val; 2]> {
    let mut cut =
        |from: i64, to: i64| b.apply("slice", &[x, dim, &Val::Int(from), &Val::Int(to), &Val::Int(1)]);
    Ok([cut(1, i64::MAX)?, cut(0, -1)?])
}

/// The areas between neighbours, whose distances are one, a number, or those of places.
fn areas(b: &mut Builder, c: &Call, y: &Val) -> Result<Val> {
    let dim = dim_of(b, c)?;
    let [after, before] = neighbours(b, y, &dim)?;
    let sum = b.apply("add", &[&after, &before])?;
    let half = b.apply("mul", &[&sum, &Val::Float(0.5)])?;
    match c.some(1, "x").or_else(|| c.some(usize::MAX, "dx")) {
        None => Ok(half),
        Some(number @ (Val::Int(_) | Val::Float(_))) => b.apply("mul", &[&half, number]),
        Some(places) => {
            let (places, value) = (places.clone(), b.of(y)?);
            let own = b.of(&places)?;
            if b.rank(own)? != b.rank(value)? && !matches!(dim, Val::Int(-1)) {
                return unsupported("but along the last axis");
            }
            let dim = if b.rank(own)? == 1 { Val::Int(0) } else { dim };
            let [after, before] = neighbours(b, &places, &dim)?;
            let steps = b.apply("sub", &[&after, &before])?;
            b.apply("mul", &[&half, &steps])
        }
    }
}

/// Of variables in rows.
fn covariance(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    if c.some(2, "fweights").is_some() || c.some(3, "aweights").is_some() {
        return unsupported("with weights");
    }
    let correction = c.int_or(b, usize::MAX, "correction", 1)?;
    let value = b.of(x)?;
    let single = b.rank(value)? == 1;
    let rows = if single { b.apply("unsqueeze", &[x, &Val::Int(0)])? } else { x.clone() };
    let mean = b.apply("mean", &[&rows, &Val::list(vec![Val::Int(1)]), &Val::Bool(true)])?;
    let moved = b.apply("sub", &[&rows, &mean])?;
    let turned = b.apply("t", &[&moved])?;
    let product = b.apply("matmul", &[&moved, &turned])?;
    let count = b.apply("size", &[&rows, &Val::Int(1)])?;
    let count = super::combined(b, "sub", &count, &Val::Int(correction))?;
    let made = b.apply("div", &[&product, &count])?;
    if single { b.apply("squeeze", &[&made]) } else { Ok(made) }
}

fn correlation(b: &mut Builder, x: &Val) -> Result<Val> {
    let spread = b.apply("cov", &[x])?;
    let value = b.of(&spread)?;
    if b.rank(value)? == 0 {
        return b.apply("div", &[&spread, &spread]);
    }
    let own = b.apply("diagonal", &[&spread])?;
    let deviation = b.apply("sqrt", &[&own])?;
    let column = b.apply("unsqueeze", &[&deviation, &Val::Int(1)])?;
    let made = b.apply("div", &[&spread, &column])?;
    let made = b.apply("div", &[&made, &deviation])?;
    b.apply("clamp", &[&made, &Val::Int(-1), &Val::Int(1)])
}

/// The lower median of the elements that are numbers.
fn known_median(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    let whole = c.some(1, "dim").is_none();
    let (x, dim) = if whole {
        (b.apply("reshape", &[x, &Val::list(vec![Val::Int(-1)])])?, Val::Int(0))
    } else {
        (x.clone(), Val::Int(c.int(b, 1, "dim")?))
    };
    let is_known = b.apply("eq", &[&x, &x])?;
    let is_nan = b.apply("logical_not", &[&is_known])?;
    let last = b.apply("masked_fill", &[&x, &is_nan, &Val::Float(f64::INFINITY)])?;
    let sorted = b.apply_all("sort", &[&last, &dim, &Val::Bool(false)])?;
    let count = b.apply("sum", &[&is_known, &Val::list(vec![dim.clone()]), &Val::Bool(true)])?;
    let place = b.apply("sub", &[&count, &Val::Int(1)])?;
    let place = b.apply("floor_divide", &[&place, &Val::Int(2)])?;
    let place = b.apply("clamp_min", &[&place, &Val::Int(0)])?;
    let none = b.apply("eq", &[&count, &Val::Int(0)])?;
    let keep = c.flag(2, "keepdim", false)?;
    let mut found = Vec::new();
    for (n, all) in sorted.iter().enumerate() {
        let mut one = b.apply("gather", &[all, &dim, &place])?;
        if n == 0 {
            one = b.apply("masked_fill", &[&one, &none, &Val::Float(f64::NAN)])?;
        }
        found.push(if keep { one } else { b.apply("squeeze", &[&one, &dim])? });
    }
    found.truncate(if whole { 1 } else { 2 });
    Ok(found)
}

/// Rows of powers, from the first or from the last.
fn powers(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let (upwards, asked) = if c.name == "vander" {
        (c.flag(2, "increasing", false)?, c.some(1, "N"))
    } else {
        (true, c.some(usize::MAX, "N"))
    };
    let count = match asked {
        Some(count) => b.known(count),
        None => b.apply("size", &[x, &Val::Int(-1)]).map(|n| b.known(&n))?,
    };
    let Some(count) = count.filter(|n| (0..=MOST_PARTS).contains(n)) else {
        return unsupported("of so many powers");
    };
    let exponents = b.apply("arange", &[&Val::Int(count)])?;
    let exponents =
        if upwards { exponents } else { b.apply("flip", &[&exponents, &Val::list(vec![Val::Int(0)])])? };
    let column = b.apply("unsqueeze", &[x, &Val::Int(-1)])?;
    b.apply("pow", &[&column, &exponents])
}

/// The norm over all axes but one, which stay.
fn norm_beside(b: &mut Builder, x: &Val, order: &Val, dim: i64) -> Result<Val> {
    let value = b.of(x)?;
    let rank = b.rank(value)? as i64;
    let at = if dim < 0 { -1 } else { dim };
    let axes = Val::list((0..rank).filter(|n| *n != at).map(Val::Int).collect());
    b.apply("linalg_vector_norm", &[x, order, &axes, &Val::Bool(true)])
}

/// Slices that are longer than a limit, as long as it.
fn shortened(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let value = b.of(x)?;
    let dim = c.int(b, 2, "dim")?;
    let dim = b.axis(value, dim)? as i64;
    let order = Val::Float(c.float_or(1, "p", 2.0)?);
    let most = Val::Float(c.float_or(3, "maxnorm", 1.0)?);
    let length = norm_beside(b, x, &order, dim)?;
    let is_long = b.apply("gt", &[&length, &most])?;
    let beside = b.apply("add", &[&length, &Val::Float(1e-7)])?;
    let factor = b.apply("reciprocal", &[&beside])?;
    let factor = b.apply("mul", &[&factor, &most])?;
    let factor = b.apply("where", &[&is_long, &factor, &Val::Float(1.0)])?;
    b.apply("mul", &[x, &factor])
}

/// As many axes as are asked for, at least.
fn raised(b: &mut Builder, name: &str, x: &Val) -> Result<Val> {
    if let Some(all) = x.items() {
        let made = all.iter().map(|item| raised(b, name, item)).collect::<Result<Vec<_>>>()?;
        return Ok(Val::list(made));
    }
    let value = b.of(x)?;
    let places: &[i64] = match (name, b.rank(value)?) {
        ("atleast_1d", 0) | ("atleast_2d", 1) => &[0],
        ("atleast_2d", 0) => &[0, 0],
        ("atleast_3d", 0) => &[0, 0, 0],
        ("atleast_3d", 1) => &[0, -1],
        ("atleast_3d", 2) => &[-1],
        _ => &[],
    };
    let mut made = x.clone();
    for at in places {
        made = b.apply("unsqueeze", &[&made, &Val::Int(*at)])?;
    }
    Ok(made)
}

fn summed_to(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let (sizes, value) = (c.sizes(1, "size")?, b.of(x)?);
    let Some(more) = b.rank(value)?.checked_sub(sizes.len()) else {
        return broken("a sum to more axes than there are");
    };
    let mut axes: Vec<Val> = (0..more as i64).map(Val::Int).collect();
    for (n, size) in sizes.iter().enumerate() {
        let extent = b.extent(value, (more + n) as i64)?;
        if b.known(size) == Some(1) && b.known(&extent) != Some(1) {
            axes.push(Val::Int((more + n) as i64));
        }
    }
    let summed =
        if axes.is_empty() { x.clone() } else { b.apply("sum", &[x, &Val::list(axes), &Val::Bool(true)])? };
    b.apply("reshape", &[&summed, &Val::list(sizes)])
}
