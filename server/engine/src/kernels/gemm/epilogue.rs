//! What happens to a product before it leaves the cache.

use super::super::activate::hard_sigmoid;
use super::super::simd::{Lanes, Simd};
use super::super::vector::math::clamp;
use super::Activation;

/// `activation(x + bias + what is there)`.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a> {
    /// One number for each column.
    pub bias: Option<&'a [f32]>,
    /// The memory of the result holds numbers that are added to it: a residual is read and written in one place.
    pub adds: bool,
    /// Comes last.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Changes nothing.
    pub const NONE: Epilogue<'static> = Epilogue { bias: None, adds: false, activation: Activation::None };

    /// Whether there is a bias for each column, if there are any.
    pub(in super::super) fn fits(&self, columns: usize) -> bool {
        self.bias.is_none_or(|b| b.len() == columns)
    }

    /// The activation, if it is one that is better applied to whole rows afterwards.
    pub(in super::super) fn late(&self) -> Option<Activation> {
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

    /// A vector of the result for columns from `column` on, of which there are as many as it has places. What is there was added before.
    #[inline(always)]
    pub(in super::super) fn apply<S: Simd>(&self, mut v: S::V, column: usize, places: usize) -> S::V {
        if let Some(bias) = self.bias {
            v = S::add(v, load::<S>(&bias[column..column + places]));
        }
        activate::<S, 1>(self.activation, [v])[0]
    }
}

/// `activation(v)` of some vectors. Each activation has a loop of its own: what it is, is not asked in the loop.
#[inline(always)]
pub(in super::super) fn activate<S: Simd, const N: usize>(
    activation: Activation,
    mut v: [S::V; N],
) -> [S::V; N] {
    // Loops, not `map`: a closure that the compiler does not inline is compiled without the instructions of `S`.
    macro_rules! each {
        ($v:ident => $result:expr) => {
            for $v in &mut v {
                let $v: &mut S::V = $v;
                *$v = $result;
            }
        };
    }
    match activation {
        Activation::None => {}
        Activation::Relu => each!(v => S::max(S::splat(0.0), *v)),
        Activation::Relu6 => each!(v => clamp::<S>(*v, 0.0, 6.0)),
        Activation::LeakyRelu(slope) => {
            each!(v => S::select(S::less(*v, S::splat(0.0)), S::mul(*v, S::splat(slope)), *v));
        }
        Activation::HardSigmoid => each!(v => hard_sigmoid::<S>(*v)),
        Activation::HardSwish => each!(v => S::mul(*v, hard_sigmoid::<S>(*v))),
        other => each!(v => rest::<S>(other, *v)),
    }
    v
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
fn apply(activation: Activation, to: &mut [f32]) {
    super::super::activate::apply(activation, to);
}

/// A vector, or what there is of it.
#[inline(always)]
pub(in super::super) fn load<S: Simd>(from: &[f32]) -> S::V {
    match <&Lanes>::try_from(from) {
        Ok(lanes) => S::load(lanes),
        Err(_) => S::load_part(from),
    }
}

/// Writes a vector, or as much of it as there is room for.
#[inline(always)]
pub(in super::super) fn store<S: Simd>(v: S::V, to: &mut [f32]) {
    match <&mut Lanes>::try_from(&mut *to) {
        Ok(lanes) => S::store(v, lanes),
        Err(_) => S::store_part(v, to),
    }
}
