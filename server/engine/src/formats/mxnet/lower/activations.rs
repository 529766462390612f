//! Activations and softmax.

use super::{Lowering, Made, Outcome};
use crate::DType;
use crate::graph::{Activation, Binary, Compare, Op, Reduce, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn activations(&mut self) -> Outcome {
        Self::one(match self.op() {
            "Activation" => self.activation(),
            "LeakyReLU" => self.leaky(),
            "hard_sigmoid" => {
                let (alpha, beta) = (self.node.float("alpha", 0.2)?, self.node.float("beta", 0.5)?);
                let x = self.input(0)?;
                let scaled = self.times(x, alpha)?;
                let shifted = self.plus(scaled, beta)?;
                self.between(shifted, 0.0, 1.0)
            }
            "softmax" | "log_softmax" | "softmin" => self.softmax(),
            "SoftmaxActivation" => {
                let x = self.input(0)?;
                let rank = self.rank(x)?;
                let channel = self.node.text("mode") == Some("channel");
                if channel { self.softmax_along(x, 1, rank, false) } else { self.softmax_of_rows(x, rank) }
            }
            "SoftmaxOutput" | "Softmax" => self.softmax_output(),
            "LogisticRegressionOutput" => {
                let x = self.input(0)?;
                self.unary(Unary::Sigmoid, x)
            }
            "LinearRegressionOutput" | "MAERegressionOutput" | "SVMOutput" => self.input(0),
            _ => return Ok(None),
        })
    }

    fn activation(&mut self) -> Made {
        let x = self.input(0)?;
        match self.node.text("act_type").unwrap_or_default() {
            "relu" => self.unary(Unary::Relu, x),
            "sigmoid" => self.unary(Unary::Sigmoid, x),
            "tanh" => self.unary(Unary::Tanh, x),
            "softrelu" => self.unary(Unary::Softplus, x),
            "softsign" => self.unary(Unary::Softsign, x),
            "log_sigmoid" => self.log_sigmoid(x),
            "mish" => {
                let soft = self.unary(Unary::Softplus, x)?;
                let bent = self.unary(Unary::Tanh, soft)?;
                Ok(self.build().binary(Binary::Mul, x, bent)?)
            }
            other => Self::refuse(format!("act_type {other:?}")),
        }
    }

    /// `-softplus(-x)`
    pub(super) fn log_sigmoid(&mut self, x: ValueId) -> Made {
        let negative = self.unary(Unary::Neg, x)?;
        let soft = self.unary(Unary::Softplus, negative)?;
        self.unary(Unary::Neg, soft)
    }

    fn leaky(&mut self) -> Made {
        let x = self.input(0)?;
        let slope = self.node.float("slope", 0.25)?;
        match self.node.text("act_type").unwrap_or("leaky") {
            "leaky" => self.unary(Unary::LeakyRelu(slope), x),
            // Without training, the middle of what it would be drawn from.
            "rrelu" => {
                let (low, high) =
                    (self.node.float("lower_bound", 0.125)?, self.node.float("upper_bound", 0.334)?);
                self.unary(Unary::LeakyRelu(f32::midpoint(low, high)), x)
            }
            "elu" => {
                let below = self.unary(Unary::Elu, x)?;
                if slope == 1.0 {
                    return Ok(below);
                }
                let zero = self.build().float(0.0)?;
                let under = self.build().binary(Binary::Min, below, zero)?;
                let scaled = self.times(under, slope)?;
                let over = self.unary(Unary::Relu, x)?;
                Ok(self.build().binary(Binary::Add, scaled, over)?)
            }
            "selu" => self.unary(Unary::Selu, x),
            "gelu" => Ok(self.build().elementwise(Op::Activate(Activation::Gelu), &[x])?),
            "prelu" => {
                let (gamma, rank) = (self.input(1)?, self.rank(x)?);
                let zero = self.build().float(0.0)?;
                let over = self.unary(Unary::Relu, x)?;
                let under = self.build().binary(Binary::Min, x, zero)?;
                let scaled = match self.extent(gamma, 0) {
                    Some(1) => {
                        let gamma = self.build().reshape(gamma, &[])?;
                        self.build().binary(Binary::Mul, under, gamma)?
                    }
                    _ if rank >= 2 => self.build().by_channel(Binary::Mul, under, gamma, rank)?,
                    _ => self.build().binary(Binary::Mul, under, gamma)?,
                };
                Ok(self.build().binary(Binary::Add, scaled, over)?)
            }
            other => Self::refuse(format!("act_type {other:?}")),
        }
    }

    fn softmax(&mut self) -> Made {
        let mut x = self.input(0)?;
        let rank = self.rank(x)?;
        let axis = self.axis("axis", -1, rank)?;
        if self.op() == "softmin" {
            x = self.unary(Unary::Neg, x)?;
        }
        if self.node.text("temperature").is_some() {
            let temperature = self.node.float("temperature", 1.0)?;
            x = self.times(x, 1.0 / temperature)?;
        }
        let log = self.op() == "log_softmax";
        if !self.node.flag("use_length", false)? {
            return self.softmax_along(x, axis, rank, log);
        }
        // What lies behind a row's length does not count, and is zero.
        let lengths = self.input(1)?;
        let lengths = self.add(Op::Cast(DType::I64), &[lengths])?;
        let along = self.build().int(axis as i64)?;
        let lengths = self.add(Op::ExpandDims, &[lengths, along])?;
        let numbers = self.numbered(x, axis)?;
        let numbers = self.along(numbers, axis, rank)?;
        let counts = self.add(Op::Compare(Compare::Less), &[numbers, lengths])?;
        let (least, zero) = (self.build().float(f32::NEG_INFINITY)?, self.build().float(0.0)?);
        let x = self.add(Op::Select, &[counts, x, least])?;
        let made = self.softmax_along(x, axis, rank, log)?;
        self.add(Op::Select, &[counts, made, zero])
    }

    /// Softmax over one axis, which comes last meanwhile.
    fn softmax_along(&mut self, x: ValueId, axis: usize, rank: usize, log: bool) -> Made {
        if axis + 1 == rank {
            return self.add(Op::Softmax { log }, &[x]);
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(axis, rank - 1);
        let turned = self.build().transpose(x, &order)?;
        let made = self.add(Op::Softmax { log }, &[turned])?;
        Ok(self.build().transpose(made, &order)?)
    }

    /// Softmax over all axes but the first.
    fn softmax_of_rows(&mut self, x: ValueId, rank: usize) -> Made {
        if rank <= 2 {
            return self.add(Op::Softmax { log: false }, &[x]);
        }
        let shape = self.add(Op::Shape, &[x])?;
        let flat = self.flattened(x)?;
        let made = self.add(Op::Softmax { log: false }, &[flat])?;
        self.add(Op::Reshape, &[made, shape])
    }

    fn softmax_output(&mut self) -> Made {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        if self.node.flag("multi_output", false)? {
            self.softmax_along(x, 1, rank, false)
        } else if self.node.flag("preserve_shape", false)? {
            self.softmax_along(x, rank.saturating_sub(1), rank, false)
        } else {
            self.softmax_of_rows(x, rank)
        }
    }

    // Numbers.

    pub(super) fn times(&mut self, x: ValueId, factor: f32) -> Made {
        let factor = self.build().float(factor)?;
        Ok(self.build().binary(Binary::Mul, x, factor)?)
    }

    pub(super) fn plus(&mut self, x: ValueId, term: f32) -> Made {
        let term = self.build().float(term)?;
        Ok(self.build().binary(Binary::Add, x, term)?)
    }

    pub(super) fn between(&mut self, x: ValueId, low: f32, high: f32) -> Made {
        let (low, high) = (self.build().float(low)?, self.build().float(high)?);
        let above = self.build().binary(Binary::Max, x, low)?;
        Ok(self.build().binary(Binary::Min, above, high)?)
    }

    /// The sum over some axes.
    pub(super) fn reduced(&mut self, kind: Reduce, x: ValueId, axes: &[i64], keep: bool) -> Made {
        let axes = self.build().ints(axes)?;
        self.add(Op::Reduce { kind, keep }, &[x, axes])
    }
}
