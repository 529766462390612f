//! Products by constant weights: dense layers, convolutions, depthwise convolutions. Only these can be packed and take in what
//! follows them.

use crate::EngineError;
use crate::graph::{Activation, Op, Product, Products};
use crate::kernels;
use crate::plan::draft::Draft;
use crate::value::Kind;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    for number in 0..draft.nodes.len() {
        let node = &draft.nodes[number];
        let [x, w, ..] = node.inputs[..] else { continue };
        let weights = draft.constant(w, Kind::F32);
        let Some(weights) = weights.filter(|_| !draft.constants.contains_key(&x)).cloned() else { continue };
        let (kind, activation) = match (&node.op, weights.rank()) {
            (Op::MatMul { transpose_a: false, transpose_b }, 2) => {
                let weights = if *transpose_b { kernels::permute(&weights, &[1, 0])? } else { weights };
                let turned = *transpose_b;
                let w = if turned { draft.keep(weights) } else { w };
                draft.nodes[number].inputs[1] = w;
                (Products::Dense, Activation::None)
            }
            (Op::Dense(activation), 2) => (Products::Dense, *activation),
            (Op::Conv(conv), 4) => (Products::Conv(*conv), conv.activation),
            (Op::Depthwise(conv), 4) => (Products::Depthwise(*conv), conv.activation),
            _ => continue,
        };
        let node = &mut draft.nodes[number];
        let bias = node.inputs.len() > 2;
        node.op = Op::Product(Product { kind, bias, residual: false, activation });
    }
    Ok(())
}
