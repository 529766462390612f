//! Element by element.

use super::activation;
use super::form::{Made, Wrong, fail};
use super::layout::as_they_lie;
use crate::graph::{Binary, Chain, Compare, Link, Operand, Unary};
use crate::kernels::broadcast_shape;
use crate::value::Kind;
use candle_core::{DType, Tensor};

/// Whether candle can compute a function of floats.
pub fn has_unary(f: Unary) -> bool {
    // It has no inverse of a tangent, and one minus its error function is nothing where the complement is small.
    !matches!(f, Unary::Atan | Unary::Erfc | Unary::LogicalNot)
}

/// A function of one float.
pub fn unary(f: Unary, x: &Tensor) -> Made {
    as_they_lie(std::slice::from_ref(x), |x| of_one(f, &x[0]))
}

fn of_one(f: Unary, x: &Tensor) -> Made {
    Ok(match f {
        Unary::Abs => x.abs()?,
        Unary::Ceil => x.ceil()?,
        Unary::Cos => x.cos()?,
        Unary::Elu => x.elu(1.0)?,
        Unary::Erf => x.erf()?,
        Unary::Exp => x.exp()?,
        Unary::Expm1 => fine(x, |x| Ok(x.exp()?.affine(1.0, -1.0)?))?,
        Unary::Tan => x.sin()?.div(&x.cos()?)?,
        Unary::Sinh => fine(x, |x| Ok(x.exp()?.sub(&x.neg()?.exp()?)?.affine(0.5, 0.0)?))?,
        Unary::Cosh => x.exp()?.add(&x.neg()?.exp()?)?.affine(0.5, 0.0)?,
        Unary::Floor => x.floor()?,
        Unary::Log => x.log()?,
        Unary::Log1p => fine(x, |x| Ok(x.affine(1.0, 1.0)?.log()?))?,
        Unary::Neg => x.neg()?,
        Unary::OnesLike => x.ones_like()?,
        Unary::ZerosLike => x.zeros_like()?,
        Unary::Reciprocal => x.recip()?,
        Unary::Relu => x.relu()?,
        Unary::Relu6 => x.clamp(0.0, 6.0)?,
        Unary::Round => to_even(x)?,
        Unary::Rsqrt => x.sqrt()?.recip()?,
        Unary::Selu => {
            let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
            x.elu(alpha)?.affine(scale, 0.0)?
        }
        Unary::Sigmoid => activation::sigmoid(x)?,
        Unary::Sign => x.sign()?,
        Unary::Sin => x.sin()?,
        // ln(1 + e^x), without an overflow.
        Unary::Softplus => {
            let rest = fine(&x.abs()?.neg()?, |x| Ok(x.exp()?.affine(1.0, 1.0)?.log()?))?;
            x.relu()?.add(&rest)?
        }
        Unary::Softsign => x.div(&x.abs()?.affine(1.0, 1.0)?)?,
        Unary::Sqrt => x.sqrt()?,
        Unary::Square => x.sqr()?,
        Unary::Tanh => x.tanh()?,
        Unary::LeakyRelu(slope) => activation::leaky(x, slope)?,
        Unary::Atan | Unary::Erfc | Unary::LogicalNot => return Err(fail(format!("{f:?} on the device"))),
    })
}

/// Computed in 64 bits: near zero too little would be left of 32.
fn fine(x: &Tensor, work: impl Fn(&Tensor) -> Made) -> Made {
    Ok(work(&x.to_dtype(DType::F64)?)?.to_dtype(x.dtype())?)
}

/// Halves go to the even neighbour; candle takes them away from zero.
fn to_even(x: &Tensor) -> Made {
    let away = x.round()?;
    let half = away.sub(x)?.abs()?.eq(0.5)?;
    let even = x.affine(0.5, 0.0)?.round()?.affine(2.0, 0.0)?;
    Ok(half.where_cond(&even, &away)?)
}

/// Whether candle can compute a function of two values of a kind.
pub fn has_binary(f: Binary, kind: Kind) -> bool {
    match kind {
        Kind::F32 | Kind::F64 => !matches!(f, Binary::Pow | Binary::And | Binary::Or),
        // A division of integers looks at the divisors.
        Kind::I64 => matches!(f, Binary::Add | Binary::Sub | Binary::Mul | Binary::Max | Binary::Min),
        Kind::Bool => matches!(f, Binary::And | Binary::Or | Binary::Mul | Binary::Min | Binary::Max),
        Kind::Text | Kind::List => false,
    }
}

/// A function of two values, with broadcasting.
pub fn binary(f: Binary, a: &Tensor, b: &Tensor) -> Made {
    as_they_lie(&[a.clone(), b.clone()], |both| of_two(f, &both[0], &both[1]))
}

fn of_two(f: Binary, a: &Tensor, b: &Tensor) -> Made {
    let truths = a.dtype() == DType::U8;
    Ok(match f {
        Binary::Add => a.broadcast_add(b)?,
        Binary::Sub => a.broadcast_sub(b)?,
        Binary::Mul if truths => a.broadcast_minimum(b)?,
        Binary::Mul => a.broadcast_mul(b)?,
        Binary::Div => a.broadcast_div(b)?,
        Binary::FloorDiv => a.broadcast_div(b)?.floor()?,
        Binary::FloorMod => a.broadcast_sub(&a.broadcast_div(b)?.floor()?.broadcast_mul(b)?)?,
        Binary::Max | Binary::Or => a.broadcast_maximum(b)?,
        Binary::Min | Binary::And => a.broadcast_minimum(b)?,
        Binary::SquaredDifference => a.broadcast_sub(b)?.sqr()?,
        Binary::DivNoNan => {
            let quotient = a.broadcast_div(b)?;
            let none = b.eq(0.0)?.broadcast_as(quotient.dims())?;
            none.where_cond(&quotient.zeros_like()?, &quotient)?
        }
        Binary::Pow => return Err(fail("a power by a value on the device")),
    })
}

/// A power by one number, which is known.
pub fn power(x: &Tensor, exponent: f64) -> Made {
    as_they_lie(std::slice::from_ref(x), |x| Ok(x[0].powf(exponent)?))
}

/// Truths about two values, with broadcasting.
pub fn compare(f: Compare, a: &Tensor, b: &Tensor) -> Made {
    as_they_lie(&[a.clone(), b.clone()], |both| {
        let (a, b) = (&both[0], &both[1]);
        Ok(match f {
            Compare::Equal => a.broadcast_eq(b)?,
            Compare::NotEqual => a.broadcast_ne(b)?,
            Compare::Less => a.broadcast_lt(b)?,
            Compare::LessEqual => a.broadcast_le(b)?,
            Compare::Greater => a.broadcast_gt(b)?,
            Compare::GreaterEqual => a.broadcast_ge(b)?,
        })
    })
}

/// The other truth.
pub fn not(x: &Tensor) -> Made {
    Ok(x.eq(0u8)?)
}

/// One value or the other, by truths.
pub fn select(condition: &Tensor, yes: &Tensor, no: &Tensor) -> Made {
    let shape = broadcast_shape(yes.dims(), no.dims())?;
    // The older operation takes a condition for each row.
    let rows = condition.rank() == 1
        && shape.len() > 1
        && condition.dims()[0] == shape[0]
        && Some(&condition.dims()[0]) != shape.last();
    let condition = if rows {
        condition.reshape([vec![shape[0]], vec![1; shape.len() - 1]].concat())?
    } else {
        condition.clone()
    };
    as_they_lie(&[condition, yes.clone(), no.clone()], |all| {
        let mut shape = Vec::new();
        for value in all {
            shape = broadcast_shape(&shape, value.dims())?;
        }
        let all = all.iter().map(|v| Ok(v.broadcast_as(shape.as_slice())?));
        let all = all.collect::<Result<Vec<Tensor>, Wrong>>()?;
        Ok(all[0].where_cond(&all[1], &all[2])?)
    })
}

/// Whether candle's casts give what the engine's do.
pub fn has_cast(from: Kind, to: crate::DType) -> bool {
    use crate::DType as D;
    let floats = matches!(to, D::F32 | D::F64 | D::F16 | D::BF16);
    match from {
        Kind::F32 | Kind::F64 => floats || matches!(to, D::Bool | D::I64 | D::I32),
        // Narrower integers are cut, which it does otherwise.
        Kind::I64 => floats || matches!(to, D::Bool | D::I64),
        Kind::Bool => floats || matches!(to, D::Bool | D::I64 | D::I32),
        Kind::Text | Kind::List => false,
    }
}

pub fn cast(x: &Tensor, to: crate::DType) -> Made {
    use crate::DType as D;
    as_they_lie(std::slice::from_ref(x), |x| {
        let x = &x[0];
        Ok(match to {
            D::F32 => x.to_dtype(DType::F32)?,
            D::F64 => x.to_dtype(DType::F64)?,
            // Computed in 32 bits, but no finer than the type is.
            D::F16 => x.to_dtype(DType::F32)?.to_dtype(DType::F16)?.to_dtype(DType::F32)?,
            D::BF16 => x.to_dtype(DType::F32)?.to_dtype(DType::BF16)?.to_dtype(DType::F32)?,
            D::Bool if x.dtype() == DType::U8 => x.clone(),
            D::Bool => x.ne(&x.zeros_like()?)?,
            D::I64 => whole(x, -(i64::MIN as f64), i64::MIN)?,
            D::I32 => whole(x, -f64::from(i32::MIN), i64::from(i32::MIN))?,
            other => return Err(fail(format!("a cast to {other} on the device"))),
        })
    })
}

/// Towards zero; what does not fit, NaN too, is the least number.
fn whole(x: &Tensor, bound: f64, least: i64) -> Made {
    let numbers = x.to_dtype(DType::I64)?;
    if !x.dtype().is_float() {
        return Ok(numbers);
    }
    let fits = x.lt(bound)?.minimum(&x.gt(-bound - 1.0)?)?;
    Ok(fits.where_cond(&numbers, &Tensor::full(least, x.dims(), x.device())?)?)
}

/// Whether candle can compute all links.
pub fn has_chain(chain: &Chain, kind: Kind) -> bool {
    let floats = matches!(kind, Kind::F32 | Kind::F64);
    let one = |link: &Link| match *link {
        Link::Unary(f, _) => has_unary(f),
        Link::Activate(..) => true,
        Link::Binary(f, ..) => has_binary(f, kind),
    };
    floats && !chain.links.is_empty() && chain.links.iter().all(one)
}

/// Links one after another.
pub fn chain(chain: &Chain, inputs: &[Tensor]) -> Made {
    as_they_lie(inputs, |inputs| {
        let mut made: Vec<Tensor> = Vec::with_capacity(chain.links.len());
        for link in &chain.links {
            let find = |operand: Operand| match operand {
                Operand::Input(n) => inputs.get(n).ok_or_else(|| fail("a chain lacks an input")),
                Operand::Link(n) => made.get(n).ok_or_else(|| fail("a chain reads ahead")),
            };
            made.push(match *link {
                Link::Unary(f, a) => of_one(f, find(a)?)?,
                Link::Activate(f, a) => activation::plain(f, find(a)?)?,
                Link::Binary(f, a, b) => of_two(f, find(a)?, find(b)?)?,
            });
        }
        made.pop().ok_or_else(|| fail("an empty chain"))
    })
}
