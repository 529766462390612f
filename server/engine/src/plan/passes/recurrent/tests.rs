//! Layers as Keras writes them are found and answer as the loops do; what is nearly one stays a loop.

use crate::formats::savedmodel::bundle::Access;
use crate::graph::{
    Activation, Binary, Body, Cell, Compare, Control, Graph, Listing, Literal, Masks, Node, Op, Recurrent,
    Unary,
};
use crate::plan::draft::fold;
use crate::plan::passes::PASSES;
use crate::plan::{Held, NoWeights, Outline, Plan, Weights};
use crate::value::{Kind, Value};
use std::sync::Arc;

mod masked;
mod stacked;

const UNITS: usize = 5;
const INS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Simple,
    Lstm,
    GruAfter,
    GruBefore,
    /// The same, whose states' product is split as Keras 2 does it.
    GruSplit,
    /// An LSTM one of whose gates is no sigmoid.
    OddGate,
    /// An LSTM whose forget and input gates are exchanged.
    Exchanged,
    /// An LSTM whose counter goes by two.
    Hurried,
}

struct Build {
    graph: Graph,
    seed: u64,
    /// Numbers that a step reads.
    ins: usize,
}

impl Build {
    fn new(inputs: usize, seed: u64) -> Self {
        Self { graph: Graph::of_inputs(inputs), seed, ins: INS }
    }

    fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.graph.add(op, inputs.to_vec(), "n").unwrap()
    }

    fn two(&mut self, op: Binary, a: usize, b: usize) -> usize {
        self.add(Op::Binary(op), &[a, b])
    }

    fn of(&mut self, op: Unary, x: usize) -> usize {
        self.add(Op::Unary(op), &[x])
    }

    fn ints(&mut self, values: &[i64], dims: &[usize]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(values.to_vec(), dims.to_vec()))), &[])
    }

    fn floats(&mut self, dims: &[usize]) -> usize {
        let mut next = || {
            self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.seed >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let values = (0..dims.iter().product()).map(|_| next()).collect();
        self.add(Op::Literal(Arc::new(Literal::F32(values, dims.to_vec()))), &[])
    }

    fn product(&mut self, x: usize, dims: &[usize]) -> usize {
        let w = self.floats(dims);
        self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[x, w])
    }

    fn split(&mut self, x: usize, count: usize) -> Vec<usize> {
        let axis = self.ints(&[-1], &[]);
        self.graph.add_many(Op::Split(count), vec![x, axis], count, "split").unwrap()
    }

    fn slice(&mut self, x: usize, from: i64, to: i64) -> usize {
        let (begin, end) = (self.ints(&[0, from], &[2]), self.ints(&[0, to], &[2]));
        let steps = self.ints(&[1, 1], &[2]);
        let masks = Masks { begin: 1, end: 1, ..Masks::default() };
        self.add(Op::StridedSlice(masks), &[x, begin, end, steps])
    }

    /// The new states from the old ones.
    fn step(&mut self, shape: Shape, x: usize, h: usize, c: usize) -> [usize; 2] {
        let u = UNITS;
        match shape {
            Shape::Simple => {
                let (x, s, b) =
                    (self.product(x, &[self.ins, u]), self.product(h, &[u, u]), self.floats(&[u]));
                let x = self.two(Binary::Add, x, b);
                let sum = self.two(Binary::Add, x, s);
                [self.of(Unary::Tanh, sum), c]
            }
            Shape::GruAfter | Shape::GruBefore | Shape::GruSplit => [self.gru(shape, x, h), c],
            _ => self.lstm(shape, x, h, c),
        }
    }

    fn lstm(&mut self, shape: Shape, x: usize, h: usize, c: usize) -> [usize; 2] {
        let u = UNITS;
        let (x, s) = (self.product(x, &[self.ins, 4 * u]), self.product(h, &[u, 4 * u]));
        let (sum, b) = (self.two(Binary::Add, x, s), self.floats(&[4 * u]));
        let sum = self.two(Binary::Add, sum, b);
        let mut gates = self.split(sum, 4);
        if shape == Shape::Exchanged {
            gates.swap(0, 1);
        }
        let odd = if shape == Shape::OddGate { Unary::Relu } else { Unary::Sigmoid };
        let (i, f) = (self.of(Unary::Sigmoid, gates[0]), self.of(odd, gates[1]));
        let (n, o) = (self.of(Unary::Tanh, gates[2]), self.of(Unary::Sigmoid, gates[3]));
        let (kept, new) = (self.two(Binary::Mul, f, c), self.two(Binary::Mul, i, n));
        let c = self.two(Binary::Add, kept, new);
        let out = self.of(Unary::Tanh, c);
        [self.two(Binary::Mul, o, out), c]
    }

    /// The state's parts of z, r and, if there is one, n.
    fn parts(&mut self, shape: Shape, s: usize) -> Vec<usize> {
        let u = UNITS as i64;
        if shape == Shape::GruSplit {
            let (sizes, axis) = (self.ints(&[u, u, -1], &[3]), self.ints(&[1], &[]));
            return self.graph.add_many(Op::SplitSizes(3), vec![s, sizes, axis], 3, "split").unwrap();
        }
        let count = if shape == Shape::GruAfter { 3 } else { 2 };
        (0..count).map(|n| self.slice(s, n * u, (n + 1) * u)).collect()
    }

    fn gru(&mut self, shape: Shape, x: usize, h: usize) -> usize {
        let (u, after) = (UNITS, shape == Shape::GruAfter);
        let (x, b) = (self.product(x, &[self.ins, 3 * u]), self.floats(&[3 * u]));
        let x = self.two(Binary::Add, x, b);
        let x = self.split(x, 3);
        let mut s = self.product(h, &[u, if after { 3 * u } else { 2 * u }]);
        if after {
            let b = self.floats(&[3 * u]);
            s = self.two(Binary::Add, s, b);
        }
        let s = self.parts(shape, s);
        let (z, r) = (self.two(Binary::Add, x[0], s[0]), self.two(Binary::Add, x[1], s[1]));
        let (z, r) = (self.of(Unary::Sigmoid, z), self.of(Unary::Sigmoid, r));
        let part = if after {
            self.two(Binary::Mul, r, s[2])
        } else {
            let reset = self.two(Binary::Mul, r, h);
            self.product(reset, &[u, u])
        };
        let n = self.two(Binary::Add, x[2], part);
        let n = self.of(Unary::Tanh, n);
        let one = self.add(Op::Literal(Arc::new(Literal::F32(vec![1.0], vec![]))), &[]);
        let rest = self.two(Binary::Sub, one, z);
        let (kept, new) = (self.two(Binary::Mul, z, h), self.two(Binary::Mul, rest, n));
        self.two(Binary::Add, kept, new)
    }
}

/// (counter, most, time, list, h, c, n, series) of a loop; a layer of one state leaves c as it is.
fn layer(shape: Shape, last: bool) -> Graph {
    let mut test = Build::new(8, 1);
    let (a, b) =
        (test.add(Op::Compare(Compare::Less), &[2, 6]), test.add(Op::Compare(Compare::Less), &[0, 1]));
    let both = test.two(Binary::And, a, b);
    test.graph.outputs = vec![both];
    let mut body = Build::new(8, 2);
    let unknown = body.ints(&[-1], &[]);
    let x = body.add(Op::List(Listing::Get(Kind::F32)), &[7, 2, unknown]);
    let [h, c] = body.step(shape, x, 4, 5);
    let index = if last { body.ints(&[0], &[]) } else { 2 };
    let list = body.add(Op::List(Listing::Set { grows: false }), &[3, index, h]);
    let (one, two) = (body.ints(&[1], &[]), body.ints(&[2], &[]));
    let counter = body.two(Binary::Add, 0, if shape == Shape::Hurried { two } else { one });
    let time = body.two(Binary::Add, 2, one);
    body.graph.outputs = vec![counter, 1, time, list, h, c, 6, 7];
    let mut b = Build::new(4, 3);
    let (zero, unknown, single) = (b.ints(&[0], &[]), b.ints(&[-1], &[]), b.ints(&[1], &[]));
    let list = b.add(Op::List(Listing::Reserve), &[unknown, if last { single } else { 3 }]);
    let series = b.add(Op::List(Listing::FromTensor), &[0]);
    let most = b.ints(&[100], &[]);
    let control = Control::Loop {
        condition: Body { name: "test".to_owned(), graph: test.graph },
        body: Body { name: "step".to_owned(), graph: body.graph },
    };
    let inputs = vec![zero, most, zero, list, 1, 2, 3, series];
    let after = b.graph.add_many(Op::Control(Arc::new(control)), inputs, 8, "loop").unwrap();
    let stack = b.add(Op::List(Listing::Stack(Kind::F32)), &[after[3], unknown]);
    b.graph.outputs = vec![stack, after[4], after[5]];
    if matches!(shape, Shape::Simple | Shape::GruAfter | Shape::GruBefore | Shape::GruSplit) {
        b.graph.outputs.truncate(2);
    }
    b.graph
}

/// The layer that the pass finds.
fn found(graph: &Graph) -> Option<Recurrent> {
    let mut draft = fold(graph, &[]).unwrap();
    for (_, pass) in PASSES {
        pass(&mut draft).unwrap();
    }
    draft.nodes.iter().find_map(layer_of)
}

fn layer_of(node: &Node) -> Option<Recurrent> {
    match node.op {
        Op::Recurrent(layer) => Some(layer),
        _ => None,
    }
}

fn floats(count: usize, dims: &[usize]) -> Value {
    Value::of((0..count).map(|n| (n as f32 * 0.37).sin()).collect::<Vec<_>>(), dims).unwrap()
}

fn inputs(steps: usize, batch: usize, wanted: i64) -> Vec<Value> {
    vec![
        floats(steps * batch * INS, &[steps, batch, INS]),
        floats(batch * UNITS, &[batch, UNITS]),
        floats(batch * UNITS, &[batch, UNITS]),
        Value::of(vec![wanted], &[]).unwrap(),
    ]
}

/// The loop as it is, and what the passes make of it.
fn plans(graph: &Graph) -> [Plan; 2] {
    let shapes = vec![None; graph.inputs.len()];
    let ready = |outline: Outline| outline.finish(&Weights::new(&NoWeights, None)).unwrap();
    let plain = Outline::of(fold(graph, &[]).unwrap(), vec![], &graph.inputs, &shapes);
    [ready(plain), ready(Outline::new(graph, &[], &shapes).unwrap())]
}

fn same(a: &[Value], b: &[Value], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.dims(), b.dims(), "{what}");
        for (a, b) in a.slice::<f32>().unwrap().iter().zip(b.slice::<f32>().unwrap()) {
            assert!((a - b).abs() < 1e-5, "{what}: {a} and {b}");
        }
    }
}

#[test]
fn layers_are_found_and_answer_as_the_loops_do() {
    let (activation, recurrent) = (Activation::Tanh, Activation::Sigmoid);
    let gru = |reset_after| Cell::Gru { activation, recurrent, reset_after };
    let cells = [
        (Shape::Simple, Some(Cell::Simple { activation })),
        (Shape::Lstm, Some(Cell::Lstm { activation, recurrent })),
        (Shape::GruAfter, Some(gru(true))),
        (Shape::GruBefore, Some(gru(false))),
        (Shape::GruSplit, Some(gru(false))),
        (Shape::OddGate, None),
        (Shape::Exchanged, None),
        (Shape::Hurried, None),
    ];
    for (shape, cell) in cells {
        for last in [false, true] {
            let graph = layer(shape, last);
            assert_eq!(
                found(&graph),
                cell.map(|cell| Recurrent { cell, last, mask: None }),
                "{shape:?} {last}"
            );
            let [plain, fused] = plans(&graph);
            for (steps, batch, n) in [(4, 1, 4), (3, 6, 3), (5, 2, 3)] {
                let (a, b) = (plain.run(inputs(steps, batch, n)), fused.run(inputs(steps, batch, n)));
                same(&a.unwrap(), &b.unwrap(), &format!("{shape:?} {last}"));
            }
            // More steps than there are items: both say so.
            assert!(plain.run(inputs(2, 1, 3)).is_err() && fused.run(inputs(2, 1, 3)).is_err());
        }
    }
}

/// Both directions, states put out, backwards, both kinds of GRU, a mask, two stacked cells.
#[test]
fn layers_of_a_saved_model_are_found() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recurrent");
    let artifact = crate::formats::read(&dir, Access::FOREIGN).unwrap();
    let read = |w| Held::Here(crate::formats::savedmodel::weight(&artifact.source, w).unwrap());
    let weights: Vec<Held> = artifact.weights.iter().map(read).collect();
    let program = artifact.programs.iter().find(|p| p.signature.name == "serving_default").unwrap();
    let mut draft = fold(&program.graph, &weights).unwrap();
    crate::plan::passes::prune(&mut draft).unwrap();
    crate::plan::passes::run(&mut draft).unwrap();
    let count = |wanted: fn(&Op) -> bool| draft.nodes.iter().filter(|n| wanted(&n.op)).count();
    assert_eq!(count(|op| matches!(op, Op::Recurrent(_))), 12);
    assert_eq!(count(|op| matches!(op, Op::Control(_))), 0);
}

#[test]
fn a_layer_whose_counter_is_used_stays_a_loop() {
    let mut graph = layer(Shape::Lstm, false);
    let node = graph.nodes.iter().find(|n| n.name == "loop").unwrap();
    let time = node.outputs[2];
    graph.outputs.push(time);
    assert_eq!(found(&graph), None);
}
