//! What estimators' graphs are built with: rows of `float64`, texts, sparse counts, and arithmetic on them.

mod pool;

pub use pool::Pool;

use crate::graph::{
    Binary, Compare, Forests, Graph, Learning, Literal, Op, Rare, Reduce, Rows, Unary, ValueId, Vectoriser,
};
use crate::{DType, EngineError};
use std::sync::Arc;

/// Estimators in estimators in estimators.
const DEEPEST: usize = 24;
/// Nodes of one graph.
const MOST_NODES: usize = 1 << 16;

/// Rows on their way through estimators.
#[derive(Debug, Clone)]
pub enum Columns {
    /// [rows, width], `float64`.
    Numbers(ValueId, usize),
    /// [rows, width], byte strings.
    Texts(ValueId, usize),
    /// [rows], byte strings.
    Documents(ValueId),
    /// Indices, values, shape; and the width.
    Sparse([ValueId; 3], usize),
    /// Columns of different types, each of width 1.
    Frame(Vec<Columns>),
}

/// A graph on its way.
pub struct Builder<'p> {
    pub graph: Graph,
    pub pool: &'p mut Pool,
    depth: usize,
}

impl<'p> Builder<'p> {
    pub fn new(pool: &'p mut Pool) -> Self {
        Self { graph: Graph::default(), pool, depth: 0 }
    }

    /// Goes into an estimator within another.
    pub fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(EngineError::broken(format!("estimators are nested deeper than {DEEPEST}")));
        }
        let done = work(self);
        self.depth -= 1;
        done
    }

    pub fn add(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, EngineError> {
        Ok(self.add_many(op, inputs, 1)?[0])
    }

    pub fn add_many(
        &mut self,
        op: Op,
        inputs: &[ValueId],
        outputs: usize,
    ) -> Result<Vec<ValueId>, EngineError> {
        let name = self.graph.nodes.len();
        if name > MOST_NODES {
            return Err(EngineError::broken(format!("the model takes more than {MOST_NODES} operations")));
        }
        self.graph.add_many(op, inputs.to_vec(), outputs, &name.to_string())
    }

    pub fn input(&mut self) -> Result<ValueId, EngineError> {
        let id = self.add(Op::Input(self.graph.inputs.len()), &[])?;
        self.graph.inputs.push(id);
        Ok(id)
    }

    pub fn literal(&mut self, literal: Literal) -> Result<ValueId, EngineError> {
        self.add(Op::Literal(Arc::new(literal)), &[])
    }

    pub fn number(&mut self, number: f64) -> Result<ValueId, EngineError> {
        self.literal(Literal::F64(vec![number], Vec::new()))
    }

    pub fn int(&mut self, number: i64) -> Result<ValueId, EngineError> {
        self.literal(Literal::I64(vec![number], Vec::new()))
    }

    pub fn ints(&mut self, numbers: Vec<i64>) -> Result<ValueId, EngineError> {
        let count = numbers.len();
        self.literal(Literal::I64(numbers, vec![count]))
    }

    /// A constant of floats.
    pub fn constant(&mut self, data: Vec<f64>, shape: &[usize]) -> Result<ValueId, EngineError> {
        let count = shape.iter().try_fold(1usize, |n, extent| n.checked_mul(*extent));
        if count != Some(data.len()) {
            return Err(EngineError::broken(format!("{} numbers where {shape:?} are expected", data.len())));
        }
        let number = self.pool.number(data, shape)?;
        self.add(Op::Weight(number), &[])
    }

    /// A constant for each column.
    pub fn row(&mut self, data: Vec<f64>) -> Result<ValueId, EngineError> {
        let width = data.len();
        self.constant(data, &[1, width])
    }

    pub fn unary(&mut self, op: Unary, x: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Unary(op), &[x])
    }

    pub fn binary(&mut self, op: Binary, a: ValueId, b: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Binary(op), &[a, b])
    }

    /// With one number.
    pub fn with(&mut self, op: Binary, a: ValueId, b: f64) -> Result<ValueId, EngineError> {
        let b = self.number(b)?;
        self.binary(op, a, b)
    }

    /// With one number for each column.
    pub fn with_row(&mut self, op: Binary, a: ValueId, b: Vec<f64>) -> Result<ValueId, EngineError> {
        let b = self.row(b)?;
        self.binary(op, a, b)
    }

    pub fn compare(&mut self, op: Compare, a: ValueId, b: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Compare(op), &[a, b])
    }

    pub fn compare_with(&mut self, op: Compare, a: ValueId, b: f64) -> Result<ValueId, EngineError> {
        let b = self.number(b)?;
        self.compare(op, a, b)
    }

    pub fn select(&mut self, condition: ValueId, yes: ValueId, no: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Select, &[condition, yes, no])
    }

    /// Truths and integers as floats.
    pub fn float(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::Cast(DType::F64), &[x])
    }

    pub fn reduce(
        &mut self,
        kind: Reduce,
        x: ValueId,
        axis: i64,
        keep: bool,
    ) -> Result<ValueId, EngineError> {
        let axis = self.ints(vec![axis])?;
        self.add(Op::Reduce { kind, keep }, &[x, axis])
    }

    /// Sums of rows, which stay columns.
    pub fn sum(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        self.reduce(Reduce::Sum, x, 1, true)
    }

    pub fn expand(&mut self, x: ValueId, axis: i64) -> Result<ValueId, EngineError> {
        let axis = self.int(axis)?;
        self.add(Op::ExpandDims, &[x, axis])
    }

    pub fn squeeze(&mut self, x: ValueId, axis: i64) -> Result<ValueId, EngineError> {
        self.add(Op::Squeeze(vec![axis]), &[x])
    }

    pub fn product(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, EngineError> {
        self.add(Op::MatMul { transpose_a: false, transpose_b: false }, &[a, b])
    }

    /// Columns beside each other.
    pub fn beside(&mut self, parts: &[ValueId]) -> Result<ValueId, EngineError> {
        if let [only] = parts {
            return Ok(*only);
        }
        let axis = self.int(1)?;
        self.add(Op::Concat, &[parts, &[axis]].concat())
    }

    /// Some columns, in an order.
    pub fn pick(&mut self, x: ValueId, columns: &[usize]) -> Result<ValueId, EngineError> {
        let places = self.ints(columns.iter().map(|c| *c as i64).collect())?;
        let axis = self.int(1)?;
        self.add(Op::Gather { batch_dims: 0 }, &[x, places, axis])
    }

    /// The first of the largest of each row: [rows], whole numbers.
    pub fn largest(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let axis = self.int(1)?;
        self.add(Op::ArgExtreme { max: true }, &[x, axis])
    }

    /// 1 in the column that each number names, else 0.
    pub fn one_hot(&mut self, numbers: ValueId, width: usize) -> Result<ValueId, EngineError> {
        let depth = self.int(width as i64)?;
        let (on, off) = (self.number(1.0)?, self.number(0.0)?);
        self.add(Op::OneHot(-1), &[numbers, depth, on, off])
    }

    /// Rows that sum up to 1; rows of nothing stay.
    pub fn shares(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let sum = self.sum(x)?;
        let none = self.compare_with(Compare::Equal, sum, 0.0)?;
        let none = self.float(none)?;
        let sum = self.binary(Binary::Add, sum, none)?;
        self.binary(Binary::Div, x, sum)
    }

    /// The chance of the second class behind one minus it.
    pub fn both(&mut self, second: ValueId) -> Result<ValueId, EngineError> {
        let one = self.number(1.0)?;
        let first = self.binary(Binary::Sub, one, second)?;
        self.beside(&[first, second])
    }

    /// `log(sum(exp(x)))` of rows, which stay columns.
    pub fn log_sum(&mut self, x: ValueId) -> Result<ValueId, EngineError> {
        let most = self.reduce(Reduce::Max, x, 1, true)?;
        let x = self.binary(Binary::Sub, x, most)?;
        let exp = self.unary(Unary::Exp, x)?;
        let sum = self.sum(exp)?;
        let log = self.unary(Unary::Log, sum)?;
        self.binary(Binary::Add, log, most)
    }

    pub fn learning(&mut self, op: Learning, inputs: &[ValueId]) -> Result<ValueId, EngineError> {
        self.add(Op::Rare(Box::new(Rare::Learning(op))), inputs)
    }

    pub fn rows(
        &mut self,
        op: Rows,
        inputs: &[ValueId],
        outputs: usize,
    ) -> Result<Vec<ValueId>, EngineError> {
        self.add_many(Op::Rare(Box::new(Rare::Rows(op))), inputs, outputs)
    }

    /// The forest that was made of a node, made once for all signatures.
    pub fn forest(
        &mut self,
        of: (u32, usize),
        x: ValueId,
        make: impl FnOnce() -> Result<Forests, EngineError>,
    ) -> Result<ValueId, EngineError> {
        let forest = match self.pool.forests.get(&of) {
            Some(forest) => Arc::clone(forest),
            None => {
                let forest = Arc::new(make()?);
                self.pool.forests.insert(of, Arc::clone(&forest));
                forest
            }
        };
        self.add(Op::Forest(forest), &[x])
    }

    /// The vectoriser that was made of a node.
    pub fn vectoriser(
        &mut self,
        of: u32,
        make: impl FnOnce() -> Result<Vectoriser, EngineError>,
    ) -> Result<Arc<Vectoriser>, EngineError> {
        if let Some(known) = self.pool.vectorisers.get(&of) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        self.pool.vectorisers.insert(of, Arc::clone(&made));
        Ok(made)
    }
}
