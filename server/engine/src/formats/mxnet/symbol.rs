//! The graph: nodes with the outputs of other nodes as inputs, each after those that it reads.

use crate::EngineError;
use serde::Deserialize;
use std::collections::HashMap;

/// Operators that only training needs all inputs of: the rest are labels.
const LOSSES: [&str; 8] = [
    "SoftmaxOutput",
    "Softmax",
    "LinearRegressionOutput",
    "LogisticRegressionOutput",
    "MAERegressionOutput",
    "SVMOutput",
    "softmax_cross_entropy",
    "IdentityAttachKLSparseReg",
];

/// A graph.
#[derive(Debug, Deserialize)]
pub struct Symbol {
    pub nodes: Vec<Node>,
    pub heads: Vec<Entry>,
}

/// One operator, or a variable.
#[derive(Debug, Deserialize)]
pub struct Node {
    pub op: String,
    pub name: String,
    #[serde(default)]
    inputs: Vec<Entry>,
    #[serde(default)]
    attrs: HashMap<String, String>,
    /// As older versions call them.
    #[serde(default)]
    attr: HashMap<String, String>,
    #[serde(default)]
    param: HashMap<String, String>,
}

/// An output of a node; older versions write no version.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    Three(usize, usize, serde::de::IgnoredAny),
    Two(usize, usize),
}

impl Entry {
    /// The node, and which of its outputs.
    pub fn place(self) -> (usize, usize) {
        match self {
            Self::Three(node, output, _) | Self::Two(node, output) => (node, output),
        }
    }
}

impl Node {
    /// Whether it is no operator.
    pub fn is_variable(&self) -> bool {
        self.op == "null"
    }

    /// Whether it normalises batches: it has outputs that only training sees.
    pub fn is_batch_norm(&self) -> bool {
        matches!(self.op.as_str(), "BatchNorm" | "BatchNorm_v1" | "_contrib_SyncBatchNorm" | "CuDNNBatchNorm")
    }

    /// Whether it is a stack of recurrent layers.
    pub fn is_recurrent(&self) -> bool {
        matches!(self.op.as_str(), "RNN" | "_npx_rnn")
    }

    /// What MXNet calls one of its outputs, of which there are so many.
    pub fn output(&self, number: usize, count: usize) -> String {
        let end = match (self.op.as_str(), number) {
            (_, 1) if self.is_recurrent() => "state_output".to_owned(),
            (_, 2) if self.is_recurrent() => "statecell_output".to_owned(),
            // One more is there that is not shown.
            ("_contrib_box_nms" | "_contrib_box_non_maximum_suppression" | "sort", _) => {
                format!("output{number}")
            }
            ("topk", _) if self.text("ret_typ") == Some("value") => format!("output{number}"),
            _ if count < 2 || self.is_recurrent() || self.is_batch_norm() => "output".to_owned(),
            _ => format!("output{number}"),
        };
        format!("{}_{end}", self.name)
    }

    /// What it reads.
    pub fn inputs(&self) -> &[Entry] {
        if LOSSES.contains(&self.op.as_str()) {
            &self.inputs[..self.inputs.len().min(1)]
        } else {
            &self.inputs
        }
    }

    /// An attribute's text.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = [&self.attrs, &self.attr, &self.param].into_iter().find_map(|all| all.get(name));
        found.map(String::as_str)
    }
}

impl Symbol {
    /// Reads the JSON and checks that nodes come after what they read.
    pub fn read(bytes: &[u8]) -> Result<Self, EngineError> {
        let symbol: Self = serde_json::from_slice(bytes)
            .map_err(|e| EngineError::broken(format!("it is not a graph of MXNet: {e}")))?;
        let early = |(n, node): (usize, &Node)| node.inputs.iter().any(|entry| entry.place().0 >= n);
        if let Some((n, node)) = symbol.nodes.iter().enumerate().find(|(n, node)| early((*n, node))) {
            return Err(EngineError::broken(format!("node {n} ({}) reads what comes after it", node.name)));
        }
        if symbol.heads.is_empty() || symbol.heads.iter().any(|head| head.place().0 >= symbol.nodes.len()) {
            return Err(EngineError::broken("its graph has no end"));
        }
        Ok(symbol)
    }

    /// Which nodes the ends need.
    pub fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for head in &self.heads {
            needed[head.place().0] = true;
        }
        for n in (0..self.nodes.len()).rev() {
            if needed[n] {
                self.nodes[n].inputs().iter().for_each(|entry| needed[entry.place().0] = true);
            }
        }
        needed
    }
}
