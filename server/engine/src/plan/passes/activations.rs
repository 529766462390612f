//! Functions that models write out, found again by their factors: swish is `x · sigmoid(x)`, hard swish `x · relu6(x + 3) / 6`, gelu
//! `x / 2 · erfc(-x / √2)` or `x / 2 · (1 + erf(x / √2))`, its approximation `x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`.

use crate::EngineError;
use crate::graph::{Activation, Binary, Node, Op, Unary};
use crate::plan::draft::Draft;
use std::collections::HashMap;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

/// Most factors of a product that is looked at.
const MOST_FACTORS: usize = 8;

pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    let makers = draft.makers();
    let found: Vec<(usize, Activation, usize)> = {
        let search = Search { draft, makers: &makers };
        let nodes = draft.nodes.iter().enumerate();
        nodes.filter_map(|(n, node)| search.activation(node).map(|(a, x)| (n, a, x))).collect()
    };
    for (number, activation, x) in found {
        let node = &mut draft.nodes[number];
        node.op = Op::Activate(activation);
        node.inputs = vec![x];
    }
    super::unused::run(draft)
}

struct Search<'d> {
    draft: &'d Draft,
    makers: &'d HashMap<usize, usize>,
}

/// A product taken apart: a number, and what it is multiplied with.
#[derive(Debug)]
struct Factors {
    scale: f32,
    values: Vec<usize>,
}

impl Search<'_> {
    fn maker(&self, value: usize) -> Option<&Node> {
        self.makers.get(&value).map(|n| &self.draft.nodes[*n])
    }

    fn activation(&self, node: &Node) -> Option<(Activation, usize)> {
        if !matches!(node.op, Op::Binary(Binary::Mul | Binary::Div)) {
            return None;
        }
        let Factors { scale, values } = self.factors(*node.outputs.first()?)?;
        match values[..] {
            [a] => self.one(scale, a),
            [a, b] => self.two(scale, a, b).or_else(|| self.two(scale, b, a)),
            _ => None,
        }
    }

    fn one(&self, scale: f32, a: usize) -> Option<(Activation, usize)> {
        let x = self.hard(a)?;
        near(scale, 1.0 / 6.0).then_some((Activation::HardSigmoid, x))
    }

    /// `scale · x · other`, where other is a function of x.
    fn two(&self, scale: f32, x: usize, other: usize) -> Option<(Activation, usize)> {
        let node = self.maker(other)?;
        let same = |value: usize| value == x;
        let activation = match (&node.op, &node.inputs[..]) {
            // Keras writes `x · sigmoid(1 · x)`.
            (Op::Unary(Unary::Sigmoid), [of]) if self.scaled(*of, 1.0, x) && near(scale, 1.0) => {
                Activation::Swish
            }
            (Op::Activate(Activation::HardSigmoid), [of]) if same(*of) && near(scale, 1.0) => {
                Activation::HardSwish
            }
            (Op::Unary(Unary::Relu6), _) if self.hard(other) == Some(x) && near(scale, 1.0 / 6.0) => {
                Activation::HardSwish
            }
            (Op::Unary(Unary::Erfc), [of]) if near(scale, 0.5) && self.scaled(*of, -FRAC_1_SQRT_2, x) => {
                Activation::Gelu
            }
            (Op::Binary(Binary::Add), _) if near(scale, 0.5) => self.gelu(node, x)?,
            _ => return None,
        };
        Some((activation, x))
    }

    /// `1 + erf(…)` or `1 + tanh(…)`.
    fn gelu(&self, sum: &Node, x: usize) -> Option<Activation> {
        let (one, function) = self.plus(sum)?;
        let function = self.maker(function).filter(|_| near(one, 1.0))?;
        let of = *function.inputs.first()?;
        match function.op {
            Op::Unary(Unary::Erf) => self.scaled(of, FRAC_1_SQRT_2, x).then_some(Activation::Gelu),
            Op::Unary(Unary::Tanh) => self.cubic(of, x).then_some(Activation::GeluTanh),
            _ => None,
        }
    }

    /// Whether the value is `√(2/π) (x + 0.044715 x³)`.
    fn cubic(&self, value: usize, x: usize) -> bool {
        let cube = || {
            let Factors { scale, values } = self.factors(value)?;
            let sum = self.maker(*values.first()?).filter(|_| values.len() == 1)?;
            let [a, b] = sum.inputs[..] else { return None };
            let term = if a == x { b } else { a };
            let Factors { scale: inner, values } = self.factors(term)?;
            let cubed = match values[..] {
                [p] => self.power(p, x) == Some(3),
                [p, q] => {
                    let degree = |v| if v == x { Some(1) } else { self.power(v, x) };
                    degree(p).zip(degree(q)).is_some_and(|(p, q)| p + q == 3)
                }
                [p, q, r] => [p, q, r].iter().all(|v| *v == x),
                _ => false,
            };
            let is_sum = sum.op == Op::Binary(Binary::Add) && (a == x || b == x);
            Some(is_sum && cubed && near(scale, FRAC_2_PI.sqrt()) && near(inner, 0.044_715))
        };
        cube().unwrap_or(false)
    }

    /// The exponent, if the value is a power of x.
    fn power(&self, value: usize, x: usize) -> Option<i32> {
        let node = self.maker(value)?;
        match (&node.op, &node.inputs[..]) {
            (Op::Unary(Unary::Square), [of]) if *of == x => Some(2),
            (Op::Binary(Binary::Pow), [of, exponent]) if *of == x => {
                self.draft.number(*exponent).filter(|e| e.fract() == 0.0).map(|e| e as i32)
            }
            _ => None,
        }
    }

    /// Whether the value is `scale · x`.
    fn scaled(&self, value: usize, scale: f32, x: usize) -> bool {
        self.factors(value).is_some_and(|f| f.values == [x] && near(f.scale, scale))
    }

    /// x, if the value is `relu6(x + 3)`.
    fn hard(&self, value: usize) -> Option<usize> {
        let relu = self.maker(value).filter(|n| n.op == Op::Unary(Unary::Relu6))?;
        let sum = self.maker(*relu.inputs.first()?).filter(|n| n.op == Op::Binary(Binary::Add))?;
        let (three, x) = self.plus(sum)?;
        near(three, 3.0).then_some(x)
    }

    /// The number and the value of a sum of both.
    fn plus(&self, sum: &Node) -> Option<(f32, usize)> {
        let [a, b] = sum.inputs[..] else { return None };
        let number = |v| self.draft.number(v);
        number(a).map(|n| (n, b)).or_else(|| number(b).map(|n| (n, a)))
    }

    fn factors(&self, value: usize) -> Option<Factors> {
        let mut factors = Factors { scale: 1.0, values: Vec::new() };
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if let Some(number) = self.draft.number(value) {
                factors.scale *= number;
                continue;
            }
            let node = self.maker(value);
            match node.map(|n| (&n.op, &n.inputs[..])) {
                Some((Op::Binary(Binary::Mul), [a, b])) => open.extend([*b, *a]),
                Some((Op::Unary(Unary::Neg), [a])) => {
                    factors.scale = -factors.scale;
                    open.push(*a);
                }
                Some((Op::Binary(Binary::Div), [a, b])) if self.draft.number(*b).is_some() => {
                    factors.scale /= self.draft.number(*b)?;
                    open.push(*a);
                }
                _ => factors.values.push(value),
            }
            if open.len() + factors.values.len() > MOST_FACTORS {
                return None;
            }
        }
        Some(factors)
    }
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 * b.abs()
}
