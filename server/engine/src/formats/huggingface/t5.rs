//! T5's encoder: layers normalised before their products, by the root of the mean square, and scores that follow from distances.

use super::config::activation;
use super::distances;
use super::encoder::Tokens;
use super::network::Network;
use crate::EngineError;
use crate::graph::{Binary, Op, ValueId};

/// Epsilon of the normalisations, where the file does not say.
const EPSILON: f64 = 1e-6;

/// The last hidden state: [n, places, width].
pub fn encode(network: &mut Network<'_>, tokens: Tokens) -> Result<ValueId, EngineError> {
    let epsilon = network.config.epsilon(EPSILON)?;
    let rows = network.b.add(Op::Shape, &[tokens.ids])?;
    // The table is shared with the decoder, which need not be there.
    let names = ["shared.weight", "encoder.embed_tokens.weight"];
    let words = names.into_iter().find(|name| network.has(name)).unwrap_or(names[0]);
    let mut x = network.look_up(words, tokens.ids)?;
    let mask = network.additive(tokens.mask)?;
    let bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
    let bias = distances::bias(network, bias, rows)?;
    let mask = network.b.binary(Binary::Add, bias, mask)?;
    for n in 0..network.config.layers()? {
        let prefix = format!("encoder.block.{n}.layer");
        let normed = network.mean_square_norm(x, &format!("{prefix}.0.layer_norm"), epsilon)?;
        let mut qkv = [normed; 3];
        for (value, part) in qkv.iter_mut().zip(["q", "k", "v"]) {
            *value = network.product(normed, &format!("{prefix}.0.SelfAttention.{part}.weight"))?;
        }
        let mixed = network.attend(qkv, rows, false, Some(mask))?;
        let out = network.product(mixed, &format!("{prefix}.0.SelfAttention.o.weight"))?;
        x = network.b.binary(Binary::Add, x, out)?;
        let normed = network.mean_square_norm(x, &format!("{prefix}.1.layer_norm"), epsilon)?;
        let out = feed_forward(network, &format!("{prefix}.1.DenseReluDense"), normed)?;
        x = network.b.binary(Binary::Add, x, out)?;
    }
    network.mean_square_norm(x, "encoder.final_layer_norm", epsilon)
}

/// Two products, or three of which one lets the other through.
fn feed_forward(network: &mut Network<'_>, prefix: &str, x: ValueId) -> Result<ValueId, EngineError> {
    let how = network.config.feed_forward_proj.clone().unwrap_or_else(|| "relu".to_owned());
    let inner = match how.strip_prefix("gated-") {
        None => {
            let up = network.product(x, &format!("{prefix}.wi.weight"))?;
            network.activate(activation(&how)?, up)?
        }
        Some(function) => {
            // The name says less than it does.
            let function = activation(if function == "gelu" { "gelu_new" } else { function })?;
            let gate = network.product(x, &format!("{prefix}.wi_0.weight"))?;
            let gate = network.activate(function, gate)?;
            let up = network.product(x, &format!("{prefix}.wi_1.weight"))?;
            network.b.binary(Binary::Mul, gate, up)?
        }
    };
    network.product(inner, &format!("{prefix}.wo.weight"))
}
