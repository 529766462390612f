//! Functions of gates and states.

use crate::graph::RnnFunction;

impl RnnFunction {
    pub fn of(self, x: f64) -> f64 {
        let w = f64::from;
        match self {
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Relu => x.max(0.0),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Softplus => x.exp().ln_1p(),
            Self::Affine(a, b) => w(a) * x + w(b),
            Self::LeakyRelu(a) => {
                if x < 0.0 {
                    w(a) * x
                } else {
                    x
                }
            }
            Self::ThresholdedRelu(a) => {
                if x >= w(a) {
                    x
                } else {
                    0.0
                }
            }
            Self::ScaledTanh(a, b) => w(a) * (w(b) * x).tanh(),
            Self::HardSigmoid(a, b) => (w(a) * x + w(b)).clamp(0.0, 1.0),
            Self::Elu(a) => {
                if x < 0.0 {
                    w(a) * x.exp_m1()
                } else {
                    x
                }
            }
        }
    }
}
