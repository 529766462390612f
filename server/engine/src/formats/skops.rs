//! `.skops` files: a zip of `schema.json`, which says what a model is made of, and its arrays. They become the tree that pickles become.

mod npy;

use super::pickle::{self, Builder, Node, NodeId, Stored, Tree, Type};
use super::zip::{self, Zip};
use crate::EngineError;
use bytes::Bytes;
use serde_json::Value;

/// A tree of JSON takes many times its size.
const LARGEST_SCHEMA: u64 = 16 << 20;
/// All arrays together.
const LARGEST: u64 = 1 << 31;

/// Whether a file is likely one of these.
pub fn is_likely(name: &str, head: &[u8]) -> bool {
    zip::is_likely(head) && name.to_ascii_lowercase().ends_with(".skops")
}

fn broken(what: impl Into<String>) -> EngineError {
    EngineError::broken(what)
}

/// Reads a file.
pub fn read(bytes: Bytes) -> Result<Tree, EngineError> {
    let zip = Zip::of("the archive", bytes)?;
    let schema = member(&zip, "schema.json", LARGEST_SCHEMA)?;
    let schema: Value =
        serde_json::from_slice(&schema).map_err(|e| broken(format!("its schema.json: {e}")))?;
    let mut reader = Reader { zip, tree: Builder::new(Vec::new()), left: LARGEST };
    let root = reader.node(&schema)?;
    Ok(reader.tree.finish(root))
}

/// A member that has to be there.
fn member(zip: &Zip, name: &str, most: u64) -> Result<Vec<u8>, EngineError> {
    let member = zip.find(name).ok_or_else(|| broken(format!("the archive has no {name:?}")))?;
    zip.read(member, most)
}

struct Reader {
    zip: Zip,
    tree: Builder,
    /// Bytes of arrays that may still come.
    left: u64,
}

fn text<'v>(node: &'v Value, key: &str) -> &'v str {
    node.get(key).and_then(Value::as_str).unwrap_or("")
}

impl Reader {
    fn nothing(&mut self) -> Result<NodeId, EngineError> {
        self.tree.add(Node::None)
    }

    /// One object of the schema. Nesting is bounded by what reads JSON.
    fn node(&mut self, node: &Value) -> Result<NodeId, EngineError> {
        let content = &node["content"];
        match text(node, "__loader__") {
            "DictNode" | "DefaultDictNode" | "_DictWithDeprecatedKeysNode" => self.dict(node, content),
            kind @ ("ListNode" | "TupleNode" | "SetNode") => {
                let items = content.as_array().ok_or_else(|| broken("a list of its schema is none"))?;
                let items = items.iter().map(|item| self.node(item)).collect::<Result<Vec<_>, _>>()?;
                match kind {
                    "TupleNode" => self.tree.tuple(&items),
                    "SetNode" => self.tree.list(&items, Node::Set),
                    _ => self.tree.list(&items, Node::List),
                }
            }
            "JsonNode" => {
                // Python's JSON knows numbers that are none.
                let float = match content.as_str() {
                    Some("NaN") => Some(f64::NAN),
                    Some("Infinity") => Some(f64::INFINITY),
                    Some("-Infinity") => Some(f64::NEG_INFINITY),
                    _ => None,
                };
                if let Some(float) = float {
                    return self.tree.add(Node::Float(float));
                }
                let value = serde_json::from_str(content.as_str().unwrap_or("null"));
                self.plain(&value.map_err(|e| broken(format!("a value of its schema: {e}")))?)
            }
            "FunctionNode" | "TypeNode" => self.class(node),
            "ObjectNode" | "ConstructorFromReduceNode" | "TreeNode" | "LossNode" | "ReduceNode" => {
                self.object(node)
            }
            "PartialNode" => {
                let (class, function) = (self.class(node)?, self.node(&content["func"])?);
                let arguments = self.tree.tuple(&[function])?;
                self.tree.object(class, arguments)
            }
            "SliceNode" => {
                let class = self.tree.global("builtins", "slice")?;
                let ends = ["start", "stop", "step"].map(|end| self.plain(&content[end]));
                let ends = ends.into_iter().collect::<Result<Vec<_>, _>>()?;
                let arguments = self.tree.tuple(&ends)?;
                self.tree.object(class, arguments)
            }
            "NdArrayNode" => self.array(node),
            "MaskedArrayNode" => self.node(&content["data"]),
            "SparseMatrixNode" => self.sparse(node),
            "BytesNode" | "BytearrayNode" => {
                let bytes = self.member(text(node, "file"))?;
                self.tree.made_bytes(&bytes)
            }
            // No answer depends on them.
            "RandomStateNode" | "RandomGeneratorNode" | "DTypeNode" => self.nothing(),
            other => Err(broken(format!("its schema has {other:?}, which is not known"))),
        }
    }

    fn class(&mut self, node: &Value) -> Result<NodeId, EngineError> {
        let (module, name) = (text(node, "__module__"), text(node, "__class__"));
        pickle::check(module, name)?;
        self.tree.global(module, name)
    }

    fn object(&mut self, node: &Value) -> Result<NodeId, EngineError> {
        let class = self.class(node)?;
        let content = node.get("content").filter(|content| !content.is_null());
        let arguments = match (&node["__reduce__"]["args"], text(node, "__loader__")) {
            (Value::Null, "ConstructorFromReduceNode") => return self.constructed(class, content),
            (Value::Null, _) => self.tree.tuple(&[])?,
            (arguments, _) => self.node(arguments)?,
        };
        let object = self.tree.object(class, arguments)?;
        if let Some(content) = content {
            let state = self.node(content)?;
            self.tree.set_state(object, state)?;
        }
        Ok(object)
    }

    fn constructed(&mut self, class: NodeId, content: Option<&Value>) -> Result<NodeId, EngineError> {
        let arguments = match content {
            Some(content) => self.node(content)?,
            None => self.tree.tuple(&[])?,
        };
        self.tree.object(class, arguments)
    }

    /// Keys are texts in JSON; what they were is said beside them.
    fn dict(&mut self, node: &Value, content: &Value) -> Result<NodeId, EngineError> {
        let content = content.as_object().ok_or_else(|| broken("a dict of its schema is none"))?;
        let kinds = node["key_types"]["content"].as_array();
        let numbered = kinds.is_some_and(|kinds| {
            !kinds.is_empty() && kinds.iter().all(|kind| text(kind, "__class__").starts_with("int"))
        });
        let mut items = Vec::new();
        for (key, value) in content {
            let number = if numbered { key.parse().ok() } else { None };
            items.push(match number {
                Some(number) => self.tree.add(Node::Int(number))?,
                None => self.tree.made_text(key)?,
            });
            items.push(self.node(value)?);
        }
        self.tree.list(&items, Node::Dict)
    }

    fn plain(&mut self, value: &Value) -> Result<NodeId, EngineError> {
        match value {
            Value::String(text) => self.tree.made_text(text),
            Value::Bool(truth) => self.tree.add(Node::Bool(*truth)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => self.tree.add(Node::Int(whole)),
                (None, Some(float)) => self.tree.add(Node::Float(float)),
                _ => self.tree.add(Node::Huge),
            },
            Value::Null => self.nothing(),
            _ => Err(broken("a value of its schema is a list")),
        }
    }

    fn member(&mut self, name: &str) -> Result<Vec<u8>, EngineError> {
        let bytes = member(&self.zip, name, self.left)?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }

    fn array(&mut self, node: &Value) -> Result<NodeId, EngineError> {
        if text(node, "type") == "json" {
            let extents = node["shape"]["content"].as_array().map_or(&[][..], Vec::as_slice);
            let extent = |n: &Value| n["content"].as_str().and_then(|n| n.parse().ok());
            let shape: Option<Vec<usize>> = extents.iter().map(extent).collect();
            let shape = shape.ok_or_else(|| broken("an array of its schema has no shape"))?;
            let mut items = Vec::new();
            self.flat(&node["content"], shape.len(), &mut items)?;
            let contents = self.tree.list(&items, Node::List)?;
            return self.tree.array(Stored { dtype: Type::Object, shape, fortran: false, contents }, None);
        }
        let bytes = self.member(text(node, "file"))?;
        self.npy(&bytes)
    }

    fn npy(&mut self, bytes: &[u8]) -> Result<NodeId, EngineError> {
        let header = npy::header(bytes)?;
        let contents = self.tree.made_bytes(header.data)?;
        let stored = Stored { dtype: header.dtype, shape: header.shape, fortran: header.fortran, contents };
        self.tree.array(stored, None)
    }

    /// The objects of an array, whose axes are lists in lists.
    fn flat(&mut self, list: &Value, axes: usize, to: &mut Vec<NodeId>) -> Result<(), EngineError> {
        let items = list.as_array().ok_or_else(|| broken("an array of its schema has no objects"))?;
        for item in items {
            if axes > 1 {
                self.flat(&item["content"], axes - 1, to)?;
            } else {
                to.push(self.node(item)?);
            }
        }
        Ok(())
    }

    /// A matrix in a zip of its own.
    fn sparse(&mut self, node: &Value) -> Result<NodeId, EngineError> {
        let class = self.class(node)?;
        let bytes = self.member(text(node, "file"))?;
        let inner = Zip::of("a sparse matrix", Bytes::from(bytes))?;
        let mut items = Vec::new();
        for (name, file) in
            [("data", "data"), ("indices", "indices"), ("indptr", "indptr"), ("_shape", "shape")]
        {
            let array = member(&inner, &format!("{file}.npy"), self.left)?;
            self.left -= array.len() as u64;
            items.extend([self.tree.made_text(name)?, self.npy(&array)?]);
        }
        let state = self.tree.list(&items, Node::Dict)?;
        let arguments = self.tree.tuple(&[])?;
        let object = self.tree.object(class, arguments)?;
        self.tree.set_state(object, state)?;
        Ok(object)
    }
}
