//! Operations that no format has: the plan's passes make them of several.

use super::{Activation, Binary, Conv, Unary};

/// What is multiplied by constant weights, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Products {
    /// Over the last axis, by weights [in, out].
    Dense,
    /// By a filter [h, w, in, out].
    Conv(Conv),
    /// By a filter [h, w, in, multiplier].
    Depthwise(Conv),
}

/// A product by constant weights with what comes before and after it: `activation(prologue(x) · w + bias + residual)`. Its inputs: x,
/// weights, bias, residual, and what else its prologue reads, each if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// How it multiplies; the activation of a convolution is not in there.
    pub kind: Products,
    /// What becomes of x on its way in.
    pub prologue: Option<Prologue>,
    /// There is a bias, one number for each channel.
    pub bias: bool,
    /// Another value is added.
    pub residual: bool,
    /// Comes last, but for the pool.
    pub activation: Activation,
    /// Of the result's windows of 2x2, side by side, the largest numbers are left.
    pub pool: bool,
}

impl Product {
    /// Where among its inputs those begin that its prologue reads besides x.
    pub fn entry(&self) -> usize {
        2 + usize::from(self.bias) + usize::from(self.residual)
    }
}

/// `activation(x * scale + shift)`, where x is values that lie side by side along their last axis. What it reads besides the first of
/// these: scale, shift, the other values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prologue {
    /// Values that lie side by side.
    pub parts: usize,
    /// There is a factor; it is broadcast.
    pub scale: bool,
    /// There is an offset; it is broadcast.
    pub shift: bool,
    /// Comes last.
    pub activation: Activation,
}

impl Prologue {
    /// Takes one value as it is.
    pub const NONE: Self = Self { parts: 1, scale: false, shift: false, activation: Activation::None };

    /// Its inputs by what they are, of the first and the rest; None: some are missing.
    pub fn entry<'v, T: ?Sized>(&self, x: &'v T, rest: &[&'v T]) -> Option<Entry<'v, T>> {
        let mut rest = rest.iter().copied();
        let scale = if self.scale { Some(rest.next()?) } else { None };
        let shift = if self.shift { Some(rest.next()?) } else { None };
        let parts: Vec<_> = std::iter::once(x).chain(rest).collect();
        (parts.len() == self.parts).then_some(Entry { parts, scale, shift })
    }
}

/// What a prologue reads.
#[derive(Debug)]
pub struct Entry<'v, T: ?Sized> {
    /// What lies side by side.
    pub parts: Vec<&'v T>,
    /// The factor.
    pub scale: Option<&'v T>,
    /// The offset.
    pub shift: Option<&'v T>,
}

/// Where a link of a chain finds its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operand {
    /// An input of the chain.
    Input(usize),
    /// What an earlier link gave.
    Link(usize),
}

/// One operation of a chain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// A function of one number.
    Unary(Unary, Operand),
    /// An activation.
    Activate(Activation, Operand),
    /// A function of two.
    Binary(Binary, Operand, Operand),
}

impl Link {
    /// The same operation on other operands.
    pub fn map(&self, mut f: impl FnMut(Operand) -> Operand) -> Self {
        match *self {
            Self::Unary(op, a) => Self::Unary(op, f(a)),
            Self::Activate(op, a) => Self::Activate(op, f(a)),
            Self::Binary(op, a, b) => Self::Binary(op, f(a), f(b)),
        }
    }
}

/// Operations element by element, one after another; the last one gives the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// The operations; each reads inputs and links before it.
    pub links: Vec<Link>,
}

/// Rows normalised over one axis: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNorm {
    /// The axis, counted from the end if negative.
    pub axis: i64,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether the mean is taken away; without, the variance is the mean square.
    pub centred: bool,
    /// There is a factor for each place of a row.
    pub gamma: bool,
    /// There is an offset for each place of a row.
    pub beta: bool,
}

/// `softmax(scale · q kᵀ + mask) v` over batches of heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// The factor of the scores.
    pub scale: f32,
    /// Something is added to the scores `[batch, heads, queries, keys]`.
    pub mask: bool,
    /// Values are `[batch, places, heads, width]`, as projections leave them; else `[…, places, width]`.
    pub interleaved: bool,
}
