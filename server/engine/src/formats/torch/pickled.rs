//! Tensors in PyTorch's pickles: each is told by its storage, which is a member of the archive, and how it lies there.

use super::dtypes::{complex_of_storage, of_storage};
use super::value::{Result, broken};
use super::weights::Place;
use crate::EngineError;
use crate::formats::pickle::{self, Policy, Tree, View};
use crate::formats::zip::Zip;
use std::collections::HashMap;

/// Without its tensors a program's data is small.
const LARGEST: u64 = 256 << 20;
/// As what a storage is kept.
const STORAGE: (&str, &str) = ("torch", "a storage");

/// Names that a program's pickle may name: its own classes, and what makes tensors.
fn check(module: &str, name: &str) -> std::result::Result<(), EngineError> {
    let known = match module {
        "torch" => {
            name.ends_with("Storage")
                || name.starts_with("per_")
                || matches!(name, "device" | "Size" | "dtype")
        }
        "torch._utils" => name.starts_with("_rebuild_"),
        "torch.jit._pickle" => name.starts_with("build_") || name == "restore_type_tag",
        "torch.storage" => matches!(name, "UntypedStorage" | "TypedStorage"),
        "torch.nn.parameter" => name == "Parameter",
        "collections" => name == "OrderedDict",
        module => module == "__torch__" || module.starts_with("__torch__."),
    };
    if known {
        return Ok(());
    }
    let shown: String = format!("{module}.{name}").chars().take(200).collect();
    Err(EngineError::broken(format!(
        "the program's data names {shown:?}, which is not one of the classes that are read"
    )))
}

/// Reads a member's pickle.
pub fn read(zip: &Zip, name: &str) -> std::result::Result<Option<Tree>, EngineError> {
    let Some(member) = zip.find(name) else { return Ok(None) };
    let bytes = zip.read(member, LARGEST)?;
    let policy = Policy { check, outside: Some(STORAGE) };
    let tree = pickle::read_by(bytes, policy).map_err(|e| match e {
        EngineError::BrokenArtifact(what) => EngineError::broken(format!("{name}: {what}")),
        other => other,
    })?;
    Ok(Some(tree))
}

/// The tensor that an object is; none: it is something else. Storages are members behind a prefix.
pub fn place(object: View<'_>, storages: &str) -> Result<Option<Place>> {
    let arguments = object.arguments();
    match object.qualified() {
        Some(("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")) => {
            match arguments.first() {
                Some(tensor) => place(*tensor, storages),
                None => broken("a parameter of nothing"),
            }
        }
        Some(("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_qtensor")) => {
            let [storage, offset, sizes, strides, ..] = arguments[..] else {
                return broken("a tensor that is not told");
            };
            let known_by = storage.arguments();
            let parts = known_by.first().map(|id| id.items()).unwrap_or_default();
            let [_, class, key, ..] = parts[..] else { return broken("a storage that is not told") };
            let name = class.class().unwrap_or_default();
            let pairs = complex_of_storage(name);
            let Some(dtype) = pairs.or_else(|| of_storage(name)) else {
                return broken(format!("a tensor over {name:?}, whose type is not supported"));
            };
            let numbers = |all: View<'_>| {
                all.items().into_iter().map(View::size).collect::<std::result::Result<Vec<_>, _>>()
            };
            let member = format!("{storages}{}", key.text().unwrap_or_default());
            let place = Place {
                archive: 0,
                member,
                dtype,
                offset: offset.size()?,
                sizes: numbers(sizes)?,
                strides: numbers(strides)?,
                complex: false,
            };
            Ok(Some(if pairs.is_some() { place.in_pairs() } else { place }))
        }
        _ => Ok(None),
    }
}

/// The tensors of a saved dictionary, by name.
pub fn dictionary(tree: &Tree, storages: &str, archive: usize) -> Result<HashMap<String, Place>> {
    let mut places = HashMap::new();
    for (key, value) in View::root(tree).entries() {
        if let (Some(name), Some(place)) = (key.text(), place(value, storages)?) {
            places.insert(name.to_owned(), Place { archive, ..place });
        }
    }
    Ok(places)
}
