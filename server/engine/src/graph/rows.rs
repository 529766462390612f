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

/// What a parsed example of sequences is to give: of the whole, and of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequences {
    pub context: Features,
    /// Of dense features each step has the shape.
    pub steps: Features,
}

/// How features of several columns are crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossed {
    /// By their hashes, and a key.
    Keyed { buckets: u64, key: u64 },
    /// By their hashes; three more inputs say how many buckets there are, whether hashes are strong, and their salt.
    Salted,
    /// Texts one behind the other; one more input may say what is between them.
    Joined,
}

/// Crosses of the features of each row: values of ragged columns…, splits…, indices of sparse columns…, values…, shapes…, arrays…
/// → indices, values, shape; or values, splits.
#[derive(Debug, Clone, PartialEq)]
pub struct Cross {
    pub ragged: usize,
    pub sparse: usize,
    pub dense: usize,
    /// Which kind each column is of: `R`, `S`, `D`.
    pub order: Vec<u8>,
    pub how: Crossed,
    pub by_splits: bool,
}

/// What becomes of two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    /// What is in the first alone.
    FirstOnly,
    SecondOnly,
    Both,
    Either,
}

/// Two arrays of sets, each a dense one or indices, values and shape → indices, values, shape
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetOperation {
    pub kind: SetKind,
    pub first_sparse: bool,
}

/// How numbers are counted, without a place for what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The least extent.
    pub least: i64,
    /// The extent; below zero: as it comes.
    pub most: i64,
    /// Whether a number is there counts, not how often.
    pub binary: bool,
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
    Bincount {
        binary: bool,
    },
    /// splits, values, size, weights
    RaggedBincount {
        binary: bool,
    },
    /// indices, values, shape, size, weights
    SparseBincount {
        binary: bool,
    },
    /// x [rows, n] → [rows, columns]
    GramCounts(Arc<GramCounts>),
    /// probabilities of the pairs of classes [rows, pairs], each that of the first → probabilities of the classes
    Coupled {
        classes: usize,
    },
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
    SparseMatMul {
        adjoint_a: bool,
        adjoint_b: bool,
    },
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
    /// indices, values, shape, axes → an array of sums or of the largest
    SparseReduce {
        max: bool,
        keep: bool,
    },
    /// indices, values, shape, axes → indices, values, shape
    SparseReduceToSparse {
        max: bool,
    },
    /// two of indices, values, shape → indices, values
    SparseExtreme {
        max: bool,
    },
    /// axis, indices, values, shape → indices…, values…, shapes…
    SparseSplit(usize),
    SetOperation(SetOperation),
    /// indices, values, shape → how many values each set has
    SetSizes,
    Cross(Cross),
    /// two of indices, values, shape; the least magnitude → indices, values, shape
    SparseAdd,
    /// indices, values, shape → values
    SparseSoftmax,
    /// two of indices, values, shape → an array
    EditDistance {
        normalized: bool,
    },
    /// x [n] or [rows, n], weights → indices, counts, shape
    Counts(Counts),
    /// indices, values, shape, weights → indices, counts, shape
    SparseCounts(Counts),
    /// splits, values, weights → indices, counts, shape
    RaggedCounts(Counts),
    /// starts, limits, deltas → splits, values
    RaggedRange,
    /// splits…, values, indices → splits…, values
    RaggedGather {
        levels: usize,
    },
    /// splits…, values → indices, values, shape
    RaggedToSparse,
    /// shape, values, default, what says where rows are… → an array
    RaggedToDense(Partition),
    /// serialized examples, sparse keys, dense keys, ragged keys, a default of each dense feature →
    /// sparse indices…, sparse values…, sparse shapes…, dense values…, ragged values…, ragged splits…
    ParseExample(Features),
    /// serialized examples, sparse, dense and ragged keys of the whole, those of the steps, which dense features of steps may be missing (by
    /// place or by name), a default of each dense feature of the whole → what [`Self::ParseExample`] gives of the whole; of the steps
    /// sparse indices…, sparse values…, sparse shapes…, dense values…, how many steps…, ragged values…, splits by example…, by step…
    ParseSequence(Sequences),
}
