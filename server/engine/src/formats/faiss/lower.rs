//! An index as graphs.

use super::index::{Index, Transform};
use super::options::Options;
use crate::formats::Program;
use crate::formats::lowering::Lowering;
use crate::graph::{Binary, Compare, Literal, Op, Rare, Reduce, Unary, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

/// Neighbours that a bare index gives if nobody says how many.
const NEIGHBOURS: usize = 10;

/// An index ready to be put into graphs.
struct Shared {
    width: usize,
    before: Vec<Transform>,
    search: Op,
}

impl Shared {
    fn of(index: Index) -> Self {
        let search = Op::Neighbours(Arc::new(index.neighbours));
        Self { width: index.width, before: index.before, search }
    }

    /// Distances and names.
    fn find(&self, to: &mut Lowering, mut x: ValueId, k: ValueId) -> Result<[ValueId; 2], EngineError> {
        for transform in &self.before {
            x = match transform {
                Transform::Normalise => normalised(to, x)?,
                Transform::Centre(mean) => {
                    let mean = to.literal(Literal::F32(mean.clone(), vec![mean.len()]))?;
                    to.add(Op::Binary(Binary::Sub), &[x, mean])?
                }
                Transform::Linear { matrix, bias, sizes: [from, into] } => {
                    let matrix = to.literal(Literal::F32(matrix.clone(), vec![*into, *from]))?;
                    let x = to.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[x, matrix])?;
                    match bias {
                        Some(bias) => {
                            let bias = to.literal(Literal::F32(bias.clone(), vec![*into]))?;
                            to.add(Op::Binary(Binary::Add), &[x, bias])?
                        }
                        None => x,
                    }
                }
            };
        }
        let found = to.add_many(self.search.clone(), &[x, k], 2)?;
        Ok([found[0], found[1]])
    }
}

/// Rows made one long.
fn normalised(to: &mut Lowering, x: ValueId) -> Result<ValueId, EngineError> {
    let square = to.add(Op::Unary(Unary::Square), &[x])?;
    let axis = to.axis(1)?;
    let sum = to.add(Op::Reduce { kind: Reduce::Sum, keep: true }, &[square, axis])?;
    let length = to.add(Op::Unary(Unary::Sqrt), &[sum])?;
    to.add(Op::Binary(Binary::DivNoNan), &[x, length])
}

/// The graphs of an index alone.
pub fn bare(index: Index) -> Result<Vec<Program>, EngineError> {
    let usual = NEIGHBOURS.min(index.neighbours.len()).max(1);
    let shared = Shared::of(index);
    let program = |signature, k: Option<usize>| {
        let (mut to, x) = Lowering::new(DType::F32, shared.width)?;
        let number = match k {
            Some(k) => to.axis(k as i64)?,
            None => to.scalar("k", DType::I64)?,
        };
        let [distances, names] = shared.find(&mut to, x, number)?;
        let outputs = [("distances", DType::F32, distances), ("ids", DType::I64, names)];
        Ok(to.finish_many(signature, outputs.map(|(name, dtype, value)| (name, dtype, value, vec![k]))))
    };
    Ok(vec![program("search", None)?, program("serving_default", Some(usual))?])
}

/// The graphs of a model.
pub fn model(index: Index, options: &Options) -> Result<Vec<Program>, EngineError> {
    if usize::try_from(index.neighbours.end()).is_ok_and(|end| end > options.labels.len()) {
        return Err(EngineError::broken(format!(
            "{} labels for vectors that are called up to {}",
            options.labels.len(),
            index.neighbours.end() - 1
        )));
    }
    let shared = Shared::of(index);
    let labels = Arc::new(Literal::F32(options.labels.clone(), vec![options.labels.len()]));
    let program = |signature, verbose: bool| {
        let (mut to, mut x) = Lowering::new(DType::F32, shared.width)?;
        let (k, labels) = (to.axis(options.k)?, to.add(Op::Literal(Arc::clone(&labels)), &[])?);
        if options.normalise {
            x = normalised(&mut to, x)?;
        }
        let [distances, names] = shared.find(&mut to, x, k)?;
        let vote = to.add(Op::Rare(Box::new(Rare::Vote { mean: options.mean })), &[names, labels])?;
        let said = ("predicted_label", DType::F32, vote, vec![]);
        if !verbose {
            return Ok(to.finish_many(signature, [said]));
        }
        let shape = vec![usize::try_from(options.k).ok()];
        let labels = labelled(&mut to, names, labels)?;
        let distances = ("distances", DType::F32, distances, shape.clone());
        Ok(to.finish_many(signature, [distances, ("labels", DType::F32, labels, shape), said]))
    };
    Ok(vec![program("serving_default", false)?, program("verbose", true)?])
}

/// The labels of neighbours; NaN for those that are not there.
fn labelled(to: &mut Lowering, names: ValueId, labels: ValueId) -> Result<ValueId, EngineError> {
    let (zero, axis, nan) = (to.axis(0)?, to.axis(0)?, to.number(f64::NAN)?);
    let there = to.add(Op::Binary(Binary::Max), &[names, zero])?;
    let found = to.add(Op::Gather { batch_dims: 0 }, &[labels, there, axis])?;
    let missing = to.add(Op::Compare(Compare::Less), &[names, zero])?;
    to.add(Op::Select, &[missing, nan, found])
}
