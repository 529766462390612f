//! The JSON of an exported program, as far as it is read.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub struct Exported {
    pub graph_module: Module,
}

#[derive(Deserialize)]
pub struct Module {
    pub graph: Graph,
    pub signature: Signature,
    #[serde(default)]
    pub module_call_graph: Vec<Value>,
}

#[derive(Deserialize)]
pub struct Graph {
    /// What it is called with.
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub tensor_values: BTreeMap<String, Meta>,
}

#[derive(Deserialize)]
pub struct Node {
    pub target: String,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Value>,
}

#[derive(Deserialize, Clone)]
pub struct Input {
    #[serde(default)]
    pub name: String,
    pub arg: Value,
}

/// What is known of a tensor.
#[derive(Deserialize, Clone)]
pub struct Meta {
    pub dtype: i64,
    pub sizes: Vec<Value>,
    #[serde(default)]
    pub strides: Vec<Value>,
    #[serde(default)]
    pub storage_offset: Value,
}

#[derive(Deserialize)]
pub struct Signature {
    pub input_specs: Vec<Value>,
    pub output_specs: Vec<Value>,
}

/// Which member holds which tensor.
#[derive(Deserialize)]
pub struct Config {
    pub config: BTreeMap<String, Payload>,
}

#[derive(Deserialize)]
pub struct Payload {
    pub path_name: String,
    #[serde(default)]
    pub use_pickle: bool,
    pub tensor_meta: Option<Meta>,
}

impl Meta {
    /// Extents as far as they are known.
    pub fn shape(&self) -> Vec<Option<usize>> {
        self.sizes.iter().map(size).collect()
    }
}

/// A size that is known.
pub fn size(value: &Value) -> Option<usize> {
    value.get("as_int").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}
