//! Activations.

use super::super::super::arguments::Call;
use super::super::super::build::{Builder, kind};
use super::super::super::value::Result;
use super::{against, choose, one, with};
use crate::graph::{Activation, Binary as B, Compare, Op, Unary as U, ValueId};
use crate::value::Kind;

/// Functions that the graph has as one operation on 32-bit floats.
pub fn activation(b: &mut Builder, c: &Call) -> Result<Option<ValueId>> {
    let activation = match c.name.as_str() {
        "silu" => Activation::Swish,
        "hardsigmoid" => Activation::HardSigmoid,
        "hardswish" => Activation::HardSwish,
        "gelu" if c.text(1, "approximate").as_deref() == Some("tanh") => Activation::GeluTanh,
        "gelu" => Activation::Gelu,
        "elu" => {
            let rest = [
                c.float_or(1, "alpha", 1.0)?,
                c.float_or(2, "scale", 1.0)?,
                c.float_or(3, "input_scale", 1.0)?,
            ];
            return elu(b, c, rest).map(Some);
        }
        "celu" => {
            let alpha = c.float_or(1, "alpha", 1.0)?;
            return elu(b, c, [alpha, 1.0, 1.0 / alpha]).map(Some);
        }
        "leaky_relu" => {
            let slope = c.float_or(1, "negative_slope", 0.01)?;
            let x = c.x(b)?;
            let dtype = b.dtype(x);
            return b.op(Op::Unary(U::LeakyRelu(slope as f32)), &[x], dtype).map(Some);
        }
        _ => return Ok(None),
    };
    let x = c.x(b)?;
    let dtype = b.dtype(x);
    if kind(dtype) == Kind::F32 {
        return b.op(Op::Activate(activation), &[x], dtype).map(Some);
    }
    written_out(b, activation, x).map(Some)
}

/// The same on wider floats.
fn written_out(b: &mut Builder, activation: Activation, x: ValueId) -> Result<ValueId> {
    match activation {
        Activation::Swish => {
            let gate = one(b, U::Sigmoid, x)?;
            b.binary(B::Mul, x, gate)
        }
        Activation::HardSigmoid | Activation::HardSwish => {
            let shifted = with(b, B::Add, x, 3.0)?;
            let clipped = one(b, U::Relu6, shifted)?;
            let gate = with(b, B::Div, clipped, 6.0)?;
            if activation == Activation::HardSigmoid { Ok(gate) } else { b.binary(B::Mul, x, gate) }
        }
        Activation::GeluTanh => {
            let square = one(b, U::Square, x)?;
            let cube = b.binary(B::Mul, square, x)?;
            let part = with(b, B::Mul, cube, 0.044_715)?;
            let sum = b.binary(B::Add, x, part)?;
            let inner = with(b, B::Mul, sum, std::f64::consts::FRAC_2_PI.sqrt())?;
            let inner = one(b, U::Tanh, inner)?;
            half_of(b, x, inner)
        }
        _ => {
            let inner = with(b, B::Mul, x, std::f64::consts::FRAC_1_SQRT_2)?;
            let inner = one(b, U::Erf, inner)?;
            half_of(b, x, inner)
        }
    }
}

fn half_of(b: &mut Builder, x: ValueId, part: ValueId) -> Result<ValueId> {
    let sum = with(b, B::Add, part, 1.0)?;
    let half = with(b, B::Mul, x, 0.5)?;
    b.binary(B::Mul, half, sum)
}

fn elu(b: &mut Builder, c: &Call, [alpha, scale, input_scale]: [f64; 3]) -> Result<ValueId> {
    let x = c.x(b)?;
    if [alpha, scale, input_scale] == [1.0; 3] {
        return one(b, U::Elu, x);
    }
    let inner = with(b, B::Mul, x, input_scale)?;
    let inner = one(b, U::Expm1, inner)?;
    let below = with(b, B::Mul, inner, alpha * scale)?;
    let above = with(b, B::Mul, x, scale)?;
    let is_below = against(b, Compare::Less, x, 0.0)?;
    choose(b, is_below, below, above)
}
