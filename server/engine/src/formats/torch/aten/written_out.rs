//! Operations that are short programs of others.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    if let Some(y) = of_one(b, c, &x)? {
        return Ok(Some(vec![y]));
    }
    if let Some(y) = of_two(b, c, &x)? {
        return Ok(Some(vec![y]));
    }
    let y = match c.name.as_str() {
        "argwhere" => b.apply("nonzero", &[&x])?,
        "fliplr" => b.apply("flip", &[&x, &Val::list(vec![Val::Int(1)])])?,
        "flipud" => b.apply("flip", &[&x, &Val::list(vec![Val::Int(0)])])?,
        "rot90" => rotated(b, c, &x)?,
        "diff" => differences(b, c, &x)?,
        "hsplit" | "vsplit" | "dsplit" => {
            let value = b.of(&x)?;
            let at = match (c.name.as_str(), b.rank(value)?) {
                ("vsplit", _) | ("hsplit", 1) => 0,
                ("hsplit", _) => 1,
                _ => 2,
            };
            let Some((_, parts)) = c.arguments.get(1).cloned() else { return c.wrong("sections", "an int") };
            b.apply("tensor_split", &[&x, &parts, &Val::Int(at)])?
        }
        "cartesian_prod" => {
            let Some(all) = x.items() else { return c.wrong("tensors", "a list of tensors") };
            let grids = b.apply("meshgrid", &[&Val::list(all)])?.items().unwrap_or_default();
            let flat = Val::list(vec![Val::Int(-1)]);
            let mut columns = Vec::new();
            for grid in &grids {
                columns.push(b.apply("reshape", &[grid, &flat])?);
            }
            b.apply("stack", &[&Val::list(columns), &Val::Int(1)])?
        }
        "tril_indices" | "triu_indices" => corners(b, c)?,
        "nanmean" => {
            let known = b.apply("eq", &[&x, &x])?;
            let axes = c.some(1, "dim").cloned().unwrap_or(Val::None);
            let keep = Val::Bool(c.flag(2, "keepdim", false)?);
            let (sum, count) =
                (b.apply("nansum", &[&x, &axes, &keep])?, b.apply("sum", &[&known, &axes, &keep])?);
            b.apply("div", &[&sum, &count])?
        }
        "logspace" => {
            let steps = c.get(2, "steps").cloned().unwrap_or(Val::Int(100));
            let (Some((_, begin)), Some((_, end))) = (c.arguments.first(), c.arguments.get(1)) else {
                return c.wrong("end", "a number");
            };
            let powers = b.apply("linspace", &[begin, end, &steps])?;
            b.apply("pow", &[&Val::Float(c.float_or(3, "base", 10.0)?), &powers])?
        }
        "rrelu" | "rrelu_of_noise" => {
            let at = 1 + usize::from(c.name != "rrelu");
            let (low, high) = (c.float_or(at, "lower", 1.0 / 8.0)?, c.float_or(at + 1, "upper", 1.0 / 3.0)?);
            b.apply("leaky_relu", &[&x, &Val::Float(f64::midpoint(low, high))])?
        }
        "_weight_norm" | "_weight_norm_interface" => weight_norm(b, c, &x)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![y]))
}

/// Functions of one number.
fn of_one(b: &mut Builder, c: &Call, x: &Val) -> Result<Option<Val>> {
    Ok(Some(match c.name.as_str() {
        "signbit" => b.apply("lt", &[x, &Val::Int(0)])?,
        "sinc" | "special_sinc" => {
            let turned = b.apply("mul", &[x, &Val::Float(std::f64::consts::PI)])?;
            let wave = b.apply("sin", &[&turned])?;
            let ratio = b.apply("div", &[&wave, &turned])?;
            let is_zero = b.apply("eq", &[x, &Val::Int(0)])?;
            b.apply("masked_fill", &[&ratio, &is_zero, &Val::Int(1)])?
        }
        "special_ndtr" => {
            let scaled = b.apply("mul", &[x, &Val::Float(-std::f64::consts::FRAC_1_SQRT_2)])?;
            let tail = b.apply("erfc", &[&scaled])?;
            b.apply("mul", &[&tail, &Val::Float(0.5)])?
        }
        "special_entr" => {
            let own = b.apply("xlogy", &[x, x])?;
            b.apply("neg", &[&own])?
        }
        "fake_quantize_per_tensor_affine" | "fake_quantize_per_channel_affine" => quantised(b, c, x)?,
        _ => return Ok(None),
    }))
}

/// Functions of two numbers.
fn of_two(b: &mut Builder, c: &Call, x: &Val) -> Result<Option<Val>> {
    if !matches!(c.name.as_str(), "hypot" | "copysign" | "heaviside" | "logaddexp" | "logaddexp2" | "isclose")
    {
        return Ok(None);
    }
    let Some((_, y)) = c.arguments.get(1) else { return c.wrong("other", "a tensor") };
    Ok(Some(match c.name.as_str() {
        "hypot" => {
            let (p, q) = (b.apply("square", &[x])?, b.apply("square", &[y])?);
            let sum = b.apply("add", &[&p, &q])?;
            b.apply("sqrt", &[&sum])?
        }
        "copysign" => {
            let size = b.apply("abs", &[x])?;
            let (turned, below) = (b.apply("neg", &[&size])?, b.apply("lt", &[y, &Val::Int(0)])?);
            b.apply("where", &[&below, &turned, &size])?
        }
        "heaviside" => {
            let (above, is_zero) = (b.apply("gt", &[x, &Val::Int(0)])?, b.apply("eq", &[x, &Val::Int(0)])?);
            let above = b.apply("type_as", &[&above, y])?;
            b.apply("where", &[&is_zero, y, &above])?
        }
        "isclose" => {
            let (relative, absolute) = (c.float_or(2, "rtol", 1e-5)?, c.float_or(3, "atol", 1e-8)?);
            let difference = b.apply("sub", &[x, y])?;
            let difference = b.apply("abs", &[&difference])?;
            let size = b.apply("abs", &[y])?;
            let most = b.apply("mul", &[&size, &Val::Float(relative)])?;
            let most = b.apply("add", &[&most, &Val::Float(absolute)])?;
            b.apply("le", &[&difference, &most])?
        }
        name => {
            // The larger one, and what the smaller one adds to it.
            let (most, difference) = (b.apply("maximum", &[x, y])?, b.apply("sub", &[x, y])?);
            let size = b.apply("abs", &[&difference])?;
            let less = b.apply("neg", &[&size])?;
            let two = name.ends_with('2');
            let part = b.apply(if two { "exp2" } else { "exp" }, &[&less])?;
            let mut part = b.apply("log1p", &[&part])?;
            if two {
                part = b.apply("mul", &[&part, &Val::Float(std::f64::consts::LOG2_E)])?;
            }
            b.apply("add", &[&most, &part])?
        }
    }))
}

/// What each place is more than the one before, once or several times.
fn differences(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let dim = Val::Int(c.int_or(b, 2, "dim", -1)?);
    let times = c.int_or(b, 1, "n", 1)?;
    if !(0..=16).contains(&times) {
        return unsupported(format!("{times} times"));
    }
    let mut parts: Vec<Val> = c.some(3, "prepend").into_iter().cloned().collect();
    parts.push(x.clone());
    parts.extend(c.some(4, "append").cloned());
    let mut y = if parts.len() > 1 { b.apply("cat", &[&Val::list(parts), &dim])? } else { x.clone() };
    for _ in 0..times {
        let (after, before) = (beside(b, &y, &dim, 1)?, beside(b, &y, &dim, 0)?);
        let op = if b.of(&after).map(|v| b.dtype(v))? == crate::DType::Bool { "ne" } else { "sub" };
        y = b.apply(op, &[&after, &before])?;
    }
    Ok(y)
}

/// All of an axis but the last place, or but the first.
fn beside(b: &mut Builder, x: &Val, dim: &Val, from: i64) -> Result<Val> {
    let end = if from == 0 { -1 } else { i64::MAX };
    b.apply("slice", &[x, dim, &Val::Int(from), &Val::Int(end), &Val::Int(1)])
}

fn rotated(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let turns = c.int_or(b, 1, "k", 1)?.rem_euclid(4);
    let dims = c.maybe_ints(b, 2, "dims")?.unwrap_or_else(|| vec![0, 1]);
    let [first, second] = dims[..] else { return broken("a turn in other than two axes") };
    let list = |dims: &[i64]| Val::list(dims.iter().copied().map(Val::Int).collect());
    let turned = match turns {
        0 => return Ok(x.clone()),
        1 => b.apply("flip", &[x, &list(&[second])])?,
        2 => return b.apply("flip", &[x, &list(&[first, second])]),
        _ => b.apply("flip", &[x, &list(&[first])])?,
    };
    b.apply("transpose", &[&turned, &Val::Int(first), &Val::Int(second)])
}

/// Rows and columns of a triangle.
fn corners(b: &mut Builder, c: &Call) -> Result<Val> {
    let (rows, columns) = (c.int(b, 0, "row")?, c.int(b, 1, "col")?);
    let shape = Val::list(vec![Val::Int(rows), Val::Int(columns)]);
    let ones = b.apply("ones", &[&shape])?;
    let offset = Val::Int(c.int_or(b, 2, "offset", 0)?);
    let name = c.name.trim_end_matches("_indices");
    let part = b.apply(name, &[&ones, &offset])?;
    let found = b.apply("nonzero", &[&part])?;
    b.apply("t", &[&found])
}

/// Whole numbers of steps, between the least and the largest.
fn quantised(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let (Some(mut scale), Some(mut zero)) = (c.get(1, "scale").cloned(), c.get(2, "zero_point").cloned())
    else {
        return c.wrong("scale", "a number");
    };
    let by_channel = c.name.contains("channel");
    let first = 3 + usize::from(by_channel);
    let (least, most) =
        (Val::Int(c.int(b, first, "quant_min")?), Val::Int(c.int(b, first + 1, "quant_max")?));
    if by_channel {
        let value = b.of(x)?;
        let at = c.int(b, 3, "axis")?;
        let at = b.axis(value, at)?;
        let mut shape = vec![Val::Int(1); b.rank(value)?];
        shape[at] = Val::Int(-1);
        let shape = Val::list(shape);
        (scale, zero) = (b.apply("reshape", &[&scale, &shape])?, b.apply("reshape", &[&zero, &shape])?);
    }
    let steps = b.apply("div", &[x, &scale])?;
    let steps = b.apply("round", &[&steps])?;
    let shifted = b.apply("add", &[&steps, &zero])?;
    let within = b.apply("clamp", &[&shifted, &least, &most])?;
    let steps = b.apply("sub", &[&within, &zero])?;
    b.apply("mul", &[&steps, &scale])
}

/// Directions with lengths of their own: `g v / |v|`.
fn weight_norm(b: &mut Builder, c: &Call, v: &Val) -> Result<Val> {
    let Some(length) = c.get(1, "g").cloned() else { return c.wrong("g", "a tensor") };
    let value = b.of(v)?;
    let (rank, dim) = (b.rank(value)?, c.int_or(b, 2, "dim", 0)?);
    let axes: Vec<Val> = (0..rank as i64).filter(|at| dim < 0 || *at != dim).map(Val::Int).collect();
    let norm = b.apply("linalg_vector_norm", &[v, &Val::Int(2), &Val::list(axes), &Val::Bool(true)])?;
    let ratio = b.apply("div", &[&length, &norm])?;
    b.apply("mul", &[v, &ratio])
}
