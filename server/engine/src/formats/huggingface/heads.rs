//! What stands behind an encoder: one answer for a text, for each token, or for each place that a word is missing at.

use super::config::Problem;
use super::encoder::{self, Tokens};
use super::families::Family;
use super::network::Network;
use super::programs::Output;
use crate::graph::{Activation, Op, Unary, ValueId};
use crate::{DType, EngineError};

/// What a model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// What the encoder gives.
    Base,
    Sequence,
    Token,
    Masked,
    Question,
}

/// How a text is classified by the first place.
#[derive(Debug)]
pub enum Head {
    /// By a product behind the pooler.
    Pooled(&'static str),
    /// By two products.
    Two { first: &'static str, activation: Activation, second: &'static str },
}

/// How words are told.
#[derive(Debug)]
pub struct Masked {
    pub dense: &'static str,
    /// None: that of the layers.
    pub activation: Option<Activation>,
    pub norm: &'static str,
    /// The table of words, if it is not that of the embeddings.
    pub words: &'static str,
    pub bias: &'static str,
}

/// All answers of a model.
pub fn answers(
    network: &mut Network<'_>,
    family: &Family,
    task: Task,
    tokens: Tokens,
) -> Result<Vec<Output>, EngineError> {
    let x = encoder::encode(network, family, tokens)?;
    match task {
        Task::Base => base(network, family, x),
        Task::Sequence => {
            let logits = sequence(network, family, x)?;
            classes(network, logits)
        }
        Task::Token => {
            let logits = network.linear(x, "classifier")?;
            let width = network.width(logits)?;
            Ok(vec![Output::floats("logits", logits, &[None, Some(width)])])
        }
        Task::Masked => masked(network, family, x),
        Task::Question => question(network, x),
    }
}

fn base(network: &mut Network<'_>, family: &Family, x: ValueId) -> Result<Vec<Output>, EngineError> {
    let width = network.width(x)?;
    let mut outputs = vec![Output::floats("last_hidden_state", x, &[None, Some(width)])];
    let pooler = family.pooler.map(|name| format!("{}{name}", encoder::prefix(network, family)));
    // Files of encoders that were trained for something else lack it.
    if let Some(name) = pooler.filter(|name| network.has(&format!("{name}.weight"))) {
        let pooled = pooled(network, &name, x)?;
        let width = network.width(pooled)?;
        outputs.push(Output::floats("pooler_output", pooled, &[Some(width)]));
    }
    Ok(outputs)
}

/// The first place behind a product and a tangent.
pub fn pooled(network: &mut Network<'_>, name: &str, x: ValueId) -> Result<ValueId, EngineError> {
    let first = network.place(x, 0)?;
    let dense = network.linear(first, name)?;
    network.activate(Activation::Tanh, dense)
}

fn sequence(network: &mut Network<'_>, family: &Family, x: ValueId) -> Result<ValueId, EngineError> {
    match &family.sequence {
        Head::Pooled(name) => {
            let pooler = family.pooler.unwrap_or_default();
            let pooler = format!("{}{pooler}", encoder::prefix(network, family));
            let pooled = pooled(network, &pooler, x)?;
            network.linear(pooled, name)
        }
        Head::Two { first, activation, second } => {
            let place = network.place(x, 0)?;
            let dense = network.linear(place, first)?;
            let dense = network.activate(*activation, dense)?;
            network.linear(dense, second)
        }
    }
}

/// Numbers of classes, with what follows from them: how likely each is, and what the likeliest is called.
pub fn classes(network: &mut Network<'_>, logits: ValueId) -> Result<Vec<Output>, EngineError> {
    let count = network.width(logits)?;
    let problem = network.config.problem(count);
    let mut outputs = vec![Output::floats("logits", logits, &[Some(count)])];
    let likely = match problem {
        Problem::Numbers => return Ok(outputs),
        Problem::One => network.b.add(Op::Softmax { log: false }, &[logits])?,
        Problem::Any => network.b.add(Op::Unary(Unary::Sigmoid), &[logits])?,
    };
    outputs.push(Output::floats("probabilities", likely, &[Some(count)]));
    if problem == Problem::One {
        let names = network.config.labels(count);
        let (names, axis) = (network.texts(names)?, network.b.int(-1)?);
        let class = network.b.add(Op::ArgExtreme { max: true }, &[logits, axis])?;
        let axis = network.b.int(0)?;
        let label = network.b.add(Op::Gather { batch_dims: 0 }, &[names, class, axis])?;
        outputs.push(Output { name: "label", dtype: DType::String, value: label, shape: Vec::new() });
    }
    Ok(outputs)
}

fn masked(network: &mut Network<'_>, family: &Family, x: ValueId) -> Result<Vec<Output>, EngineError> {
    let names = &family.masked;
    let activation = match names.activation {
        Some(activation) => activation,
        None => network.config.activation(family.activation)?,
    };
    let dense = network.linear(x, names.dense)?;
    let dense = network.activate(activation, dense)?;
    let epsilon = network.config.epsilon(1e-12)?;
    let normed = network.norm(dense, names.norm, epsilon)?;
    let own = format!("{}.weight", names.words);
    let tied = format!("{}embeddings.word_embeddings.weight", encoder::prefix(network, family));
    let words = if network.has(&own) { own } else { tied };
    let product = network.product(normed, &words)?;
    // Files say the bias by itself, beside the table, or both.
    let beside = format!("{}.bias", names.words);
    let bias = if network.has(names.bias) { names.bias.to_owned() } else { beside };
    let logits = network.biased(product, &bias)?;
    let width = network.width(logits)?;
    Ok(vec![Output::floats("logits", logits, &[None, Some(width)])])
}

/// Where an answer begins and ends.
fn question(network: &mut Network<'_>, x: ValueId) -> Result<Vec<Output>, EngineError> {
    let logits = network.linear(x, "qa_outputs")?;
    if network.width(logits)? != 2 {
        return Err(EngineError::broken("tensor \"qa_outputs.weight\" does not give two numbers"));
    }
    let parts = network.b.add_many(Op::Unpack(-1, 2), &[logits], 2)?;
    let output = |name, value| Output::floats(name, value, &[None]);
    Ok(vec![output("start_logits", parts[0]), output("end_logits", parts[1])])
}
