//! MXNet 1.x: a graph of operators (`NAME-symbol.json`) and arrays (`NAME-0000.params`), in a directory or in a model archive (`.mar`), and
//! SageMaker's linear learner, whose file is a zip archive of the two.
//!
//! Variables that no array is named after are inputs; what only training reads (labels) is left out. `model-shapes.json` or the
//! archive's `signature.json` says how long their axes are; the first one, the batch, may be any.

mod attributes;
mod context;
mod inputs;
mod linear;
mod lower;
mod params;
mod places;
mod recurrent;
mod symbol;

use super::{Access, Artifact, Program, Source, candidates, lowering, zip};
use crate::{EngineError, Preferences};
use places::Places;
use std::path::Path;

/// Name of the format.
const FORMAT: &str = "mxnet";
/// How the graph's file ends.
const SYMBOL: &str = "-symbol.json";
/// The graph of a linear learner.
const LINEAR: &str = "mx-mod-symbol.json";
/// The signature that requests mean if they name none.
const SIGNATURE: &str = "serving_default";

/// Whether a file is a graph or an archive with one.
pub fn is_likely(file: &Path, head: &[u8]) -> bool {
    if zip::is_likely(head) {
        return zip::Zip::open(file).is_ok_and(|zip| zip.members().iter().any(|m| m.name.ends_with(SYMBOL)));
    }
    candidates::name(file).ends_with(SYMBOL) && head.trim_ascii_start().starts_with(b"{")
}

/// Reads a model.
pub fn read(file: &Path, access: Access) -> Result<Artifact, EngineError> {
    let places =
        if candidates::name(file).ends_with(SYMBOL) { Places::beside(file)? } else { Places::within(file)? };
    let is_linear = places.symbol_name() == LINEAR && places.is_archive();
    let read = || {
        let symbol = symbol::Symbol::read(&places.symbol()?)?;
        let mut context = context::Context::new(&symbol, &places, access)?;
        let outputs = context.run()?;
        let (format, signature) = if is_linear {
            (linear::FORMAT, linear::finish(&mut context, &outputs, &places)?)
        } else {
            (FORMAT, context.signature(SIGNATURE, outputs)?)
        };
        let (graph, weights, stored, unsupported) = context.finish();
        let programs = vec![Program { signature, graph }];
        let (source, preferences) = (Source::Stored(stored), Preferences::default());
        Ok(Artifact { format, programs, weights, unsupported, source, parsed: 0, preferences })
    };
    lowering::named(file, read())
}
