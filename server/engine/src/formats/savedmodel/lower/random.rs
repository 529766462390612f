//! Random numbers: by seeds that a node has, by keys and counters that it is given.

use super::super::attributes::Attributes as _;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::DType;
use crate::graph::{Draw, Literal, Op, Random, Rare, Source, Stream};
use std::sync::Arc;

/// TensorFlow's number for the one algorithm that it does not have on a CPU.
const THREEFRY: i64 = 2;

impl Lowering<'_> {
    pub(super) fn random(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "StatelessRandomGetAlg" => self.emit(philox(), vec![]),
            "StatelessRandomGetKey" | "StatelessRandomGetKeyCounter" | "StatelessRandomGetKeyCounterAlg" => {
                self.key()
            }
            // Their numbers of versions are others than of the rest.
            "StatelessRandomGammaV2" => self.seeded("RandomGamma"),
            "StatelessRandomGammaV3" => self.keyed("RandomGamma"),
            op => match op.strip_prefix("Stateless") {
                Some(name) => match name.strip_suffix("V2") {
                    Some(name) => self.keyed(name),
                    None if name == "Shuffle" => self.keyed(name),
                    None => self.seeded(name),
                },
                None => self.streamed(),
            },
        }
    }

    /// Key, counter and algorithm of a seed, or the first of them.
    fn key(&mut self) -> Outcome {
        let seed = self.want(1)?[0];
        let key = rare(Rare::Random(Random::Key));
        let mut made = self.graph.add_many(key, vec![seed], 2, &self.node.name)?;
        made.push(self.add(philox(), vec![])?);
        Ok(Some(Lowered::Values(made.into_iter().map(Val::Value).collect())))
    }

    /// Goes on from draw to draw.
    fn streamed(&mut self) -> Outcome {
        let Some(draw) = draw(&self.node.op) else { return Ok(None) };
        let seed = |name| self.node.int(name).unwrap_or(0);
        let source = Source::Stream(Arc::new(Stream::new(seed("seed"), seed("seed2"))));
        let mut own = self.want(draw.operands())?[..draw.operands()].to_vec();
        if matches!(draw, Draw::Gamma | Draw::Poisson) {
            // So many numbers of each distribution.
            let (axis, rest) = (self.ints(vec![0])?, self.add(Op::Shape, vec![own[1]])?);
            own[0] = self.add(Op::Concat, vec![own[0], rest, axis])?;
        }
        self.drawn(draw, source, own)
    }

    /// By a seed, which comes behind the shape.
    fn seeded(&mut self, name: &str) -> Outcome {
        let Some(draw) = draw(name) else { return Ok(None) };
        // With a seed, parameters are of the last axes.
        let draw = if draw == (Draw::Bounded { last: false }) { Draw::Bounded { last: true } } else { draw };
        let own = draw.operands();
        let all = self.want(own + 1)?[..=own].to_vec();
        let at = if draw == Draw::Categorical { 2 } else { 1 };
        let inputs = [&all[..at], &all[at + 1..], &all[at..=at]].concat();
        self.drawn(draw, Source::Seed, inputs)
    }

    /// By key, counter and algorithm, which come behind the shape.
    fn keyed(&mut self, name: &str) -> Outcome {
        let Some(draw) = draw(name).filter(|d| *d != Draw::Categorical) else { return Ok(None) };
        let own = draw.operands();
        let all = self.want(own + 3)?[..own + 3].to_vec();
        if self.literal_ints(all[3]).is_some_and(|a| a == [THREEFRY]) {
            return Self::refuse("by the algorithm ThreeFry");
        }
        let inputs = [&all[..1], &all[4..], &all[1..3]].concat();
        self.drawn(draw, Source::Given, inputs)
    }

    fn drawn(&mut self, draw: Draw, source: Source, inputs: Vec<usize>) -> Outcome {
        let dtype = match draw {
            Draw::Shuffle => Some(DType::I64),
            Draw::Categorical => self.node.dtype("output_dtype").or(Some(DType::I64)),
            Draw::Between if self.node.attr.contains_key("Tout") => self.node.dtype("Tout"),
            Draw::Gamma => self.node.dtype("dtype").or(self.node.dtype("T")),
            _ => self.node.dtype("dtype"),
        };
        match dtype.unwrap_or(draw.usual()) {
            DType::I8 | DType::I16 | DType::U8 | DType::U16 | DType::Bool | DType::String => {
                Self::refuse("of a type that is not supported")
            }
            dtype => self.emit(rare(Rare::Random(Random::Draw { draw, dtype, source })), inputs),
        }
    }
}

/// The algorithm, whatever the machine.
fn philox() -> Op {
    Op::Literal(Arc::new(Literal::I64(vec![1], vec![])))
}

/// What an operation draws, whatever the numbers are made of.
pub fn draw(op: &str) -> Option<Draw> {
    Some(match op {
        "RandomUniform" | "Uniform" => Draw::Uniform,
        "RandomStandardNormal" | "RandomNormal" | "StandardNormal" | "StandardNormalV2" => Draw::Normal,
        "TruncatedNormal" => Draw::Truncated,
        "RandomUniformInt" | "UniformInt" => Draw::Between,
        "RandomUniformFullInt" | "UniformFullInt" => Draw::Any,
        "RandomShuffle" | "Shuffle" => Draw::Shuffle,
        "Multinomial" => Draw::Categorical,
        "RandomGamma" => Draw::Gamma,
        "RandomPoisson" | "RandomPoissonV2" => Draw::Poisson,
        "RandomBinomial" => Draw::Binomial,
        "ParameterizedTruncatedNormal" => Draw::Bounded { last: false },
        _ => return None,
    })
}
