//! Operations on rows of different lengths and on sparse arrays, and what counts or picks by value.

use crate::DType;
use std::collections::HashMap;
use std::sync::Arc;

/// What becomes of the rows of one segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Segment {
    Sum,
    Mean,
    /// The sum over the root of how many there are.
    SqrtN,
    Prod,
    Max,
    Min,
}

/// How rows are told apart: where each begins, or which row each value is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Partition {
    Splits,
    /// With the number of rows before the first level.
    Ids,
}

/// What a parsed example is to give.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Values of each sparse feature.
    pub sparse: Vec<DType>,
    /// Values of each ragged feature.
    pub ragged: Vec<DType>,
    /// Values and shape of each dense feature; the first extent may be unknown.
    pub dense: Vec<(DType, Vec<Option<usize>>)>,
}

/// Runs of numbers that are counted, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct GramCounts {
    /// The column of each run.
    pub columns: HashMap<Vec<i64>, usize>,
    /// How many numbers there are in a run, as far as there are such runs.
    pub widths: Vec<usize>,
    /// Most numbers between two of a run.
    pub skips: usize,
    /// What a column is multiplied by.
    pub weights: Vec<f32>,
    /// Whether a run is there counts, not how often.
    pub binary: bool,
}

impl GramCounts {
    /// Of runs with their columns, of which there is none without a weight.
    pub fn new(columns: HashMap<Vec<i64>, usize>, skips: usize, weights: Vec<f32>, binary: bool) -> Self {
        let mut widths: Vec<usize> = columns.keys().map(Vec::len).collect();
        widths.sort_unstable();
        widths.dedup();
        Self { columns, widths, skips, weights, binary }
    }
}

/// An operation. Inputs are named in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// x [n] or [rows, n], size, weights
    Bincount { binary: bool },
    /// splits, values, size, weights
    RaggedBincount { binary: bool },
    /// indices, values, shape, size, weights
    SparseBincount { binary: bool },
    /// x [rows, n] → [rows, columns]
    GramCounts(Arc<GramCounts>),
    /// probabilities of the pairs of classes [rows, pairs], each that of the first → probabilities of the classes
    Coupled { classes: usize },
    /// x → the number of the interval that each is in
    Bucketize(Vec<f32>),
    /// x → the places of what is not zero
    Where,
    /// x, axis? → values, for each slice the number of its value, counts
    Unique,
    /// x, sorted ids
    Segments(Segment),
    /// x, ids, count; what a segment without rows has depends on the type
    UnsortedSegments(Segment, DType),
    /// x, indices, sorted ids, count?
    SparseSegments(Segment),
    /// indices, shape, values, default
    SparseToDense,
    /// indices, values, shape, b
    SparseMatMul { adjoint_a: bool, adjoint_b: bool },
    /// indices, values, shape → indices, values
    SparseReorder,
    /// indices, shape, new shape → indices, shape
    SparseReshape,
    /// indices, values, shape, default → indices, values, whether a row was empty, where each value went
    SparseFillEmpty,
    /// indices…, values…, shapes… → indices, values, shape
    SparseConcat(i64),
    /// indices, values, shape, start, size → indices, values, shape
    SparseSlice,
    /// indices, values, shape, axes → an array
    SparseReduceSum { keep: bool },
    /// indices…, values…, shapes…, arrays… → indices, values, shape
    SparseCross { sparse: usize, buckets: u64, key: u64 },
    /// starts, limits, deltas → splits, values
    RaggedRange,
    /// splits…, values, indices → splits…, values
    RaggedGather { levels: usize },
    /// splits…, values → indices, values, shape
    RaggedToSparse,
    /// shape, values, default, what says where rows are… → an array
    RaggedToDense(Partition),
    /// serialized examples, sparse keys, dense keys, ragged keys, a default of each dense feature →
    /// sparse indices…, sparse values…, sparse shapes…, dense values…, ragged values…, ragged splits…
    ParseExample(Features),
}
