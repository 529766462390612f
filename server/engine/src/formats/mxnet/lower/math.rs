//! Arithmetic, comparisons, products.

use super::names::{Two, one, rare, two};
use super::{Lowering, Made, Outcome, Stop};
use crate::DType;
use crate::graph::{Binary, Compare, Op, Rare, Unary, ValueId};

impl Lowering<'_, '_> {
    pub(super) fn math(&mut self) -> Outcome {
        let op = self.op();
        let plain = op.trim_start_matches('_');
        if let Some(base) = plain.strip_suffix("_scalar").or_else(|| plain.strip_suffix("Scalar")) {
            return self.with_scalar(base);
        }
        let base =
            ["elemwise_", "broadcast_"].iter().find_map(|prefix| plain.strip_prefix(prefix)).unwrap_or(plain);
        if let (Some(f), [a, b]) = (two(base), &self.inputs[..]) {
            let (a, b) = (*a, *b);
            return Self::one(self.of_two(&f, a, b));
        }
        if let Some(f) = one(op) {
            let x = self.input(0)?;
            return Self::one(self.unary(f, x));
        }
        if let Some(f) = rare(op) {
            let x = self.input(0)?;
            return Self::one(self.rare(Rare::Function(f), &[x]));
        }
        if let Some(made) = self.composed()? {
            return Ok(Some(vec![made]));
        }
        Self::one(match op {
            "log_sigmoid" => {
                let x = self.input(0)?;
                self.log_sigmoid(x)
            }
            "logical_not" => {
                let (x, zero) = (self.input(0)?, self.build().float(0.0)?);
                self.truth(Op::Compare(Compare::Equal), &[x, zero])
            }
            "clip" => {
                let (x, low, high) =
                    (self.input(0)?, self.node.float("a_min", 0.0)?, self.node.float("a_max", 0.0)?);
                self.between(x, low, high)
            }
            "smooth_l1" => self.smooth(),
            "add_n" | "ElementWiseSum" | "_sum" => {
                let inputs = self.inputs.clone();
                let (first, rest) = inputs.split_first().ok_or_else(|| Self::broken("a sum of nothing"))?;
                rest.iter().try_fold(*first, |sum, x| self.pair(Binary::Add, sum, *x))
            }
            "Cast" | "cast" | "amp_cast" => self.cast(),
            "dot" => self.dot(),
            "batch_dot" | "linalg_gemm2" | "_linalg_gemm2" => self.batch_dot(),
            _ => return Ok(None),
        })
    }

    /// Functions of one value that others are put together to.
    fn composed(&mut self) -> Result<Option<ValueId>, Stop> {
        let op = self.op();
        let made = match op {
            "fix" | "trunc" => {
                let x = self.input(0)?;
                let (size, sign) = (self.unary(Unary::Abs, x)?, self.unary(Unary::Sign, x)?);
                let whole = self.unary(Unary::Floor, size)?;
                self.pair(Binary::Mul, whole, sign)
            }
            // Halves away from zero.
            "round" => {
                let x = self.input(0)?;
                let (size, sign) = (self.unary(Unary::Abs, x)?, self.unary(Unary::Sign, x)?);
                let more = self.plus(size, 0.5)?;
                let whole = self.unary(Unary::Floor, more)?;
                self.pair(Binary::Mul, whole, sign)
            }
            "log2" | "log10" => {
                let x = self.input(0)?;
                let log = self.unary(Unary::Log, x)?;
                self.times(
                    log,
                    if op == "log2" { std::f32::consts::LOG2_E } else { std::f32::consts::LOG10_E },
                )
            }
            "cbrt" | "rcbrt" => {
                let x = self.input(0)?;
                let (size, sign) = (self.unary(Unary::Abs, x)?, self.unary(Unary::Sign, x)?);
                let third = self.build().float(if op == "cbrt" { 1.0 / 3.0 } else { -1.0 / 3.0 })?;
                let root = self.pair(Binary::Pow, size, third)?;
                self.pair(Binary::Mul, root, sign)
            }
            "degrees" | "radians" => {
                let x = self.input(0)?;
                self.times(x, if op == "degrees" { 1f32.to_degrees() } else { 1f32.to_radians() })
            }
            _ => return Ok(None),
        };
        made.map(Some)
    }

    pub(super) fn pair(&mut self, f: Binary, a: ValueId, b: ValueId) -> Made {
        Ok(self.build().binary(f, a, b)?)
    }

    /// A truth as a number.
    fn truth(&mut self, op: Op, inputs: &[ValueId]) -> Made {
        let truth = self.build().elementwise(op, inputs)?;
        Ok(self.build().elementwise(Op::Cast(DType::F32), &[truth])?)
    }

    /// Whether numbers are not zero.
    fn are_true(&mut self, x: ValueId) -> Made {
        let zero = self.build().float(0.0)?;
        self.add(Op::Compare(Compare::NotEqual), &[x, zero])
    }

    fn of_two(&mut self, f: &Two, a: ValueId, b: ValueId) -> Made {
        match f {
            Two::Arithmetic(f) => self.pair(*f, a, b),
            Two::Rare(f) => self.rare(Rare::Pairing(*f), &[a, b]),
            Two::Compare(f) => self.truth(Op::Compare(*f), &[a, b]),
            Two::Logic(f) => {
                let (a, b) = (self.are_true(a)?, self.are_true(b)?);
                self.truth(Op::Binary(*f), &[a, b])
            }
            Two::ExclusiveOr => {
                let (a, b) = (self.are_true(a)?, self.are_true(b)?);
                self.truth(Op::Compare(Compare::NotEqual), &[a, b])
            }
            Two::Hypot => {
                let (a, b) = (self.unary(Unary::Square, a)?, self.unary(Unary::Square, b)?);
                let sum = self.pair(Binary::Add, a, b)?;
                self.unary(Unary::Sqrt, sum)
            }
        }
    }

    /// A value and a number; some operators have them the other way round.
    fn with_scalar(&mut self, base: &str) -> Outcome {
        let x = self.input(0)?;
        let scalar = self.node.float("scalar", 0.0)?;
        let number = self.build().float(scalar)?;
        let lower = base.to_ascii_lowercase();
        // Names like `rminus`, `RPower`: turned round.
        let turned =
            lower.strip_prefix('r').filter(|rest| matches!(*rest, "minus" | "sub" | "div" | "power" | "mod"));
        let (name, a, b) = match turned {
            Some(name) => (name, number, x),
            None => (lower.as_str(), x, number),
        };
        match two(name) {
            Some(f) => Self::one(self.of_two(&f, a, b)),
            None => Ok(None),
        }
    }

    fn smooth(&mut self) -> Made {
        let (x, sigma) = (self.input(0)?, self.node.float("scalar", 1.0)?);
        let (square, size) = (self.unary(Unary::Square, x)?, self.unary(Unary::Abs, x)?);
        let near = self.times(square, 0.5 * sigma * sigma)?;
        let far = self.plus(size, -0.5 / (sigma * sigma))?;
        let edge = self.build().float(1.0 / (sigma * sigma))?;
        let is_near = self.add(Op::Compare(Compare::Less), &[size, edge])?;
        self.add(Op::Select, &[is_near, near, far])
    }

    fn cast(&mut self) -> Made {
        let (x, to) = (self.input(0)?, self.node.text("dtype").unwrap_or("float32"));
        match super::super::attributes::dtype(to) {
            Some(DType::F16) => {
                let narrow = self.add(Op::Cast(DType::F16), &[x])?;
                Ok(narrow)
            }
            Some(dtype @ (DType::F32 | DType::F64 | DType::I64)) => self.add(Op::Cast(dtype), &[x]),
            Some(dtype @ (DType::I32 | DType::I8 | DType::U8)) => {
                let narrow = self.add(Op::Cast(dtype), &[x])?;
                self.add(Op::Cast(DType::I64), &[narrow])
            }
            _ => Self::refuse(format!("a cast to {to}")),
        }
    }

    /// The last axis of one by the first of the other.
    fn dot(&mut self) -> Made {
        let (a, b) = (self.input(0)?, self.input(1)?);
        let (transpose_a, transpose_b) =
            (self.node.flag("transpose_a", false)?, self.node.flag("transpose_b", false)?);
        match (self.rank(a)?, self.rank(b)?) {
            (2, 2) => self.add(Op::MatMul { transpose_a, transpose_b }, &[a, b]),
            (1, 1) => {
                let product = self.pair(Binary::Mul, a, b)?;
                self.reduced(crate::graph::Reduce::Sum, product, &[0], true)
            }
            (rank, 2) if !transpose_a && rank > 2 => {
                let b = if transpose_b { self.build().transpose(b, &[1, 0])? } else { b };
                self.add(Op::Dense(crate::graph::Activation::None), &[a, b])
            }
            (2, 1) if !transpose_a => {
                let column = self.build().reshape(b, &[-1, 1])?;
                let made = self.add(Op::MatMul { transpose_a, transpose_b: false }, &[a, column])?;
                Ok(self.build().reshape(made, &[-1])?)
            }
            (a, b) => Self::refuse(format!("a product of values of {a} and {b} axes")),
        }
    }

    fn batch_dot(&mut self) -> Made {
        let (a, b) = (self.input(0)?, self.input(1)?);
        let (transpose_a, transpose_b) =
            (self.node.flag("transpose_a", false)?, self.node.flag("transpose_b", false)?);
        let made = self.add(Op::MatMul { transpose_a, transpose_b }, &[a, b])?;
        match self.node.float("alpha", 1.0)? {
            1.0 => Ok(made),
            alpha => self.times(made, alpha),
        }
    }
}
