//! The largest numbers of windows of 2x2 go into the convolution before them: its result, which is four times as large, never has to lie
//! in memory as a whole.

use crate::EngineError;
use crate::graph::{Op, Padding, Pool, Product, Products};
use crate::plan::draft::Draft;
use std::collections::HashSet;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let (readers, makers) = (draft.readers(), draft.makers());
    let mut gone = HashSet::new();
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        let (Op::Pool(pool), Some(maker)) = (&node.op, node.inputs.first().and_then(|x| makers.get(x)))
        else {
            continue;
        };
        if !halves(pool) || readers.get(&node.inputs[0]) != Some(&1) || !tiled(draft, *maker) {
            continue;
        }
        let outputs = node.outputs.clone();
        let convolution = &mut draft.nodes[*maker];
        if let Op::Product(product) = &mut convolution.op {
            product.pool = true;
            convolution.outputs = outputs;
            gone.insert(number);
        }
    }
    draft.remove(&gone);
    Ok(())
}

fn halves(pool: &Pool) -> bool {
    let padding = if pool.padding == Padding::Explicit([0; 4]) { Padding::Valid } else { pool.padding };
    Pool { padding, ..*pool } == Pool::HALVES
}

/// Whether a node is a convolution that may be computed in tiles, and ends with what keeps the order of numbers.
fn tiled(draft: &Draft, node: usize) -> bool {
    let node = &draft.nodes[node];
    let Op::Product(Product { kind: Products::Conv(conv), residual: false, pool: false, activation, .. }) =
        &node.op
    else {
        return false;
    };
    let windows =
        node.inputs.get(1).and_then(|w| draft.weights(*w)).is_some_and(|w| matches!(w, [3, 3, _, _]));
    activation.keeps_order() && windows && conv.strides == [1, 1] && conv.dilations == [1, 1]
}
