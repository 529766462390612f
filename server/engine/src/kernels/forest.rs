//! Decision trees over rows.
//!
//! A walk waits for memory at every step: the node, then the row's value. So walks go side by side, eight at a time: of one tree over
//! eight rows, or of eight trees over one row. Rows go by in blocks that stay in the nearest cache, each block through all trees.
//! Where no value of a block is missing, a step is one comparison.

mod walk;

use super::access::output;
use super::crew::share;
use super::threads::threads;
use super::{Outcome, Value, fail};
use crate::graph::{Forest, Forests, Real};
use std::sync::{Mutex, PoisonError};

/// Values of the rows of one block: half of a nearest cache.
const BLOCK_VALUES: usize = 1 << 13;

/// Answers of [rows, features]: [rows, outputs].
pub fn run(forests: &Forests, x: &Value) -> Outcome {
    match forests {
        Forests::F32(forest) => answers(forest, x),
        Forests::F64(forest) => answers(forest, x),
    }
}

fn answers<T: Real>(forest: &Forest<T>, x: &Value) -> Outcome {
    let &[rows, features] = x.dims() else {
        return Err(fail(format!("trees take rows of features, not {:?}", x.dims())));
    };
    if features != forest.features() {
        return Err(fail(format!("trees take rows of {} features, not {features}", forest.features())));
    }
    let x = x.slice::<T>()?;
    let outputs = forest.base().len();
    let mut out = output::<T>(&[rows, outputs])?;
    let block = (BLOCK_VALUES / features.max(1)).clamp(16, 512).next_multiple_of(walk::ABREAST);
    let work = rows.saturating_mul(forest.sizes()[0]).saturating_mul(16);
    let threads = threads(work);
    // As many blocks as there are threads, at least.
    let block = block.min(rows.div_ceil(threads.max(1)).next_multiple_of(walk::ABREAST)).max(1);
    let pieces: Vec<_> = out.chunks_mut(block * outputs).map(Mutex::new).collect();
    share(threads, pieces.len(), |n| {
        let mut out = pieces[n].lock().unwrap_or_else(PoisonError::into_inner);
        let rows = out.len() / outputs;
        let from = n * block * features;
        one_block(forest, &x[from..from + rows * features], &mut out);
    });
    drop(pieces);
    Value::of(out, &[rows, outputs])
}

fn one_block<T: Real>(forest: &Forest<T>, x: &[T], out: &mut [T]) {
    for row in out.chunks_exact_mut(forest.base().len()) {
        row.copy_from_slice(forest.base());
    }
    if x.iter().any(|v| v.is_nan()) {
        walk::all::<T, true>(forest, x, out);
    } else {
        walk::all::<T, false>(forest, x, out);
    }
}

#[cfg(test)]
mod tests;
