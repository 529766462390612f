//! A graph on its way: which node's outputs are which values, and what the arrays became.

use super::attributes;
use super::lower::{Lowering, Stop};
use super::params::Array;
use super::places::{Arrays, Places};
use super::symbol::{Entry, Node, Symbol};
use crate::formats::builder::Builder;
use crate::formats::savedmodel::bundle::Access;
use crate::formats::savedmodel::from_bytes;
use crate::formats::stored::Stored;
use crate::graph::{Graph, Op, ValueId, Weight};
use crate::signature::Dim;
use crate::{DType, EngineError, Signature, TensorSpec, UnsupportedOp};

/// An output: its name and its value.
pub type Output = (String, ValueId);

/// A graph on its way.
pub struct Context<'s> {
    pub build: Builder,
    pub(super) symbol: &'s Symbol,
    arrays: Arrays,
    stored: Stored,
    weights: Vec<Weight>,
    inputs: Vec<TensorSpec>,
    /// The outputs of each node that was lowered.
    values: Vec<Vec<ValueId>>,
    unsupported: Vec<UnsupportedOp>,
}

impl<'s> Context<'s> {
    /// Finds the inputs; they are sorted by name.
    pub fn new(symbol: &'s Symbol, places: &Places, access: Access) -> Result<Self, EngineError> {
        let (arrays, shapes) = (places.arrays()?, places.shapes()?);
        let mut context = Self {
            build: Builder::default(),
            symbol,
            arrays,
            stored: Stored::new(access),
            weights: Vec::new(),
            inputs: Vec::new(),
            values: vec![Vec::new(); symbol.nodes.len()],
            unsupported: Vec::new(),
        };
        let needed = symbol.needed();
        let open = |(n, node): &(usize, &Node)| {
            needed[*n] && node.is_variable() && context.array(&node.name).is_none()
        };
        let mut inputs: Vec<_> = symbol.nodes.iter().enumerate().filter(open).collect();
        inputs.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        if inputs.windows(2).any(|pair| pair[0].1.name == pair[1].1.name) {
            return Err(EngineError::broken("two inputs have one name"));
        }
        for (n, node) in inputs {
            let shape = match shapes.get(&node.name) {
                Some(shape) => Some(extents(shape)),
                None => context.shape_of(n, node)?,
            };
            let dtype = attributes::dtype(node.attribute("__dtype__").unwrap_or("0")).unwrap_or(DType::F32);
            let value = context.build.input(shape.clone())?;
            context.values[n] = vec![value];
            context.inputs.push(TensorSpec { name: node.name.clone(), dtype, shape });
        }
        Ok(context)
    }

    pub(super) fn array(&self, name: &str) -> Option<&Array> {
        match &self.arrays {
            Arrays::File(_, _, arrays) | Arrays::Memory(_, arrays) => arrays.get(name),
        }
    }

    /// Lowers all nodes that the ends need; gives the ends.
    pub fn run(&mut self) -> Result<Vec<Output>, EngineError> {
        let needed = self.symbol.needed();
        for (n, node) in self.symbol.nodes.iter().enumerate().filter(|(n, _)| needed[*n]) {
            self.build.name.clone_from(&node.name);
            if !self.values[n].is_empty() {
                continue;
            }
            self.values[n] =
                if node.is_variable() { vec![self.weight(&node.name)?] } else { self.node(node)? };
        }
        let mut outputs = Vec::new();
        for head in &self.symbol.heads {
            let (node, output) = head.place();
            let name = self.symbol.nodes[node].output(output, self.values[node].len());
            outputs.push((name, self.value(*head)?));
        }
        outputs.sort();
        outputs.dedup_by(|a, b| a.0 == b.0);
        Ok(outputs)
    }

    fn value(&self, entry: Entry) -> Result<ValueId, EngineError> {
        let (node, output) = entry.place();
        let values = self.values.get(node).map_or(&[][..], Vec::as_slice);
        // What stands in for a node that is not supported stands in for all of its outputs.
        let stand_in = values.first().filter(|_| !self.unsupported.is_empty());
        let value = values.get(output).or(stand_in).copied();
        value.ok_or_else(|| EngineError::broken(format!("node {node} has no output {output}")))
    }

    /// A node's outputs. What is not supported is noted, and something unknown stands in for it.
    fn node(&mut self, node: &Node) -> Result<Vec<ValueId>, EngineError> {
        let inputs = node.inputs().iter().map(|entry| self.value(*entry)).collect::<Result<Vec<_>, _>>()?;
        let place = |e: EngineError| match e {
            EngineError::BrokenArtifact(what) => {
                EngineError::broken(format!("node {:?} ({}): {what}", node.name, node.op))
            }
            other => other,
        };
        let detail = match Lowering::new(self, node, inputs).run() {
            Ok(values) => return Ok(values),
            Err(Stop::Broken(error)) if self.unsupported.is_empty() => return Err(place(error)),
            // It may be broken by what stands in for another.
            Err(Stop::Broken(_)) => None,
            Err(Stop::Refused(reason)) => Some(reason),
        };
        if let Some(detail) = detail
            && self.unsupported.iter().all(|known| known.op != node.op)
        {
            let (op, node) = (node.op.clone(), node.name.clone());
            self.unsupported.push(UnsupportedOp { op, node, function: None, detail: Some(detail) });
        }
        Ok(vec![self.build.input(None)?])
    }

    /// An array as a value.
    fn weight(&mut self, name: &str) -> Result<ValueId, EngineError> {
        let missing = || EngineError::broken(format!("array {name:?} is missing"));
        let array = self.array(name).ok_or_else(missing)?.clone();
        match &self.arrays {
            Arrays::File(path, begin, _) => {
                let file = self.stored.file(path)?;
                let weight = self.stored.add(name, file, begin + array.begin, array.dtype, &array.shape)?;
                self.weights.push(weight);
                let number = self.weights.len() - 1;
                self.build.weight(number, &self.weights[number])
            }
            Arrays::Memory(bytes, _) => {
                let len = array.shape.iter().product::<usize>() * array.dtype.width();
                let begin = usize::try_from(array.begin).map_err(|_| missing())?;
                let bytes = bytes.get(begin..begin + len).ok_or_else(missing)?;
                let literal = from_bytes(array.dtype, array.shape.clone(), bytes);
                self.build.literal(literal)
            }
        }
    }

    /// The signature with some outputs, which become the graph's.
    pub fn signature(&mut self, name: &str, outputs: Vec<Output>) -> Result<Signature, EngineError> {
        let mut specs = Vec::new();
        for (name, value) in outputs {
            let shape = self.build.shape(value).cloned();
            let dtype = match self.build.maker(value) {
                Some(Op::Cast(DType::I64)) => DType::I64,
                _ => DType::F32,
            };
            specs.push(TensorSpec { name, dtype, shape });
            self.build.graph.outputs.push(value);
        }
        Ok(Signature { name: name.to_owned(), inputs: std::mem::take(&mut self.inputs), outputs: specs })
    }

    /// What was made.
    pub fn finish(self) -> (Graph, Vec<Weight>, Stored, Vec<UnsupportedOp>) {
        (self.build.graph, self.weights, self.stored, self.unsupported)
    }
}

/// The first axis is the batch; others that are not said are 0 or -1.
pub(super) fn extents(shape: &[i64]) -> Vec<Dim> {
    let extent = |(axis, n): (usize, &i64)| usize::try_from(*n).ok().filter(|n| axis > 0 && *n > 0);
    shape.iter().enumerate().map(extent).collect()
}
