//! Recurrent layers: those with constant weights and the usual functions as the fused operation that Keras's layers become, the others by
//! plain loops.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{Activation, Cell, Op, Rare, Recurrent, Rnn, RnnCell, RnnFunction, ValueId};

/// Inputs of a layer, by their places.
const BIAS: usize = 3;
const LENGTHS: usize = 4;
const HIDDEN: usize = 5;
const CELL: usize = 6;
const PEEPHOLES: usize = 7;

/// What one direction gives: all outputs, the last states.
struct Walked {
    all: ValueId,
    states: Vec<ValueId>,
}

impl Lowering<'_, '_> {
    pub(super) fn recurrents(&mut self) -> Outcome {
        match self.op() {
            "RNN" => self.recurrent(RnnCell::Simple),
            "GRU" => self.recurrent(RnnCell::Gru { reset_after: self.flag("linear_before_reset") }),
            "LSTM" => self.recurrent(RnnCell::Lstm { coupled: self.flag("input_forget") }),
            _ => Ok(None),
        }
    }

    fn recurrent(&mut self, cell: RnnCell) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let mut inputs = vec![x, self.value(1)?, self.value(2)?];
        let mut has = [false; 6];
        for (n, has) in has.iter_mut().take(5).enumerate() {
            if let Some((value, of)) = self.optional(3 + n) {
                *has = true;
                inputs.push(if n == 1 { self.cast_to(value, of, Elem::I64)? } else { value });
            }
        }
        let (forward, backward) = match self.text("direction").unwrap_or("forward") {
            "forward" => (true, false),
            "reverse" => (false, true),
            "bidirectional" => (true, true),
            other => return Err(Self::broken(format!("direction {other:?}"))),
        };
        let directions = usize::from(forward) + usize::from(backward);
        if let Some(cell) = self.fused(cell, elem)? {
            return self.walks(cell, forward, backward);
        }
        let op = Rnn {
            cell,
            forward,
            backward,
            functions: self.functions(cell, directions)?,
            clip: self.float("clip"),
            limits: None,
            batch_first: self.int("layout") == Some(1),
            has,
        };
        let outputs = if matches!(cell, RnnCell::Lstm { .. }) { 3 } else { 2 };
        let made = self.build().add_many(Op::Rare(Box::new(Rare::Rnn(op))), &inputs, outputs)?;
        Ok(Some(made.into_iter().map(|v| Val::Tensor(v, elem)).collect()))
    }

    /// The functions of each direction, one after another.
    fn functions(&self, cell: RnnCell, directions: usize) -> Result<Vec<RnnFunction>, Stop> {
        let usual: &[&str] = match cell {
            RnnCell::Simple => &["Tanh"],
            RnnCell::Gru { .. } => &["Sigmoid", "Tanh"],
            RnnCell::Lstm { .. } => &["Sigmoid", "Tanh", "Tanh"],
        };
        let names: Vec<String> = match self.texts("activations") {
            Some(given) => given.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect(),
            None => usual.iter().cycle().take(usual.len() * directions).map(|n| (*n).to_owned()).collect(),
        };
        if names.len() != usual.len() * directions {
            return Err(Self::broken(format!("{} activations", names.len())));
        }
        let mut alphas = self.floats("activation_alpha").unwrap_or_default().iter().copied();
        let mut betas = self.floats("activation_beta").unwrap_or_default().iter().copied();
        let mut found = Vec::new();
        for name in names {
            let mut alpha = |usual: f32| alphas.next().unwrap_or(usual);
            let mut beta = |usual: f32| betas.next().unwrap_or(usual);
            found.push(match name.to_ascii_lowercase().as_str() {
                "tanh" => RnnFunction::Tanh,
                "sigmoid" => RnnFunction::Sigmoid,
                "relu" => RnnFunction::Relu,
                "softsign" => RnnFunction::Softsign,
                "softplus" => RnnFunction::Softplus,
                "affine" => RnnFunction::Affine(alpha(1.0), beta(0.0)),
                "leakyrelu" => RnnFunction::LeakyRelu(alpha(0.01)),
                "thresholdedrelu" => RnnFunction::ThresholdedRelu(alpha(1.0)),
                "scaledtanh" => RnnFunction::ScaledTanh(alpha(1.0), beta(1.0)),
                "hardsigmoid" => RnnFunction::HardSigmoid(alpha(0.2), beta(0.5)),
                "elu" => RnnFunction::Elu(alpha(1.0)),
                _ => return Self::refuse(format!("activation {name:?}")),
            });
        }
        Ok(found)
    }

    /// The fused cell, if the layer is one.
    fn fused(&mut self, cell: RnnCell, elem: Elem) -> Result<Option<Cell>, Stop> {
        let plain = elem == Elem::F32
            && self.float("clip").is_none()
            && self.attribute("activations").is_none()
            && self.optional(LENGTHS).is_none()
            && self.optional(PEEPHOLES).is_none();
        for n in [1, 2, BIAS] {
            let Some((value, _)) = self.optional(n) else { continue };
            if !matches!(self.build().maker(value), Some(Op::Literal(_) | Op::Weight(_))) {
                return Ok(None);
            }
        }
        let (activation, recurrent) = (Activation::Tanh, Activation::Sigmoid);
        Ok(match cell {
            _ if !plain => None,
            RnnCell::Simple => Some(Cell::Simple { activation }),
            RnnCell::Gru { reset_after } => Some(Cell::Gru { activation, recurrent, reset_after }),
            RnnCell::Lstm { coupled: false } => Some(Cell::Lstm { activation, recurrent }),
            RnnCell::Lstm { coupled: true } => None,
        })
    }

    /// Each direction, and what they give together.
    fn walks(&mut self, cell: Cell, forward: bool, backward: bool) -> Outcome {
        let batch_first = self.int("layout") == Some(1);
        let x = self.value(0)?;
        let x = if batch_first { self.build().transpose(x, &[1, 0, 2])? } else { x };
        let mut walked = Vec::new();
        for backwards in [false, true].into_iter().filter(|b| if *b { backward } else { forward }) {
            walked.push(self.walk(cell, x, walked.len() as i64, backwards, batch_first)?);
        }
        let all: Vec<ValueId> = walked.iter().map(|w| w.all).collect();
        let mut made = vec![self.add(Op::Pack(if batch_first { 2 } else { 1 }), &all)?];
        for n in 0..cell.states() {
            let states: Vec<ValueId> = walked.iter().map(|w| w.states[n]).collect();
            made.push(self.add(Op::Pack(i64::from(batch_first)), &states)?);
        }
        Ok(Some(made.into_iter().map(|v| Val::Tensor(v, Elem::F32)).collect()))
    }

    fn walk(
        &mut self,
        cell: Cell,
        x: ValueId,
        direction: i64,
        backwards: bool,
        batch_first: bool,
    ) -> Result<Walked, Stop> {
        let time = self.build().ints(&[0])?;
        let (weights, recurrent) = (self.value(1)?, self.value(2)?);
        let weights = self.of_direction(weights, direction, 0)?;
        let weights = self.reordered(weights, cell)?;
        let weights = self.build().transpose(weights, &[1, 0])?;
        let recurrent = self.of_direction(recurrent, direction, 0)?;
        let recurrent = self.reordered(recurrent, cell)?;
        let recurrent = self.build().transpose(recurrent, &[1, 0])?;
        let (bias, state_bias) = self.biases(cell, direction)?;
        let x = if backwards { self.add(Op::Reverse, &[x, time])? } else { x };
        let gates: Vec<ValueId> = [x, weights].into_iter().chain(bias).collect();
        let gates = self.add(Op::Dense(Activation::None), &gates)?;
        let mut inputs = vec![gates];
        for n in [HIDDEN, CELL].into_iter().take(cell.states()) {
            inputs.push(match self.optional(n) {
                Some((state, _)) => self.of_direction(state, direction, i64::from(batch_first))?,
                None => self.build().float(0.0)?,
            });
        }
        match cell {
            Cell::Gru { reset_after: true, .. } => inputs.extend([recurrent, state_bias]),
            Cell::Gru { reset_after: false, .. } => inputs.extend(self.candidate_apart(recurrent)?),
            _ => inputs.push(recurrent),
        }
        // As many steps as there are; of a shape the first number counts.
        let steps = self.add(Op::Shape, &[x])?;
        inputs.extend([steps, steps]);
        let op = Op::Recurrent(Recurrent { cell, last: false, mask: None });
        let made = self.build().add_many(op, &inputs, 1 + cell.states())?;
        let mut all = if backwards { self.add(Op::Reverse, &[made[0], time])? } else { made[0] };
        if batch_first {
            all = self.build().transpose(all, &[1, 0, 2])?;
        }
        Ok(Walked { all, states: made[1..].to_vec() })
    }

    fn of_direction(&mut self, x: ValueId, direction: i64, axis: i64) -> Result<ValueId, Stop> {
        let (direction, axis) = (self.build().int(direction)?, self.build().int(axis)?);
        self.add(Op::Gather { batch_dims: 0 }, &[x, direction, axis])
    }

    /// ONNX's order of an LSTM's gates, i, o, f, c, as i, f, c, o along the first axis.
    fn reordered(&mut self, x: ValueId, cell: Cell) -> Result<ValueId, Stop> {
        if !matches!(cell, Cell::Lstm { .. }) {
            return Ok(x);
        }
        let axis = self.build().int(0)?;
        let parts = self.build().add_many(Op::Split(4), &[x, axis], 4)?;
        self.add(Op::Concat, &[parts[0], parts[2], parts[3], parts[1], axis])
    }

    /// What is added to the inputs' products, and, where the reset comes after the product, to the state's.
    fn biases(&mut self, cell: Cell, direction: i64) -> Result<(Option<ValueId>, ValueId), Stop> {
        let zero = self.build().float(0.0)?;
        let after = matches!(cell, Cell::Gru { reset_after: true, .. });
        let Some((bias, _)) = self.optional(BIAS) else {
            if !after {
                return Ok((None, zero));
            }
            let rows = self.value(1)?;
            let shape = self.add(Op::Shape, &[rows])?;
            let rows = self.part(shape, 1, 2)?;
            return Ok((None, self.add(Op::Fill, &[rows, zero])?));
        };
        let bias = self.of_direction(bias, direction, 0)?;
        let axis = self.build().int(0)?;
        let halves = self.build().add_many(Op::Split(2), &[bias, axis], 2)?;
        let (of_inputs, of_state) = (self.reordered(halves[0], cell)?, self.reordered(halves[1], cell)?);
        if after {
            return Ok((Some(of_inputs), of_state));
        }
        let sum = self.add(Op::Binary(crate::graph::Binary::Add), &[of_inputs, of_state])?;
        Ok((Some(sum), zero))
    }

    /// The weights of both gates, and those of the candidate.
    fn candidate_apart(&mut self, recurrent: ValueId) -> Result<[ValueId; 2], Stop> {
        let axis = self.build().int(1)?;
        let parts = self.build().add_many(Op::Split(3), &[recurrent, axis], 3)?;
        let gates = self.add(Op::Concat, &[parts[0], parts[1], axis])?;
        Ok([gates, parts[2]])
    }
}
