//! What a pickle holds: nodes by number, in one arena.

mod builder;

pub use builder::Builder;

use crate::EngineError;

/// Names a node.
pub type NodeId = u32;

/// A stretch of bytes, or of children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    begin: u32,
    length: u32,
}

impl Span {
    fn new(begin: usize, length: usize) -> Result<Self, EngineError> {
        let number = |n: usize| u32::try_from(n).map_err(|_| EngineError::broken("the pickle is too large"));
        Ok(Self { begin: number(begin)?, length: number(length)? })
    }

    fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.begin as usize..(self.begin as usize).saturating_add(self.length as usize))
            .unwrap_or(&[])
    }
}

/// A plain value, or something that is kept as what it was made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A number that is too large for 64 bits.
    Huge,
    /// UTF-8, of the file.
    Text(Span),
    /// Bytes of the file.
    Bytes(Span),
    /// UTF-8 and bytes that are not as they were in the file.
    MadeText(Span),
    MadeBytes(Span),
    Tuple(Span),
    List(u32),
    /// Keys and values in turns.
    Dict(u32),
    Set(u32),
    /// Module and name.
    Global(u32),
    Object(u32),
    Array(u32),
}

/// Something of a class.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// A [`Node::Global`].
    pub class: NodeId,
    pub arguments: NodeId,
    pub state: Option<NodeId>,
    /// What was appended to it, or set in it, in turns.
    pub filled: Option<u32>,
}

/// The type of an array's elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Bool,
    Int {
        bytes: usize,
        signed: bool,
        big: bool,
    },
    Float {
        bytes: usize,
        big: bool,
    },
    /// So many characters of 32 bits.
    Text {
        characters: usize,
        big: bool,
    },
    Bytes(usize),
    /// Name, place and type of each.
    Fields(Vec<(String, usize, Type)>, usize),
    Object,
}

impl Type {
    /// Bytes of an element.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int { bytes, .. }
            | Self::Float { bytes, .. }
            | Self::Bytes(bytes)
            | Self::Fields(_, bytes) => *bytes,
            Self::Text { characters, .. } => characters.saturating_mul(4),
            Self::Object => 8,
        }
    }
}

/// An array whose elements lie in the file as they are.
#[derive(Debug, Clone)]
pub struct Stored {
    pub dtype: Type,
    pub shape: Vec<usize>,
    pub fortran: bool,
    pub contents: NodeId,
}

/// A finished tree.
#[derive(Debug)]
pub struct Tree {
    pub root: NodeId,
    nodes: Vec<Node>,
    children: Vec<NodeId>,
    lists: Vec<Vec<NodeId>>,
    objects: Vec<Object>,
    globals: Vec<(String, String)>,
    arrays: Vec<Stored>,
    file: Vec<u8>,
    made: Vec<u8>,
}

impl Tree {
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes.get(id as usize).copied().unwrap_or(Node::None)
    }

    pub fn tuple(&self, span: Span) -> &[NodeId] {
        span.of(&self.children)
    }

    pub fn list(&self, number: u32) -> &[NodeId] {
        self.lists.get(number as usize).map_or(&[], Vec::as_slice)
    }

    pub fn object(&self, number: u32) -> Option<&Object> {
        self.objects.get(number as usize)
    }

    /// Module and name.
    pub fn global(&self, number: u32) -> Option<(&str, &str)> {
        self.globals.get(number as usize).map(|(module, name)| (module.as_str(), name.as_str()))
    }

    pub fn array(&self, number: u32) -> Option<&Stored> {
        self.arrays.get(number as usize)
    }

    /// The text that a node is.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        let bytes = match self.node(id) {
            Node::Text(span) => span.of(&self.file),
            Node::MadeText(span) => span.of(&self.made),
            _ => return None,
        };
        std::str::from_utf8(bytes).ok()
    }

    /// The bytes that a node is.
    pub fn bytes(&self, id: NodeId) -> Option<&[u8]> {
        match self.node(id) {
            Node::Bytes(span) => Some(span.of(&self.file)),
            Node::MadeBytes(span) => Some(span.of(&self.made)),
            _ => None,
        }
    }
}
