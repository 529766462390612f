//! Pickles, read as data.
//!
//! The stack machine makes a tree of plain nodes and nothing else: what a pickle would call is kept as the name of a class, its
//! arguments and its state, and only names of a fixed list may be named at all. Nodes are shared by number and never copied, so that
//! what refers to itself many times over stays as small as its file; bytes stay where they lie in the file. Opcodes, nodes and
//! nesting are bounded before memory is taken.

mod arrays;
mod compressed;
mod cursor;
mod joblib;
mod machine;
mod names;
mod numbers;
mod tree;
mod view;

pub use arrays::{Array, described};
pub use compressed::{decompressed, is_compressed};
pub use names::check;
pub use tree::{Builder, Node, NodeId, Stored, Tree, Type};
pub use view::View;

use crate::EngineError;

/// Endings of files that hold a pickle.
const ENDINGS: [&str; 4] = ["pkl", "pickle", "joblib", "sav"];

/// Whether a file is likely one: by its first bytes, or by its name and first bytes, where these alone do not tell.
pub fn is_likely(name: &str, head: &[u8]) -> bool {
    let named = name.rsplit('.').any(|part| ENDINGS.contains(&part.to_ascii_lowercase().as_str()));
    let binary = matches!(head, [0x80, 2..=5, ..]);
    binary
        || (named && (matches!(head.first(), Some(0x80 | b'c' | b'(' | b']' | b'}')) || is_compressed(head)))
}

/// What a pickle may name and refer to.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// An error for a class that may not be named.
    pub check: fn(module: &str, name: &str) -> Result<(), EngineError>,
    /// Module and name of the class as which an object is kept that lies outside of the file (a persistent id). None: there may be none.
    pub outside: Option<(&'static str, &'static str)>,
}

/// Reads a pickle, decompressed. Its last object is the tree's root.
pub fn read(bytes: Vec<u8>) -> Result<Tree, EngineError> {
    read_by(bytes, Policy { check: names::check, outside: None })
}

/// Reads a pickle that may name other classes.
pub fn read_by(bytes: Vec<u8>, policy: Policy) -> Result<Tree, EngineError> {
    machine::read(bytes, policy)
}
