//! A node's attributes, by type.

use super::proto::{Attr, NodeDef, TensorProto};

/// Reads attributes; None: absent, or of another type.
pub trait Attributes {
    fn attribute(&self, name: &str) -> Option<&Attr>;

    fn int(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            Attr::Int(i) => Some(*i),
            _ => None,
        }
    }

    fn float(&self, name: &str) -> Option<f32> {
        match self.attribute(name)? {
            Attr::Float(f) => Some(*f),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.attribute(name), Some(Attr::Bool(true)))
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attr::Bytes(b) => std::str::from_utf8(b).ok(),
            _ => None,
        }
    }

    fn ints(&self, name: &str) -> Vec<i64> {
        match self.attribute(name) {
            Some(Attr::List(list)) => list.i.clone(),
            _ => Vec::new(),
        }
    }

    fn texts(&self, name: &str) -> Vec<Vec<u8>> {
        match self.attribute(name) {
            Some(Attr::List(list)) => list.s.clone(),
            _ => Vec::new(),
        }
    }

    /// The element types of a list; None: one of them is not supported.
    fn dtypes(&self, name: &str) -> Option<Vec<crate::DType>> {
        match self.attribute(name) {
            Some(Attr::List(list)) => list.types.iter().map(|t| super::proto::dtype(*t)).collect(),
            _ => Some(Vec::new()),
        }
    }

    fn dtype(&self, name: &str) -> Option<crate::DType> {
        match self.attribute(name)? {
            Attr::Type(t) => super::proto::dtype(*t),
            _ => None,
        }
    }

    fn tensor(&self, name: &str) -> Option<&TensorProto> {
        match self.attribute(name)? {
            Attr::Tensor(t) => Some(t),
            _ => None,
        }
    }

    fn functions(&self, name: &str) -> Vec<&str> {
        match self.attribute(name) {
            Some(Attr::List(list)) => list.func.iter().map(|f| f.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    fn function(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Attr::Function(f) => Some(&f.name),
            _ => None,
        }
    }
}

impl Attributes for NodeDef {
    fn attribute(&self, name: &str) -> Option<&Attr> {
        self.attr.get(name)?.value.as_ref()
    }
}
