//! The graph: typed operations on values, each value made once. Semantics are those of ONNX where both have an
//! operation, on channels-last images.
//!
//! Four element types are enough: every float narrower than `float32` is computed in it, every integer in `int64`, booleans
//! in bytes. The border widens and narrows.

mod along;
mod boxes;
mod control;
mod cuts;
mod forest;
mod imaging;
mod learning;
mod linear_leaves;
mod narrow;
mod neighbours;
mod op;
mod random;
mod rare;
mod rnn;
mod rows;
mod sampling;
mod signals;
mod speech;

mod fused;
mod text;
mod tokenizer;
mod window;

pub use along::{Along, Border};
pub use boxes::{AnchorDetection, Corners, RowSuppression};
pub use control::{Cell, Control, Function as Body, Listing, MaskedOutput, Recurrent};
pub use cuts::{Child, Cut, CutForest, CutTree, Leaf};
pub use forest::{
    Absent, Branch, Forest, Forests, Missing, Node as ForestNode, Part as ForestPart, Real, Sliced,
    SlicedTree, Tree,
};
pub use fused::{Attention, Chain, Entry, LayerNorm, Link, Operand, Product, Products, Prologue};
pub use imaging::{Beyond, Colours, Files, Imaging, Jpeg, Kernel, Sliding, Suppression};
pub use learning::{Analyser, Categories, Descent, Distance, Divergence, Learning, Vectoriser, Vocabulary};
pub use linear_leaves::LinearLeaves;
pub use narrow::{Narrow, Narrowing, PowerRounding};
pub use neighbours::{CODES, Codes, Items, Lists, Metric, Neighbours, Search, Vectors};
pub use op::{Activation, Binary, Compare, Conv, Masks, Op, Padding, Pool, Reduce, Resize, Unary};
pub use random::{Draw, Random, Source, Stream};
pub use rare::{Align, Coarse, Function, Matrix, Pairing, Rare, Running, Spectrum, Update};
pub use rnn::{LinearAttention, Rnn, RnnCell, RnnFunction};
pub use rows::{
    Counts, Cross, Crossed, Features, GramCounts, Partition, Rows, Segment, Sequences, SetKind, SetOperation,
};
pub use sampling::{Around, Aspect, Coordinates, Grid, Method, Nearest, Resample, RoiAlign};
pub use signals::Signal;
pub use speech::{Ctc, LstmBlock, Sound};
pub use text::{
    Csv, Encoding, Faults, Grams, Keys, Notation, Packing, Pattern, Table, Template, Text, Written, float_key,
};
pub use tokenizer::{Lengths, Stated, Tokenizer};
pub use window::{Fold, Folding, Window};

use crate::value::Kind;
use crate::{DType, EngineError};

/// Names a value of a graph.
pub type ValueId = usize;

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `float32`.
    F32(Vec<f32>, Vec<usize>),
    /// `float64`.
    F64(Vec<f64>, Vec<usize>),
    /// Any integer.
    I64(Vec<i64>, Vec<usize>),
    /// 0 or 1.
    Bool(Vec<u8>, Vec<usize>),
    /// Byte strings.
    Text(Vec<Vec<u8>>, Vec<usize>),
}

impl Literal {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(v, _) => v.len() * 4,
            Self::F64(v, _) => v.len() * 8,
            Self::I64(v, _) => v.len() * 8,
            Self::Bool(v, _) => v.len(),
            Self::Text(v, _) => v.iter().map(|t| t.len() + size_of::<Vec<u8>>()).sum(),
        }
    }
}

/// A weight: where it is read from, and what it is.
#[derive(Debug, Clone)]
pub struct Weight {
    /// Its name in the artifact.
    pub key: String,
    /// The part of it: where it begins and how long it is, axis by axis.
    pub part: Option<Vec<(usize, usize)>>,
    /// Its type there.
    pub dtype: DType,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Number of elements.
    pub elements: usize,
    /// Bytes in the artifact.
    pub stored: u64,
}

impl Weight {
    /// What its elements are in memory.
    pub fn kind(&self) -> Kind {
        Kind::of(self.dtype)
    }

    /// Bytes in memory, widened.
    pub fn bytes(&self) -> u64 {
        if self.dtype == DType::String {
            return (self.elements as u64 * size_of::<Vec<u8>>() as u64).saturating_add(self.stored);
        }
        let width = match self.dtype {
            DType::F32 | DType::F16 | DType::BF16 => 4,
            DType::Bool => 1,
            _ => 8,
        };
        (self.elements as u64).saturating_mul(width)
    }
}

/// An operation, its inputs and its outputs.
#[derive(Debug, Clone)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub outputs: Vec<ValueId>,
    /// The name in the artifact, for errors.
    pub name: String,
}

impl PartialEq for Node {
    /// Names do not matter: two signatures with one body are one program.
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.inputs == other.inputs && self.outputs == other.outputs
    }
}

/// Nodes in an order in which each comes after what it reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Values that requests bring.
    pub inputs: Vec<ValueId>,
    /// Values that answers take.
    pub outputs: Vec<ValueId>,
    /// Number of values.
    pub values: usize,
}

impl Graph {
    /// For tests: nothing but inputs.
    #[cfg(test)]
    pub fn of_inputs(count: usize) -> Self {
        let mut graph = Self::default();
        for n in 0..count {
            let value = graph.add(Op::Input(n), vec![], "x").unwrap();
            graph.inputs.push(value);
        }
        graph
    }

    /// Adds a node with one output.
    pub fn add(&mut self, op: Op, inputs: Vec<ValueId>, name: &str) -> Result<ValueId, EngineError> {
        Ok(self.add_many(op, inputs, 1, name)?[0])
    }

    /// Adds a node.
    pub fn add_many(
        &mut self,
        op: Op,
        inputs: Vec<ValueId>,
        outputs: usize,
        name: &str,
    ) -> Result<Vec<ValueId>, EngineError> {
        if outputs > 4096 {
            return Err(EngineError::broken(format!("node {name:?} has {outputs} outputs")));
        }
        let outputs: Vec<ValueId> = (self.values..self.values + outputs).collect();
        self.values += outputs.len();
        self.nodes.push(Node { op, inputs, outputs: outputs.clone(), name: name.to_owned() });
        Ok(outputs)
    }

    /// All nodes, those of the bodies of loops and branches too.
    pub fn every_node(&self) -> Vec<&Node> {
        let (mut found, mut graphs) = (Vec::new(), vec![self]);
        while let Some(graph) = graphs.pop() {
            for node in &graph.nodes {
                found.push(node);
                if let Op::Control(control) = &node.op {
                    graphs.extend(control.bodies().into_iter().map(|b| &b.graph));
                }
            }
        }
        found
    }
}
