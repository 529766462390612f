//! Functions of one and of two numbers.

use super::super::access::make;
use super::super::elementwise::broadcast_shape;
use super::super::moves::expand;
use super::super::{Outcome, Value, fail};
use super::gamma::{digamma, incomplete_beta as beta, incomplete_gamma, polygamma, zeta};
use super::special::{bessel_i, bessel_k, dawson, exponential_integral, fresnel, spence};
use super::{narrowed, wide};
use crate::graph::{Function, Pairing};
use crate::value::Kind;

pub fn function(f: Function, x: &Value) -> Outcome {
    if f == Function::Invert {
        return make(x.slice::<i64>()?.iter().map(|x| !x).collect::<Vec<i64>>(), x.dims());
    }
    if let Function::Ones(bits) = f {
        let kept = u64::MAX >> (64 - bits.clamp(1, 64));
        let ones = |x: &i64| i64::from((x.cast_unsigned() & kept).count_ones());
        return make(x.slice::<i64>()?.iter().map(ones).collect::<Vec<i64>>(), x.dims());
    }
    if !matches!(x.kind(), Kind::F32 | Kind::F64) {
        return Err(fail(format!("{f:?} of {:?}", x.kind())));
    }
    let wide = wide(x)?;
    let truth =
        |f: fn(f64) -> bool| make(wide.iter().map(|x| u8::from(f(*x))).collect::<Vec<u8>>(), x.dims());
    let real: fn(f64) -> f64 = match f {
        Function::IsFinite => return truth(f64::is_finite),
        Function::IsInf => return truth(f64::is_infinite),
        Function::IsNan => return truth(f64::is_nan),
        Function::Acos => f64::acos,
        Function::Acosh => f64::acosh,
        Function::Asin => f64::asin,
        Function::Asinh => f64::asinh,
        Function::Atanh => f64::atanh,
        Function::Digamma => digamma,
        Function::Erfinv => erf_inverse,
        Function::Lgamma => libm::lgamma,
        // The p-quantile of the normal distribution.
        Function::Ndtri => |p| -std::f64::consts::SQRT_2 * erfc_inverse(2.0 * p),
        _ => return narrowed(x.kind(), wide.into_iter().map(|x| physical(f, x)).collect(), x.dims()),
    };
    narrowed(x.kind(), wide.into_iter().map(real).collect(), x.dims())
}

/// Functions that have parameters.
fn physical(f: Function, x: f64) -> f64 {
    match f {
        Function::BesselI { order, scaled } => bessel_i(order, x) * if scaled { 1.0 } else { x.abs().exp() },
        Function::BesselK { order, scaled } if scaled || x <= 0.0 => bessel_k(order, x),
        Function::BesselK { order, .. } => bessel_k(order, x) * (-x).exp(),
        Function::BesselJ(0) => libm::j0(x),
        Function::BesselJ(_) => libm::j1(x),
        Function::BesselY(_) if x <= 0.0 => f64::NEG_INFINITY,
        Function::BesselY(0) => libm::y0(x),
        Function::BesselY(_) => libm::y1(x),
        Function::Dawson => dawson(x),
        Function::ExponentialIntegral => exponential_integral(x),
        Function::FresnelCos => fresnel(x)[0],
        Function::FresnelSin => fresnel(x)[1],
        Function::Spence => spence(x),
        _ => x,
    }
}

/// A first guess at the inverse of the error function, from the logarithm of `1 - x²`.
fn guess(log: f64) -> f64 {
    let a = 2.0 / (std::f64::consts::PI * 0.147) + log / 2.0;
    ((a * a - log / 0.147).sqrt() - a).max(0.0).sqrt()
}

/// One step of Halley's method: `error` is how far the function of `y` is from where it should be.
fn halley(y: f64, error: f64, slope: f64) -> f64 {
    let step = error / slope;
    y - step / (1.0 + step * y)
}

fn erf_inverse(x: f64) -> f64 {
    if x.abs() > 0.5 {
        return erfc_inverse(1.0 - x.abs()).copysign(x);
    }
    let mut y = guess((1.0 - x * x).ln()).copysign(x);
    for _ in 0..4 {
        y = halley(y, libm::erf(y) - x, std::f64::consts::FRAC_2_SQRT_PI * (-y * y).exp());
    }
    y
}

fn erfc_inverse(q: f64) -> f64 {
    if !(0.0..=2.0).contains(&q) {
        return f64::NAN;
    }
    if q == 0.0 || q == 2.0 {
        return if q == 0.0 { f64::INFINITY } else { f64::NEG_INFINITY };
    }
    let mut y = guess((q * (2.0 - q)).ln()).copysign(1.0 - q);
    for _ in 0..4 {
        y = halley(y, libm::erfc(y) - q, -std::f64::consts::FRAC_2_SQRT_PI * (-y * y).exp());
    }
    y
}

/// The share of the beta function up to `x`, broadcast.
pub fn incomplete_beta(a: &Value, b: &Value, x: &Value) -> Outcome {
    let shape = broadcast_shape(&broadcast_shape(a.dims(), b.dims())?, x.dims())?;
    let all = [a, b, x].map(|v| wide(&expand(v, &shape)?));
    let [a, b, places] = all;
    let (a, b, places) = (a?, b?, places?);
    narrowed(x.kind(), places.iter().enumerate().map(|(n, x)| beta(a[n], b[n], *x)).collect(), &shape)
}

pub fn pairing(p: Pairing, a: &Value, b: &Value) -> Outcome {
    let shape = broadcast_shape(a.dims(), b.dims())?;
    let (a, b) = (expand(a, &shape)?, expand(b, &shape)?);
    match (a.kind(), b.kind()) {
        (Kind::I64, Kind::I64) => {
            let pairs = a.slice::<i64>()?.iter().zip(b.slice::<i64>()?);
            let out: Result<Vec<i64>, _> = pairs.map(|(x, y)| integers(p, *x, *y)).collect();
            make(out?, &shape)
        }
        (Kind::F32, Kind::F32) => {
            let pairs = a.slice::<f32>()?.iter().zip(b.slice::<f32>()?);
            make(pairs.map(|(x, y)| single(p, *x, *y)).collect::<Vec<f32>>(), &shape)
        }
        (Kind::F64, Kind::F64) => {
            let pairs = a.slice::<f64>()?.iter().zip(b.slice::<f64>()?);
            make(pairs.map(|(x, y)| floats(p, *x, *y)).collect::<Vec<f64>>(), &shape)
        }
        (x, y) => Err(fail(format!("{p:?} of {x:?} and {y:?}"))),
    }
}

fn integers(p: Pairing, x: i64, y: i64) -> Result<i64, crate::EngineError> {
    let shift = |bits: u32| u32::try_from(y.clamp(0, i64::from(bits) - 1)).unwrap_or(0);
    Ok(match p {
        Pairing::BitAnd => x & y,
        Pairing::BitOr => x | y,
        Pairing::BitXor => x ^ y,
        Pairing::CommonDivisor => common_divisor(x, y),
        Pairing::LeftShift(bits) => x.wrapping_shl(shift(bits)),
        Pairing::RightShift(bits) => x.wrapping_shr(shift(bits)),
        Pairing::TruncateMod | Pairing::FloorMod if y == 0 => return Err(fail("integer division by zero")),
        Pairing::TruncateMod => x.wrapping_rem(y),
        Pairing::FloorMod => {
            let rest = x.wrapping_rem(y);
            if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest }
        }
        _ => return Err(fail(format!("{p:?} of integers"))),
    })
}

fn common_divisor(x: i64, y: i64) -> i64 {
    let (mut x, mut y) = (x.unsigned_abs(), y.unsigned_abs());
    while y != 0 {
        (x, y) = (y, x % y);
    }
    // The least integer has no positive twin.
    x as i64
}

fn single(p: Pairing, x: f32, y: f32) -> f32 {
    match p {
        Pairing::NextAfter => libm::nextafterf(x, y),
        // Remainders are exact in either width, the others no worse in the wide one.
        _ => floats(p, f64::from(x), f64::from(y)) as f32,
    }
}

fn floats(p: Pairing, x: f64, y: f64) -> f64 {
    let zero_if = |zero: bool, value: f64| if zero { 0.0 } else { value };
    match p {
        Pairing::Atan2 => x.atan2(y),
        Pairing::TruncateMod => x % y,
        Pairing::FloorMod => {
            let rest = x % y;
            if rest != 0.0 && (rest < 0.0) != (y < 0.0) { rest + y } else { rest }
        }
        Pairing::MulNoNan => zero_if(y == 0.0, x * y),
        Pairing::NextAfter => libm::nextafter(x, y),
        Pairing::Igamma => incomplete_gamma(x, y)[0],
        Pairing::Igammac => incomplete_gamma(x, y)[1],
        Pairing::Polygamma => polygamma(x, y),
        Pairing::Zeta => zeta(x, y),
        Pairing::Xdivy => zero_if(x == 0.0, x / y),
        Pairing::Xlogy => zero_if(x == 0.0, x * y.ln()),
        Pairing::Xlog1py => zero_if(x == 0.0, x * y.ln_1p()),
        // Bits of floats are refused when the graph is made.
        _ => f64::NAN,
    }
}

pub fn approximately(tolerance: f32, a: &Value, b: &Value) -> Outcome {
    if a.dims() != b.dims() {
        return Err(fail("an approximate comparison of values of different shapes"));
    }
    let (x, y) = (wide(a)?, wide(b)?);
    let near = x.iter().zip(&y).map(|(x, y)| u8::from((x - y).abs() < f64::from(tolerance)));
    make(near.collect::<Vec<u8>>(), a.dims())
}
