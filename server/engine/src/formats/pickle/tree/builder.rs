//! How a tree grows, its memory counted before it is taken.

use super::{Node, NodeId, Object, Span, Stored, Tree};
use crate::EngineError;

/// All that nodes may take: a million words of a vocabulary, each with its number as NumPy writes it.
const MOST_BYTES: usize = 96 << 20;

/// A tree on its way.
#[derive(Debug)]
pub struct Builder {
    tree: Tree,
    used: usize,
}

impl Builder {
    /// Over the bytes of a file.
    pub fn new(file: Vec<u8>) -> Self {
        let tree = Tree {
            root: 0,
            nodes: Vec::new(),
            children: Vec::new(),
            lists: Vec::new(),
            objects: Vec::new(),
            globals: Vec::new(),
            arrays: Vec::new(),
            file,
            made: Vec::new(),
        };
        Self { tree, used: 0 }
    }

    /// The tree so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The bytes of the file.
    pub fn file(&self) -> &[u8] {
        &self.tree.file
    }

    pub fn finish(mut self, root: NodeId) -> Tree {
        self.tree.root = root;
        self.tree
    }

    /// Takes note of memory before it is taken.
    fn charge(&mut self, bytes: usize) -> Result<(), EngineError> {
        self.used = self.used.saturating_add(bytes);
        if self.used > MOST_BYTES {
            return Err(EngineError::broken(format!("its objects take more than {MOST_BYTES} bytes")));
        }
        Ok(())
    }

    pub fn add(&mut self, node: Node) -> Result<NodeId, EngineError> {
        self.charge(size_of::<Node>())?;
        let id = NodeId::try_from(self.tree.nodes.len());
        let id = id.map_err(|_| EngineError::broken("the pickle has too many objects"))?;
        self.tree.nodes.push(node);
        Ok(id)
    }

    /// UTF-8 at a place of the file.
    pub fn text_at(&mut self, begin: usize, length: usize) -> Result<NodeId, EngineError> {
        let span = Span::new(begin, length)?;
        if std::str::from_utf8(span.of(&self.tree.file)).is_err() {
            return Err(EngineError::broken("a text is not UTF-8"));
        }
        self.add(Node::Text(span))
    }

    pub fn bytes_at(&mut self, begin: usize, length: usize) -> Result<NodeId, EngineError> {
        self.add(Node::Bytes(Span::new(begin, length)?))
    }

    pub fn made_text(&mut self, text: &str) -> Result<NodeId, EngineError> {
        let span = self.keep(text.as_bytes())?;
        self.add(Node::MadeText(span))
    }

    pub fn made_bytes(&mut self, bytes: &[u8]) -> Result<NodeId, EngineError> {
        let span = self.keep(bytes)?;
        self.add(Node::MadeBytes(span))
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<Span, EngineError> {
        let begin = self.tree.made.len();
        self.tree.made.extend_from_slice(bytes);
        Span::new(begin, bytes.len())
    }

    pub fn tuple(&mut self, items: &[NodeId]) -> Result<NodeId, EngineError> {
        self.charge(size_of_val(items))?;
        let span = Span::new(self.tree.children.len(), items.len())?;
        self.tree.children.extend_from_slice(items);
        self.add(Node::Tuple(span))
    }

    /// A list, a dict or a set, by what `of` makes of its number.
    pub fn list(&mut self, items: &[NodeId], of: fn(u32) -> Node) -> Result<NodeId, EngineError> {
        let number = self.new_list(items)?;
        self.add(of(number))
    }

    fn new_list(&mut self, items: &[NodeId]) -> Result<u32, EngineError> {
        self.charge(size_of::<Vec<NodeId>>() * 2 + size_of_val(items))?;
        let number = u32::try_from(self.tree.lists.len());
        let number = number.map_err(|_| EngineError::broken("the pickle has too many lists"))?;
        self.tree.lists.push(items.to_vec());
        Ok(number)
    }

    /// Adds to a list, a dict, a set or an object.
    pub fn extend(&mut self, to: NodeId, items: &[NodeId]) -> Result<(), EngineError> {
        let number = match self.tree.node(to) {
            Node::List(number) | Node::Dict(number) | Node::Set(number) => number,
            Node::Object(object) => {
                let filled = self.tree.object(object).and_then(|o| o.filled);
                let number = match filled {
                    Some(number) => number,
                    None => self.new_list(&[])?,
                };
                if let Some(object) = self.tree.objects.get_mut(object as usize) {
                    object.filled = Some(number);
                }
                number
            }
            other => return Err(EngineError::broken(format!("the pickle adds to {other:?}"))),
        };
        self.charge(size_of_val(items) * 2)?;
        if let Some(list) = self.tree.lists.get_mut(number as usize) {
            list.extend_from_slice(items);
        }
        Ok(())
    }

    pub fn global(&mut self, module: &str, name: &str) -> Result<NodeId, EngineError> {
        let known = self.tree.globals.iter().position(|(m, n)| m == module && n == name);
        let number = known.unwrap_or(self.tree.globals.len());
        if known.is_none() {
            self.charge(module.len() + name.len() + 64)?;
            self.tree.globals.push((module.to_owned(), name.to_owned()));
        }
        self.add(Node::Global(number as u32))
    }

    pub fn object(&mut self, class: NodeId, arguments: NodeId) -> Result<NodeId, EngineError> {
        if !matches!(self.tree.node(class), Node::Global(_)) {
            return Err(EngineError::broken("the pickle makes an object of what is no class"));
        }
        self.charge(size_of::<Object>())?;
        let number = u32::try_from(self.tree.objects.len());
        let number = number.map_err(|_| EngineError::broken("the pickle has too many objects"))?;
        self.tree.objects.push(Object { class, arguments, state: None, filled: None });
        self.add(Node::Object(number))
    }

    pub fn set_state(&mut self, of: NodeId, state: NodeId) -> Result<(), EngineError> {
        match self.tree.node(of) {
            Node::Object(number) => {
                if let Some(object) = self.tree.objects.get_mut(number as usize) {
                    object.state = Some(state);
                }
                Ok(())
            }
            other => Err(EngineError::broken(format!("the pickle gives a state to {other:?}"))),
        }
    }

    /// Adds an array, or puts one where another node is.
    pub fn array(&mut self, array: Stored, at: Option<NodeId>) -> Result<NodeId, EngineError> {
        self.charge(size_of::<Stored>() + array.shape.len() * size_of::<usize>())?;
        let node = Node::Array(self.tree.arrays.len() as u32);
        self.tree.arrays.push(array);
        match at {
            Some(at) => {
                if let Some(place) = self.tree.nodes.get_mut(at as usize) {
                    *place = node;
                }
                Ok(at)
            }
            None => self.add(node),
        }
    }
}
