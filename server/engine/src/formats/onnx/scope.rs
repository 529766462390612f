//! Names and what they stand for. A body sees the names around it; a function sees nothing but its own.

use super::elem::Elem;
use crate::graph::ValueId;
use std::collections::HashMap;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Val {
    /// A tensor.
    Tensor(ValueId, Elem),
    /// A sequence of tensors: a list of the graph.
    Sequence(ValueId, Elem),
    /// An optional value that is not there.
    Absent,
    /// An optional value of which only a run knows whether it is there: a list of one item or of none; whether this is a sequence.
    Optional(ValueId, Elem, bool),
    /// What an operator makes that is not supported: nothing that reads it is looked at.
    Unknown,
}

impl Val {
    /// The same kind of value with another number.
    pub fn renamed(self, value: ValueId) -> Self {
        match self {
            Self::Tensor(_, elem) => Self::Tensor(value, elem),
            Self::Sequence(_, elem) => Self::Sequence(value, elem),
            Self::Optional(_, elem, sequence) => Self::Optional(value, elem, sequence),
            other => other,
        }
    }

    /// Its number in its graph.
    pub fn id(self) -> Option<ValueId> {
        match self {
            Self::Tensor(value, _) | Self::Sequence(value, _) | Self::Optional(value, ..) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// The tensor that it is.
    pub fn tensor(self) -> Option<(ValueId, Elem)> {
        match self {
            Self::Tensor(value, elem) => Some((value, elem)),
            _ => None,
        }
    }
}

/// Values by name, and the graph in which each is: 0 is the outermost.
#[derive(Debug, Default)]
pub struct Frame {
    values: HashMap<String, (usize, Val)>,
    /// Names around it are not seen.
    closed: bool,
}

/// Frames, the innermost last.
#[derive(Debug, Default)]
pub struct Scopes(Vec<Frame>);

impl Scopes {
    /// Begins a graph; `closed`: it is a function's.
    pub fn push(&mut self, closed: bool) {
        self.0.push(Frame { closed, ..Frame::default() });
    }

    /// Ends it.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Names a value of a graph.
    pub fn set(&mut self, name: &str, level: usize, val: Val) {
        if let Some(frame) = self.0.last_mut() {
            frame.values.insert(name.to_owned(), (level, val));
        }
    }

    /// The value of a name, and in which graph it is.
    pub fn get(&self, name: &str) -> Option<(usize, Val)> {
        for frame in self.0.iter().rev() {
            if let Some(found) = frame.values.get(name) {
                return Some(*found);
            }
            if frame.closed {
                return None;
            }
        }
        None
    }
}
