//! The operations.

mod images;

pub use images::{Conv, Padding, Pool, Resize};

use super::{Attention, Chain, LayerNorm, Literal, Product};
use crate::DType;
use std::sync::Arc;

/// One value → one value, element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    Abs,
    Ceil,
    Cos,
    Elu,
    Erf,
    Erfc,
    Exp,
    Expm1,
    Tan,
    Atan,
    Sinh,
    Cosh,
    Floor,
    Log,
    Log1p,
    LogicalNot,
    Neg,
    OnesLike,
    Reciprocal,
    Relu,
    Relu6,
    Round,
    Rsqrt,
    Selu,
    Sigmoid,
    Sign,
    Sin,
    Softplus,
    Softsign,
    Sqrt,
    Square,
    Tanh,
    ZerosLike,
    LeakyRelu(f32),
}

/// Two values → one, broadcast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    FloorMod,
    Max,
    Min,
    Pow,
    SquaredDifference,
    DivNoNan,
    And,
    Or,
}

impl Binary {
    /// Whether it is plain arithmetic: what is vectorised, and what chains are made of.
    pub fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Max | Self::Min | Self::SquaredDifference
        )
    }
}

/// Two values → booleans, broadcast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Over axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reduce {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    All,
    Any,
}

/// Fused to the end of a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// Leaves numbers as they are.
    None,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// Below zero, this much of the value.
    LeakyRelu(f32),
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x * sigmoid(x)`
    Swish,
    /// `min(max(x + 3, 0), 6) / 6`
    HardSigmoid,
    /// `x * hard_sigmoid(x)`
    HardSwish,
    /// `x / 2 * (1 + erf(x / sqrt(2)))`
    Gelu,
    /// Gelu by its approximation with tanh.
    GeluTanh,
    /// Below zero, `exp(x) - 1`.
    Elu,
}

impl Activation {
    /// Whether it is one of those before which the largest of some numbers may be taken: it keeps their order, and NaN.
    pub fn keeps_order(self) -> bool {
        matches!(self, Self::None | Self::Relu | Self::Relu6)
    }
}

/// The bit masks of a strided slice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Masks {
    pub begin: i64,
    pub end: i64,
    pub ellipsis: i64,
    pub new_axis: i64,
    pub shrink: i64,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Input(usize),
    Literal(Arc<Literal>),
    Weight(usize),
    Unary(Unary),
    Binary(Binary),
    Compare(Compare),
    /// condition, then, else
    Select,
    Cast(DType),
    /// a, b
    MatMul {
        transpose_a: bool,
        transpose_b: bool,
    },
    /// x, weights, bias?
    Dense(Activation),
    /// x, filter [h, w, in, out], bias?
    Conv(Conv),
    /// x, filter [h, w, in, multiplier], bias?
    Depthwise(Conv),
    /// output shape, filter [h, w, out, in], x
    ConvTranspose(Conv),
    Pool(Pool),
    /// x, axes
    Reduce {
        kind: Reduce,
        keep: bool,
    },
    Softmax {
        log: bool,
    },
    /// x, axis
    ArgExtreme {
        max: bool,
    },
    /// x, k → values, indices
    TopK,
    /// x, shape
    Reshape,
    /// x, shape
    BroadcastTo,
    /// x, permutation
    Transpose,
    /// xs…, axis
    Concat,
    /// x, axis
    Split(usize),
    /// x, sizes, axis
    SplitSizes(usize),
    Pack(i64),
    Unpack(i64, usize),
    /// x, axis
    ExpandDims,
    Squeeze(Vec<i64>),
    /// x, begin, end, strides
    StridedSlice(Masks),
    /// x, begin, size
    Slice,
    /// x, axes
    Reverse,
    /// x, repeats
    Tile,
    /// x, indices, axis
    Gather {
        batch_dims: i64,
    },
    /// x, paddings, value?
    Pad,
    /// x, paddings; true: the edge is repeated too
    MirrorPad {
        symmetric: bool,
    },
    /// shape, value
    Fill,
    Shape,
    Size,
    Rank,
    /// start, limit, delta
    Range,
    /// indices, depth, on, off
    OneHot(i64),
    /// x, block shape, paddings
    SpaceToBatch,
    /// x, block shape, crops
    BatchToSpace,
    /// x, size
    Resize(Resize),
    /// x; made by the plan's passes
    Activate(Activation),
    /// x, weights, bias?, residual?; made by the plan's passes
    Product(Product),
    /// xs…; made by the plan's passes
    Chain(Chain),
    /// x, gamma?, beta?; made by the plan's passes
    LayerNorm(LayerNorm),
    /// queries, keys, values, mask?; made by the plan's passes
    Attention(Attention),
    /// Byte strings.
    Text(super::Text),
    /// keys, default
    Lookup(Arc<super::Table>),
    /// x [rows, features]
    Forest(Arc<super::Forests>),
    /// x [rows, dimensions]
    CutForest(Arc<super::CutForest>),
    /// x [rows, width], k → measures, names
    Neighbours(Arc<super::Neighbours>),
    /// What is seldom met.
    Rare(Box<super::Rare>),
    /// Branches and loops.
    Control(Arc<super::Control>),
    /// A recurrent layer; made by the plan's passes.
    Recurrent(super::Recurrent),
    /// Lists of values.
    List(super::Listing),
}

impl Op {
    /// Whether each run makes something else of the same inputs.
    pub fn varies(&self) -> bool {
        matches!(self, Self::Rare(rare) if matches!(&**rare, super::Rare::Random(random) if random.varies()))
    }

    /// Where the table is that an operation brings itself, and its bytes.
    pub fn table(&self) -> Option<(usize, usize)> {
        match self {
            Self::Forest(forest) => Some((Arc::as_ptr(forest).addr(), forest.bytes())),
            Self::CutForest(forest) => Some((Arc::as_ptr(forest).addr(), forest.bytes())),
            Self::Neighbours(index) => Some((Arc::as_ptr(index).addr(), index.bytes())),
            Self::Rare(rare) => rare.table(),
            Self::Text(text) => text.table(),
            _ => None,
        }
    }
}
