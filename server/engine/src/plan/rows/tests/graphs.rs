//! Small graphs: what may be run together, and what may not.

use crate::batching::Batching;
use crate::graph::{Activation, Binary, Graph, Literal, Op, Rare, Reduce, Rows, Running, Text};
use crate::plan::{NoWeights, Outline, Plan, Weights};
use crate::value::Value;
use crate::{DType, Dim, Signature, TensorSpec};
use std::sync::Arc;

struct Build(Graph);

impl Build {
    fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.0.add(op, inputs.to_vec(), "n").unwrap()
    }

    fn ints(&mut self, values: &[i64]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(values.to_vec(), vec![values.len()]))), &[])
    }

    fn int(&mut self, value: i64) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(vec![value], vec![]))), &[])
    }

    fn floats(&mut self, shape: &[usize]) -> usize {
        let values = (0..shape.iter().product::<usize>()).map(|n| (n as f32 * 0.7).sin()).collect();
        self.add(Op::Literal(Arc::new(Literal::F32(values, shape.to_vec()))), &[])
    }

    fn dense(&mut self, x: usize, ins: usize, outs: usize) -> usize {
        let (weights, bias) = (self.floats(&[ins, outs]), self.floats(&[outs]));
        self.add(Op::Dense(Activation::None), &[x, weights, bias])
    }
}

/// A graph of inputs of these shapes.
fn plan(shapes: &[&[Dim]], build: impl FnOnce(&mut Build) -> usize) -> (Plan, Signature) {
    let mut b = Build(Graph::of_inputs(shapes.len()));
    let output = build(&mut b);
    b.0.outputs = vec![output];
    let own: Vec<_> = shapes.iter().map(|s| Some(s.to_vec())).collect();
    let outline = Outline::new(&b.0, &[], &own).unwrap();
    let spec = |shape: Option<Vec<Dim>>| TensorSpec { name: "x".to_owned(), dtype: DType::F32, shape };
    let signature = Signature {
        name: "s".to_owned(),
        inputs: own.into_iter().map(spec).collect(),
        outputs: vec![spec(None)],
    };
    (outline.finish(&Weights::new(&NoWeights, None)).unwrap(), signature)
}

/// Rows together are what each is alone; of how many at most are worth it.
#[track_caller]
fn together(shapes: &[&[Dim]], build: impl FnOnce(&mut Build) -> usize) -> (Batching, usize) {
    let (plan, signature) = plan(shapes, build);
    let found = plan.batched(&signature);
    assert!(!matches!(found.batching, Batching::Never(_)), "{:?}", found.batching);
    let input = |shape: &&[Dim], from: usize, rows: usize| {
        let dims: Vec<usize> =
            std::iter::once(rows).chain(shape[1..].iter().map(|d| d.unwrap_or(3))).collect();
        let width: usize = dims[1..].iter().product();
        let values: Vec<f32> = (from * width..(from + rows) * width).map(|n| (n as f32).cos()).collect();
        Value::of(values, &dims).unwrap()
    };
    let answer = |from, rows| {
        let made = plan.run(shapes.iter().map(|s| input(s, from, rows)).collect()).unwrap().remove(0);
        assert_eq!(made.dims()[0], rows);
        made.slice::<f32>().unwrap().to_vec()
    };
    let all = answer(0, 5);
    let alone = [answer(0, 1), answer(1, 3), answer(4, 1)].concat();
    assert!(all.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5), "{all:?}, {alone:?}");
    (found.batching, found.most_rows)
}

#[track_caller]
fn never(shapes: &[&[Dim]], why: &str, build: impl FnOnce(&mut Build) -> usize) {
    let (plan, signature) = plan(shapes, build);
    match plan.batched(&signature).batching {
        Batching::Never(said) => assert!(said.contains(why), "{said}"),
        found => panic!("{found:?}"),
    }
}

const ROW: &[Dim] = &[None, Some(6)];
const STEPS: &[Dim] = &[None, None, Some(6)];

#[test]
fn networks_of_rows_are_run_together() {
    let (found, most) = together(&[ROW], |b| {
        let h = b.dense(0, 6, 8);
        let h = b.dense(h, 8, 4);
        b.add(Op::Softmax { log: false }, &[h])
    });
    assert_eq!((found, most), (Batching::Worth, 128));
    // A dense layer as TensorFlow writes it for sequences: the steps of all rows are rows, and come apart again.
    together(&[STEPS], |b| {
        let shape = b.add(Op::Shape, &[0]);
        let (first, second, axis) = (b.ints(&[0, 1]), b.int(6), b.int(0));
        let outer = b.add(Op::Gather { batch_dims: 0 }, &[shape, first, axis]);
        let (axes, flat) = (b.ints(&[0]), second);
        let count = b.add(Op::Reduce { kind: Reduce::Prod, keep: false }, &[outer, axes]);
        let to = b.add(Op::Pack(0), &[count, flat]);
        let flat = b.add(Op::Reshape, &[0, to]);
        let weights = b.floats(&[6, 4]);
        let product = b.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[flat, weights]);
        let width = b.ints(&[4]);
        let back = b.add(Op::Concat, &[outer, width, axis]);
        b.add(Op::Reshape, &[product, back])
    });
    // Attention of each row to itself.
    together(&[STEPS], |b| {
        let scores = b.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[0, 0]);
        let weights = b.add(Op::Softmax { log: false }, &[scores]);
        b.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[weights, 0])
    });
}

#[test]
fn what_looks_at_other_rows_is_not_run_together() {
    let along = |axis: i64| {
        move |b: &mut Build| {
            let axes = b.ints(&[axis]);
            let mean = b.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[0, axes]);
            b.add(Op::Binary(Binary::Sub), &[0, mean])
        }
    };
    together(&[ROW], along(1));
    never(&[ROW], "along the axis of the rows", along(0));
    never(&[ROW], "rows", |b| b.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[0, 0]));
    never(&[ROW], "sums are made over the rows", |b| {
        b.add(Op::MatMul { transpose_a: true, transpose_b: false }, &[0, 0])
    });
    never(&[ROW], "inner axis", |b| {
        let order = b.ints(&[1, 0]);
        b.add(Op::Transpose, &[0, order])
    });
    never(&[ROW], "", |b| {
        let order = b.ints(&[1, 0]);
        let turned = b.add(Op::Transpose, &[0, order]);
        let soft = b.add(Op::Softmax { log: false }, &[turned]);
        b.add(Op::Transpose, &[soft, order])
    });
    never(&[ROW], "", |b| {
        let axes = b.ints(&[0]);
        b.add(Op::Reverse, &[0, axes])
    });
    never(&[ROW], "", |b| {
        let axis = b.int(0);
        let running = Running::Sum;
        let op = Rare::Running { kind: running, exclusive: false, reverse: false };
        b.add(Op::Rare(Box::new(op)), &[0, axis])
    });
    never(&[ROW], "", |b| b.add(Op::Rare(Box::new(Rare::Rows(Rows::Where))), &[0]));
    never(&[ROW, &[None]], "other axes", |b| b.add(Op::Binary(Binary::Add), &[0, 1]));
    never(&[ROW], "as long as there are rows", |b| {
        let other = b.floats(&[5, 6]);
        b.add(Op::Binary(Binary::Add), &[0, other])
    });
    never(&[ROW], "put behind rows", |b| {
        let axis = b.int(0);
        b.add(Op::Concat, &[0, 0, axis])
    });
    never(&[ROW], "several rows", |b| {
        let to = b.ints(&[-1, 3]);
        b.add(Op::Reshape, &[0, to])
    });
    never(&[ROW], "between them", |b| {
        let to = b.ints(&[-1, 4]);
        b.add(Op::Reshape, &[0, to])
    });
    never(&[ROW], "around the rows", |b| {
        let pads = b.ints(&[1, 1, 0, 0]);
        let two = b.ints(&[2, 2]);
        let pads = b.add(Op::Reshape, &[pads, two]);
        b.add(Op::Pad, &[0, pads])
    });
}

/// The mean of all rows by another way: their sum over how many they are.
#[test]
fn how_many_rows_there_are_may_not_be_computed_with() {
    let divided = |by_rows: bool| {
        move |b: &mut Build| {
            let shape = b.add(Op::Shape, &[0]);
            let (which, axis) = (b.int(i64::from(!by_rows)), b.int(0));
            let count = b.add(Op::Gather { batch_dims: 0 }, &[shape, which, axis]);
            let count = b.add(Op::Cast(DType::F32), &[count]);
            b.add(Op::Binary(Binary::Div), &[0, count])
        }
    };
    together(&[ROW], divided(false));
    never(&[ROW], "how many rows", divided(true));
}

#[test]
fn requests_need_rows_and_answers_too() {
    never(&[&[]], "has no rows", |b| b.add(Op::Unary(crate::graph::Unary::Exp), &[0]));
    never(&[&[Some(2), Some(6)]], "takes 2 rows", |b| b.add(Op::Unary(crate::graph::Unary::Exp), &[0]));
    never(&[ROW], "the same for all", |b| b.floats(&[3]));
    never(&[ROW], "not have the rows", |b| b.add(Op::Shape, &[0]));
    never(&[ROW], "", |b| {
        let text = b.add(Op::Text(Text::FromNumbers(crate::graph::Written::default())), &[0]);
        let (axes, separator) = (b.ints(&[0]), b" ".to_vec());
        b.add(Op::Text(Text::ReduceJoin { separator, keep: false }), &[text, axes])
    });
}

/// One convolution of a large image fills the machine; weights of a wide layer are read for all rows at once.
#[test]
fn joining_is_worth_it_where_rows_share_what_a_run_costs() {
    let image: &[Dim] = &[None, Some(128), Some(128), Some(32)];
    let conv = crate::graph::Conv {
        strides: [1, 1],
        dilations: [1, 1],
        padding: crate::graph::Padding::Same,
        activation: Activation::None,
    };
    let (plan_of_image, signature) = plan(&[image], |b| {
        let filter = b.floats(&[3, 3, 32, 32]);
        b.add(Op::Conv(conv), &[0, filter])
    });
    let found = plan_of_image.batched(&signature);
    assert_eq!(found.batching, Batching::Possible, "{found:?}");
    // 4 MiB of each row go in and come out.
    assert!(found.most_rows <= 16, "{found:?}");
    let (wide, signature) = plan(&[&[None, Some(1024)]], |b| b.dense(0, 1024, 1024));
    let found = wide.batched(&signature);
    assert_eq!(found.batching, Batching::Worth);
    assert!(found.most_rows >= 32, "{found:?}");
}
