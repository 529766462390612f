//! Generators of random numbers, whose state is a variable: counter and key. What a run takes, no other one takes.

use super::super::attributes::Attributes as _;
use super::super::lower::draw;
use super::super::proto::NodeDef;
use super::{Context, Val};
use crate::graph::{Draw, Literal, Masks, Op, Random, Rare, Reduce, Source, Stream, ValueId};
use crate::{DType, EngineError};
use std::sync::Arc;

/// Whether a node takes numbers of a generator.
pub fn generates(node: &NodeDef) -> bool {
    let op = node.op.as_str();
    op == "RngReadAndSkip" || op.strip_prefix("Stateful").is_some_and(|name| name != "PartitionedCall")
}

impl Context<'_> {
    /// `RngReadAndSkip`, and draws by a generator.
    pub(super) fn generator(&mut self, node: &NodeDef, inputs: &[Val]) -> Result<Vec<Val>, EngineError> {
        let name = match inputs.first() {
            Some(Val::Resource(name)) => name.clone(),
            _ => return Ok(Vec::new()),
        };
        let Val::Value(state) = self.weight(&name)? else { return Ok(Vec::new()) };
        let stream = self.generators.entry(name).or_insert_with(|| Arc::new(Stream::new(1, 0))).clone();
        let values: Vec<ValueId> = inputs[1..].iter().filter_map(Val::value).collect();
        // Behind something that is missing nothing matters.
        let [_algorithm, operand, rest @ ..] = &values[..] else { return Ok(Vec::new()) };
        if node.op == "RngReadAndSkip" {
            let state = self.random(node, Random::Advance(stream), vec![state, *operand])?;
            return Ok(vec![Val::Value(state)]);
        }
        let drawn = node.op.strip_prefix("Stateful").and_then(draw).filter(|draw| *draw != Draw::Binomial);
        let dtype = node.dtype("dtype").or(drawn.map(Draw::usual)).filter(|d| {
            matches!(d, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
                || matches!(d, DType::I32 | DType::I64 | DType::U32 | DType::U64)
        });
        let (Some(draw), Some(dtype)) = (drawn, dtype) else {
            self.missing(node, None);
            return Ok(Vec::new());
        };
        if draw == Draw::Between && rest.len() != 2 {
            return Err(EngineError::broken(format!("node {:?} lacks its bounds", node.name)));
        }
        let axis = self.integers(node, vec![0])?;
        let product = Op::Reduce { kind: Reduce::Prod, keep: false };
        let count = self.graph.add(product, vec![*operand, axis], &node.name)?;
        let state = self.random(node, Random::Advance(stream), vec![state, count])?;
        let (key, counter) = (self.part(node, state, [2, 3])?, self.part(node, state, [0, 2])?);
        let inputs = [&[*operand], rest, &[key, counter]].concat();
        let drawn = self.random(node, Random::Draw { draw, dtype, source: Source::Given }, inputs)?;
        Ok(vec![Val::Value(drawn)])
    }

    fn random(&mut self, node: &NodeDef, op: Random, inputs: Vec<ValueId>) -> Result<ValueId, EngineError> {
        self.graph.add(Op::Rare(Box::new(Rare::Random(op))), inputs, &node.name)
    }

    fn integers(&mut self, node: &NodeDef, values: Vec<i64>) -> Result<ValueId, EngineError> {
        let shape = vec![values.len()];
        self.graph.add(Op::Literal(Arc::new(Literal::I64(values, shape))), Vec::new(), &node.name)
    }

    fn part(&mut self, node: &NodeDef, of: ValueId, [begin, end]: [i64; 2]) -> Result<ValueId, EngineError> {
        let (begin, end) = (self.integers(node, vec![begin])?, self.integers(node, vec![end])?);
        let step = self.integers(node, vec![1])?;
        self.graph.add(Op::StridedSlice(Masks::default()), vec![of, begin, end, step], &node.name)
    }
}
