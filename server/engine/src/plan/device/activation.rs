//! Activations.

use super::form::Made;
use super::layout::as_they_lie;
use crate::graph::Activation;
use candle_core::Tensor;

/// Of a value, as it lies.
pub fn activate(f: Activation, x: &Tensor) -> Made {
    as_they_lie(std::slice::from_ref(x), |x| plain(f, &x[0]))
}

/// Of a value.
pub fn plain(f: Activation, x: &Tensor) -> Made {
    Ok(match f {
        Activation::None => x.clone(),
        Activation::Relu => x.relu()?,
        Activation::Relu6 => x.clamp(0.0, 6.0)?,
        Activation::LeakyRelu(slope) => leaky(x, slope)?,
        Activation::Sigmoid => sigmoid(x)?,
        Activation::Tanh => x.tanh()?,
        Activation::Swish => x.silu()?,
        Activation::HardSigmoid => hard_sigmoid(x)?,
        Activation::HardSwish => x.mul(&hard_sigmoid(x)?)?,
        Activation::Gelu => x.gelu_erf()?,
        Activation::GeluTanh => x.gelu()?,
        Activation::Elu => x.elu(1.0)?,
    })
}

/// `1 / (1 + exp(-x))`
pub fn sigmoid(x: &Tensor) -> Made {
    Ok(x.neg()?.exp()?.affine(1.0, 1.0)?.recip()?)
}

/// Below zero, so much of the value.
pub fn leaky(x: &Tensor, slope: f32) -> Made {
    let below = x.neg()?.relu()?.affine(-f64::from(slope), 0.0)?;
    Ok(x.relu()?.add(&below)?)
}

fn hard_sigmoid(x: &Tensor) -> Made {
    Ok(x.affine(1.0, 3.0)?.clamp(0.0, 6.0)?.affine(1.0 / 6.0, 0.0)?)
}
