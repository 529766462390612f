//! Numbers as whole steps, as exports of quantised networks write them down.

pub mod eager;
pub mod recurrent;
pub mod steps;

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::{Result, Val, unsupported};
use super::Outcome;
use super::matrices::argument;
use crate::DType;

/// How names of these operations begin.
pub const LIBRARY: &str = "quantized_decomposed.";

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(name) = c.name.strip_prefix(LIBRARY) else { return Ok(None) };
    let x = argument(c, 0, "input")?.clone();
    let made = match name {
        "quantize_per_tensor" | "quantize_per_channel" => {
            let ([scale, zero], at) = steps(b, c, &x)?;
            let ratio = b.apply("reciprocal", &[&scale])?;
            let steps = b.apply("mul", &[&x, &ratio])?;
            let steps = b.apply("round", &[&steps])?;
            let steps = b.apply("add", &[&steps, &zero])?;
            let within = b.apply(
                "clamp",
                &[&steps, argument(c, at, "quant_min")?, argument(c, at + 1, "quant_max")?],
            )?;
            b.apply("to", &[&within, argument(c, at + 2, "dtype")?])?
        }
        "dequantize_per_tensor" | "dequantize_per_channel" => {
            let ([scale, zero], _) = steps(b, c, &x)?;
            let given =
                c.some(usize::MAX, "out_dtype").or_else(|| c.some(usize::MAX, "output_dtype")).cloned();
            let given = given.unwrap_or(Val::Type(DType::F32));
            let wide = b.apply("to", &[&x, &Val::Type(DType::F32)])?;
            let moved = b.apply("sub", &[&wide, &zero])?;
            let made = b.apply("mul", &[&moved, &scale])?;
            b.apply("to", &[&made, &given])?
        }
        "choose_qparams" | "choose_qparams_symmetric" => return chosen(b, c, &x).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

/// How large steps are and which of them is zero, for the whole or each slice; and where the next argument is.
fn steps(b: &mut Builder, c: &Call, x: &Val) -> Result<([Val; 2], usize)> {
    let by_channel = c.name.ends_with("channel");
    let names = if by_channel { ["scales", "zero_points"] } else { ["scale", "zero_point"] };
    let zero = c.some(2, names[1]).cloned().unwrap_or(Val::Int(0));
    let mut both = [argument(c, 1, names[0])?.clone(), zero];
    for one in &mut both {
        if matches!(one, Val::Tensor(_)) {
            *one = b.apply("float", &[one])?;
        } else {
            *one = b.apply("scalar_tensor", &[one, &Val::Type(DType::F32)])?;
        }
    }
    if !by_channel {
        return Ok((both, 3));
    }
    let value = b.of(x)?;
    let at = c.int(b, 3, "axis")?;
    let mut shape = vec![Val::Int(1); b.rank(value)?];
    shape[b.axis(value, at)?] = Val::Int(-1);
    for one in &mut both {
        *one = b.apply("reshape", &[one, &Val::list(shape.clone())])?;
    }
    Ok((both, 4))
}

/// Steps that reach from the least number to the largest; zero is one of them.
fn chosen(b: &mut Builder, c: &Call, x: &Val) -> Result<Vec<Val>> {
    let (low, high) = (c.int(b, 1, "quant_min")?, c.int(b, 2, "quant_max")?);
    let least = Val::Float(c.float_or(3, "eps", f64::from(f32::EPSILON))?);
    let one = Val::list(vec![Val::Int(1)]);
    let mut reach = |name: &str, limit: &str| {
        let found = b.apply(name, &[x])?;
        let found = b.apply(limit, &[&found, &Val::Int(0)])?;
        b.apply("reshape", &[&found, &one])
    };
    let (below, above) = (reach("amin", "clamp_max")?, reach("amax", "clamp_min")?);
    let symmetric = c.name.ends_with("symmetric");
    let (span, count) = if symmetric {
        let size = b.apply("neg", &[&below])?;
        (b.apply("maximum", &[&size, &above])?, (high - low) as f64 / 2.0)
    } else {
        (b.apply("sub", &[&above, &below])?, (high - low) as f64)
    };
    let scale = b.apply("div", &[&span, &Val::Float(count)])?;
    let scale = b.apply("clamp_min", &[&scale, &least])?;
    let zero = if symmetric {
        let middle = match c.dtype(4, "dtype")? {
            Some(DType::U8) => 128,
            Some(DType::I8) => 0,
            _ => return unsupported("of this type"),
        };
        b.apply("full_like", &[&scale, &Val::Int(middle)])?
    } else {
        let first = b.apply("div", &[&below, &scale])?;
        let first = b.apply("round", &[&first])?;
        let zero = b.apply("rsub", &[&first, &Val::Int(low)])?;
        b.apply("clamp", &[&zero, &Val::Int(low), &Val::Int(high)])?
    };
    Ok(vec![b.apply("double", &[&scale])?, b.apply("long", &[&zero])?])
}
