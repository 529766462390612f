//! What each pass makes of a graph, and that it leaves the answers alone.

mod build;
mod pools;
mod prologues;
mod random;

use crate::graph::{
    Activation, Attention, Binary, LayerNorm, Link, Literal, Op, Operand, Padding, Product, Products, Random,
    Rare, Source, Stream, Unary,
};
use crate::plan::draft::{Draft, fold};
use crate::plan::{NoWeights, Outline, Weights};
use crate::value::Value;
use build::Build;
use std::sync::Arc;

fn ops(draft: &Draft) -> Vec<&Op> {
    draft.nodes.iter().map(|n| &n.op).collect()
}

#[test]
fn transposes_that_undo_each_other_go() {
    let mut b = Build::new(1);
    let (first, second) = (b.ints(&[0, 3, 1, 2]), b.ints(&[0, 2, 3, 1]));
    let t = b.add(Op::Transpose, &[0, first]);
    let back = b.add(Op::Transpose, &[t, second]);
    let y = b.add(Op::Unary(Unary::Relu), &[back]);
    assert_eq!(ops(&b.after(y, "transposes")).last(), Some(&&Op::Unary(Unary::Relu)));
}

#[test]
fn written_out_functions_are_found() {
    let mut b = Build::new(1);
    let s = b.add(Op::Unary(Unary::Sigmoid), &[0]);
    let y = b.add(Op::Binary(Binary::Mul), &[s, 0]);
    assert_eq!(ops(&b.after(y, "activations")), [&Op::Activate(Activation::Swish)]);

    let mut b = Build::new(1);
    let one = b.number(1.0);
    let scaled = b.add(Op::Binary(Binary::Mul), &[one, 0]);
    let s = b.add(Op::Unary(Unary::Sigmoid), &[scaled]);
    let y = b.add(Op::Binary(Binary::Mul), &[0, s]);
    assert_eq!(ops(&b.after(y, "activations")), [&Op::Activate(Activation::Swish)]);

    let mut b = Build::new(1);
    let (half, root, one) = (b.number(0.5), b.number(2f32.sqrt()), b.number(1.0));
    let scaled = b.add(Op::Binary(Binary::Div), &[0, root]);
    let erf = b.add(Op::Unary(Unary::Erf), &[scaled]);
    let sum = b.add(Op::Binary(Binary::Add), &[one, erf]);
    let x = b.add(Op::Binary(Binary::Mul), &[half, 0]);
    let y = b.add(Op::Binary(Binary::Mul), &[x, sum]);
    assert_eq!(ops(&b.after(y, "activations")), [&Op::Activate(Activation::Gelu)]);

    let mut b = Build::new(1);
    let (three, six) = (b.number(3.0), b.number(6.0));
    let sum = b.add(Op::Binary(Binary::Add), &[0, three]);
    let relu = b.add(Op::Unary(Unary::Relu6), &[sum]);
    let sixth = b.add(Op::Binary(Binary::Div), &[relu, six]);
    let y = b.add(Op::Binary(Binary::Mul), &[0, sixth]);
    assert_eq!(ops(&b.after(y, "activations")), [&Op::Activate(Activation::HardSwish)]);
}

#[test]
fn normalisations_of_rows_are_found() {
    let mut b = Build::new(1);
    let y = b.layer_norm(0, 4);
    let norm = LayerNorm { axis: -1, epsilon: 0.25, centred: true, gamma: true, beta: true };
    assert_eq!(ops(&b.after(y, "layer_norm")), [&Op::LayerNorm(norm)]);

    // The mean taken away first, the variance by a square, the root below a line, a factor of its own.
    let mut b = Build::new(1);
    let mean = b.mean(0);
    let centred = b.add(Op::Binary(Binary::Sub), &[0, mean]);
    let squares = b.add(Op::Unary(Unary::Square), &[centred]);
    let variance = b.mean(squares);
    let epsilon = b.number(0.5);
    let sum = b.add(Op::Binary(Binary::Add), &[epsilon, variance]);
    let root = b.add(Op::Unary(Unary::Sqrt), &[sum]);
    let y = b.add(Op::Binary(Binary::Div), &[centred, root]);
    let gamma = b.floats(&[4]);
    let y = b.add(Op::Binary(Binary::Mul), &[gamma, y]);
    let y = b.add(Op::Unary(Unary::Relu), &[y]);
    let norm = LayerNorm { axis: -1, epsilon: 0.5, centred: true, gamma: true, beta: false };
    assert_eq!(ops(&b.after(y, "layer_norm")), [&Op::LayerNorm(norm), &Op::Unary(Unary::Relu)]);

    // By the mean square.
    let mut b = Build::new(1);
    let squares = b.add(Op::Unary(Unary::Square), &[0]);
    let variance = b.mean(squares);
    let root = b.root(variance, 0.5);
    let y = b.add(Op::Binary(Binary::Mul), &[0, root]);
    let norm = LayerNorm { axis: -1, epsilon: 0.5, centred: false, gamma: false, beta: false };
    assert_eq!(ops(&b.after(y, "layer_norm")), [&Op::LayerNorm(norm)]);
}

#[test]
fn what_only_looks_like_a_normalisation_is_left() {
    // The mean is added; or of another value; or the root is that of something else.
    for case in 0..3 {
        let mut b = Build::new(2);
        let mean = b.mean(0);
        let of = if case == 1 { b.mean(1) } else { mean };
        let squares = b.add(Op::Binary(Binary::SquaredDifference), &[0, mean]);
        let variance = if case == 2 { squares } else { b.mean(squares) };
        let root = b.root(variance, 0.5);
        let op = if case == 0 { Binary::Add } else { Binary::Sub };
        let centred = b.add(Op::Binary(op), &[0, of]);
        let y = b.add(Op::Binary(Binary::Mul), &[centred, root]);
        let draft = b.after(y, "layer_norm");
        assert!(!ops(&draft).iter().any(|op| matches!(op, Op::LayerNorm(_))), "{case}: {:?}", ops(&draft));
    }
}

#[test]
fn attention_is_found() {
    let mut b = Build::new(4);
    let y = b.attention([0, 1, 2], Some(3));
    let draft = b.after(y, "attention");
    let attention = Attention { scale: 0.25, mask: true, interleaved: true };
    assert_eq!(ops(&draft), [&Op::Attention(attention)]);
    assert_eq!(draft.nodes[0].inputs, [0, 1, 2, 3]);

    let mut b = Build::new(3);
    let scores = b.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[0, 1]);
    let root = b.number(4.0);
    let scores = b.add(Op::Binary(Binary::Div), &[scores, root]);
    let weights = b.add(Op::Softmax { log: false }, &[scores]);
    let y = b.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[weights, 2]);
    let attention = Attention { scale: 0.25, mask: false, interleaved: false };
    assert_eq!(ops(&b.after(y, "attention")), [&Op::Attention(attention)]);

    // A product over other letters, and weights that an answer takes as well.
    let mut b = Build::new(3);
    let scores = b.einsum("BTNH,BSNH->BNTS", 0, 1);
    let weights = b.add(Op::Softmax { log: false }, &[scores]);
    let y = b.einsum("BNTS,BTNH->BSNH", weights, 2);
    assert!(!ops(&b.after(y, "attention")).iter().any(|op| matches!(op, Op::Attention(_))));
    let mut b = Build::new(3);
    let y = b.attention([0, 1, 2], None);
    let weights = b.graph.nodes.iter().find(|n| n.op == Op::Softmax { log: false }).unwrap().outputs[0];
    b.graph.outputs = vec![y, weights];
    let mut draft = fold(&b.graph, &[]).unwrap();
    super::attention::run(&mut draft).unwrap();
    assert!(!ops(&draft).iter().any(|op| matches!(op, Op::Attention(_))));
}

#[test]
fn what_follows_a_dense_layer_over_many_axes_goes_into_it() {
    let mut b = Build::new(1);
    let y = b.tensordot(0, [4, 6], &[-1, 5, 2, 3]);
    let bias = b.floats(&[2, 3]);
    let y = b.add(Op::Binary(Binary::Add), &[y, bias]);
    let y = b.add(Op::Activate(Activation::Gelu), &[y]);
    let draft = b.after(y, "unused");
    let gelu = Product {
        kind: Products::Dense,
        prologue: None,
        bias: true,
        residual: false,
        activation: Activation::Gelu,
        pool: false,
    };
    assert_eq!(ops(&draft), [&Op::Reshape, &Op::Product(gelu), &Op::Reshape]);
    assert_eq!(draft.nodes[2].outputs, draft.outputs);

    // Numbers that do not go with the columns stay behind the shape.
    let mut b = Build::new(1);
    let y = b.tensordot(0, [4, 6], &[-1, 3, 2, 3]);
    let bias = b.floats(&[3, 2, 3]);
    let y = b.add(Op::Binary(Binary::Add), &[y, bias]);
    assert!(matches!(
        ops(&b.after(y, "unused"))[..],
        [Op::Reshape, Op::Product(_), Op::Reshape, Op::Binary(_)]
    ));
}

#[test]
fn what_follows_a_convolution_goes_into_it() {
    let mut b = Build::new(2);
    let borders = b.ints(&[0, 0, 1, 1, 1, 1, 0, 0]);
    let padded = b.add(Op::Pad, &[0, borders]);
    let y = b.conv(padded, 3, 8);
    let (scale, shift) = (b.floats(&[8]), b.floats(&[8]));
    let scaled = b.add(Op::Binary(Binary::Mul), &[y, scale]);
    let shifted = b.add(Op::Binary(Binary::Add), &[scaled, shift]);
    let sum = b.add(Op::Binary(Binary::Add), &[1, shifted]);
    let y = b.add(Op::Unary(Unary::Relu), &[sum]);
    let draft = b.after(y, "unused");
    let [
        Op::Product(Product {
            kind: Products::Conv(conv),
            prologue: None,
            bias: true,
            residual: true,
            activation,
            pool: false,
        }),
    ] = ops(&draft)[..]
    else {
        panic!("{:?}", ops(&draft));
    };
    assert_eq!(*activation, Activation::Relu);
    assert_eq!(conv.padding, Padding::Explicit([1; 4]));
    assert_eq!(draft.nodes[0].inputs[0], 0, "reads the image itself");
}

#[test]
fn elementwise_operations_become_a_chain() {
    let mut b = Build::new(2);
    let shift = b.floats(&[4]);
    let sum = b.add(Op::Binary(Binary::Add), &[0, shift]);
    let relu = b.add(Op::Unary(Unary::Relu), &[sum]);
    let y = b.add(Op::Binary(Binary::Mul), &[relu, 1]);
    let draft = b.after(y, "unused");
    let [Op::Chain(chain)] = ops(&draft)[..] else { panic!("{:?}", ops(&draft)) };
    assert_eq!(chain.links.len(), 3);
    assert!(matches!(chain.links[2], Link::Binary(Binary::Mul, Operand::Link(1), Operand::Input(_))));
}

#[test]
fn shapes_that_cannot_fit_are_refused_before_anything_is_computed() {
    let mut b = Build::new(2);
    // The first operation would fail on its values, the second one on its shapes.
    let indices = b.graph.inputs[1];
    let (table, axis) = (b.floats(&[4, 3]), b.add(Op::Literal(Arc::new(Literal::I64(vec![0], vec![]))), &[]));
    let gathered = b.add(Op::Gather { batch_dims: 0 }, &[table, indices, axis]);
    let weights = b.floats(&[5, 2]);
    let x = b.graph.inputs[0];
    let product = b.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[x, weights]);
    b.graph.outputs = vec![gathered, product];
    let outline = Outline::new(&b.graph, &[], &[Some(vec![None, None]), Some(vec![None])]).unwrap();
    let plan = outline.finish(&Weights::new(&NoWeights, None)).unwrap();
    let run = |columns: usize, index: i64| {
        let x = Value::of(vec![0f32; columns], &[1, columns]).unwrap();
        plan.run(vec![x, Value::of(vec![index], &[1]).unwrap()])
    };
    let refused = run(4, 99).unwrap_err();
    assert!(matches!(&refused, crate::EngineError::InvalidInput(why) if why.contains("\"n\"")), "{refused}");
    assert!(matches!(run(5, 99), Err(crate::EngineError::Execution(_))));
    assert!(run(5, 3).is_ok());
}

#[test]
fn what_is_drawn_by_chance_is_drawn_by_each_run() {
    let mut b = Build::new(0);
    let shape = b.ints(&[3]);
    let draw = |source| Random::Draw { draw: crate::graph::Draw::Uniform, dtype: crate::DType::F32, source };
    let stream = Source::Stream(Arc::new(Stream::new(0, 0)));
    let drawn = b.add(Op::Rare(Box::new(Rare::Random(draw(stream)))), &[shape]);
    let seed = b.ints(&[1, 2]);
    let fixed = b.add(Op::Rare(Box::new(Rare::Random(draw(Source::Seed)))), &[shape, seed]);
    b.graph.outputs = vec![drawn, fixed];
    let draft = fold(&b.graph, &[]).unwrap();
    assert_eq!(draft.nodes.len(), 1);
    assert!(draft.constants.contains_key(&fixed) && !draft.constants.contains_key(&drawn));
}
