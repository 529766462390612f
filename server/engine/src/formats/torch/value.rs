//! What a PyTorch program computes with while it is lowered: tensors of the graph, and everything that is known without running it.

use crate::graph::ValueId;
use crate::{DType, EngineError};
use std::cell::RefCell;
use std::rc::Rc;

/// A tensor as the program sees it: what is written to in place stays the same tensor.
pub type Handle = usize;

/// The name of what is set only where somebody reads it.
pub const UNSET: &str = "uninitialized";

/// A value of the program.
#[derive(Debug, Clone)]
pub enum Val {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Type(DType),
    Tensor(Handle),
    /// An integer that a request decides, as a scalar of the graph.
    Symbol(ValueId),
    List(Rc<RefCell<Vec<Val>>>),
    Tuple(Rc<[Val]>),
    /// A list of as many tensors as the request says: the slices of this one along its first axis.
    Slices(Handle),
    Dict(Rc<RefCell<Vec<(Val, Val)>>>),
    /// A module or another instance of a class, by its number.
    Object(usize),
    /// A function or class, by its qualified name.
    Named(Rc<str>),
}

impl Val {
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// The items of a list or tuple.
    pub fn items(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(items) => Some(items.borrow().clone()),
            Self::Tuple(items) => Some(items.to_vec()),
            _ => None,
        }
    }

    /// Whether it is set only elsewhere.
    pub fn is_unset(&self) -> bool {
        matches!(self, Self::Named(name) if &**name == UNSET)
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What it is, for errors.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a float",
            Self::Text(_) => "a string",
            Self::Type(_) => "a dtype",
            Self::Tensor(_) => "a tensor",
            Self::Symbol(_) => "an int that depends on the request",
            Self::List(_) => "a list",
            Self::Slices(_) => "a list whose length depends on the request",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dict",
            Self::Object(_) => "an object",
            Self::Named(_) => "a function",
        }
    }
}

/// Why lowering does not go on.
#[derive(Debug)]
pub enum Stop {
    Error(EngineError),
    /// The engine lacks it, or this use of it.
    Unsupported(String),
    /// The number of axes of an input has to be known; perhaps it follows from what is done with it.
    Rank(usize, Option<usize>),
    /// A dictionary that is an input has to have a key.
    Key(Rc<str>, Rc<str>),
    /// An input has to be of integers.
    Whole(usize),
    /// The program raises an exception.
    Raised(String),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}

pub type Result<T> = std::result::Result<T, Stop>;

/// An artifact that is broken.
pub fn broken<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Error(EngineError::broken(what)))
}

/// A use that the engine lacks.
pub fn unsupported<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Unsupported(what.into()))
}
