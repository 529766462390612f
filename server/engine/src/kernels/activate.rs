//! Activations, one number at a time: what the vectorised ones are tested against.

use crate::graph::Activation;

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
