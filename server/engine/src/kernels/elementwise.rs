//! Element by element, with NumPy's broadcasting.

use super::access::{Element, make, output};
use super::threads::threads;
use super::vector::elementwise as vector;
use super::{Outcome, Value, elements, fail};
use crate::EngineError;
use crate::graph::{Binary, Compare, Unary};
use crate::value::Kind;
use num_traits::Float;

/// The shape of two values together.
pub fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, EngineError> {
    let rank = a.len().max(b.len());
    let extent = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    let shape: Option<Vec<usize>> = (0..rank)
        .map(|i| match (extent(a, i), extent(b, i)) {
            (x, y) if x == y => Some(x),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect();
    let shape = shape.ok_or_else(|| fail(format!("shapes {a:?} and {b:?} do not fit together")))?;
    elements(&shape)?;
    Ok(shape)
}

/// Steps through a value's elements along the axes of a broadcast shape; 0 where it is repeated.
pub fn steps(own: &[usize], shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![0; shape.len()];
    let mut step = 1;
    for (i, extent) in own.iter().enumerate().rev() {
        if *extent != 1 {
            steps[i + shape.len() - own.len()] = step;
        }
        step *= extent;
    }
    steps
}

/// Where each element of a broadcast shape is.
pub fn offsets(shape: &[usize], steps: &[usize]) -> Vec<usize> {
    let mut all = vec![0];
    for (extent, step) in shape.iter().zip(steps) {
        all = all.iter().flat_map(|base| (0..*extent).map(move |n| base + n * step)).collect();
    }
    all
}

/// Two values into one of any type.
fn zip<T: Element, R: Element>(a: &Value, b: &Value, f: impl Fn(T, T) -> R) -> Outcome {
    let shape = broadcast_shape(a.dims(), b.dims())?;
    let (x, y) = (a.slice::<T>()?, b.slice::<T>()?);
    let out = match y {
        _ if a.dims() == b.dims() => x.iter().zip(y).map(|(x, y)| f(*x, *y)).collect::<Vec<R>>(),
        [y] => x.iter().map(|x| f(*x, *y)).collect(),
        _ => broadcast(x, y, a.dims(), b.dims(), &shape, &f),
    };
    make::<R>(out, &shape)
}

fn broadcast<T: Element, R: Element>(
    x: &[T],
    y: &[T],
    dims_x: &[usize],
    dims_y: &[usize],
    shape: &[usize],
    f: &impl Fn(T, T) -> R,
) -> Vec<R> {
    let Some((inner, outer)) = shape.split_last() else { return vec![f(x[0], y[0])] };
    let (sx, sy) = (steps(dims_x, shape), steps(dims_y, shape));
    let last = outer.len();
    let mut out = Vec::with_capacity(shape.iter().product());
    for (x0, y0) in offsets(outer, &sx[..last]).into_iter().zip(offsets(outer, &sy[..last])) {
        match (sx[last], sy[last]) {
            (1, 1) => out.extend(x[x0..x0 + inner].iter().zip(&y[y0..y0 + inner]).map(|(x, y)| f(*x, *y))),
            (1, _) => out.extend(x[x0..x0 + inner].iter().map(|x| f(*x, y[y0]))),
            (_, 1) => out.extend(y[y0..y0 + inner].iter().map(|y| f(x[x0], *y))),
            _ => out.extend((0..*inner).map(|_| f(x[x0], y[y0]))),
        }
    }
    out
}

pub fn binary(op: Binary, a: &Value, b: &Value) -> Outcome {
    match (a.kind(), b.kind()) {
        (Kind::F32, Kind::F32) if op.is_arithmetic() => vectorised(op, a, b),
        (Kind::F32, Kind::F32) => floats::<f32>(op, a, b),
        (Kind::F64, Kind::F64) => floats::<f64>(op, a, b),
        (Kind::I64, Kind::I64) => integers(op, a, b),
        (Kind::Bool, Kind::Bool) => match op {
            Binary::And | Binary::Mul | Binary::Min => zip::<u8, u8>(a, b, |x, y| x & y),
            Binary::Or | Binary::Max => zip::<u8, u8>(a, b, |x, y| x | y),
            _ => Err(fail(format!("{op:?} on booleans"))),
        },
        (x, y) => Err(fail(format!("{op:?} on {x:?} and {y:?}"))),
    }
}

fn vectorised(op: Binary, a: &Value, b: &Value) -> Outcome {
    let shape = broadcast_shape(a.dims(), b.dims())?;
    let (sa, sb) = (steps(a.dims(), &shape), steps(b.dims(), &shape));
    let mut out = output::<f32>(&shape)?;
    let work = out.len().saturating_mul(4);
    let operand = |data, steps| vector::Strided { data, steps };
    let (a, b) = (operand(a.slice()?, &sa), operand(b.slice()?, &sb));
    vector::binary(op, a, b, &shape, &mut out, threads(work));
    make(out, &shape)
}

fn floats<T: Element + Float>(op: Binary, a: &Value, b: &Value) -> Outcome {
    match op {
        Binary::Add => zip::<T, T>(a, b, |x, y| x + y),
        Binary::Sub => zip::<T, T>(a, b, |x, y| x - y),
        Binary::Mul => zip::<T, T>(a, b, |x, y| x * y),
        Binary::Div => zip::<T, T>(a, b, |x, y| x / y),
        Binary::DivNoNan => zip::<T, T>(a, b, |x, y| if y == T::zero() { y.abs() } else { x / y }),
        Binary::FloorDiv => zip::<T, T>(a, b, |x, y| (x / y).floor()),
        Binary::FloorMod => zip::<T, T>(a, b, |x, y| x - (x / y).floor() * y),
        // NaN wins, as in TensorFlow.
        Binary::Max => zip::<T, T>(a, b, |x, y| if x > y || x.is_nan() { x } else { y }),
        Binary::Min => zip::<T, T>(a, b, |x, y| if x < y || x.is_nan() { x } else { y }),
        Binary::Pow => zip::<T, T>(a, b, Float::powf),
        Binary::SquaredDifference => zip::<T, T>(a, b, |x, y| (x - y) * (x - y)),
        Binary::And | Binary::Or => Err(fail(format!("{op:?} on floats"))),
    }
}

fn integers(op: Binary, a: &Value, b: &Value) -> Outcome {
    if matches!(op, Binary::Div | Binary::FloorDiv | Binary::FloorMod) && b.slice::<i64>()?.contains(&0) {
        return Err(fail("integer division by zero"));
    }
    match op {
        Binary::Add => zip::<i64, i64>(a, b, i64::wrapping_add),
        Binary::Sub => zip::<i64, i64>(a, b, i64::wrapping_sub),
        Binary::Mul => zip::<i64, i64>(a, b, i64::wrapping_mul),
        Binary::Div => zip::<i64, i64>(a, b, i64::wrapping_div),
        Binary::FloorDiv => zip::<i64, i64>(a, b, |x, y| {
            let q = x.wrapping_div(y);
            if x.wrapping_rem(y) != 0 && (x < 0) != (y < 0) { q - 1 } else { q }
        }),
        Binary::FloorMod => zip::<i64, i64>(a, b, |x, y| {
            let r = x.wrapping_rem(y);
            if r != 0 && (r < 0) != (y < 0) { r + y } else { r }
        }),
        Binary::Max => zip::<i64, i64>(a, b, i64::max),
        Binary::Min => zip::<i64, i64>(a, b, i64::min),
        Binary::Pow => zip::<i64, i64>(a, b, |x, y| x.wrapping_pow(u32::try_from(y).unwrap_or(0))),
        Binary::SquaredDifference => zip::<i64, i64>(a, b, |x, y| x.wrapping_sub(y).wrapping_pow(2)),
        _ => Err(fail(format!("{op:?} on integers"))),
    }
}

pub fn compare(op: Compare, a: &Value, b: &Value) -> Outcome {
    match (a.kind(), b.kind()) {
        (Kind::F32, Kind::F32) => ordered::<f32>(op, a, b),
        (Kind::F64, Kind::F64) => ordered::<f64>(op, a, b),
        (Kind::I64, Kind::I64) => ordered::<i64>(op, a, b),
        (Kind::Bool, Kind::Bool) => ordered::<u8>(op, a, b),
        (x, y) => Err(fail(format!("{op:?} of {x:?} and {y:?}"))),
    }
}

fn ordered<T: Element>(op: Compare, a: &Value, b: &Value) -> Outcome {
    match op {
        Compare::Equal => zip::<T, u8>(a, b, |x, y| u8::from(x == y)),
        Compare::NotEqual => zip::<T, u8>(a, b, |x, y| u8::from(x != y)),
        Compare::Less => zip::<T, u8>(a, b, |x, y| u8::from(x < y)),
        Compare::LessEqual => zip::<T, u8>(a, b, |x, y| u8::from(x <= y)),
        Compare::Greater => zip::<T, u8>(a, b, |x, y| u8::from(x > y)),
        Compare::GreaterEqual => zip::<T, u8>(a, b, |x, y| u8::from(x >= y)),
    }
}

pub fn unary(op: Unary, x: &Value) -> Outcome {
    match x.kind() {
        Kind::F32 if op == Unary::LogicalNot => Err(fail("LogicalNot on floats")),
        Kind::F32 => {
            let mut out = output::<f32>(x.dims())?;
            let work = out.len().saturating_mul(8);
            vector::unary(op, x.slice()?, &mut out, threads(work));
            make(out, x.dims())
        }
        Kind::F64 => real::<f64>(op, x),
        Kind::I64 => {
            let f: fn(i64) -> i64 = match op {
                Unary::Abs => i64::wrapping_abs,
                Unary::Neg => i64::wrapping_neg,
                Unary::Sign => i64::signum,
                Unary::Relu => |x| x.max(0),
                Unary::Relu6 => |x| x.clamp(0, 6),
                Unary::Square => |x| x.wrapping_mul(x),
                Unary::ZerosLike => |_| 0,
                Unary::OnesLike => |_| 1,
                _ => return Err(fail(format!("{op:?} on integers"))),
            };
            map(x, f)
        }
        Kind::Text if op == Unary::ZerosLike => Value::text(vec![Vec::new(); x.elem_count()], x.dims()),
        _ => match op {
            Unary::LogicalNot => map::<u8>(x, |b| b ^ 1),
            Unary::ZerosLike => map::<u8>(x, |_| 0),
            Unary::OnesLike => map::<u8>(x, |_| 1),
            _ => Err(fail(format!("{op:?} on booleans"))),
        },
    }
}

fn map<T: Element>(x: &Value, f: impl Fn(T) -> T) -> Outcome {
    let from = x.slice::<T>()?;
    let mut out = output::<T>(x.dims())?;
    out.iter_mut().zip(from).for_each(|(to, x)| *to = f(*x));
    make(out, x.dims())
}

fn real<T: Element + Float>(op: Unary, x: &Value) -> Outcome {
    let c = |v: f64| T::from(v).unwrap_or_else(T::nan);
    let (zero, one) = (T::zero(), T::one());
    let erf = |x: T| c(libm::erf(x.to_f64().unwrap_or(f64::NAN)));
    match op {
        Unary::Abs => map::<T>(x, Float::abs),
        Unary::Ceil => map::<T>(x, Float::ceil),
        Unary::Cos => map::<T>(x, Float::cos),
        Unary::Elu => map::<T>(x, |x| if x < zero { x.exp_m1() } else { x }),
        Unary::Erf => map::<T>(x, erf),
        Unary::Erfc => map::<T>(x, |x| c(libm::erfc(x.to_f64().unwrap_or(f64::NAN)))),
        Unary::Exp => map::<T>(x, Float::exp),
        Unary::Expm1 => map::<T>(x, Float::exp_m1),
        Unary::Tan => map::<T>(x, Float::tan),
        Unary::Atan => map::<T>(x, Float::atan),
        Unary::Sinh => map::<T>(x, Float::sinh),
        Unary::Cosh => map::<T>(x, Float::cosh),
        Unary::Floor => map::<T>(x, Float::floor),
        Unary::Log => map::<T>(x, Float::ln),
        Unary::Log1p => map::<T>(x, Float::ln_1p),
        Unary::Neg => map::<T>(x, |x| -x),
        Unary::OnesLike => map::<T>(x, |_| one),
        Unary::ZerosLike => map::<T>(x, |_| zero),
        Unary::Reciprocal => map::<T>(x, Float::recip),
        Unary::Relu => map::<T>(x, |x| if x < zero { zero } else { x }),
        Unary::Relu6 => map::<T>(x, |x| {
            if x < zero {
                zero
            } else if x > c(6.0) {
                c(6.0)
            } else {
                x
            }
        }),
        // Halves go to the even neighbour.
        Unary::Round => map::<T>(x, |x| {
            let r = x.round();
            if (x - x.trunc()).abs() == c(0.5) && r % c(2.0) != zero { r - x.signum() } else { r }
        }),
        Unary::Rsqrt => map::<T>(x, |x| one / x.sqrt()),
        Unary::Selu => map::<T>(x, |x| {
            let (scale, alpha) = (c(1.050_700_987_355_480_5), c(1.673_263_242_354_377_2));
            if x < zero { scale * alpha * x.exp_m1() } else { scale * x }
        }),
        Unary::Sigmoid => map::<T>(x, |x| one / (one + (-x).exp())),
        Unary::Sign => map::<T>(x, |x| if x == zero || x.is_nan() { x } else { x.signum() }),
        Unary::Sin => map::<T>(x, Float::sin),
        // ln(1 + e^x), without an overflow.
        Unary::Softplus => map::<T>(x, |x| Float::max(x, zero) + (-x.abs()).exp().ln_1p()),
        Unary::Softsign => map::<T>(x, |x| x / (one + x.abs())),
        Unary::Sqrt => map::<T>(x, Float::sqrt),
        Unary::Square => map::<T>(x, |x| x * x),
        Unary::Tanh => map::<T>(x, Float::tanh),
        Unary::LeakyRelu(alpha) => map::<T>(x, |x| if x < zero { x * c(f64::from(alpha)) } else { x }),
        Unary::LogicalNot => Err(fail("LogicalNot on floats")),
    }
}
