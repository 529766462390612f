//! Rows of different lengths, sparse arrays, counts.

use super::super::access::int;
use super::super::{Value, fail};
use super::{
    Values, at, count, coupled, cross, example, ragged, segments, sequence, sets, sparse, sparse_numbers,
    unique,
};
use crate::graph::Rows;

pub fn run(op: &Rows, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    let third = || at(inputs, 2);
    let fourth = || at(inputs, 3);
    let one = |outcome: super::Outcome| outcome.map(|v| vec![v]);
    match op {
        Rows::Bincount { binary } => one(count::counted(count::of_dense(x)?, second()?, third()?, *binary)),
        Rows::RaggedBincount { binary } => {
            one(count::counted(count::of_ragged([x, second()?])?, third()?, fourth()?, *binary))
        }
        Rows::SparseBincount { binary } => one(count::counted(
            count::of_sparse([x, second()?, third()?])?,
            fourth()?,
            at(inputs, 4)?,
            *binary,
        )),
        Rows::Bucketize(bounds) => one(count::bucketize(x, bounds)),
        Rows::GramCounts(grams) => one(count::grams(grams, x)),
        Rows::Coupled { classes } => one(coupled::classes(x, *classes)),
        Rows::Where => one(unique::places(x)),
        Rows::Unique => unique::unique(x, inputs.get(1).copied()),
        Rows::Segments(kind) => one(segments::sorted(*kind, x, second()?, None)),
        Rows::UnsortedSegments(kind, dtype) => {
            one(segments::unsorted(*kind, *dtype, x, second()?, int(third()?)?))
        }
        Rows::SparseSegments(kind) => {
            let picked = segments::picked(x, second()?)?;
            let count = inputs.get(3).map(|n| int(n)).transpose()?;
            one(segments::sorted(*kind, &picked, third()?, count))
        }
        Rows::SparseToDense => one(sparse::to_dense(x, second()?, third()?, fourth()?)),
        Rows::SparseMatMul { adjoint_a, adjoint_b } => {
            one(sparse::product([x, second()?, third()?], fourth()?, *adjoint_a, *adjoint_b))
        }
        Rows::SparseReorder => sparse::reorder(x, second()?),
        Rows::SparseReshape => sparse::reshape(x, second()?, third()?),
        Rows::SparseFillEmpty => sparse::fill_empty_rows([x, second()?, third()?], fourth()?),
        Rows::SparseConcat(axis) => sparse::concat(inputs, *axis),
        Rows::SparseSlice => sparse::slice([x, second()?, third()?], fourth()?, at(inputs, 4)?),
        Rows::SparseReduce { max, keep } => {
            one(sparse_numbers::reduce([x, second()?, third()?], fourth()?, *max, *keep))
        }
        Rows::SparseReduceToSparse { max } => {
            sparse_numbers::reduce_to_sparse([x, second()?, third()?], fourth()?, *max)
        }
        Rows::SparseSplit(parts) => sparse::split(x, [second()?, third()?, fourth()?], *parts),
        Rows::SetOperation(how) => sets::combine(*how, inputs),
        Rows::SetSizes => one(sets::counts([x, second()?, third()?])),
        Rows::Cross(how) => cross::run(how, inputs),
        Rows::SparseAdd | Rows::SparseExtreme { .. } | Rows::SparseSoftmax | Rows::EditDistance { .. } => {
            sparse_numbers::run(op, inputs)
        }
        Rows::Counts(how) => count::tallied(count::of_dense(x)?, second()?, *how),
        Rows::SparseCounts(how) => {
            count::tallied(count::of_sparse([x, second()?, third()?])?, fourth()?, *how)
        }
        Rows::RaggedCounts(how) => count::tallied(count::of_ragged([x, second()?])?, third()?, *how),
        Rows::RaggedRange => ragged::range(x, second()?, third()?),
        Rows::RaggedGather { levels } => ragged::gather(inputs, *levels),
        Rows::RaggedToSparse => match inputs.split_last() {
            Some((values, splits)) => ragged::to_sparse(splits, values),
            None => Err(fail("a ragged array without values")),
        },
        Rows::RaggedToDense(partition) => {
            one(ragged::to_dense([x, second()?, third()?], inputs.get(3..).unwrap_or(&[]), *partition))
        }
        Rows::ParseExample(features) => example::parse(features, inputs),
        Rows::ParseSequence(features) => sequence::parse(features, inputs),
    }
}
