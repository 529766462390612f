//! Activations, on vectors and on one number at a time: the latter is what the former is tested against.

#![allow(dead_code, reason = "called by the plan")]

use super::simd::{Kernel, LANES, Simd, run};
use super::vector::math;
use crate::graph::Activation;

/// `activation(v)`. NaN stays NaN.
#[inline(always)]
pub fn vector<S: Simd>(activation: Activation, v: S::V) -> S::V {
    let zero = S::splat(0.0);
    match activation {
        Activation::None => v,
        // The second of two is what `max` gives if one is NaN.
        Activation::Relu => S::max(zero, v),
        Activation::Relu6 => math::clamp::<S>(v, 0.0, 6.0),
        Activation::LeakyRelu(slope) => S::select(S::less(v, zero), S::mul(v, S::splat(slope)), v),
        Activation::Sigmoid => math::sigmoid::<S>(v),
        Activation::Tanh => math::tanh::<S>(v),
        Activation::Swish => S::mul(v, math::sigmoid::<S>(v)),
        Activation::HardSigmoid => hard_sigmoid::<S>(v),
        Activation::HardSwish => S::mul(v, hard_sigmoid::<S>(v)),
        Activation::Gelu => {
            let erf = math::erf::<S>(S::mul(v, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
            half_of::<S>(v, erf)
        }
        Activation::GeluTanh => {
            let cubic = S::fma(S::mul(S::splat(0.044_715), v), S::mul(v, v), v);
            half_of::<S>(v, math::tanh::<S>(S::mul(cubic, S::splat(0.797_884_6))))
        }
        Activation::Elu => S::select(S::less(v, zero), math::expm1::<S>(v), v),
    }
}

/// `v / 2 * (1 + part)`
#[inline(always)]
fn half_of<S: Simd>(v: S::V, part: S::V) -> S::V {
    S::mul(S::mul(v, S::splat(0.5)), S::add(part, S::splat(1.0)))
}

/// `clamp(v + 3, 0, 6) / 6`
#[inline(always)]
pub fn hard_sigmoid<S: Simd>(v: S::V) -> S::V {
    S::mul(math::clamp::<S>(S::add(v, S::splat(3.0)), 0.0, 6.0), S::splat(1.0 / 6.0))
}

/// Applies an activation to numbers in place, on this thread.
pub fn apply(activation: Activation, to: &mut [f32]) {
    if activation != Activation::None {
        run(Apply { activation, to });
    }
}

struct Apply<'a> {
    activation: Activation,
    to: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        slice::<S>(self.activation, self.to);
    }
}

/// Applies an activation to numbers in place. Each activation has a loop of its own: what it is, is not asked in the loop.
#[inline(always)]
pub fn slice<S: Simd>(activation: Activation, to: &mut [f32]) {
    match activation {
        Activation::None => {}
        Activation::Relu => each::<S>(Activation::Relu, to),
        Activation::Relu6 => each::<S>(Activation::Relu6, to),
        Activation::LeakyRelu(slope) => each::<S>(Activation::LeakyRelu(slope), to),
        Activation::Sigmoid => each::<S>(Activation::Sigmoid, to),
        Activation::Tanh => each::<S>(Activation::Tanh, to),
        Activation::Swish => each::<S>(Activation::Swish, to),
        Activation::HardSigmoid => each::<S>(Activation::HardSigmoid, to),
        Activation::HardSwish => each::<S>(Activation::HardSwish, to),
        Activation::Gelu => each::<S>(Activation::Gelu, to),
        Activation::GeluTanh => each::<S>(Activation::GeluTanh, to),
        Activation::Elu => each::<S>(Activation::Elu, to),
    }
}

#[inline(always)]
fn each<S: Simd>(activation: Activation, to: &mut [f32]) {
    let (whole, rest) = to.as_chunks_mut::<LANES>();
    for lanes in whole {
        S::store(vector::<S>(activation, S::load(lanes)), lanes);
    }
    if !rest.is_empty() {
        S::store_part(vector::<S>(activation, S::load_part(rest)), rest);
    }
}

/// `activation(x)`. NaN stays NaN, as in TensorFlow.
pub fn scalar(activation: Activation, x: f32) -> f32 {
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    let clamp = |x: f32, most: f32| {
        if x < 0.0 {
            0.0
        } else if x > most {
            most
        } else {
            x
        }
    };
    match activation {
        Activation::None => x,
        Activation::Relu => {
            if x < 0.0 {
                0.0
            } else {
                x
            }
        }
        Activation::Relu6 => clamp(x, 6.0),
        Activation::LeakyRelu(slope) => {
            if x < 0.0 {
                x * slope
            } else {
                x
            }
        }
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Swish => x * sigmoid(x),
        Activation::HardSigmoid => clamp(x + 3.0, 6.0) / 6.0,
        Activation::HardSwish => x * (clamp(x + 3.0, 6.0) / 6.0),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2)),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Elu => {
            if x < 0.0 {
                x.exp_m1()
            } else {
                x
            }
        }
    }
}

/// An activation of a whole value.
pub fn value(activation: Activation, x: &super::Value) -> super::Outcome {
    use crate::value::Kind;
    match x.kind() {
        Kind::F32 => {
            let mut out = super::access::output::<f32>(x.dims())?;
            out.copy_from_slice(x.slice()?);
            apply(activation, &mut out);
            super::Value::of(out, x.dims())
        }
        Kind::F64 => {
            let narrow = |x: &f64| f64::from(scalar(activation, *x as f32));
            super::Value::of(x.slice::<f64>()?.iter().map(narrow).collect::<Vec<f64>>(), x.dims())
        }
        other => Err(super::fail(format!("{activation:?} of {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Apply, scalar};
    use crate::graph::Activation;
    use crate::kernels::simd::{Isa, run_on};

    #[test]
    fn vectors_agree_with_numbers() {
        let all = [
            Activation::None,
            Activation::Relu,
            Activation::Relu6,
            Activation::LeakyRelu(0.3),
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Swish,
            Activation::HardSigmoid,
            Activation::HardSwish,
            Activation::Gelu,
            Activation::GeluTanh,
            Activation::Elu,
        ];
        let mut x: Vec<f32> = (-2003..2000).map(|n| n as f32 * 0.013).collect();
        x.extend([f32::NAN, 1e-40, -1e-40, 80.0, -80.0, 0.0]);
        for (activation, isa) in all.into_iter().flat_map(|a| Isa::all().into_iter().map(move |i| (a, i))) {
            let mut got = x.clone();
            run_on(isa, Apply { activation, to: &mut got });
            for (x, got) in x.iter().zip(&got) {
                let right = scalar(activation, *x);
                let same = right.is_nan() && got.is_nan();
                let near = (got - right).abs() <= 1e-6 * right.abs().max(1.0);
                assert!(same || near, "{activation:?} of {x} is {got}, not {right}, on {isa:?}");
            }
        }
    }
}
