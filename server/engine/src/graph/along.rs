//! Operations along axes, with negative places counted from the end, as ONNX and PyTorch have them.

use super::Update;

/// What lies around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// One number.
    Constant,
    /// The value mirrored, its edge once.
    Reflect,
    /// The edge again and again.
    Edge,
    /// The value from its other end.
    Wrap,
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Along {
    /// x, axes
    Squeeze,
    /// x, axes of the result
    Unsqueeze,
    /// x, starts, ends, axes, steps
    Slice,
    /// x, befores and afters, axes, number?; what is negative cuts off
    Pad(Border),
    /// x, indices of the same rank
    GatherElements { axis: i64 },
    /// x, indices, updates of the same rank
    ScatterElements { axis: i64, update: Update },
    /// x, indices; the first axes are common to both
    GatherNd { batch: usize },
    /// x, which diagonal
    Triangle { upper: bool },
    /// x, condition; of all elements in a row unless an axis is named
    Compress { axis: Option<i64> },
    /// x, update, where it begins in each batch; the update lies over a part of an axis
    Overlay { axis: i64, circular: bool },
    /// x → values, first places, place of each, counts
    Unique { axis: Option<i64>, sorted: bool },
}
