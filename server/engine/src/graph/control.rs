//! What runs other graphs: branches and loops; and the lists that loops read and fill.
//!
//! A body sees nothing but its inputs. What TensorFlow 1 writes as frames of `Enter`, `Switch` and `Merge` is brought into this form
//! by the reader.

use super::{Activation, Graph};
use crate::value::Kind;

/// A graph that another one runs.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in the artifact, for errors.
    pub name: String,
    /// What it does.
    pub graph: Graph,
}

impl PartialEq for Function {
    /// Names do not matter: exports hold one body under several.
    fn eq(&self, other: &Self) -> bool {
        self.graph == other.graph
    }
}

/// Which body runs, and how often.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// choice, xs… → what the chosen body makes of xs
    Branch {
        /// By number.
        branches: Vec<Function>,
        /// The choice is a truth, for which there are two branches; else a number, and one that is out of range means the last.
        by_truth: bool,
    },
    /// xs… → xs as they are once the condition does not hold
    Loop {
        /// xs… → whether to go on
        condition: Function,
        /// xs… → the next xs…
        body: Function,
    },
}

impl Control {
    /// All bodies; of a loop the condition first.
    pub fn bodies(&self) -> Vec<&Function> {
        match self {
            Self::Branch { branches, .. } => branches.iter().collect(),
            Self::Loop { condition, body } => vec![condition, body],
        }
    }
}

/// An operation on lists. Inputs are named in the order in which they come. A shape is of an item, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Listing {
    /// shape → an empty list
    Empty,
    /// shape, length → a list of nothing yet
    Reserve,
    /// x → its slices along the first axis
    FromTensor,
    /// x, indices, length? → the slices at the places that the indices name
    Scatter,
    /// list, x, indices
    ScatterInto,
    /// x, lengths → slices of these lengths
    Split,
    /// list, shape → the items along a new first axis
    Stack(Kind),
    /// list, shape → the items one after another, their lengths
    Concat(Kind),
    /// list, indices, shape → these items along a new first axis
    Gather(Kind),
    /// list, index, shape
    Get(Kind),
    /// list, index, x
    Set {
        /// A place beyond the end makes the list longer.
        grows: bool,
    },
    /// list, x
    Push,
    /// list, shape → list, x
    Pop(Kind),
    /// list
    Length,
    /// list, length
    Resize,
    /// list
    Shape,
    /// a, b
    Join,
    /// splits…, values of a ragged array → one item; `batched`: the items that its rows are
    Wrap {
        /// Row by row.
        batched: bool,
    },
    /// an item that is a ragged array, or many that are the rows of one → splits…, values
    Unwrap {
        /// What the values are.
        kind: Kind,
        /// How many splits.
        levels: usize,
    },
    /// indices, values, shape of a sparse array → one item; `batched`: the items that its rows are
    WrapSparse {
        /// Row by row.
        batched: bool,
    },
    /// an item that is a sparse array, or many that are the rows of one → indices, values, shape
    UnwrapSparse(Kind),
    /// list → zeros in the place of its items
    Zeros,
    /// lists… → the sums of items at the same places
    Sum,
    /// list, index, x → with x before the item at the index
    Insert,
    /// list, index
    Erase,
    /// x, lengths? → parts along an axis, of these lengths; of one length, the last as short as it comes; or single slices
    Cut {
        /// Where.
        axis: i64,
        /// Single slices keep the axis.
        keep: bool,
    },
    /// list → the items one after another along an axis
    Along {
        /// What the items are.
        kind: Kind,
        /// Where.
        axis: i64,
        /// The axis is a new one.
        stacked: bool,
    },
}

/// A step of a recurrent layer. Gates lie in Keras's order: of an LSTM i, f, c, o; of a GRU z, r, h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// `h = activation(x + h U)`
    Simple {
        /// Of the state.
        activation: Activation,
    },
    /// `c = f c + i n`, `h = o activation(c)`
    Lstm {
        /// Of the candidate and of the cell.
        activation: Activation,
        /// Of the gates.
        recurrent: Activation,
    },
    /// `h = z h + (1 - z) n`
    Gru {
        /// Of the candidate.
        activation: Activation,
        /// Of the gates.
        recurrent: Activation,
        /// The state is reset after it was multiplied, not before.
        reset_after: bool,
    },
}

impl Cell {
    /// Products for each unit.
    pub fn gates(self) -> usize {
        match self {
            Self::Simple { .. } => 1,
            Self::Lstm { .. } => 4,
            Self::Gru { .. } => 3,
        }
    }

    /// Values that go from step to step.
    pub fn states(self) -> usize {
        if matches!(self, Self::Lstm { .. }) { 2 } else { 1 }
    }

    /// Constants: the weights of the state; of a GRU those of the candidate too, or the bias that is added to the state's products.
    pub fn constants(self) -> usize {
        if matches!(self, Self::Gru { .. }) { 2 } else { 1 }
    }
}

/// What a recurrent layer puts out at a masked step, at which its states stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskedOutput {
    /// The output of the step before; at the first step the filler.
    Previous,
    /// The filler.
    Filler,
}

/// A recurrent layer over a whole sequence: gates `[steps, batch, gates units]` as far as they come from the inputs, h, c?, constants…,
/// (mask, filler)?, length, limits… → outputs `[length, batch, units]`, h, c?. As many steps are made as the least limit says. Items of
/// the mask, which lie along its first axis, are broadcast to `[batch, units]`, and so is the filler. Of a length of several numbers
/// the first counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recurrent {
    /// A step.
    pub cell: Cell,
    /// Only the last output is wanted; it lies in the first place.
    pub last: bool,
    /// There is a mask: what is not true is masked.
    pub mask: Option<MaskedOutput>,
}
