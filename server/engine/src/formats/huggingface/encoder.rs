//! Embeddings, and layers of attention and two products, each normalised behind its sum.

use super::distances;
use super::families::{Family, Positions};
use super::network::Network;
use crate::DType;
use crate::EngineError;
use crate::graph::{Binary, Compare, Op, Rare, Running, ValueId};

/// Tokens of texts: [n, places].
#[derive(Debug, Clone, Copy)]
pub struct Tokens {
    pub ids: ValueId,
    /// 1 where a token is, 0 where none is.
    pub mask: ValueId,
    /// Which of two texts a token is of.
    pub types: Option<ValueId>,
}

/// Epsilon of the normalisations, where the file does not say.
const EPSILON: f64 = 1e-12;

/// How the encoder's weights are called in this file: with the family's prefix, or without.
pub fn prefix(network: &Network<'_>, family: &Family) -> &'static str {
    let words = format!("{}embeddings.word_embeddings.weight", family.prefix);
    if network.has(&words) { family.prefix } else { "" }
}

/// Places that a text may have.
pub fn most_places(network: &Network<'_>, family: &Family) -> Result<usize, EngineError> {
    let prefix = prefix(network, family);
    let [places, _] = network.sizes(&format!("{prefix}embeddings.position_embeddings.weight"))?;
    Ok(match family.positions {
        Positions::Start => places,
        Positions::Padding(_) => places.saturating_sub(padding(network, family)? + 1),
    })
}

/// Whether the model tells the types of tokens apart.
pub fn has_types(network: &Network<'_>, family: &Family) -> bool {
    let types = format!("{}embeddings.token_type_embeddings.weight", prefix(network, family));
    network.tensors.shape(&types).is_some_and(|shape| shape.first().is_some_and(|n| *n > 1))
}

/// The number of the padding, from which positions are counted.
fn padding(network: &Network<'_>, family: &Family) -> Result<usize, EngineError> {
    let given = match family.positions {
        Positions::Padding(Some(own)) => Some(own),
        _ => network.config.pad_token_id,
    };
    let given = given.unwrap_or(1);
    usize::try_from(given).map_err(|_| EngineError::broken(format!("config.json: pad_token_id is {given}")))
}

/// The last hidden state: [n, places, width].
pub fn encode(network: &mut Network<'_>, family: &Family, tokens: Tokens) -> Result<ValueId, EngineError> {
    let (prefix, epsilon) = (prefix(network, family), network.config.epsilon(EPSILON)?);
    let rows = network.b.add(Op::Shape, &[tokens.ids])?;
    let mut x = embed(network, family, tokens, rows)?;
    x = network.norm(x, &format!("{prefix}embeddings.LayerNorm"), epsilon)?;
    if let Some(name) =
        family.widened.map(|name| format!("{prefix}{name}")).filter(|n| network.has(&format!("{n}.weight")))
    {
        x = network.linear(x, &name)?;
    }
    let mut mask = network.additive(tokens.mask)?;
    if family.distances {
        let name = format!("{prefix}encoder.relative_attention_bias.weight");
        let bias = distances::bias(network, &name, rows)?;
        mask = network.b.binary(Binary::Add, bias, mask)?;
    }
    let layers = network.config.layers()?;
    let [groups, inner] = network.config.groups()?;
    for layer in 0..layers {
        if family.layer.prefix[2].is_empty() {
            x = self::layer(
                network,
                family,
                &format!("{prefix}{}", family.layer_prefix(layer, 0)),
                x,
                rows,
                mask,
            )?;
            continue;
        }
        // Layers share the weights of their group.
        let group = layer * groups / layers;
        for n in 0..inner {
            x = self::layer(
                network,
                family,
                &format!("{prefix}{}", family.layer_prefix(group, n)),
                x,
                rows,
                mask,
            )?;
        }
    }
    Ok(x)
}

fn embed(
    network: &mut Network<'_>,
    family: &Family,
    tokens: Tokens,
    rows: ValueId,
) -> Result<ValueId, EngineError> {
    let prefix = format!("{}embeddings.", prefix(network, family));
    let mut x = network.look_up(&format!("{prefix}word_embeddings.weight"), tokens.ids)?;
    let types = format!("{prefix}token_type_embeddings.weight");
    if network.has(&types) {
        let places = match tokens.types {
            Some(types) => types,
            // The first type, for every token.
            None => network.b.int(0)?,
        };
        let of_types = network.look_up(&types, places)?;
        x = network.b.binary(Binary::Add, x, of_types)?;
    }
    let name = format!("{prefix}position_embeddings.weight");
    let positions = match family.positions {
        Positions::Start => {
            let [places, width] = network.sizes(&name)?;
            let table = network.weight(&name, &[places, width])?;
            let begin = network.b.ints(&[0, 0])?;
            let (places, axis) = (network.extents(rows, 1, 1)?, network.b.int(0)?);
            let rest = network.b.ints(&[-1])?;
            let size = network.b.add(Op::Concat, &[places, rest, axis])?;
            network.b.add(Op::Slice, &[table, begin, size])?
        }
        Positions::Padding(_) => {
            let padding = padding(network, family)? as i64;
            let padding = network.b.int(padding)?;
            let is_token = network.b.add(Op::Compare(Compare::NotEqual), &[tokens.ids, padding])?;
            let is_token = network.b.add(Op::Cast(DType::I64), &[is_token])?;
            let axis = network.b.int(1)?;
            let running = Rare::Running { kind: Running::Sum, exclusive: false, reverse: false };
            let counted = network.b.add(Op::Rare(Box::new(running)), &[is_token, axis])?;
            let counted = network.b.binary(Binary::Mul, counted, is_token)?;
            let places = network.b.binary(Binary::Add, counted, padding)?;
            network.look_up(&name, places)?
        }
    };
    network.b.binary(Binary::Add, x, positions)
}

fn layer(
    network: &mut Network<'_>,
    family: &Family,
    prefix: &str,
    x: ValueId,
    rows: ValueId,
    mask: ValueId,
) -> Result<ValueId, EngineError> {
    let (names, epsilon) = (&family.layer, network.config.epsilon(EPSILON)?);
    let activation = network.config.activation(family.activation)?;
    let name = |part: &str| format!("{prefix}{part}");
    let mut qkv = [x; 3];
    for (value, part) in qkv.iter_mut().zip([names.query, names.key, names.value]) {
        *value = network.linear(x, &name(part))?;
    }
    let mixed = network.attend(qkv, rows, true, Some(mask))?;
    let out = network.linear(mixed, &name(names.out))?;
    let sum = network.b.binary(Binary::Add, out, x)?;
    let x = network.norm(sum, &name(names.first_norm), epsilon)?;
    let up = network.linear(x, &name(names.up))?;
    let up = network.activate(activation, up)?;
    let down = network.linear(up, &name(names.down))?;
    let sum = network.b.binary(Binary::Add, down, x)?;
    network.norm(sum, &name(names.second_norm), epsilon)
}
