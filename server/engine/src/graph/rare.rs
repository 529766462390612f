//! Operations that are seldom met. They are computed by plain loops; what is met often has a variant of [`super::Op`].

use super::Masks;
use crate::DType;

/// One float → one, or a truth about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atanh,
    /// The modified Bessel function of the first kind, of order 0 or 1; scaled: by `e^-|x|`.
    BesselI {
        order: u32,
        scaled: bool,
    },
    /// Of the second kind; scaled: by `e^x`.
    BesselK {
        order: u32,
        scaled: bool,
    },
    /// The Bessel functions of order 0 and 1.
    BesselJ(u32),
    BesselY(u32),
    Dawson,
    Digamma,
    Erfinv,
    ExponentialIntegral,
    FresnelCos,
    FresnelSin,
    Invert,
    IsFinite,
    IsInf,
    IsNan,
    Lgamma,
    Ndtri,
    /// Bits that are one, of integers this many bits wide.
    Ones(u32),
    Spence,
}

/// Two numbers → one, broadcast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pairing {
    Atan2,
    BitAnd,
    BitOr,
    BitXor,
    /// The greatest integer that divides both.
    CommonDivisor,
    FloorMod,
    /// The lower incomplete gamma function, as a share of the whole.
    Igamma,
    /// The upper one.
    Igammac,
    /// Of integers this many bits wide.
    LeftShift(u32),
    MulNoNan,
    NextAfter,
    Polygamma,
    RightShift(u32),
    TruncateMod,
    Xdivy,
    Xlog1py,
    Xlogy,
    Zeta,
}

/// What is carried along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Running {
    Sum,
    Product,
    LogSumExp,
    Max,
    Min,
}

/// What happens where an update meets an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Update {
    Replace,
    Add,
    Sub,
    Mul,
    Max,
    Min,
}

/// On the last two axes of floats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Matrix {
    Cholesky,
    Determinant,
    /// x → sign, logarithm of the absolute value
    LogDeterminant,
    Inverse {
        adjoint: bool,
    },
    /// a, b
    Solve {
        adjoint: bool,
    },
    /// a, b
    TriangularSolve {
        lower: bool,
        adjoint: bool,
    },
    SquareRoot,
    Exponential,
    /// a, b, how much squares of what is found count, if weighted
    LeastSquares {
        weighted: bool,
    },
    /// the three diagonals, b
    TridiagonalSolve {
        pivoting: bool,
    },
    /// the diagonal above, the middle one, the one below, b
    TridiagonalProduct,
    /// diagonals, b
    BandedSolve {
        lower: bool,
        adjoint: bool,
    },
}

/// Where a short diagonal lies in its row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Align {
    pub upper_left: bool,
    pub lower_left: bool,
}

/// How numbers are made coarse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coarse {
    pub bits: i64,
    pub narrow: bool,
    pub signed: bool,
    pub range_given: bool,
    pub half_up: bool,
    /// Ranges are those of the slices of this axis; -1: one for all.
    pub axis: i64,
}

/// On complex numbers, which are pairs along a last axis; transforms are over the last axes before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spectrum {
    Whole {
        axes: usize,
        inverse: bool,
    },
    /// reals, lengths → the first half
    OfReals {
        axes: usize,
    },
    /// the first half, lengths → reals
    ToReals {
        axes: usize,
    },
    Magnitude,
    Angle,
    Real,
    Imaginary,
    Conjugate,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Rare {
    Function(Function),
    Pairing(Pairing),
    /// a, b, x → the share of the beta function up to x
    IncompleteBeta,
    /// a, b → bool
    ApproximateEqual(f32),
    /// x, axis
    Running {
        kind: Running,
        exclusive: bool,
        reverse: bool,
    },
    /// xs…
    Einsum(String),
    Matrix(Matrix),
    /// x → q, r
    Qr {
        full: bool,
    },
    /// x → a lower and an upper triangle in one matrix, pivots counted from 1
    Lu,
    /// pivots, rows → the order of the rows
    PivotOrder,
    /// symmetric x → eigenvalues, vectors
    Eigen {
        vectors: bool,
    },
    /// x → singular values, left and right vectors
    Svd {
        vectors: bool,
    },
    /// x, lower, upper
    BandPart,
    /// diagonal, k, rows, columns, padding
    MatrixDiag(Align),
    /// x, k, padding
    MatrixDiagPart(Align),
    /// x, diagonal, k
    MatrixSetDiag(Align),
    Diag,
    DiagPart,
    /// a, b
    Cross,
    /// predictions, targets, k
    InTopK,
    /// x, n
    NthElement {
        reverse: bool,
    },
    /// x, minimum, maximum
    FakeQuant {
        bits: i64,
        narrow: bool,
    },
    /// x, minimum, maximum
    QuantizeDequantize(Coarse),
    /// x, minimum, maximum
    Dequantize {
        signed: bool,
        scaled: bool,
    },
    /// x, indices
    GatherNd,
    /// condition, then, else; a condition of one axis is of the rows of the others
    SelectRows,
    /// indices, updates, shape
    ScatterNd,
    /// x, indices, updates
    TensorScatter(Update),
    /// x, begin, end, steps, update
    StridedSliceUpdate(Masks),
    /// x, shifts, axes
    Roll,
    /// x, lengths
    ReverseSequence {
        sequence: i64,
        batch: i64,
    },
    /// indices, shape
    UnravelIndex,
    InvertPermutation,
    /// x, y → values, places
    ListDiff,
    /// sorted, values
    SearchSorted {
        upper: bool,
    },
    /// start, stop, count
    LinSpace,
    /// shapes…
    BroadcastArgs,
    /// two shapes → of each the axes along which it is spread
    BroadcastGradient,
    /// x, partitions → as many
    DynamicPartition(usize),
    /// indices…, as many values
    DynamicStitch,
    Bitcast {
        from: DType,
        to: DType,
    },
    /// x; the shape as far as it is known
    EnsureShape(Vec<i64>),
    Along(super::Along),
    Rnn(super::Rnn),
    LinearAttention(super::LinearAttention),
    /// x; as wide as it was
    Narrow(super::Narrowing),
    /// A float of a narrow type as the integer that its bits are, or back.
    NarrowBits {
        of: super::Narrow,
        made: bool,
    },
    Image(super::Imaging),
    Rows(super::Rows),
    /// names of neighbours, labels
    Vote {
        mean: bool,
    },
    Spectrum(Spectrum),
    Signal(super::Signal),
    Learning(super::Learning),
    Random(super::Random),
    LstmBlock(super::LstmBlock),
    Ctc(super::Ctc),
    /// x `[steps, batch, labels]`, lengths, labels, how many each has
    CtcLoss {
        /// The label of nothing.
        blank: i64,
    },
    Sound(super::Sound),
}

impl Rare {
    /// Place and bytes of a table that the operation brings along.
    pub fn table(&self) -> Option<(usize, usize)> {
        match self {
            Self::Learning(learning) => learning.table(),
            _ => None,
        }
    }
}
