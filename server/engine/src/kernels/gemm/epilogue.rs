//! What happens to a product before it leaves the cache.

use super::super::simd::{Lanes, Simd};
use super::Activation;

/// `activation(x + bias + residual)`.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a> {
    /// One number for each column.
    pub bias: Option<&'a [f32]>,
    /// As many numbers as the result has, in its order.
    pub residual: Option<&'a [f32]>,
    /// Comes last.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Changes nothing.
    pub const NONE: Epilogue<'static> = Epilogue { bias: None, residual: None, activation: Activation::None };

    /// Whether the slices have the sizes that a result needs.
    pub(in super::super) fn fits(&self, columns: usize, out: usize) -> bool {
        self.bias.is_none_or(|b| b.len() == columns) && self.residual.is_none_or(|r| r.len() == out)
    }

    /// The activation, if it is one that is better applied to whole rows afterwards.
    pub(super) fn late(&self) -> Option<Activation> {
        match self.activation {
            Activation::Sigmoid
            | Activation::Tanh
            | Activation::Swish
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Elu => Some(self.activation),
            _ => None,
        }
    }

    /// A vector of the result: `many` numbers from `column`, which lie at `at` in all of it.
    #[inline(always)]
    pub(in super::super) fn apply<S: Simd>(
        &self,
        mut v: S::V,
        column: usize,
        at: usize,
        many: usize,
    ) -> S::V {
        if let Some(bias) = self.bias {
            v = S::add(v, load::<S>(&bias[column..column + many]));
        }
        if let Some(residual) = self.residual {
            v = S::add(v, load::<S>(&residual[at..at + many]));
        }
        activate::<S, 1>(self.activation, [v])[0]
    }
}

/// `activation(v)` of some vectors. NaN stays NaN: the second operand of `max` and `min` is what they give for it.
#[inline(always)]
pub(super) fn activate<S: Simd, const N: usize>(activation: Activation, v: [S::V; N]) -> [S::V; N] {
    let clamp = |v, most| S::min(S::splat(most), S::max(S::splat(0.0), v));
    let hard = |v| S::mul(clamp(S::add(v, S::splat(3.0)), 6.0), S::splat(1.0 / 6.0));
    match activation {
        Activation::None => v,
        Activation::Relu => v.map(|v| S::max(S::splat(0.0), v)),
        Activation::Relu6 => v.map(|v| clamp(v, 6.0)),
        Activation::LeakyRelu(slope) => {
            v.map(|v| S::select(S::less(v, S::splat(0.0)), S::mul(v, S::splat(slope)), v))
        }
        Activation::HardSigmoid => v.map(hard),
        Activation::HardSwish => v.map(|v| S::mul(v, hard(v))),
        other => v.map(|v| rest::<S>(other, v)),
    }
}

/// The activations that need more than arithmetic. They are not compiled into every tile: that would make it many times as large.
#[inline(always)]
fn rest<S: Simd>(activation: Activation, v: S::V) -> S::V {
    let mut lanes = [0.0; 16];
    S::store(v, &mut lanes);
    apply(activation, &mut lanes);
    S::load(&lanes)
}

#[inline(never)]
pub(super) fn apply(activation: Activation, to: &mut [f32]) {
    super::super::activate::apply(activation, to);
}

/// A vector, or what there is of it.
#[inline(always)]
pub(super) fn load<S: Simd>(from: &[f32]) -> S::V {
    match <&Lanes>::try_from(from) {
        Ok(lanes) => S::load(lanes),
        Err(_) => S::load_part(from),
    }
}
