//! `torch.export` archives: a graph of ATen operations in JSON, and the weights beside it.

mod arguments;
mod outputs;
mod program;
mod schema;
mod tensors;

use super::failure;
use super::weights::{Weights, check_order};
use crate::formats::zip::Zip;
use crate::formats::{self, Access, Artifact, Program};
use crate::{EngineError, UnsupportedOp};
use schema::Exported;
use tensors::Tensors;

/// A graph is small next to its weights; a larger one is none.
const LARGEST_GRAPH: u64 = 1 << 30;
/// The name of the model that is served by default.
const DEFAULT: &str = "model";

/// Where the models of an archive are; none: it is no such archive.
pub fn prefix(zip: &Zip) -> Option<String> {
    let name = zip.members().iter().find_map(|m| m.name.strip_suffix("archive_format"))?;
    let models = format!("{name}models/");
    let has_models = zip.members().iter().any(|m| m.name.starts_with(&models) && m.name.ends_with(".json"));
    has_models.then(|| name.to_owned())
}

/// Whether it is an archive as they were before.
pub fn is_older(zip: &Zip) -> bool {
    zip.find("serialized_exported_program.json").is_some()
}

/// Reads an archive without its weights' values.
pub fn read(zip: Zip, prefix: &str, access: Access) -> Result<Artifact, EngineError> {
    check_order(&zip, prefix)?;
    let models = format!("{prefix}models/");
    let mut names: Vec<String> = zip
        .members()
        .iter()
        .filter_map(|m| m.name.strip_prefix(&models)?.strip_suffix(".json"))
        .map(str::to_owned)
        .collect();
    names.sort();
    let default = if names.len() == 1 { names[0].clone() } else { DEFAULT.to_owned() };
    let mut weights = Weights::new(zip, access);
    let (mut programs, mut unsupported) = (Vec::new(), Vec::new());
    for name in names {
        let exported: Exported = json(weights.zip(), &format!("{models}{name}.json"))?;
        let tensors = Tensors::of_configs(weights.zip(), prefix, &name)?;
        let signature = if name == default { "serving_default" } else { &name };
        lower(&exported, &tensors, &mut weights, signature, &mut programs, &mut unsupported)?;
    }
    Ok(weights.artifact(programs, unsupported))
}

/// Reads an archive as they were before.
pub fn read_older(zip: Zip, access: Access) -> Result<Artifact, EngineError> {
    let mut weights = Weights::new(zip, access);
    let exported: Exported = json(weights.zip(), "serialized_exported_program.json")?;
    let tensors = Tensors::of_pickles(&mut weights)?;
    let (mut programs, mut unsupported) = (Vec::new(), Vec::new());
    lower(&exported, &tensors, &mut weights, "serving_default", &mut programs, &mut unsupported)?;
    Ok(weights.artifact(programs, unsupported))
}

fn json<T: serde::de::DeserializeOwned>(zip: &Zip, name: &str) -> Result<T, EngineError> {
    let member = zip.find(name).ok_or_else(|| EngineError::broken(format!("{name} is missing")))?;
    let bytes = zip.read(member, LARGEST_GRAPH)?;
    formats::json::from_slice(&bytes).map_err(|e| EngineError::broken(format!("{name}: {e}")))
}

fn lower(
    exported: &Exported,
    tensors: &Tensors,
    weights: &mut Weights,
    signature: &str,
    programs: &mut Vec<Program>,
    unsupported: &mut Vec<UnsupportedOp>,
) -> Result<(), EngineError> {
    let mut lowering = program::Lowering::new(exported, tensors, weights);
    match lowering.program(signature) {
        Ok(program) => programs.push(program),
        // What is missing was noted; the rest of it does not matter.
        Err(stop) if lowering.unsupported.is_empty() => return Err(failure(stop)),
        Err(_) => {}
    }
    unsupported.append(&mut lowering.unsupported);
    Ok(())
}
