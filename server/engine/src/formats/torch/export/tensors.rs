//! Which of an archive's members hold the tensors that a program names.

use super::super::dtypes::{complex_of_export, of_export};
use super::super::weights::{Place, Weights, check_order};
use super::super::{failure, pickled};
use super::json;
use super::schema::{Config, Meta, size};
use crate::EngineError;
use crate::formats::zip::Zip;
use std::collections::HashMap;

/// Tensors by name.
pub struct Tensors {
    places: HashMap<String, Place>,
}

impl Tensors {
    /// As the configurations say: that of the weights and that of the constants.
    pub fn of_configs(zip: &Zip, prefix: &str, model: &str) -> Result<Self, EngineError> {
        let mut places = HashMap::new();
        for kind in ["constants", "weights"] {
            let directory = format!("{prefix}data/{kind}/");
            let name = format!("{directory}{model}_{kind}_config.json");
            if zip.find(&name).is_none() {
                continue;
            }
            let config: Config = json(zip, &name)?;
            for (name, payload) in config.config {
                let Some(meta) = payload.tensor_meta.filter(|_| !payload.use_pickle) else { continue };
                let place = place(&meta, format!("{directory}{}", payload.path_name));
                let place = place.ok_or_else(|| {
                    EngineError::broken(format!(
                        "tensor {name:?} is of a type that is not supported, or not laid out"
                    ))
                })?;
                places.insert(name, place);
            }
        }
        Ok(Self { places })
    }

    /// As the older archives have them, in archives of their own.
    pub fn of_pickles(weights: &mut Weights) -> Result<Self, EngineError> {
        let mut places = HashMap::new();
        for name in ["serialized_constants.pt", "serialized_state_dict.pt"] {
            let Some(member) = weights.zip().find(name).filter(|m| m.size > 0) else { continue };
            let zip = weights.zip().within(member)?;
            let Some(prefix) =
                zip.members().iter().find_map(|m| m.name.strip_suffix("data.pkl")).map(str::to_owned)
            else {
                return Err(EngineError::broken(format!("{name} has no data.pkl")));
            };
            check_order(&zip, &prefix)?;
            if let Some(tree) = pickled::read(&zip, &format!("{prefix}data.pkl"))? {
                let archive = weights.within(zip);
                let found = pickled::dictionary(&tree, &format!("{prefix}data/"), archive);
                places.extend(found.map_err(failure)?);
            }
        }
        Ok(Self { places })
    }

    pub fn find(&self, name: &str) -> Option<&Place> {
        self.places.get(name)
    }
}

fn place(meta: &Meta, member: String) -> Option<Place> {
    let known = |values: &[serde_json::Value]| values.iter().map(size).collect::<Option<Vec<_>>>();
    let pairs = complex_of_export(meta.dtype);
    let place = Place {
        archive: 0,
        member,
        dtype: pairs.or_else(|| of_export(meta.dtype))?,
        offset: size(&meta.storage_offset).unwrap_or(0),
        sizes: known(&meta.sizes)?,
        strides: known(&meta.strides)?,
        complex: false,
    };
    Some(if pairs.is_some() { place.in_pairs() } else { place })
}
