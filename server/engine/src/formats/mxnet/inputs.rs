//! Shapes of inputs that no file tells: what follows from the layers that read them.

use super::context::{Context, extents};
use super::recurrent::Stack;
use super::symbol::Node;
use crate::EngineError;
use crate::signature::Dim;

/// How far the weights of a layer are followed back to arrays.
const MOST_STEPS: usize = 8;

impl Context<'_> {
    /// What an input's own node says of its shape, or the weights of the layer that reads it.
    pub(super) fn shape_of(&self, n: usize, node: &Node) -> Result<Option<Vec<Dim>>, EngineError> {
        if let Some(shape) = node.ints("__shape__")?.filter(|shape| !shape.is_empty()) {
            return Ok(Some(extents(&shape)));
        }
        if let Some(shape) = self.recurrent(n) {
            return Ok(Some(shape));
        }
        let Some((_, reader)) = self.reader(n) else { return Ok(None) };
        let weights = reader.inputs().get(1).and_then(|entry| self.symbol.nodes.get(entry.place().0));
        let weights = weights.and_then(|weights| self.array(&weights.name)).map(|array| &array.shape[..]);
        Ok(match (reader.op.as_str(), weights) {
            ("Convolution", Some([_, channels, window @ ..])) => {
                let groups = reader.size("num_group", 1)?;
                Some([&[None, channels.checked_mul(groups)][..], &vec![None; window.len()]].concat())
            }
            ("FullyConnected", Some([_, width])) => Some(vec![None, Some(*width)]),
            _ => None,
        })
    }

    /// The first node that has a value as its first input.
    fn reader(&self, n: usize) -> Option<(usize, &Node)> {
        let reads = |reader: &Node| reader.inputs().first().is_some_and(|entry| entry.place().0 == n);
        self.symbol.nodes.iter().enumerate().find(|(_, reader)| reads(reader))
    }

    /// The shape of a recurrent layer's sequences, which may be turned before, or of its states. What is wrong with the layer is told when
    /// it is lowered.
    fn recurrent(&self, n: usize) -> Option<Vec<Dim>> {
        let turned = match self.reader(n) {
            Some((at, reader)) if matches!(reader.op.as_str(), "SwapAxis" | "swapaxes" | "SwapAxes") => at,
            _ => n,
        };
        let place = |reader: &Node| {
            let mut inputs = reader.inputs().iter().map(|entry| entry.place().0);
            reader.is_recurrent().then(|| inputs.position(|at| at == n || at == turned)).flatten()
        };
        let (reader, place) = self.symbol.nodes.iter().find_map(|node| Some((node, place(node)?)))?;
        let stack = Stack::of(reader).ok()?;
        let count = stack.layers * stack.directions;
        match place {
            0 => {
                let weights = reader.inputs().get(1).and_then(|entry| self.elements(entry.place().0, 0));
                Some(vec![None, None, weights.and_then(|weights| stack.inputs(weights).ok())])
            }
            2 => Some(vec![Some(count), None, Some(stack.width)]),
            3 if stack.cell.states() == 2 => Some(vec![Some(count), None, Some(stack.units)]),
            _ => None,
        }
    }

    /// How many numbers there are in what is only put together of arrays.
    fn elements(&self, n: usize, steps: usize) -> Option<usize> {
        let node = self.symbol.nodes.get(n).filter(|_| steps < MOST_STEPS)?;
        if node.is_variable() {
            return self.array(&node.name)?.shape.iter().try_fold(1usize, |all, d| all.checked_mul(*d));
        }
        let each = |entry: &super::symbol::Entry| self.elements(entry.place().0, steps + 1);
        match node.op.as_str() {
            "Reshape" | "reshape" => each(node.inputs().first()?),
            "_rnn_param_concat" | "_npi_rnn_param_concat" if steps == 0 => {
                node.inputs().iter().try_fold(0usize, |all, entry| all.checked_add(each(entry)?))
            }
            _ => None,
        }
    }
}
