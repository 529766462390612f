//! Functions of mathematics that few programs use, by series and by others that the graph has.

use super::super::arguments::Call;
use super::super::build::{Builder, is_float};
use super::super::value::{Result, Val, broken, unsupported};
use super::Outcome;
use crate::DType;
use crate::graph::{Function, Op, Pairing, Rare};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Where the series of Bessel functions for small numbers ends.
const BEND: f64 = 3.75;
/// Abramowitz and Stegun, 9.8.1 to 9.8.4: in (x / 3.75)^2, and in 3.75 / x beyond it.
const NEAR_0: [f64; 7] = [1.0, 3.515_622_9, 3.089_942_4, 1.206_749_2, 0.265_973_2, 0.036_076_8, 0.004_581_3];
const FAR_0: [f64; 9] = [
    0.398_942_28,
    0.013_285_92,
    0.002_253_19,
    -0.001_575_65,
    0.009_162_81,
    -0.020_577_06,
    0.026_355_37,
    -0.016_476_33,
    0.003_923_77,
];
const NEAR_1: [f64; 7] =
    [0.5, 0.878_905_94, 0.514_988_69, 0.150_849_34, 0.026_587_33, 0.003_015_32, 0.000_324_11];
const FAR_1: [f64; 9] = [
    0.398_942_28,
    -0.039_880_24,
    -0.003_620_18,
    0.001_638_01,
    -0.010_315_55,
    0.022_829_67,
    -0.028_953_12,
    0.017_876_54,
    -0.004_200_59,
];
/// Orders of the multivariate gamma function.
const MOST_ORDERS: i64 = 64;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some(x) = c.arguments.first().map(|(_, x)| x.clone()) else { return Ok(None) };
    if let Some(name) = renamed(&c.name) {
        return super::lower(b, &Call { name: name.to_owned(), ..c.clone() }).map(Some);
    }
    let made = match c.name.as_str() {
        "i0" | "special_i0" => bessel(b, &x, 0, false)?,
        "special_i0e" => bessel(b, &x, 0, true)?,
        "special_i1" => bessel(b, &x, 1, false)?,
        "special_i1e" => bessel(b, &x, 1, true)?,
        "special_erfcx" => scaled_tail(b, &x)?,
        "special_log_ndtr" => log_share(b, &x)?,
        "special_ndtri" => {
            let (value, dtype) = real(b, &x)?;
            let made = b.op(Op::Rare(Box::new(Rare::Function(Function::Ndtri))), &[value], dtype)?;
            b.as_tensor(made)
        }
        "special_xlog1py" | "nextafter" => {
            let op = if c.name == "nextafter" { Pairing::NextAfter } else { Pairing::Xlog1py };
            paired(b, c, &x, op)?
        }
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

/// Other names of what there is.
fn renamed(name: &str) -> Option<&'static str> {
    Some(match name {
        "special_exp2" => "exp2",
        "special_round" => "round",
        "special_psi" => "digamma",
        "row_stack" => "vstack",
        "linalg_matmul" => "matmul",
        "linalg_diagonal" => "diagonal",
        "matrix_H" | "mH" => "mT",
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
    let (x, dtype) = real(b, &both)?;
    let y = if matches!(y, Val::Tensor(_)) { y } else { b.apply("scalar_tensor", &[&y])? };
    let y = b.of(&y)?;
    let y = b.cast(y, dtype)?;
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

/// Modified Bessel functions of the first kind; scaled ones are divided by `exp(|x|)`.
fn bessel(b: &mut Builder, x: &Val, order: u8, scaled: bool) -> Result<Val> {
    let (_, dtype) = real(b, x)?;
    if dtype == DType::F64 {
        return unsupported("of float64");
    }
    let wide = b.apply("double", &[x])?;
    let size = b.apply("abs", &[&wide])?;
    let turn = b.apply("clamp_max", &[&size, &Val::Float(BEND)])?;
    let turn = b.apply("div", &[&turn, &Val::Float(BEND)])?;
    let square = b.apply("square", &[&turn])?;
    let mut near = polynomial(b, &square, if order == 0 { &NEAR_0 } else { &NEAR_1 })?;
    if order == 1 {
        near = b.apply("mul", &[&near, &size])?;
    }
    let beyond = b.apply("clamp_min", &[&size, &Val::Float(BEND)])?;
    let share = b.apply("reciprocal", &[&beyond])?;
    let share = b.apply("mul", &[&share, &Val::Float(BEND)])?;
    let far = polynomial(b, &share, if order == 0 { &FAR_0 } else { &FAR_1 })?;
    let root = b.apply("rsqrt", &[&beyond])?;
    let mut far = b.apply("mul", &[&far, &root])?;
    let growth = b.apply("exp", &[&size])?;
    if scaled {
        near = b.apply("div", &[&near, &growth])?;
    } else {
        far = b.apply("mul", &[&far, &growth])?;
    }
    let is_near = b.apply("lt", &[&size, &Val::Float(BEND)])?;
    let mut made = b.apply("where", &[&is_near, &near, &far])?;
    if order == 1 {
        let sign = b.apply("sign", &[&wide])?;
        made = b.apply("mul", &[&made, &sign])?;
    }
    b.apply("to", &[&made, &Val::Type(dtype)])
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
