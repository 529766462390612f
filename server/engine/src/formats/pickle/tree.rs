//! What a pickle holds: nodes by number, in one arena.

use crate::EngineError;

/// Names a node.
pub type NodeId = u32;

/// All that nodes may take: a million words of a vocabulary, each with its number as NumPy writes it.
const MOST_BYTES: usize = 96 << 20;

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
            Self::Int { bytes, .. } | Self::Float { bytes, .. } | Self::Bytes(bytes) => *bytes,
            Self::Text { characters, .. } => characters.saturating_mul(4),
            Self::Fields(_, bytes) => *bytes,
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
