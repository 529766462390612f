//! Graphs of recurrent steps.

use crate::graph::{Binary, Graph, Literal, Masks, Op, Unary};
use std::sync::Arc;

pub const UNITS: usize = 5;
pub const INS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Simple,
    Lstm,
    GruAfter,
    GruBefore,
    /// The same, whose states' product is split as Keras 2 does it.
    GruSplit,
    /// Steps whose inputs and state lie side by side, as TensorFlow 1 writes them: of an LSTM the gates are i, n, f, o and a number is added
    /// to f, of a GRU they are r, z and split after their function.
    SimpleBeside,
    LstmBeside,
    GruBeside,
    /// The same, whose candidate is made of another state than the gates.
    GruBesideOther,
    /// The same, the state before the inputs.
    LstmBefore,
    /// An LSTM one of whose gates is no sigmoid.
    OddGate,
    /// An LSTM whose forget and input gates are exchanged.
    Exchanged,
    /// An LSTM whose counter goes by two.
    Hurried,
}

impl Shape {
    /// Whether there are two states.
    pub fn has_cell(self) -> bool {
        matches!(
            self,
            Self::Lstm
                | Self::LstmBeside
                | Self::LstmBefore
                | Self::OddGate
                | Self::Exchanged
                | Self::Hurried
        )
    }
}

pub struct Build {
    pub graph: Graph,
    seed: u64,
    /// Numbers that a step reads.
    pub ins: usize,
}

impl Build {
    pub fn new(inputs: usize, seed: u64) -> Self {
        Self { graph: Graph::of_inputs(inputs), seed, ins: INS }
    }

    pub fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.graph.add(op, inputs.to_vec(), "n").unwrap()
    }

    pub fn two(&mut self, op: Binary, a: usize, b: usize) -> usize {
        self.add(Op::Binary(op), &[a, b])
    }

    pub fn of(&mut self, op: Unary, x: usize) -> usize {
        self.add(Op::Unary(op), &[x])
    }

    pub fn ints(&mut self, values: &[i64], dims: &[usize]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(values.to_vec(), dims.to_vec()))), &[])
    }

    /// The first extent of a value.
    pub fn extent(&mut self, x: usize) -> usize {
        let shape = self.add(Op::Shape, &[x]);
        let (from, to, step) = (self.ints(&[0], &[1]), self.ints(&[1], &[1]), self.ints(&[1], &[1]));
        self.add(Op::StridedSlice(Masks { shrink: 1, ..Masks::default() }), &[shape, from, to, step])
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
    pub fn step(&mut self, shape: Shape, x: usize, h: usize, c: usize) -> [usize; 2] {
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
            Shape::SimpleBeside => {
                let sum = self.beside(x, h, u);
                [self.of(Unary::Tanh, sum), c]
            }
            Shape::LstmBeside => self.lstm_beside([x, h], c),
            Shape::LstmBefore => self.lstm_beside([h, x], c),
            Shape::GruBeside | Shape::GruBesideOther => [self.gru_beside(shape, x, h), c],
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

    /// The product of two values side by side, and a bias.
    fn beside(&mut self, a: usize, b: usize, columns: usize) -> usize {
        let axis = self.ints(&[1], &[]);
        let both = self.add(Op::Concat, &[a, b, axis]);
        let (product, bias) = (self.product(both, &[self.ins + UNITS, columns]), self.floats(&[columns]));
        self.two(Binary::Add, product, bias)
    }

    fn number(&mut self, number: f32) -> usize {
        self.add(Op::Literal(Arc::new(Literal::F32(vec![number], vec![]))), &[])
    }

    fn lstm_beside(&mut self, [a, b]: [usize; 2], c: usize) -> [usize; 2] {
        let sum = self.beside(a, b, 4 * UNITS);
        let gates = self.split(sum, 4);
        let one = self.number(1.0);
        let forget = self.two(Binary::Add, gates[2], one);
        let (i, f) = (self.of(Unary::Sigmoid, gates[0]), self.of(Unary::Sigmoid, forget));
        let (n, o) = (self.of(Unary::Tanh, gates[1]), self.of(Unary::Sigmoid, gates[3]));
        let (kept, new) = (self.two(Binary::Mul, c, f), self.two(Binary::Mul, i, n));
        let c = self.two(Binary::Add, kept, new);
        let out = self.of(Unary::Tanh, c);
        [self.two(Binary::Mul, out, o), c]
    }

    fn gru_beside(&mut self, shape: Shape, x: usize, h: usize) -> usize {
        let sum = self.beside(x, h, 2 * UNITS);
        let gates = self.of(Unary::Sigmoid, sum);
        let gates = self.split(gates, 2);
        let state = if shape == Shape::GruBesideOther { self.of(Unary::Tanh, h) } else { h };
        let reset = self.two(Binary::Mul, gates[0], state);
        let n = self.beside(x, reset, UNITS);
        let (n, one) = (self.of(Unary::Tanh, n), self.number(1.0));
        let rest = self.two(Binary::Sub, one, gates[1]);
        let (kept, new) = (self.two(Binary::Mul, gates[1], h), self.two(Binary::Mul, rest, n));
        self.two(Binary::Add, kept, new)
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
        let one = self.number(1.0);
        let rest = self.two(Binary::Sub, one, z);
        let (kept, new) = (self.two(Binary::Mul, z, h), self.two(Binary::Mul, rest, n));
        self.two(Binary::Add, kept, new)
    }
}
