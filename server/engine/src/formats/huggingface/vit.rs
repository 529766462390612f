//! ViT: a picture in patches, each of which is a token, and layers normalised before their products.

use super::heads::{self, Task};
use super::network::Network;
use super::programs::{self, Output};
use crate::formats::Program;
use crate::graph::{Activation, Binary, Conv, Op, Padding, ValueId};
use crate::{DType, EngineError, TensorSpec};

/// Epsilon of the normalisations, where the file does not say.
const EPSILON: f64 = 1e-12;
/// How the encoder's weights are called where something stands behind it.
const PREFIX: &str = "vit.";

/// The program of a signature.
pub fn program(mut network: Network<'_>, name: &str, task: Task) -> Result<Program, EngineError> {
    let prefix = if network.has("vit.embeddings.cls_token") { PREFIX } else { "" };
    let projection = format!("{prefix}embeddings.patch_embeddings.projection");
    let [_, channels, high, wide] = network.sizes(&format!("{projection}.weight"))?;
    let config = network.config;
    let image = config.image_size.map(super::config::Extent::each);
    let [height, width] = image.ok_or_else(|| EngineError::broken("config.json: image_size is missing"))?;
    if config.patch_size.map(super::config::Extent::each) != Some([high, wide]) || high == 0 || wide == 0 {
        return Err(EngineError::broken(format!("config.json: patch_size is not [{high}, {wide}]")));
    }
    let shape = vec![None, Some(channels), Some(height), Some(width)];
    "pixel_values".clone_into(&mut network.b.name);
    let pixels = network.b.input(Some(shape.clone()))?;
    let inputs = vec![TensorSpec { name: "pixel_values".to_owned(), dtype: DType::F32, shape: Some(shape) }];
    let patches = [height / high, width / wide];
    let x = embed(&mut network, prefix, pixels, patches)?;
    let x = encode(&mut network, prefix, x, patches)?;
    let outputs = answers(&mut network, prefix, task, x, patches)?;
    Ok(programs::finish(network, name, inputs, outputs))
}

/// A token before the patches, then each of them, with their places: [n, 1 + patches, width].
fn embed(
    network: &mut Network<'_>,
    prefix: &str,
    pixels: ValueId,
    [down, along]: [usize; 2],
) -> Result<ValueId, EngineError> {
    let projection = format!("{prefix}embeddings.patch_embeddings.projection");
    let [width, channels, high, wide] = network.sizes(&format!("{projection}.weight"))?;
    let count = down.checked_mul(along).filter(|n| *n > 0 && *n < 1 << 20);
    let count = count.ok_or_else(|| EngineError::broken(format!("config.json: {down} x {along} patches")))?;
    let filter = network.weight(&format!("{projection}.weight"), &[width, channels, high, wide])?;
    let filter = network.b.transpose(filter, &[2, 3, 1, 0])?;
    let conv = Conv {
        strides: [high, wide],
        dilations: [1, 1],
        padding: Padding::Valid,
        activation: Activation::None,
    };
    let last = network.b.channels_last(pixels, 4)?;
    let patches = network.b.add(Op::Conv(conv), &[last, filter])?;
    let rows = network.b.add(Op::Shape, &[pixels])?;
    let rows = network.extents(rows, 0, 1)?;
    let shape = network.extended(rows, &[count, width])?;
    let patches = network.b.add(Op::Reshape, &[patches, shape])?;
    network.b.tell(patches, vec![None, Some(count), Some(width)]);
    let patches = network.biased(patches, &format!("{projection}.bias"))?;
    let first = network.weight(&format!("{prefix}embeddings.cls_token"), &[1, 1, width])?;
    let shape = network.extended(rows, &[1, width])?;
    let first = network.b.add(Op::BroadcastTo, &[first, shape])?;
    let axis = network.b.int(1)?;
    let x = network.b.add(Op::Concat, &[first, patches, axis])?;
    network.b.tell(x, vec![None, Some(count + 1), Some(width)]);
    let places =
        network.weight(&format!("{prefix}embeddings.position_embeddings"), &[1, count + 1, width])?;
    network.b.binary(Binary::Add, x, places)
}

fn encode(
    network: &mut Network<'_>,
    prefix: &str,
    mut x: ValueId,
    [down, along]: [usize; 2],
) -> Result<ValueId, EngineError> {
    let (epsilon, activation) = (network.config.epsilon(EPSILON)?, network.config.activation("gelu")?);
    let shape = network.b.add(Op::Shape, &[x])?;
    let rows = network.extents(shape, 0, 1)?;
    let rows = network.extended(rows, &[down * along + 1])?;
    for n in 0..network.config.layers()? {
        let name = |part: &str| format!("{prefix}encoder.layer.{n}.{part}");
        let normed = network.norm(x, &name("layernorm_before"), epsilon)?;
        let mut qkv = [normed; 3];
        for (value, part) in qkv.iter_mut().zip(["query", "key", "value"]) {
            *value = network.linear(normed, &name(&format!("attention.attention.{part}")))?;
        }
        let mixed = network.attend(qkv, rows, true, None)?;
        let out = network.linear(mixed, &name("attention.output.dense"))?;
        x = network.b.binary(Binary::Add, out, x)?;
        let normed = network.norm(x, &name("layernorm_after"), epsilon)?;
        let up = network.linear(normed, &name("intermediate.dense"))?;
        let up = network.activate(activation, up)?;
        let out = network.linear(up, &name("output.dense"))?;
        x = network.b.binary(Binary::Add, out, x)?;
    }
    network.norm(x, &format!("{prefix}layernorm"), epsilon)
}

fn answers(
    network: &mut Network<'_>,
    prefix: &str,
    task: Task,
    x: ValueId,
    [down, along]: [usize; 2],
) -> Result<Vec<Output>, EngineError> {
    if task == Task::Sequence {
        let first = network.place(x, 0)?;
        let logits = network.linear(first, "classifier")?;
        return heads::classes(network, logits);
    }
    let width = network.width(x)?;
    let mut outputs = vec![Output::floats("last_hidden_state", x, &[Some(down * along + 1), Some(width)])];
    let pooler = format!("{prefix}pooler.dense");
    if network.has(&format!("{pooler}.weight")) {
        let pooled = heads::pooled(network, &pooler, x)?;
        let width = network.width(pooled)?;
        outputs.push(Output::floats("pooler_output", pooled, &[Some(width)]));
    }
    Ok(outputs)
}
