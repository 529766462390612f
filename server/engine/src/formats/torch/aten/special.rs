//! Functions of mathematics that few programs use, of two numbers or by others that the graph has.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken};
use super::Outcome;
use crate::DType;
use crate::graph::{Op, Pairing, Rare};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Orders of the multivariate gamma function.
const MOST_ORDERS: i64 = 64;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    if let Some(op) = pairing(&c.name) {
        return paired(b, c, &x, op).map(|made| Some(vec![made]));
    }
    let made = match c.name.as_str() {
        "special_erfcx" => scaled_tail(b, &x)?,
        "special_log_ndtr" => log_share(b, &x)?,
        "gcd" => common(b, c, &x)?,
        "lcm" => {
            let Some((_, y)) = c.arguments.get(1).cloned() else { return c.wrong("other", "a tensor") };
            let divisor = common(b, c, &x)?;
            let divisor = b.apply("clamp_min", &[&divisor, &Val::Int(1)])?;
            let part = b.apply("floor_divide", &[&x, &divisor])?;
            let product = b.apply("mul", &[&part, &y])?;
            b.apply("abs", &[&product])?
        }
        "ldexp" => {
            let Some((_, y)) = c.arguments.get(1).cloned() else { return c.wrong("other", "a tensor") };
            let (_, dtype) = real(b, &x)?;
            let factor = b.apply("exp2", &[&y])?;
            let factor = b.apply("to", &[&factor, &Val::Type(dtype)])?;
            b.apply("mul", &[&x, &factor])?
        }
        "isneginf" | "isposinf" => {
            let limit = if c.name == "isposinf" { f64::INFINITY } else { f64::NEG_INFINITY };
            b.apply("eq", &[&x, &Val::Float(limit)])?
        }
        "isreal" => {
            let ones = b.apply("ones_like", &[&x])?;
            b.apply("bool", &[&ones])?
        }
        "mvlgamma" | "special_multigammaln" => multivariate(b, c, &x)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

fn pairing(name: &str) -> Option<Pairing> {
    Some(match name {
        "igamma" | "special_gammainc" => Pairing::Igamma,
        "igammac" | "special_gammaincc" => Pairing::Igammac,
        "nextafter" => Pairing::NextAfter,
        "polygamma" | "special_polygamma" => Pairing::Polygamma,
        "special_xlog1py" => Pairing::Xlog1py,
        "special_zeta" => Pairing::Zeta,
        _ => return None,
    })
}

/// A float and its type.
fn real(b: &mut Builder, x: &Val) -> Result<(crate::graph::ValueId, DType)> {
    let value = b.of(x)?;
    let value = super::pointwise::floating(b, value)?;
    let dtype = b.dtype(value);
    Ok((value, dtype))
}

fn paired(b: &mut Builder, c: &Call, x: &Val, op: Pairing) -> Result<Val> {
    let Some((_, y)) = c.arguments.get(1).cloned() else { return c.wrong("other", "a tensor") };
    let zero = b.apply("mul", &[&y, &Val::Int(0)])?;
    let both = b.apply("add", &[x, &zero])?;
    let (_, dtype) = real(b, &both)?;
    let mut side = |of: &Val| {
        let of = if matches!(of, Val::Tensor(_)) { of.clone() } else { b.apply("scalar_tensor", &[of])? };
        let of = b.of(&of)?;
        b.cast(of, dtype)
    };
    let (x, y) = (side(x)?, side(&y)?);
    let made = b.op(Op::Rare(Box::new(Rare::Pairing(op))), &[x, y], dtype)?;
    Ok(b.as_tensor(made))
}

/// The greatest integer that divides both.
fn common(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let Some((_, y)) = c.arguments.get(1) else { return c.wrong("other", "a tensor") };
    let (x, y) = (b.of(x)?, b.of(y)?);
    if is_float(b.dtype(x)) || is_float(b.dtype(y)) {
        return broken("a common divisor of what are no integers");
    }
    let made = b.op(Op::Rare(Box::new(Rare::Pairing(Pairing::CommonDivisor))), &[x, y], DType::I64)?;
    Ok(b.as_tensor(made))
}

/// A polynomial, from its constant.
fn polynomial(b: &mut Builder, x: &Val, factors: &[f64]) -> Result<Val> {
    let Some((last, rest)) = factors.split_last() else { return broken("a polynomial of nothing") };
    let mut sum = Val::Float(*last);
    for factor in rest.iter().rev() {
        sum = b.apply("mul", &[x, &sum])?;
        sum = b.apply("add", &[&sum, &Val::Float(*factor)])?;
    }
    Ok(sum)
}

/// `exp(x²) erfc(x)`; far out by its series, as both factors leave what floats hold.
fn scaled_tail(b: &mut Builder, x: &Val) -> Result<Val> {
    const BEND: f64 = 8.0;
    let (_, dtype) = real(b, x)?;
    let wide = b.apply("double", &[x])?;
    let inner = b.apply("clamp_max", &[&wide, &Val::Float(BEND)])?;
    let square = b.apply("square", &[&inner])?;
    let (growth, tail) = (b.apply("exp", &[&square])?, b.apply("erfc", &[&inner])?);
    let near = b.apply("mul", &[&growth, &tail])?;
    let beyond = b.apply("clamp_min", &[&wide, &Val::Float(BEND)])?;
    let square = b.apply("square", &[&beyond])?;
    let share = b.apply("reciprocal", &[&square])?;
    let series = polynomial(b, &share, &[1.0, -0.5, 0.75, -1.875, 6.5625])?;
    let far = b.apply("div", &[&series, &beyond])?;
    let far = b.apply("mul", &[&far, &Val::Float(1.0 / PI.sqrt())])?;
    let is_near = b.apply("lt", &[&wide, &Val::Float(BEND)])?;
    let made = b.apply("where", &[&is_near, &near, &far])?;
    b.apply("to", &[&made, &Val::Type(dtype)])
}

/// The logarithm of the share of a normal distribution below a number.
fn log_share(b: &mut Builder, x: &Val) -> Result<Val> {
    let scaled = b.apply("mul", &[x, &Val::Float(-FRAC_1_SQRT_2)])?;
    let below = b.apply("clamp_min", &[&scaled, &Val::Float(0.0)])?;
    let tail = b.apply("special_erfcx", &[&below])?;
    let tail = b.apply("mul", &[&tail, &Val::Float(0.5)])?;
    let tail = b.apply("log", &[&tail])?;
    let square = b.apply("square", &[&below])?;
    let low = b.apply("sub", &[&tail, &square])?;
    let rest = b.apply("neg", &[&scaled])?;
    let rest = b.apply("erfc", &[&rest])?;
    let rest = b.apply("mul", &[&rest, &Val::Float(-0.5)])?;
    let high = b.apply("log1p", &[&rest])?;
    let is_low = b.apply("lt", &[x, &Val::Float(0.0)])?;
    b.apply("where", &[&is_low, &low, &high])
}

/// Of several orders the sum of logarithms.
fn multivariate(b: &mut Builder, c: &Call, x: &Val) -> Result<Val> {
    let orders = c.int(b, 1, "p")?;
    if !(1..=MOST_ORDERS).contains(&orders) {
        return broken(format!("a gamma function of {orders} orders"));
    }
    let mut sum = Val::Float((orders * (orders - 1)) as f64 * PI.ln() / 4.0);
    for order in 0..orders {
        let moved = b.apply("sub", &[x, &Val::Float(order as f64 / 2.0)])?;
        let log = b.apply("lgamma", &[&moved])?;
        sum = b.apply("add", &[&log, &sum])?;
    }
    Ok(sum)
}
