//! Graphs for tests: what models write, node by node, with numbers of their own.

use super::super::PASSES;
use crate::graph::{Activation, Binary, Conv, Graph, Literal, Op, Padding, Rare, Reduce, Unary};
use crate::plan::draft::{Draft, fold};
use std::sync::Arc;

/// A graph as it grows.
pub struct Build {
    pub graph: Graph,
    pub seed: u64,
}

impl Build {
    pub fn new(inputs: usize) -> Self {
        Self { graph: Graph::of_inputs(inputs), seed: 7 }
    }

    pub fn add(&mut self, op: Op, inputs: &[usize]) -> usize {
        self.graph.add(op, inputs.to_vec(), "n").unwrap()
    }

    pub fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn floats(&mut self, shape: &[usize]) -> usize {
        let values = (0..shape.iter().product()).map(|_| self.random()).collect();
        self.add(Op::Literal(Arc::new(Literal::F32(values, shape.to_vec()))), &[])
    }

    pub fn number(&mut self, x: f32) -> usize {
        self.add(Op::Literal(Arc::new(Literal::F32(vec![x], vec![]))), &[])
    }

    pub fn ints(&mut self, values: &[i64]) -> usize {
        self.add(Op::Literal(Arc::new(Literal::I64(values.to_vec(), vec![values.len()]))), &[])
    }

    pub fn conv(&mut self, x: usize, ins: usize, outs: usize) -> usize {
        let filter = self.floats(&[3, 3, ins, outs]);
        self.convolution(x, filter)
    }

    /// A convolution of single pixels.
    pub fn point(&mut self, x: usize, ins: usize, outs: usize) -> usize {
        let filter = self.floats(&[1, 1, ins, outs]);
        self.convolution(x, filter)
    }

    fn convolution(&mut self, x: usize, filter: usize) -> usize {
        let conv = Conv {
            strides: [1, 1],
            dilations: [1, 1],
            padding: Padding::Valid,
            activation: Activation::None,
        };
        self.add(Op::Conv(conv), &[x, filter])
    }

    pub fn mean(&mut self, x: usize) -> usize {
        let axes = self.ints(&[-1]);
        self.add(Op::Reduce { kind: Reduce::Mean, keep: true }, &[x, axes])
    }

    /// One over the root of a variance and an epsilon.
    pub fn root(&mut self, variance: usize, epsilon: f32) -> usize {
        let epsilon = self.number(epsilon);
        let sum = self.add(Op::Binary(Binary::Add), &[variance, epsilon]);
        self.add(Op::Unary(Unary::Rsqrt), &[sum])
    }

    /// A normalisation as Keras writes it, with its factors apart.
    pub fn layer_norm(&mut self, x: usize, width: usize) -> usize {
        let mean = self.mean(x);
        let squares = self.add(Op::Binary(Binary::SquaredDifference), &[x, mean]);
        let variance = self.mean(squares);
        let root = self.root(variance, 0.25);
        let (gamma, beta) = (self.floats(&[1, width]), self.floats(&[width]));
        let scale = self.add(Op::Binary(Binary::Mul), &[root, gamma]);
        let scaled = self.add(Op::Binary(Binary::Mul), &[x, scale]);
        let less = self.add(Op::Unary(Unary::Neg), &[mean]);
        let shift = self.add(Op::Binary(Binary::Mul), &[less, scale]);
        let shift = self.add(Op::Binary(Binary::Add), &[shift, beta]);
        self.add(Op::Binary(Binary::Add), &[scaled, shift])
    }

    pub fn einsum(&mut self, equation: &str, a: usize, b: usize) -> usize {
        self.add(Op::Rare(Box::new(Rare::Einsum(equation.to_owned()))), &[a, b])
    }

    /// Attention over heads that lie between each other; with a mask as well.
    pub fn attention(&mut self, [q, k, v]: [usize; 3], mask: Option<usize>) -> usize {
        let scores = self.einsum("BTNH, BSNH -> BNTS", q, k);
        let scale = self.number(0.25);
        let mut scores = self.add(Op::Binary(Binary::Mul), &[scores, scale]);
        if let Some(mask) = mask {
            scores = self.add(Op::Binary(Binary::Add), &[mask, scores]);
        }
        let weights = self.add(Op::Softmax { log: false }, &[scores]);
        self.einsum("BNTS,BSNH->BTNH", weights, v)
    }

    /// A dense layer over the last of four axes, as a product of matrices.
    pub fn tensordot(&mut self, x: usize, [rows, columns]: [usize; 2], trailing: &[i64]) -> usize {
        let (weights, flat) = (self.floats(&[rows, columns]), self.ints(&[-1, rows as i64]));
        let x = self.add(Op::Reshape, &[x, flat]);
        let product = self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[x, weights]);
        let shape = self.ints(trailing);
        self.add(Op::Reshape, &[product, shape])
    }

    pub fn after(mut self, output: usize, pass: &str) -> Draft {
        self.graph.outputs = vec![output];
        let mut draft = fold(&self.graph, &[]).unwrap();
        super::super::unused::run(&mut draft).unwrap();
        for (name, run) in PASSES {
            run(&mut draft).unwrap();
            if name == pass {
                break;
            }
        }
        draft
    }
}
