//! What each pass makes of a graph, and that it leaves the answers alone.

use super::PASSES;
use crate::graph::{
    Activation, Binary, Conv, Graph, Link, Literal, Op, Operand, Padding, Product, Products, Unary,
};
use crate::plan::draft::{Draft, fold};
use crate::plan::{NoWeights, Outline, Weights};
use crate::value::Value;
use std::sync::Arc;

struct Build {
    graph: Graph,
    seed: u64,
}

impl Build {
    fn new(inputs: usize) -> Self {
        let mut graph = Graph::default();
        for n in 0..inputs {
            let value = graph.add(Op::Input(n), vec![], "x").unwrap();
            graph.inputs.push(value);
        }
        Self { graph, seed: 7 }
    }

    fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.graph.add(op, inputs.to_vec(), "n").unwrap()
    }

    fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn floats(&mut self, shape: &[usize]) -> usize {
        let values = (0..shape.iter().product()).map(|_| self.random()).collect();
        self.add(Op::Literal(Arc::new(Literal::F32(values, shape.to_vec()))), &[])
    }

    fn number(&mut self, x: f32) -> usize {
        self.add(Op::Literal(Arc::new(Literal::F32(vec![x], vec![]))), &[])
    }

    fn ints(&mut self, values: &[i64]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(values.to_vec(), vec![values.len()]))), &[])
    }

    fn conv(&mut self, x: usize, ins: usize, outs: usize) -> usize {
        let filter = self.floats(&[3, 3, ins, outs]);
        let conv = Conv {
            strides: [1, 1],
            dilations: [1, 1],
            padding: Padding::Valid,
            activation: Activation::None,
        };
        self.add(Op::Conv(conv), &[x, filter])
    }

    fn after(mut self, output: usize, pass: &str) -> Draft {
        self.graph.outputs = vec![output];
        let mut draft = fold(&self.graph, &[]).unwrap();
        super::unused::run(&mut draft).unwrap();
        for (name, run) in PASSES {
            run(&mut draft).unwrap();
            if name == pass {
                break;
            }
        }
        draft
    }
}

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
    let [Op::Product(Product { kind: Products::Conv(conv), bias: true, residual: true, activation })] =
        ops(&draft)[..]
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

/// Graphs drawn at random answer the same with and without the passes.
#[test]
fn random_graphs_keep_their_answers() {
    for seed in 0..200 {
        let mut b = Build::new(2);
        b.seed = seed;
        let mut images = vec![0, 1];
        for _ in 0..12 {
            let pick = |b: &mut Build, n: usize| (b.random().abs() * n as f32) as usize % n;
            let x = images[pick(&mut b, images.len())];
            let other = images[pick(&mut b, images.len())];
            let y = match pick(&mut b, 9) {
                0 => {
                    let borders = b.ints(&[0, 0, 1, 1, 1, 1, 0, 0]);
                    let x = b.add(Op::Pad, &[x, borders]);
                    b.conv(x, 4, 4)
                }
                1 => {
                    let w = b.floats(&[4, 4]);
                    b.add(Op::MatMul { transpose_a: false, transpose_b: seed % 2 == 0 }, &[x, w])
                }
                2 => {
                    let scale = b.floats(&[4]);
                    b.add(Op::Binary(Binary::Mul), &[x, scale])
                }
                3 => {
                    let shift = b.floats(&[1, 1, 4]);
                    b.add(Op::Binary(Binary::Sub), &[x, shift])
                }
                4 => b.add(Op::Binary(Binary::Add), &[x, other]),
                5 => b.add(Op::Unary(Unary::Relu), &[x]),
                6 => {
                    let s = b.add(Op::Unary(Unary::Sigmoid), &[x]);
                    b.add(Op::Binary(Binary::Mul), &[x, s])
                }
                7 => {
                    let order = b.ints(&[0, 2, 1, 3]);
                    b.add(Op::Transpose, &[x, order])
                }
                _ => {
                    let number = b.random();
                    let number = b.number(number);
                    b.add(Op::Binary(Binary::Mul), &[number, x])
                }
            };
            images.push(y);
        }
        b.graph.outputs = images[images.len() - 3..].to_vec();
        let inputs: Vec<Value> = (0..2)
            .map(|_| {
                let values: Vec<f32> = (0..2 * 5 * 5 * 4).map(|_| b.random()).collect();
                Value::of(values, &[2, 5, 5, 4]).unwrap()
            })
            .collect();
        let shapes = vec![Some(vec![None, Some(5), Some(5), Some(4)]); 2];
        let draft = fold(&b.graph, &[]).unwrap();
        let plain = Outline::of(draft, vec![], &b.graph.inputs, &shapes);
        let plain = plain.finish(&Weights::new(&NoWeights, None)).unwrap();
        let fused = Outline::new(&b.graph, &[], &shapes).unwrap();
        let fused = fused.finish(&Weights::new(&NoWeights, None)).unwrap();
        let wanted = plain.run(inputs.clone()).unwrap();
        // The second run goes by the schedule of the first.
        for _ in 0..2 {
            for (got, wanted) in fused.run(inputs.clone()).unwrap().iter().zip(&wanted) {
                assert_eq!(got.dims(), wanted.dims(), "seed {seed}");
                let most = wanted.slice::<f32>().unwrap().iter().fold(1f32, |m, x| m.max(x.abs()));
                for (a, b) in got.slice::<f32>().unwrap().iter().zip(wanted.slice::<f32>().unwrap()) {
                    assert!((a - b).abs() <= 1e-5 * most, "seed {seed}: {a} and {b}");
                }
            }
        }
    }
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
