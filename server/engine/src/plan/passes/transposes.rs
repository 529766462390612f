//! A transpose of a transpose is one transpose; one that leaves the axes where they are is none.

use crate::EngineError;
use crate::graph::Op;
use crate::plan::draft::Draft;
use crate::value::Value;
use std::collections::HashMap;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    // For each transposed value: what it is of, and the order of axes.
    let mut transposed: HashMap<usize, (usize, Vec<usize>)> = HashMap::new();
    let mut same: HashMap<usize, usize> = HashMap::new();
    let mut nodes = Vec::with_capacity(draft.nodes.len());
    for mut node in std::mem::take(&mut draft.nodes) {
        for input in &mut node.inputs {
            *input = same.get(input).copied().unwrap_or(*input);
        }
        if node.op == Op::Transpose
            && let [x, order] = node.inputs[..]
            && let Some(order) = draft.integers(order).and_then(axes)
        {
            let (x, order) = match transposed.get(&x) {
                Some((from, first)) if first.len() == order.len() => {
                    (*from, order.iter().map(|a| first[*a]).collect())
                }
                _ => (x, order),
            };
            if order.iter().copied().eq(0..order.len()) {
                same.insert(node.outputs[0], x);
                continue;
            }
            let axes: Vec<i64> = order.iter().map(|a| *a as i64).collect();
            let count = axes.len();
            node.inputs = vec![x, draft.keep(Value::of(axes, &[count])?)];
            transposed.insert(node.outputs[0], (x, order));
        }
        nodes.push(node);
    }
    draft.nodes = nodes;
    for output in &mut draft.outputs {
        *output = same.get(output).copied().unwrap_or(*output);
    }
    Ok(())
}

/// An order of axes, none of them counted from the end; None: it is none.
fn axes(order: &[i64]) -> Option<Vec<usize>> {
    let rank = order.len() as i64;
    let axes: Option<Vec<usize>> =
        order.iter().map(|a| usize::try_from(if *a < 0 { a + rank } else { *a }).ok()).collect();
    let axes = axes?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..order.len()).then_some(axes)
}
