//! Products by constant weights: dense layers, convolutions, depthwise convolutions. Only these can be packed and take in what
//! follows them.

use crate::EngineError;
use crate::graph::{Activation, Op, Product, Products, ValueId};
use crate::kernels;
use crate::plan::draft::Draft;
use crate::value::Value;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        let [x, w, ..] = node.inputs[..] else { continue };
        let rank = draft.weights(w).filter(|_| !draft.is_known(x)).map(<[usize]>::len);
        let Some(rank) = rank else { continue };
        let (kind, activation) = match (&node.op, rank) {
            (Op::MatMul { transpose_a: false, transpose_b }, 2) => {
                if *transpose_b {
                    draft.nodes[number].inputs[1] = turn(draft, w)?;
                }
                (Products::Dense, Activation::None)
            }
            (Op::Dense(activation), 2) => (Products::Dense, *activation),
            (Op::Conv(conv), 4) => (Products::Conv(*conv), conv.activation),
            (Op::Depthwise(conv), 4) => (Products::Depthwise(*conv), conv.activation),
            _ => continue,
        };
        let node = &mut draft.nodes[number];
        let bias = node.inputs.len() > 2;
        node.op =
            Op::Product(Product { kind, prologue: None, bias, residual: false, activation, pool: false });
    }
    Ok(())
}

/// A matrix of weights turned.
fn turn(draft: &mut Draft, weights: ValueId) -> Result<ValueId, EngineError> {
    let order = Value::of(vec![1i64, 0], &[2])?;
    if let Some(turned) = draft.edit(weights, &Op::Transpose, Some(&order)) {
        return Ok(turned);
    }
    let missing = || EngineError::broken("a product lacks its weights");
    let turned = kernels::permute(draft.constants.get(&weights).ok_or_else(missing)?, &[1, 0])?;
    Ok(draft.keep(turned))
}
