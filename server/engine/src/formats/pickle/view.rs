//! A node with its tree, as readers look at it.

use super::tree::{Node, NodeId, Object, Tree};
use super::{Array, arrays};
use crate::EngineError;

/// A node.
#[derive(Debug, Clone, Copy)]
pub struct View<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> View<'t> {
    pub fn new(tree: &'t Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    /// The whole of a tree.
    pub fn root(tree: &'t Tree) -> Self {
        Self::new(tree, tree.root)
    }

    pub fn id(self) -> NodeId {
        self.id
    }

    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    pub fn node(self) -> Node {
        self.tree.node(self.id)
    }

    fn at(self, id: NodeId) -> Self {
        Self { tree: self.tree, id }
    }

    fn object(self) -> Option<&'t Object> {
        match self.node() {
            Node::Object(number) => self.tree.object(number),
            _ => None,
        }
    }

    /// Module and name of a class, or of an object's.
    pub fn qualified(self) -> Option<(&'t str, &'t str)> {
        let own = match self.node() {
            Node::Global(number) => return self.tree.global(number),
            _ => self.object()?,
        };
        let class = self.at(own.class).qualified()?;
        // Old protocols make objects by a function that is told the class.
        match class {
            ("copyreg" | "copy_reg", "_reconstructor" | "__newobj__") => {
                self.at(own.arguments).plain_items().first()?.named()
            }
            _ => Some(class),
        }
    }

    fn named(self) -> Option<(&'t str, &'t str)> {
        match self.node() {
            Node::Global(number) => self.tree.global(number),
            _ => None,
        }
    }

    /// The name of a class, or of an object's.
    pub fn class(self) -> Option<&'t str> {
        self.qualified().map(|(_, name)| name)
    }

    /// Where an object's class is from, down to the first point.
    pub fn package(self) -> Option<&'t str> {
        self.qualified().and_then(|(module, _)| module.split('.').next())
    }

    /// What an object was made of.
    pub fn arguments(self) -> Vec<Self> {
        self.object().map_or_else(Vec::new, |object| self.at(object.arguments).items())
    }

    /// An object's state.
    pub fn state(self) -> Option<Self> {
        self.object()?.state.map(|state| self.at(state))
    }

    /// The items of a tuple, a list or a set.
    pub fn items(self) -> Vec<Self> {
        let ids = match self.node() {
            Node::Tuple(span) => self.tree.tuple(span),
            Node::List(number) | Node::Set(number) => self.tree.list(number),
            _ => match self.object() {
                // Sets of old protocols are made of a list.
                Some(object) => return self.of_object(object),
                None => &[],
            },
        };
        ids.iter().map(|id| self.at(*id)).collect()
    }

    fn of_object(self, object: &Object) -> Vec<Self> {
        match (object.filled, self.class()) {
            (Some(number), _) => self.tree.list(number).iter().map(|id| self.at(*id)).collect(),
            (None, Some("set" | "frozenset" | "list" | "tuple")) => {
                let arguments = self.at(object.arguments).plain_items();
                arguments.first().map_or_else(Vec::new, |first| first.plain_items())
            }
            _ => Vec::new(),
        }
    }

    fn plain_items(self) -> Vec<Self> {
        let ids = match self.node() {
            Node::Tuple(span) => self.tree.tuple(span),
            Node::List(number) | Node::Set(number) => self.tree.list(number),
            _ => &[],
        };
        ids.iter().map(|id| self.at(*id)).collect()
    }

    /// Keys and values of a dict, or of an object that is one.
    pub fn entries(self) -> Vec<(Self, Self)> {
        let ids = match self.node() {
            Node::Dict(number) => self.tree.list(number),
            _ => self.object().and_then(|o| o.filled).map_or(&[][..], |number| self.tree.list(number)),
        };
        ids.as_chunks::<2>().0.iter().map(|[key, value]| (self.at(*key), self.at(*value))).collect()
    }

    /// The value of a dict's key. Of several the last one counts.
    pub fn entry(self, key: &str) -> Option<Self> {
        self.entries().into_iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// An attribute of an object, if it has it and it is not None.
    pub fn find(self, name: &str) -> Option<Self> {
        self.attribute(name).filter(|value| value.node() != Node::None)
    }

    /// The text that an attribute is.
    pub fn word(self, name: &str) -> Option<&'t str> {
        self.find(name)?.text()
    }

    /// An attribute, even None.
    pub fn attribute(self, name: &str) -> Option<Self> {
        let state = self.state()?;
        // With slots a state has two parts.
        match state.node() {
            Node::Tuple(_) => state.items().into_iter().find_map(|part| part.entry(name)),
            _ => state.entry(name),
        }
    }

    /// The first attribute of these names that an object has: libraries rename what they keep.
    pub fn any(self, names: &[&str]) -> Option<Self> {
        names.iter().find_map(|name| self.find(name))
    }

    /// An attribute that must be there.
    pub fn get(self, name: &str) -> Result<Self, EngineError> {
        self.find(name).ok_or_else(|| {
            EngineError::broken(format!(
                "{} has no {name}: was it fitted?",
                self.class().unwrap_or("an object")
            ))
        })
    }

    pub fn is_none(self) -> bool {
        self.node() == Node::None
    }

    pub fn text(self) -> Option<&'t str> {
        self.tree.text(self.id)
    }

    /// Bytes, also of what makes some.
    pub fn bytes(self) -> Option<std::borrow::Cow<'t, [u8]>> {
        if let Some(bytes) = self.tree.bytes(self.id) {
            return Some(bytes.into());
        }
        let arguments = self.arguments();
        match self.class()? {
            // Old protocols have no bytes: they are a text of as many characters.
            "encode" => {
                let text = arguments.first()?.text()?;
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
                bytes.map(Into::into)
            }
            "bytearray" | "bytes" => match arguments.first() {
                None => Some(Vec::new().into()),
                Some(first) if matches!(first.node(), Node::Object(_)) && first.class() == Some("encode") => {
                    first.bytes()
                }
                Some(first) => first.tree.bytes(first.id).map(Into::into),
            },
            _ => None,
        }
    }

    pub fn bool(self) -> Result<bool, EngineError> {
        match self.node() {
            Node::Bool(truth) => Ok(truth),
            _ => self.int().map(|n| n != 0),
        }
    }

    pub fn int(self) -> Result<i64, EngineError> {
        match self.node() {
            Node::Int(number) => Ok(number),
            Node::Bool(truth) => Ok(truth.into()),
            Node::Object(_) | Node::Array(_) => {
                let all = self.array()?.ints()?;
                all.first().copied().ok_or_else(|| EngineError::broken("a number is none"))
            }
            other => Err(EngineError::broken(format!("expected a whole number, not {other:?}"))),
        }
    }

    pub fn float(self) -> Result<f64, EngineError> {
        match self.node() {
            Node::Float(number) => Ok(number),
            Node::Int(number) => Ok(number as f64),
            Node::Bool(truth) => Ok(f64::from(u8::from(truth))),
            Node::Object(_) | Node::Array(_) => {
                let all = self.array()?.floats()?;
                all.first().copied().ok_or_else(|| EngineError::broken("a number is none"))
            }
            other => Err(EngineError::broken(format!("expected a number, not {other:?}"))),
        }
    }

    /// A size: not below zero.
    pub fn size(self) -> Result<usize, EngineError> {
        usize::try_from(self.int()?).map_err(|_| EngineError::broken("a size is below zero"))
    }

    /// An array, a NumPy scalar, or a list of numbers or texts.
    pub fn array(self) -> Result<Array<'t>, EngineError> {
        arrays::array(self)
    }
}
