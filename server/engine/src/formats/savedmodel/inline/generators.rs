//! Generators of random numbers, whose state is a variable: counter and key. What a run takes, no other one takes.

use super::super::attributes::Attributes as _;
use super::super::lower::draw;
use super::super::proto::NodeDef;
use super::{Context, Val};
use crate::graph::{Binary, Draw, Literal, Masks, Op, Random, Rare, Reduce, Source, Stream, ValueId};
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
        let drawn = node.op.strip_prefix("Stateful").and_then(draw);
        let dtype = node.dtype("dtype").or(drawn.map(Draw::usual)).filter(|d| {
            matches!(d, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
                || matches!(d, DType::I32 | DType::I64 | DType::U32 | DType::U64)
        });
        let (Some(draw), Some(dtype)) = (drawn, dtype) else {
            self.missing(node, None);
            return Ok(Vec::new());
        };
        if rest.len() + 1 != draw.operands() {
            return Err(EngineError::broken(format!("node {:?} lacks a parameter", node.name)));
        }
        let count = self.product(node, *operand)?;
        let count = if draw == Draw::Binomial { self.set_aside(node, count, rest)? } else { count };
        let state = self.random(node, Random::Advance(stream), vec![state, count])?;
        let (key, counter) = (self.part(node, state, [2, 3])?, self.part(node, state, [0, 2])?);
        let inputs = [&[*operand], rest, &[key, counter]].concat();
        let drawn = self.random(node, Random::Draw { draw, dtype, source: Source::Given }, inputs)?;
        Ok(vec![Val::Value(drawn)])
    }

    fn product(&mut self, node: &NodeDef, shape: ValueId) -> Result<ValueId, EngineError> {
        let axis = self.integers(node, vec![0])?;
        self.graph.add(Op::Reduce { kind: Reduce::Prod, keep: false }, vec![shape, axis], &node.name)
    }

    /// How much is taken for so many numbers of binomial distributions: 50 for each, and 150 for each distribution.
    fn set_aside(
        &mut self,
        node: &NodeDef,
        count: ValueId,
        parameters: &[ValueId],
    ) -> Result<ValueId, EngineError> {
        let mut shapes = Vec::new();
        for parameter in parameters {
            shapes.push(self.graph.add(Op::Shape, vec![*parameter], &node.name)?);
        }
        let spread = self.graph.add(Op::Rare(Box::new(Rare::BroadcastArgs)), shapes, &node.name)?;
        let mut sum = count;
        let each = self.product(node, spread)?;
        for _ in 0..3 {
            sum = self.graph.add(Op::Binary(Binary::Add), vec![sum, each], &node.name)?;
        }
        let fifty = self.integers(node, vec![50])?;
        self.graph.add(Op::Binary(Binary::Mul), vec![sum, fifty], &node.name)
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
