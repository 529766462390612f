//! Rewrites: small, pure, one a file, in this order. Each leaves the answers as they are.

mod abreast;
mod activations;
mod attention;
mod chains;
mod epilogues;
mod layer_norm;
mod padding;
mod pools;
mod products;
mod prologues;
mod recurrent;
mod reshapes;
mod transposes;
mod unused;

#[cfg(test)]
mod tests;

use super::draft::Draft;
use crate::EngineError;

type Pass = fn(&mut Draft) -> Result<(), EngineError>;

/// The passes by name.
pub const PASSES: [(&str, Pass); 14] = [
    // Loops that are recurrent layers.
    ("recurrent", recurrent::run),
    // Transposes that undo each other or nothing.
    ("transposes", transposes::run),
    // Functions that a model writes out: swish, gelu and their like.
    ("activations", activations::run),
    // Normalisations of rows, and attention, which models write out too.
    ("layer_norm", layer_norm::run),
    ("attention", attention::run),
    // Products, convolutions and depthwise convolutions by constants, whose weights can be packed.
    ("products", products::run),
    // A dense layer's result takes its shape after its bias and activation, so that these can go into the layer.
    ("reshapes", reshapes::run),
    // A border of zeros becomes the padding of the convolution that reads it.
    ("padding", padding::run),
    // Scales, offsets, sums and activations go into the product before them.
    ("epilogues", epilogues::run),
    // The largest of small windows is found where a convolution's result is at hand.
    ("pools", pools::run),
    // What is left element by element is done in one pass over memory.
    ("chains", chains::run),
    // What products read is made on the way into them.
    ("prologues", prologues::run),
    // Layers that can run side by side come behind each other.
    ("abreast", abreast::run),
    ("unused", unused::run),
];

/// Removes what no answer needs: it must not count as a reader.
pub fn prune(draft: &mut Draft) -> Result<(), EngineError> {
    unused::run(draft)
}

/// Runs all passes on a draft without anything unused.
pub fn run(draft: &mut Draft) -> Result<(), EngineError> {
    PASSES.iter().try_for_each(|(_, pass)| pass(draft))?;
    draft.bodies.values_mut().flatten().try_for_each(|body| {
        prune(body)?;
        run(body)
    })
}
