//! TensorFlow SavedModel: a graph with a library of functions, and a checkpoint.
//!
//! Everything is reached from the signatures: functions are inlined where they are called, variables are found by what the
//! model's own saver would restore (or, where it does not say, by the object graph), and only the checkpoint entries that a
//! signature uses are read (an export may hold every weight twice).

mod attributes;
pub mod bundle;
mod constants;
mod inline;
pub(super) mod layout;
mod lower;
mod objects;
mod proto;
mod regions;
mod signatures;
mod sstable;
mod tables;
mod variables;
mod weights;

use super::versions::SAVED_MODEL;
use super::{Artifact, Program, Source};
use crate::graph::Weight;
use crate::value::{Element, Memory, Output, Value};
use crate::{DType, EngineError, Preferences};
use bundle::{Access, Bundle};
pub use constants::{from_bytes, serialized, tensor};
use prost::Message;
use proto::{MetaGraphDef, SavedModel};
use std::path::Path;

/// A graph is small next to its weights; a larger one is none.
const LARGEST_GRAPH: u64 = 1 << 30;

/// Reads a SavedModel without its weights' values.
pub fn read(dir: &Path, access: Access) -> Result<Artifact, EngineError> {
    let dir = layout::find(dir)?;
    let (meta, parsed) = serving_graph(&dir)?;
    let bundle = Bundle::open(&dir, access)?;
    let graph =
        meta.graph_def.as_ref().ok_or_else(|| EngineError::broken("saved_model.pb holds no graph"))?;
    let library = inline::Library::new(graph);
    let variables = variables::find(&meta, &library, &bundle)?;
    let tables = tables::find(&meta, &library, &dir, &bundle)?;
    let signatures = signatures::read(&meta, &library)?;
    let mut context = inline::Context::new(&library, &variables, &tables, &bundle);
    let mut programs = Vec::new();
    for (signature, names) in &signatures {
        let graph = context.program(signature, names)?;
        programs.push(Program { signature: signature.clone(), graph });
    }
    if programs.is_empty() {
        return Err(EngineError::broken(
            "the model has no signature; export it with one (Keras: model.export(path))",
        ));
    }
    let (weights, unsupported) = context.finish()?;
    Ok(Artifact {
        format: "tensorflow-savedmodel",
        programs,
        weights,
        unsupported,
        source: Source::Bundle(bundle),
        parsed,
        preferences: Preferences::default(),
    })
}

/// The graph that is served, and the bytes that it was parsed from.
fn serving_graph(dir: &Path) -> Result<(MetaGraphDef, usize), EngineError> {
    let bytes = layout::read_file(dir, SAVED_MODEL, LARGEST_GRAPH)?;
    let model = SavedModel::decode(bytes.as_slice())
        .map_err(|e| EngineError::broken(format!("saved_model.pb is not a SavedModel: {e}")))?;
    let tags: Vec<String> = model.meta_graphs.iter().flat_map(MetaGraphDef::tags).cloned().collect();
    let serving = model.meta_graphs.into_iter().find(|m| m.tags().any(|t| t == "serve"));
    let parsed = bytes.len();
    serving.map(|graph| (graph, parsed)).ok_or_else(|| {
        EngineError::broken(format!(
            "saved_model.pb has no graph with the tag \"serve\"; its tags are {tags:?}"
        ))
    })
}

/// Reads or maps one weight, its bytes checked.
pub fn weight(bundle: &Bundle, weight: &Weight) -> Result<Value, EngineError> {
    match mapped(bundle, weight)? {
        Some(value) => Ok(value),
        None => read_weight(bundle, weight),
    }
}

/// A weight where it lies in a mapped file, its bytes checked. None: it has to be read.
pub fn mapped(bundle: &Bundle, weight: &Weight) -> Result<Option<Value>, EngineError> {
    match weight.dtype {
        DType::F32 => mapped_as::<f32>(bundle, weight),
        DType::F64 => mapped_as::<f64>(bundle, weight),
        DType::I64 => mapped_as::<i64>(bundle, weight),
        _ => Ok(None),
    }
}

/// None: it is small, lies unaligned, or the file may change.
fn mapped_as<T: Element>(bundle: &Bundle, weight: &Weight) -> Result<Option<Value>, EngineError> {
    if weight.part.is_some() {
        return Ok(None);
    }
    let Some(map) = bundle.map(&weight.key)? else { return Ok(None) };
    let memory = Memory::<T>::mapped(map, 0, weight.elements);
    memory.map(|memory| Value::of(memory, &weight.shape)).transpose()
}

/// Hands a weight over in pieces of whole rows, as [`Bundle::rows`] does. False: it has to be read as a whole.
pub fn rows(
    bundle: &Bundle,
    weight: &Weight,
    columns: usize,
    work: &(dyn Fn(usize, &[f32]) + Sync),
) -> Result<bool, EngineError> {
    let whole = weight.dtype == DType::F32 && weight.part.is_none();
    if whole { bundle.rows(&weight.key, columns, work) } else { Ok(false) }
}

fn read_weight(bundle: &Bundle, weight: &Weight) -> Result<Value, EngineError> {
    let out_of_memory = || EngineError::Execution("out of memory".to_owned());
    let part = weight.part.as_deref();
    if weight.dtype == DType::F32 && cfg!(target_endian = "little") {
        // The common case goes from the file to where it stays.
        let mut values = Output::try_lasting(weight.elements).ok_or_else(out_of_memory)?;
        bundle.read(&weight.key, part, bytemuck::cast_slice_mut::<f32, u8>(&mut values))?;
        return Value::of(values, &weight.shape);
    }
    if weight.dtype == DType::String {
        return Value::text(bundle.texts(&weight.key)?, &weight.shape);
    }
    let mut bytes = Vec::new();
    let size = weight.elements * weight.dtype.width();
    bytes.try_reserve_exact(size).map_err(|_| out_of_memory())?;
    bytes.resize(size, 0u8);
    bundle.read(&weight.key, part, &mut bytes)?;
    crate::kernels::into_value(constants::from_bytes(weight.dtype, weight.shape.clone(), &bytes))
}
