//! What a recurrent operator says of its layers: how many there are, and how their weights lie behind each other in one row.
//!
//! The weights of all layers come first, then all biases; within both, layer by layer and direction by direction, those of the inputs
//! before those of the state. A projection's weights follow those of the state; it has no bias.

use super::attributes::wrong;
use super::symbol::Node;
use crate::EngineError;
use crate::graph::{Activation, Cell};

/// More layers than any model has: each becomes operations of the graph.
const MOST_LAYERS: usize = 128;

/// All layers of one operator.
#[derive(Debug, Clone, Copy)]
pub struct Stack {
    pub cell: Cell,
    /// Numbers of a state, before it is projected.
    pub units: usize,
    /// Numbers of an output.
    pub width: usize,
    pub layers: usize,
    pub directions: usize,
    pub projects: bool,
    /// An LSTM's cell is kept between these.
    pub limits: Option<[f32; 2]>,
    /// Sequences have lengths of their own.
    pub has_lengths: bool,
    /// The last states are outputs too.
    pub gives_states: bool,
}

/// A matrix or a vector among the weights: where it begins, and its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub begin: usize,
    pub shape: Vec<usize>,
}

/// One direction of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    pub input: Part,
    pub state: Part,
    pub projection: Option<Part>,
    pub biases: [Part; 2],
}

impl Stack {
    pub fn of(node: &Node) -> Result<Self, EngineError> {
        let (activation, recurrent) = (Activation::Tanh, Activation::Sigmoid);
        let mode = node.text("mode").unwrap_or_default();
        let cell = match mode {
            "rnn_relu" => Cell::Simple { activation: Activation::Relu },
            "rnn_tanh" => Cell::Simple { activation },
            "gru" => Cell::Gru { activation, recurrent, reset_after: true },
            "lstm" => Cell::Lstm { activation, recurrent },
            _ => return Err(wrong("mode", mode)),
        };
        let (units, layers) = (node.size("state_size", 0)?, node.size("num_layers", 0)?);
        let projects = node.text("projection_size").is_some();
        let width = if projects { node.size("projection_size", 0)? } else { units };
        if units == 0 || width == 0 || layers == 0 || layers > MOST_LAYERS {
            return Err(EngineError::broken(format!(
                "{layers} layers of {units} units, {width} of them out"
            )));
        }
        let is_lstm = matches!(cell, Cell::Lstm { .. });
        if projects && !is_lstm {
            return Err(EngineError::broken("only an LSTM can be projected"));
        }
        let bounds = [node.text("lstm_state_clip_min"), node.text("lstm_state_clip_max")];
        let limits = match bounds {
            [Some(_), Some(_)] if is_lstm => {
                Some([node.float("lstm_state_clip_min", 0.0)?, node.float("lstm_state_clip_max", 0.0)?])
            }
            _ => None,
        };
        if limits.is_some_and(|[low, high]| low.is_nan() || high.is_nan() || low > high) {
            return Err(EngineError::broken(format!("states between {bounds:?}")));
        }
        let directions = 1 + usize::from(node.flag("bidirectional", false)?);
        let has_lengths = node.flag("use_sequence_length", false)?;
        let gives_states = node.flag("state_outputs", false)?;
        Ok(Self { cell, units, width, layers, directions, projects, limits, has_lengths, gives_states })
    }

    /// Gates of all units.
    fn rows(&self) -> Option<usize> {
        self.units.checked_mul(self.cell.gates())
    }

    /// How wide the first layer's inputs are, if all weights are so many numbers.
    pub fn inputs(&self, weights: usize) -> Result<usize, EngineError> {
        let found = || {
            let rows = self.rows()?;
            let matrices = self.layers.checked_mul(self.directions)?;
            let of_state = rows.checked_mul(self.width)?;
            let projection = if self.projects { self.units.checked_mul(self.width)? } else { 0 };
            let each = of_state.checked_add(rows.checked_mul(2)?)?.checked_add(projection)?;
            let later = of_state.checked_mul(self.directions)?.checked_mul(self.directions)?;
            let rest = matrices.checked_mul(each)?.checked_add(later.checked_mul(self.layers - 1)?)?;
            let first = rows.checked_mul(self.directions)?;
            let left = weights.checked_sub(rest)?;
            (left > 0 && left.is_multiple_of(first)).then(|| left / first)
        };
        found().ok_or_else(|| {
            let Self { units, layers, directions, .. } = self;
            EngineError::broken(format!(
                "{weights} numbers are not the weights of {layers} layers of {units} units, {directions} directions"
            ))
        })
    }

    /// Where the weights of each layer and direction lie, if all are so many numbers; sizes were found to fit.
    pub fn parts(&self, weights: usize) -> Result<Vec<Parts>, EngineError> {
        let inputs = self.inputs(weights)?;
        let rows = self.units * self.cell.gates();
        let mut at = 0;
        let mut next = |shape: &[usize]| {
            let part = Part { begin: at, shape: shape.to_vec() };
            at += shape.iter().product::<usize>();
            part
        };
        let mut matrices = Vec::new();
        for number in 0..self.layers * self.directions {
            let wide = if number < self.directions { inputs } else { self.width * self.directions };
            let (input, state) = (next(&[rows, wide]), next(&[rows, self.width]));
            matrices.push((input, state, self.projects.then(|| next(&[self.width, self.units]))));
        }
        let biased = matrices.into_iter().map(|(input, state, projection)| Parts {
            input,
            state,
            projection,
            biases: [next(&[rows]), next(&[rows])],
        });
        Ok(biased.collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{Part, Stack};
    use crate::formats::mxnet::symbol::Node;

    fn node(more: &str) -> Node {
        let text =
            format!(r#"{{"op": "RNN", "name": "r", "attrs": {{"mode": "lstm", "state_size": "4"{more}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn weights_come_before_biases() {
        let stack = Stack::of(&node(r#", "num_layers": "2", "bidirectional": "True""#)).unwrap();
        // Inputs of 3 numbers.
        let (first, second) = (16 * (3 + 4), 16 * (8 + 4));
        let all = 2 * (first + second) + 4 * 32;
        let parts = stack.parts(all).unwrap();
        assert_eq!(parts[1].input, Part { begin: first, shape: vec![16, 3] });
        assert_eq!(parts[2].input, Part { begin: 2 * first, shape: vec![16, 8] });
        assert_eq!(parts[3].biases[1], Part { begin: all - 16, shape: vec![16] });
        for wrong in [0, 1, all - 1, all + 1, 2 * (16 * 4 + second) + 4 * 32, usize::MAX] {
            assert!(stack.parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_that_no_file_holds_are_errors() {
        for more in [
            "",
            r#", "num_layers": "0""#,
            r#", "num_layers": "100000000""#,
            r#", "num_layers": "-1""#,
            r#", "num_layers": "1", "projection_size": "0""#,
            r#", "num_layers": "1", "lstm_state_clip_min": "2", "lstm_state_clip_max": "1""#,
            r#", "num_layers": "1", "lstm_state_clip_min": "nan", "lstm_state_clip_max": "1""#,
        ] {
            assert!(Stack::of(&node(more)).is_err(), "{more}");
        }
        let huge = r#", "num_layers": "100", "projection_size": "1000000000""#;
        assert!(Stack::of(&node(huge)).unwrap().parts(1 << 40).is_err());
    }
}
