//! PyTorch: archives of `torch.export` and of TorchScript, both programs of ATen operations. They are lowered from their own text;
//! nothing of them is executed.

mod arguments;
mod aten;
mod build;
mod dtypes;
mod export;
mod pickled;
mod script;
mod value;
mod views;
mod weights;

use super::candidates::{self, Format};
use super::overrides::Input;
use super::zip::{self, Zip};
use super::{Access, Artifact};
use crate::EngineError;
use std::collections::BTreeMap;
use std::path::Path;
use value::Stop;

/// Name of the format.
const FORMAT: &str = "pytorch";

/// What to do with a file that holds weights only.
const HOW_TO_EXPORT: &str = "export the model with its graph: torch.export.save(torch.export.export(model.eval(), example_inputs), \
     \"model.pt2\"), or torch.jit.script(model.eval()).save(\"model.pt\")";

/// How the stream begins that was written before archives were: a pickled number.
const LEGACY: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";

/// What a file holds, if it is one of PyTorch's.
pub fn kind(file: &Path, head: &[u8]) -> Option<Format> {
    if head.starts_with(LEGACY) {
        return Some(Format::TorchWeights);
    }
    if !zip::is_likely(head) {
        return None;
    }
    let zip = Zip::open(file).ok()?;
    if export::prefix(&zip).is_some() || export::is_older(&zip) {
        return Some(Format::Torch);
    }
    let prefix = zip.members().iter().find_map(|m| m.name.strip_suffix("data.pkl"))?;
    let beside = ["version", ".data/version", "constants.pkl", "byteorder"];
    beside.iter().find_map(|name| zip.find(&format!("{prefix}{name}")))?;
    let code = format!("{prefix}code/");
    let has_code = zip.members().iter().any(|m| m.name.starts_with(&code));
    Some(if has_code { Format::Torch } else { Format::TorchWeights })
}

/// Says what to do with a file that has no program.
pub fn refuse<T>(file: &Path) -> Result<T, EngineError> {
    let name = candidates::name(file);
    Err(EngineError::UnknownFormat(format!("{name} holds weights without a program; {HOW_TO_EXPORT}")))
}

/// Reads a program.
pub fn read(file: &Path, inputs: &BTreeMap<String, Input>, access: Access) -> Result<Artifact, EngineError> {
    let zip = Zip::open(file)?;
    if let Some(prefix) = export::prefix(&zip) {
        return export::read(zip, &prefix, access);
    }
    if export::is_older(&zip) {
        return export::read_older(zip, access);
    }
    match script::prefix(&zip) {
        Some(prefix) => script::read(zip, &prefix, inputs, access),
        None => refuse(file),
    }
}

/// Why a program cannot be lowered, for people.
fn failure(stop: Stop) -> EngineError {
    match stop {
        Stop::Error(error) => error,
        Stop::Unsupported(what) => EngineError::broken(format!("the program cannot be read: {what}")),
        Stop::Rank(input, _) => EngineError::broken(format!(
            "the number of axes of input {input} is not known; export the model with torch.export, or say it in berth.json: \
             {{\"inputs\": {{\"NAME\": {{\"shape\": [null, 3, 224, 224]}}}}}}"
        )),
        Stop::Key(of, key) => EngineError::broken(format!("dictionary {of:?} has no {key:?}")),
        Stop::Whole(input) => EngineError::broken(format!("input {input} has to be of integers")),
        Stop::Raised(what) => EngineError::broken(format!("the program raises an exception: {what}")),
    }
}
