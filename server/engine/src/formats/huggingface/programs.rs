//! Ways to call a model of texts: by texts, by pairs of texts, by numbers of tokens.

use super::encoder::Tokens;
use super::network::Network;
use crate::formats::Program;
use crate::graph::{Op, Text, Tokenizer, ValueId};
use crate::signature::Dim;
use crate::{DType, EngineError, Signature, TensorSpec};
use std::sync::Arc;

/// An answer; the shape is that of a row.
pub struct Output {
    pub name: &'static str,
    pub dtype: DType,
    pub value: ValueId,
    pub shape: Vec<Dim>,
}

impl Output {
    pub fn floats(name: &'static str, value: ValueId, shape: &[Dim]) -> Self {
        Self { name, dtype: DType::F32, value, shape: shape.to_vec() }
    }
}

/// What a request brings.
#[derive(Debug, Clone)]
pub enum Given {
    /// Numbers of tokens, and which of two texts they are of.
    Tokens { types: bool },
    /// Texts by these names, in the order in which they are put together.
    Texts { names: &'static [&'static str], tokenizer: Arc<Tokenizer>, lower: bool, types: bool },
}

/// An input of a row of so many axes.
fn spec(name: &str, dtype: DType, axes: usize) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype, shape: Some(vec![None; axes]) }
}

/// Adds the inputs.
pub fn given(network: &mut Network<'_>, given: &Given) -> Result<(Tokens, Vec<TensorSpec>), EngineError> {
    match given {
        Given::Tokens { types } => {
            let mut specs = vec![spec("attention_mask", DType::I64, 2), spec("input_ids", DType::I64, 2)];
            if *types {
                specs.push(spec("token_type_ids", DType::I64, 2));
            }
            let mut values = Vec::new();
            for spec in &specs {
                spec.name.clone_into(&mut network.b.name);
                values.push(network.b.input(spec.shape.clone())?);
            }
            let types = values.get(2).copied();
            Ok((Tokens { ids: values[1], mask: values[0], types }, specs))
        }
        Given::Texts { names, tokenizer, lower, types } => {
            let mut sorted = names.to_vec();
            sorted.sort_unstable();
            let mut values = Vec::new();
            for name in &sorted {
                (*name).clone_into(&mut network.b.name);
                let text = network.b.input(Some(vec![None]))?;
                let lowered = Op::Text(Text::Lower { utf8: true });
                values.push(if *lower { network.b.add(lowered, &[text])? } else { text });
            }
            let place = |name: &&str| sorted.iter().position(|s| s == name).map(|n| values[n]);
            let texts: Vec<ValueId> = names.iter().filter_map(place).collect();
            "tokenizer.json".clone_into(&mut network.b.name);
            let made = network.b.add_many(Op::Text(Text::Tokenize(tokenizer.clone())), &texts, 3)?;
            let specs = sorted.iter().map(|name| spec(name, DType::String, 1)).collect();
            Ok((Tokens { ids: made[0], mask: made[1], types: types.then_some(made[2]) }, specs))
        }
    }
}

/// The program of a signature.
pub fn finish(
    network: Network<'_>,
    name: &str,
    inputs: Vec<TensorSpec>,
    mut outputs: Vec<Output>,
) -> Program {
    outputs.sort_by_key(|output| output.name);
    let mut graph = network.b.graph;
    let mut signature = Signature { name: name.to_owned(), inputs, outputs: Vec::new() };
    for Output { name, dtype, value, shape } in outputs {
        graph.outputs.push(value);
        let shape = Some([vec![None], shape].concat());
        signature.outputs.push(TensorSpec { name: name.to_owned(), dtype, shape });
    }
    Program { signature, graph }
}
