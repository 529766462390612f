//! What rows cost that are run together: what a run costs however many rows it has, and what each row adds.

use super::{Fact, Independent, Of, Size};
use crate::batching::{Batched, Batching};
use crate::graph::{Forests, Op};
use crate::plan::Plan;
use crate::plan::step::{Source, Step};

/// Nanoseconds of a step whatever it computes: to find its inputs, and room for its results.
const STEP: f64 = 400.0;
/// Bytes of weights read in a nanosecond, from memory.
const BYTES: f64 = 10.0;
/// Floating-point operations in a nanosecond, of products.
const FLOPS: f64 = 40.0;
/// Elements made in a nanosecond by anything else.
const ELEMENTS: f64 = 1.0;
/// Nanoseconds of a tree for one row.
const TREE: f64 = 20.0;
/// Joining is worth it if a run without rows costs so much of one with one row.
const LEAST_SHARE: f64 = 0.2;
/// So many rows are enough that the run's own cost is so little of theirs.
const ENOUGH: f64 = 0.05;
/// Bytes that the values of a run may take.
const MOST_BYTES: usize = 64 << 20;
/// Rows of a run.
const MOST_ROWS: usize = 128;
/// Stands for an extent that requests decide.
const GUESS: usize = 64;

/// Nanoseconds.
#[derive(Debug, Default)]
struct Cost {
    run: f64,
    row: f64,
}

/// Whether more rows at once cost less for each, and how many are enough.
pub fn judge(plan: &Plan, rows: &Independent) -> Batched {
    let mut cost = Cost::default();
    for step in &plan.steps {
        add(&mut cost, step, rows);
    }
    let fits = MOST_BYTES / peak(plan, rows).max(1);
    // What is left of the run's own cost for each row is little enough then.
    let enough = (cost.run / (cost.row * ENOUGH).max(1.0)).ceil().min(MOST_ROWS as f64) as usize;
    let most_rows = enough.min(fits).clamp(1, MOST_ROWS);
    let is_worth = cost.run >= LEAST_SHARE * (cost.run + cost.row) && most_rows > 1;
    let batching = if is_worth { Batching::Worth } else { Batching::Possible };
    Batched { batching, most_rows }
}

fn add(cost: &mut Cost, step: &Step, rows: &Independent) {
    let facts: Vec<&Fact> = step.outputs.iter().filter_map(|slot| rows.get(*slot)).collect();
    // What follows from shapes is computed once for all runs.
    if facts.iter().all(|f| matches!(f.of, Of::Same | Of::Count)) {
        return;
    }
    cost.run += STEP;
    let made: f64 = facts.iter().map(|f| elements(f)).sum();
    let read = |n: usize| match step.inputs.get(n) {
        Some(Source::Slot(slot)) => rows.get(*slot).and_then(|f| f.shape.clone()),
        Some(Source::Constant(value)) => Some(value.dims().iter().map(|d| Size::extent(*d)).collect()),
        Some(Source::Elsewhere(dims)) => Some(dims.iter().map(|d| Size::extent(*d)).collect()),
        None => None,
    };
    let extent = |n: usize, from_end: usize| {
        read(n).and_then(|s| s.iter().rev().nth(from_end).map(|d| d.at(1, GUESS))).unwrap_or(1) as f64
    };
    if let Some(product) = step.product() {
        cost.run += product.weight_bytes() as f64 / BYTES;
        cost.row += made * 2.0 * product.multiplications() as f64 / FLOPS;
        return;
    }
    if let Some(layer) = step.recurrent() {
        // Each step reads the weights, for all rows.
        let steps = extent(0, 2);
        cost.run += steps * layer.bytes() as f64 / BYTES;
        cost.row += steps * layer.bytes() as f64 / 2.0 / FLOPS;
        return;
    }
    cost.row += match step.op() {
        Some(Op::MatMul { transpose_a, .. }) => made * 2.0 * extent(0, usize::from(*transpose_a)) / FLOPS,
        Some(Op::Attention(_)) => made * 4.0 * extent(1, 1) / FLOPS,
        Some(Op::Forest(forest)) => trees(forest) * TREE,
        Some(Op::CutForest(forest)) => forest.trees().len() as f64 * TREE,
        Some(Op::Neighbours(index)) => {
            cost.run += index.bytes() as f64 / BYTES;
            2.0 * (index.len() * index.width()) as f64 / FLOPS
        }
        _ => made / ELEMENTS,
    };
}

fn trees(forest: &Forests) -> f64 {
    let [trees, _] = match forest {
        Forests::F32(forest) => forest.sizes(),
        Forests::F64(forest) => forest.sizes(),
    };
    trees as f64
}

/// Elements of one row.
fn elements(fact: &Fact) -> f64 {
    let shape = fact.shape.as_deref().unwrap_or(&[]);
    shape.iter().map(|size| size.at(1, GUESS) as f64).product()
}

/// Bytes of the values that are there at once, for one row.
fn peak(plan: &Plan, rows: &Independent) -> usize {
    let bytes = |slot: &usize| {
        let fact = rows.get(*slot).filter(|f| !f.is_same());
        fact.map_or(0.0, |f| elements(f) * size_of::<f32>() as f64)
    };
    let mut there: f64 = plan.inputs.iter().map(bytes).sum();
    let mut most = there;
    for step in &plan.steps {
        there += step.outputs.iter().map(bytes).sum::<f64>();
        most = most.max(there);
        there -= step.last_uses.iter().map(bytes).sum::<f64>();
    }
    most as usize
}
