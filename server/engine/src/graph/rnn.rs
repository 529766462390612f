//! Layers that go step by step, as ONNX describes them, with weights that a request may bring. Keras's are [`super::Recurrent`].

/// A step. Gates lie in ONNX's order: of a GRU z, r, h; of an LSTM i, o, f, c.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RnnCell {
    /// One function.
    Simple,
    /// Two gates.
    Gru {
        /// The state is reset after it was multiplied, not before.
        reset_after: bool,
    },
    /// Three gates and a cell.
    Lstm {
        /// The forget gate is one minus the input gate.
        coupled: bool,
    },
}

impl RnnCell {
    /// Products for each unit.
    pub fn gates(self) -> usize {
        match self {
            Self::Simple => 1,
            Self::Gru { .. } => 3,
            Self::Lstm { .. } => 4,
        }
    }
}

/// A function of a gate or a state.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum RnnFunction {
    Tanh,
    Sigmoid,
    Relu,
    Softsign,
    Softplus,
    Affine(f32, f32),
    LeakyRelu(f32),
    ThresholdedRelu(f32),
    ScaledTanh(f32, f32),
    HardSigmoid(f32, f32),
    Elu(f32),
}

/// A recurrent layer: x `[steps, batch, in]`, weights, weights of the state, bias?, lengths?, h?, c?, peepholes?, projections? → all
/// outputs, the last h, the last c. A state of a batch of 1 is that of every sequence. Projections `[directions, out, units]` make of what
/// an LSTM's units give the output and the state that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Rnn {
    /// A step.
    pub cell: RnnCell,
    /// From the beginning.
    pub forward: bool,
    /// From the end.
    pub backward: bool,
    /// Of each direction: of the gates, of the candidate, of the cell.
    pub functions: Vec<RnnFunction>,
    /// Gates are cut to this.
    pub clip: Option<f32>,
    /// An LSTM's cell is kept between these.
    pub limits: Option<[f32; 2]>,
    /// The batch is the first axis of inputs, outputs and states.
    pub batch_first: bool,
    /// Which of the inputs that may be left out are there.
    pub has: [bool; 6],
}

/// Attention whose state is a matrix, step by step: queries, keys, values `[batch, steps, heads width]`, state?, decay?, rate? → outputs,
/// state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearAttention {
    /// Heads of queries.
    pub queries: usize,
    /// Heads of keys and values.
    pub keys: usize,
    /// Of the outputs; none: one over the root of a head's width.
    pub scale: Option<f32>,
    /// A state is given.
    pub state: bool,
    /// The state decays.
    pub decays: bool,
    /// What the state says already is taken away from the values.
    pub corrects: bool,
}
