//! Leaves of decision trees that are linear models.

use super::super::super::access::{make, output};
use super::super::super::{Outcome, Value, fail};
use crate::graph::LinearLeaves;

/// x [rows, features], the number of each tree's leaf [rows, trees] → sums [rows, outputs]
pub fn sums(leaves: &LinearLeaves, x: &Value, found: &Value) -> Outcome {
    let (&[rows, width], &[of, trees]) = (x.dims(), found.dims()) else {
        return Err(fail("leaves need matrices"));
    };
    if rows != of || width != leaves.features() || trees == 0 {
        return Err(fail(format!("leaves {:?} of rows {:?}", found.dims(), x.dims())));
    }
    let mut out = output::<f64>(&[rows, leaves.outputs()])?;
    out.fill(0.0);
    let (x, found) = (x.slice::<f64>()?, found.slice::<f64>()?);
    let lines = x.chunks_exact(width).zip(found.chunks_exact(trees));
    for (sums, (row, found)) in out.chunks_exact_mut(leaves.outputs()).zip(lines) {
        for (tree, leaf) in found.iter().enumerate() {
            let answer = leaves.answer(*leaf as usize, row);
            sums[tree % leaves.outputs()] +=
                answer.ok_or_else(|| fail(format!("there is no leaf {leaf}")))?;
        }
    }
    make(out, &[rows, leaves.outputs()])
}
