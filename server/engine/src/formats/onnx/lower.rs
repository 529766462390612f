//! Operators, one family a file. A family takes a node if it knows its operator; the rest is not supported.

mod activations;
mod attention;
mod casts;
mod control;
mod convolutions;
mod encoders;
mod features;
mod joins;
mod linear;
mod machines;
mod map;
mod masks;
mod math;
mod matrices;
mod networks;
mod norms;
mod places;
mod pools;
mod quantised;
mod quantised_images;
mod random;
mod recurrent;
mod reduce;
mod resizing;
mod rotary;
mod runtime;
mod runtime_attention;
mod runtime_blocks;
mod runtime_quantised;
mod sampling;
mod scan;
mod scores;
mod sequences;
mod shapes;
mod signals;
mod texts;
mod tfidf;
mod trees;

use super::context::Context;
use super::elem::Elem;
use super::proto::{Attribute, Graph, Node, Tensor};
use super::scope::Val;
use crate::EngineError;
use crate::formats::builder::Builder;
use crate::graph::{Literal, Op, Rare, ValueId};

/// Why a node is not lowered.
pub enum Stop {
    /// It is not supported: why.
    Refused(String),
    /// The model is broken.
    Broken(EngineError),
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Broken(error)
    }
}

/// What a family makes of a node; None: it is another family's.
pub type Outcome = Result<Option<Vec<Val>>, Stop>;

/// A domain by its name; the default one has two.
pub fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// Whether a domain is the default one.
pub fn is_default(name: &str) -> bool {
    domain(name).is_empty()
}

/// One node.
pub struct Lowering<'c, 'm> {
    pub context: &'c mut Context<'m>,
    pub node: &'c Node,
    pub inputs: Vec<Val>,
    /// Version of its domain.
    pub version: i64,
}

impl<'c, 'm> Lowering<'c, 'm> {
    pub fn new(context: &'c mut Context<'m>, node: &'c Node, inputs: Vec<Val>, version: i64) -> Self {
        Self { context, node, inputs, version }
    }

    /// Tries one family after another.
    pub fn run(mut self) -> Result<Vec<Val>, Stop> {
        let families: &[fn(&mut Self) -> Outcome] = &[
            Self::math,
            Self::activations,
            Self::casts,
            Self::shapes,
            Self::joins,
            Self::places,
            Self::reduce,
            Self::matrices,
            Self::control,
            Self::attentions,
            Self::networks,
            Self::recurrents,
            Self::quantised,
            Self::sequences,
            Self::texts_family,
            Self::tfidf,
            Self::random,
            Self::encoders,
            Self::features,
            Self::linear,
            Self::machines,
            Self::trees,
            Self::convolutions,
            Self::pools,
            Self::norms,
            Self::resizing,
            Self::sampling,
            Self::signals,
            Self::quantised_images,
            Self::runtimes,
            Self::runtime_attention,
            Self::runtime_quantised,
            Self::runtime_blocks,
        ];
        for family in families {
            if let Some(vals) = family(&mut self)? {
                return Ok(vals);
            }
        }
        Err(Stop::Refused("this operator is not supported".to_owned()))
    }

    /// The operator's name, if its domain is the default one.
    fn op(&self) -> &str {
        if is_default(&self.node.domain) { &self.node.op_type } else { "" }
    }

    fn build(&mut self) -> &mut Builder {
        self.context.build()
    }

    fn refuse<T>(reason: impl Into<String>) -> Result<T, Stop> {
        Err(Stop::Refused(reason.into()))
    }

    fn broken(what: impl Into<String>) -> Stop {
        Stop::Broken(EngineError::broken(what))
    }

    // What it reads.

    /// An input, or what stands for none.
    fn val(&self, n: usize) -> Val {
        self.inputs.get(n).copied().unwrap_or(Val::Absent)
    }

    fn optional(&self, n: usize) -> Option<(ValueId, Elem)> {
        self.inputs.get(n).and_then(|v| v.tensor())
    }

    fn tensor(&self, n: usize) -> Result<(ValueId, Elem), Stop> {
        self.optional(n).ok_or_else(|| Self::broken(format!("input {n} is missing, or no tensor")))
    }

    fn value(&self, n: usize) -> Result<ValueId, Stop> {
        self.tensor(n).map(|(value, _)| value)
    }

    /// All inputs, which have to be tensors.
    fn all(&self) -> Result<Vec<ValueId>, Stop> {
        let all = (0..self.inputs.len()).map(|n| self.value(n)).collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(Self::broken("it has no inputs")) } else { Ok(all) }
    }

    /// The type of the elements of the first input.
    fn elem(&self) -> Result<Elem, Stop> {
        self.tensor(0).map(|(_, elem)| elem)
    }

    /// The rank of a value, which has to be known.
    fn rank(&mut self, value: ValueId) -> Result<usize, Stop> {
        let rank = self.build().rank(value);
        rank.ok_or_else(|| Stop::Refused("the number of axes of its input is not known".to_owned()))
    }

    // Attributes.

    fn attribute(&self, name: &str) -> Option<&'c Attribute> {
        self.node.attribute.iter().find(|a| a.name == name)
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.i)
    }

    fn flag(&self, name: &str) -> bool {
        self.int(name).is_some_and(|n| n != 0)
    }

    fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|a| a.f)
    }

    fn ints(&self, name: &str) -> Option<&'c [i64]> {
        self.attribute(name).map(|a| &a.ints[..])
    }

    fn floats(&self, name: &str) -> Option<&'c [f32]> {
        self.attribute(name).map(|a| &a.floats[..])
    }

    fn text(&self, name: &str) -> Option<&'c str> {
        self.attribute(name).and_then(|a| std::str::from_utf8(&a.s).ok())
    }

    fn texts(&self, name: &str) -> Option<&'c [Vec<u8>]> {
        self.attribute(name).map(|a| &a.strings[..])
    }

    fn constant(&self, name: &str) -> Option<&'c Tensor> {
        self.attribute(name).and_then(|a| a.t.as_ref())
    }

    fn graph(&self, name: &str) -> Result<&'c Graph, Stop> {
        let graph = self.attribute(name).and_then(|a| a.g.as_deref());
        graph.ok_or_else(|| Self::broken(format!("it has no body {name:?}")))
    }

    /// An attribute that became an input in a later version.
    fn ints_or_input(&mut self, name: &str, n: usize) -> Result<Option<ValueId>, Stop> {
        if let Some((value, _)) = self.optional(n) {
            return Ok(Some(value));
        }
        match self.ints(name).map(<[i64]>::to_vec) {
            Some(ints) => Ok(Some(self.build().ints(&ints)?)),
            None => Ok(None),
        }
    }

    // What it makes.

    fn add(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, Stop> {
        Ok(self.build().add(op, inputs)?)
    }

    fn rare(&mut self, op: Rare, inputs: &[ValueId]) -> Result<ValueId, Stop> {
        self.add(Op::Rare(Box::new(op)), inputs)
    }

    /// One number of a type.
    fn number(&mut self, number: f64, elem: Elem) -> Result<ValueId, Stop> {
        use crate::value::Kind;
        Ok(self.build().literal(match elem.kind() {
            Kind::F64 => Literal::F64(vec![number], Vec::new()),
            Kind::I64 => Literal::I64(vec![number as i64], Vec::new()),
            Kind::Bool => Literal::Bool(vec![u8::from(number != 0.0)], Vec::new()),
            _ => Literal::F32(vec![number as f32], Vec::new()),
        })?)
    }

    /// The only result.
    fn give(value: ValueId, elem: Elem) -> Outcome {
        Ok(Some(vec![Val::Tensor(value, elem)]))
    }

    /// The only result, of the type of the first input.
    fn same(&self, value: ValueId) -> Outcome {
        Self::give(value, self.elem()?)
    }
}
