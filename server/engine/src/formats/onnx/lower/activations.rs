//! Activations: the graph's own, or written out.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{Activation, Binary as B, Compare as C, Op, Unary as U, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn activations(&mut self) -> Outcome {
        let or = |given: Option<f32>, usual: f32| given.unwrap_or(usual);
        let alpha = self.float("alpha");
        match self.op() {
            "Relu" => self.activated(U::Relu),
            "LeakyRelu" => self.activated(U::LeakyRelu(or(alpha, 0.01))),
            "Elu" => self.elu(or(alpha, 1.0), 1.0, 1.0),
            "Celu" => {
                let alpha = or(alpha, 1.0);
                self.elu(alpha, 1.0, alpha)
            }
            "Selu" => {
                let gamma = or(self.float("gamma"), 1.050_701);
                self.elu(or(alpha, 1.673_263_2), gamma, 1.0)
            }
            "HardSigmoid" => {
                let x = self.value(0)?;
                let made = self.hard_sigmoid(x, or(alpha, 0.2), or(self.float("beta"), 0.5))?;
                self.same(made)
            }
            "HardSwish" if self.elem()?.kind() == Kind::F32 => {
                let x = self.value(0)?;
                let made = self.build().elementwise(Op::Activate(Activation::HardSwish), &[x])?;
                self.same(made)
            }
            "HardSwish" => {
                let x = self.value(0)?;
                let gate = self.hard_sigmoid(x, 1.0 / 6.0, 0.5)?;
                let made = self.build().binary(B::Mul, x, gate)?;
                self.same(made)
            }
            "Swish" => {
                let (x, elem) = self.tensor(0)?;
                let alpha = self.number(f64::from(or(alpha, 1.0)), elem)?;
                let inner = self.build().binary(B::Mul, x, alpha)?;
                let gate = self.build().elementwise(Op::Unary(U::Sigmoid), &[inner])?;
                let made = self.build().binary(B::Mul, x, gate)?;
                Self::give(made, elem)
            }
            "Mish" => {
                let x = self.value(0)?;
                let soft = self.build().elementwise(Op::Unary(U::Softplus), &[x])?;
                let gate = self.build().elementwise(Op::Unary(U::Tanh), &[soft])?;
                let made = self.build().binary(B::Mul, x, gate)?;
                self.same(made)
            }
            "Gelu" => {
                let tanh = self.text("approximate") == Some("tanh");
                let x = self.value(0)?;
                let kind = if tanh { Activation::GeluTanh } else { Activation::Gelu };
                let made = self.build().elementwise(Op::Activate(kind), &[x])?;
                self.same(made)
            }
            "PRelu" => self.p_relu(),
            "ThresholdedRelu" => self.thresholded(or(alpha, 1.0)),
            "Shrink" => self.shrink(),
            _ => Ok(None),
        }
    }

    fn activated(&mut self, op: U) -> Outcome {
        let x = self.value(0)?;
        let made = self.build().elementwise(Op::Unary(op), &[x])?;
        self.same(made)
    }

    /// `gamma · (max(x, 0) + alpha · (exp(min(x, 0) / scale) - 1))`
    fn elu(&mut self, alpha: f32, gamma: f32, scale: f32) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let zero = self.number(0.0, elem)?;
        let [alpha, gamma_value, scale_value] = [alpha, gamma, scale]
            .map(|n| self.number(f64::from(n), elem))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?[..]
        else {
            return Ok(None);
        };
        let above = self.build().binary(B::Max, x, zero)?;
        let mut below = self.build().binary(B::Min, x, zero)?;
        if scale != 1.0 {
            below = self.build().binary(B::Div, below, scale_value)?;
        }
        let below = self.build().elementwise(Op::Unary(U::Expm1), &[below])?;
        let below = self.build().binary(B::Mul, below, alpha)?;
        let mut made = self.build().binary(B::Add, above, below)?;
        if gamma != 1.0 {
            made = self.build().binary(B::Mul, made, gamma_value)?;
        }
        Self::give(made, elem)
    }

    pub(super) fn hard_sigmoid(&mut self, x: ValueId, alpha: f32, beta: f32) -> Result<ValueId, Stop> {
        let elem = self.elem()?;
        let (alpha, beta) = (self.number(f64::from(alpha), elem)?, self.number(f64::from(beta), elem)?);
        let (zero, one) = (self.number(0.0, elem)?, self.number(1.0, elem)?);
        let made = self.build().binary(B::Mul, x, alpha)?;
        let made = self.build().binary(B::Add, made, beta)?;
        let made = self.build().binary(B::Max, made, zero)?;
        Ok(self.build().binary(B::Min, made, one)?)
    }

    fn p_relu(&mut self) -> Outcome {
        let ((x, elem), mut slope) = (self.tensor(0)?, self.value(1)?);
        if let (true, Some(rank @ 2..), Some(1)) =
            (self.version < 7, self.build().rank(x), self.build().rank(slope))
        {
            // One for each channel, whatever comes after it.
            let shape: Vec<i64> = std::iter::once(-1).chain((2..rank).map(|_| 1)).collect();
            slope = self.build().reshape(slope, &shape)?;
        }
        let zero = self.number(0.0, elem)?;
        let above = self.build().binary(B::Max, x, zero)?;
        let below = self.build().binary(B::Min, x, zero)?;
        let below = self.build().binary(B::Mul, below, slope)?;
        let made = self.build().binary(B::Add, above, below)?;
        let made = self.narrowed(made, elem)?;
        Self::give(made, elem)
    }

    fn thresholded(&mut self, alpha: f32) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let (alpha, zero) = (self.number(f64::from(alpha), elem)?, self.number(0.0, elem)?);
        let passes = self.build().elementwise(Op::Compare(C::Greater), &[x, alpha])?;
        let made = self.build().elementwise(Op::Select, &[passes, x, zero])?;
        Self::give(made, elem)
    }

    /// Nothing within `lambd` of zero; what is outside comes nearer by `bias`.
    fn shrink(&mut self) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let made = self
            .in_floats(x, elem, |this, x| this.shrunk(x, if elem.is_float() { elem } else { Elem::F64 }))?;
        Self::give(made, elem)
    }

    fn shrunk(&mut self, x: ValueId, elem: Elem) -> Result<ValueId, Stop> {
        let (lambda, bias) = (self.float("lambd").unwrap_or(0.5), self.float("bias").unwrap_or(0.0));
        let (low, high) = (self.number(f64::from(-lambda), elem)?, self.number(f64::from(lambda), elem)?);
        let (bias, zero) = (self.number(f64::from(bias), elem)?, self.number(0.0, elem)?);
        let below = self.add(Op::Compare(C::Less), &[x, low])?;
        let above = self.add(Op::Compare(C::Greater), &[x, high])?;
        let raised = self.add(Op::Binary(B::Add), &[x, bias])?;
        let lowered = self.add(Op::Binary(B::Sub), &[x, bias])?;
        let outer = self.add(Op::Select, &[above, lowered, zero])?;
        self.add(Op::Select, &[below, raised, outer])
    }
}
