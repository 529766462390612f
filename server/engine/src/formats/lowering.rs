//! What readers of tables of numbers share: they read a file whole and build small graphs over rows of features.

use super::{Artifact, Program, Source, candidates, savedmodel};
use crate::graph::{Forests, Graph, Literal, Op, ValueId};
use crate::signature::Dim;
use crate::{DType, EngineError, Preferences, Signature, TensorSpec};
use std::path::Path;
use std::sync::Arc;

/// Name of the only input of such models.
const INPUT: &str = "features";
/// A file is read whole.
const LARGEST: u64 = 4 << 30;
/// Classes and targets of one model.
pub const MOST_OUTPUTS: usize = 1 << 16;

/// A graph over one input, rows of features, on its way.
pub struct Lowering {
    graph: Graph,
    dtype: DType,
    features: usize,
    /// Inputs beside the rows.
    more: Vec<TensorSpec>,
}

/// Name, type and value of an output, and the extents of a row of it.
pub type Output = (&'static str, DType, ValueId, Vec<Dim>);

impl Lowering {
    /// One whose input is of a type.
    pub fn new(dtype: DType, features: usize) -> Result<(Self, ValueId), EngineError> {
        let mut graph = Graph::default();
        let x = graph.add(Op::Input(0), Vec::new(), INPUT)?;
        graph.inputs.push(x);
        Ok((Self { graph, dtype, features, more: Vec::new() }, x))
    }

    /// Adds an operation.
    pub fn add(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, EngineError> {
        let name = format!("{}", self.graph.nodes.len());
        self.graph.add(op, inputs.to_vec(), &name)
    }

    /// Adds an operation with several results.
    pub fn add_many(
        &mut self,
        op: Op,
        inputs: &[ValueId],
        outputs: usize,
    ) -> Result<Vec<ValueId>, EngineError> {
        let name = format!("{}", self.graph.nodes.len());
        self.graph.add_many(op, inputs.to_vec(), outputs, &name)
    }

    /// Adds an input beside the rows, one value. Its name comes after theirs, and after those that were added before.
    pub fn scalar(&mut self, name: &str, dtype: DType) -> Result<ValueId, EngineError> {
        let value = self.graph.add(Op::Input(self.graph.inputs.len()), Vec::new(), name)?;
        self.graph.inputs.push(value);
        self.more.push(TensorSpec { name: name.to_owned(), dtype, shape: Some(Vec::new()) });
        Ok(value)
    }

    /// Adds a constant.
    pub fn literal(&mut self, literal: Literal) -> Result<ValueId, EngineError> {
        self.add(Op::Literal(Arc::new(literal)), &[])
    }

    /// Adds one number of the input's type.
    pub fn number(&mut self, number: f64) -> Result<ValueId, EngineError> {
        self.literal(match self.dtype {
            DType::F64 => Literal::F64(vec![number], Vec::new()),
            _ => Literal::F32(vec![number as f32], Vec::new()),
        })
    }

    /// Adds a row of numbers of the input's type.
    pub fn numbers(&mut self, numbers: &[f64]) -> Result<ValueId, EngineError> {
        self.literal(match self.dtype {
            DType::F64 => Literal::F64(numbers.to_vec(), vec![numbers.len()]),
            _ => Literal::F32(numbers.iter().map(|n| *n as f32).collect(), vec![numbers.len()]),
        })
    }

    /// Adds the number of an axis.
    pub fn axis(&mut self, axis: i64) -> Result<ValueId, EngineError> {
        self.literal(Literal::I64(vec![axis], Vec::new()))
    }

    /// Trees over rows: [rows, outputs].
    pub fn forest(&mut self, forest: &Arc<Forests>, x: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Forest(Arc::clone(forest)), &[x])
    }

    /// What models of one output answer has no axis for it.
    pub fn narrowed(&mut self, x: ValueId, outputs: usize) -> Result<ValueId, EngineError> {
        if outputs == 1 { self.add(Op::Squeeze(vec![1]), &[x]) } else { Ok(x) }
    }

    /// The class with the largest number, as a number of the input's type: [rows].
    pub fn largest(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let axis = self.axis(1)?;
        let class = self.add(Op::ArgExtreme { max: true }, &[x, axis])?;
        self.add(Op::Cast(self.dtype), &[class])
    }

    /// The mean of values of one shape.
    pub fn mean(&mut self, values: &[ValueId]) -> Result<ValueId, EngineError> {
        let Some((first, rest)) = values.split_first() else {
            return Err(EngineError::broken("a mean of nothing"));
        };
        let mut sum = *first;
        for value in rest {
            sum = self.add(Op::Binary(crate::graph::Binary::Add), &[sum, *value])?;
        }
        if rest.is_empty() {
            return Ok(sum);
        }
        let count = self.number(values.len() as f64)?;
        self.add(Op::Binary(crate::graph::Binary::Div), &[sum, count])
    }

    /// The finished program, whose only output is of the input's type; its rows have `shape`.
    pub fn finish(self, signature: &str, output: &str, value: ValueId, shape: &[usize]) -> Program {
        let shape = shape.iter().copied().map(Some).collect();
        let dtype = self.dtype;
        self.finish_named(signature, [(output.to_owned(), dtype, value, shape)])
    }

    /// The finished program, its outputs sorted by name.
    pub fn finish_many(self, signature: &str, outputs: impl IntoIterator<Item = Output>) -> Program {
        let owned = |(name, dtype, value, shape): Output| (name.to_owned(), dtype, value, shape);
        self.finish_named(signature, outputs.into_iter().map(owned))
    }

    fn finish_named(
        mut self,
        signature: &str,
        outputs: impl IntoIterator<Item = (String, DType, ValueId, Vec<Dim>)>,
    ) -> Program {
        let rows = |rest: Vec<Dim>| Some([vec![None], rest].concat());
        let features =
            TensorSpec { name: INPUT.to_owned(), dtype: self.dtype, shape: rows(vec![Some(self.features)]) };
        let mut signature = Signature {
            name: signature.to_owned(),
            inputs: std::iter::once(features).chain(self.more).collect(),
            outputs: Vec::new(),
        };
        for (name, dtype, value, shape) in outputs {
            self.graph.outputs.push(value);
            signature.outputs.push(TensorSpec { name, dtype, shape: rows(shape) });
        }
        Program { signature, graph: self.graph }
    }
}

/// An artifact whose graphs hold all that there is.
pub fn artifact(format: &'static str, programs: Vec<Program>) -> Artifact {
    Artifact {
        parsed: 0,
        format,
        programs,
        weights: Vec::new(),
        unsupported: Vec::new(),
        source: Source::Graphs,
        preferences: Preferences::default(),
    }
}

/// Reads a file; errors about its contents name it.
pub fn of_file<T>(file: &Path, read: impl FnOnce(&[u8]) -> Result<T, EngineError>) -> Result<T, EngineError> {
    of_whole_file(file, |bytes| read(&bytes))
}

/// The same for who keeps the bytes.
pub fn of_whole_file<T>(
    file: &Path,
    read: impl FnOnce(Vec<u8>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let name = candidates::name(file);
    let bytes = savedmodel::layout::read_file(file.parent().unwrap_or(Path::new(".")), &name, LARGEST)?;
    named(file, read(bytes))
}

/// Errors about a file's contents name it.
pub fn named<T>(file: &Path, read: Result<T, EngineError>) -> Result<T, EngineError> {
    read.map_err(|e| match e {
        EngineError::BrokenArtifact(what) => {
            EngineError::broken(format!("{}: {what}", candidates::name(file)))
        }
        other => other,
    })
}
