//! Decision trees over rows.
//!
//! A walk waits for memory at every step: the node, then the row's value. So walks go side by side, eight at a time: of one tree
//! over eight rows, or of eight trees over one row. Rows go by in blocks that stay in the nearest cache, each block through all trees.
//! Where no value of a block is missing, a step is one comparison. Trees that are not too large do not walk where rows are many: see
//! [`sliced`].

mod sliced;
mod walk;

use super::access::output;
use super::crew::share;
use super::simd::{Isa, run_on};
use super::threads::threads;
use super::{Outcome, Value, fail};
use crate::graph::{Forest, ForestPart, Forests};
use sliced::{Answer, Room, Rows};
use std::sync::{Mutex, PoisonError};

/// Rows of one block.
const BLOCK: usize = 512;
/// Values of the rows that walk together: half of a nearest cache.
const WALK_VALUES: usize = 1 << 12;
/// Words of 64 rows that go through sliced trees together, if rows are many.
const WORDS: usize = BLOCK / 64;
/// More rows than this are many.
const FEW: usize = 128;

/// Answers of [rows, features]: [rows, outputs].
pub fn run(forests: &Forests, x: &Value) -> Outcome {
    match forests {
        Forests::F32(forest) => answers(Isa::best(), forest, x),
        Forests::F64(forest) => answers(Isa::best(), forest, x),
    }
}

fn answers<T: Answer>(isa: Isa, forest: &Forest<T>, x: &Value) -> Outcome {
    let &[rows, features] = x.dims() else {
        return Err(fail(format!("trees take rows of features, not {:?}", x.dims())));
    };
    if features != forest.features() {
        return Err(fail(format!("trees take rows of {} features, not {features}", forest.features())));
    }
    let x = x.slice::<T>()?;
    let outputs = forest.base().len();
    let mut out = output::<T>(&[rows, outputs])?;
    let work = rows.saturating_mul(forest.sizes()[0]).saturating_mul(16);
    let threads = threads(work);
    // As many blocks as there are threads, at least.
    let block = BLOCK.min(rows.div_ceil(threads.max(1)).next_multiple_of(walk::ABREAST)).max(1);
    let pieces: Vec<_> = out.chunks_mut(block * outputs).map(Mutex::new).collect();
    share(threads, pieces.len(), |n| {
        let mut out = pieces[n].lock().unwrap_or_else(PoisonError::into_inner);
        let rows = out.len() / outputs;
        let from = n * block * features;
        one_block(isa, forest, &x[from..from + rows * features], &mut out);
    });
    drop(pieces);
    Value::of(out, &[rows, outputs])
}

fn one_block<T: Answer>(isa: Isa, forest: &Forest<T>, x: &[T], out: &mut [T]) {
    for row in out.chunks_exact_mut(forest.base().len()) {
        row.copy_from_slice(forest.base());
    }
    let missing = x.iter().any(|v| v.is_nan());
    let mut room = Room::new();
    for part in forest.parts() {
        let (mut x, mut out) = (x, &mut *out);
        while !out.is_empty() {
            let rows = out.len() / forest.base().len();
            let rows = rows.min(if rows > FEW { BLOCK } else { BLOCK / WORDS });
            let (some, rest) = x.split_at(rows * forest.features());
            let (to, others) = out.split_at_mut(rows * forest.base().len());
            some_rows(isa, forest, part, (some, missing), to, &mut room);
            (x, out) = (rest, others);
        }
    }
}

/// Adds the answers of a part to some rows.
fn some_rows<T: Answer>(
    isa: Isa,
    forest: &Forest<T>,
    part: &ForestPart<T>,
    (x, missing): (&[T], bool),
    out: &mut [T],
    room: &mut Room<T>,
) {
    let (features, outputs) = (forest.features(), forest.base().len());
    match &part.sliced {
        Some((least, trees)) if out.len() / outputs >= *least => {
            let answers = forest.all_answers();
            if out.len() / outputs > BLOCK / WORDS {
                run_on(isa, Rows::<T, WORDS> { trees, answers, x, features, missing, out, outputs, room });
            } else {
                run_on(isa, Rows::<T, 1> { trees, answers, x, features, missing, out, outputs, room });
            }
        }
        _ => {
            let trees = &forest.trees()[part.trees.clone()];
            let rows = (WALK_VALUES / features).clamp(walk::ABREAST, BLOCK).next_multiple_of(walk::ABREAST);
            for (x, out) in x.chunks(rows * features).zip(out.chunks_mut(rows * outputs)) {
                if missing {
                    walk::all::<T, true>(forest, trees, x, out);
                } else {
                    walk::all::<T, false>(forest, trees, x, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
