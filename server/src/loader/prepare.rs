//! What is on disk, looked through and checked: everything of a model but its weights.

use super::blocking;
use crate::disk::Reading;
use crate::error::ModelError;
use crate::names::ModelName;
use berth_engine::{Chosen, Device, Kept, Prepared, Versions};
use std::path::{Path, PathBuf};

/// Reads and checks everything but the weights.
pub(super) async fn prepare(
    model: &ModelName,
    dir: PathBuf,
    device: Device,
) -> Result<(Prepared, Chosen), ModelError> {
    let number = model.version();
    let work = move || {
        let chosen = choose(&dir, number)?;
        Ok((Prepared::open(&chosen.dir)?.on(device)?, chosen))
    };
    blocking(work).await
}

/// The same of an entry, whose files nobody changes.
pub(super) async fn prepare_kept(
    model: &ModelName,
    reading: &Reading,
    device: Device,
) -> Result<(Prepared, Chosen), ModelError> {
    let (dir, packed, checked) = (reading.dir(), reading.packed(), reading.entry().is_checked());
    let number = model.version();
    let work = move || {
        let chosen = choose(&dir, number)?;
        let checked = checked && chosen.is_served();
        let kept = Kept { dir: &chosen.dir, packed: &packed, checked };
        Ok((Prepared::open_kept(&kept)?.on(device)?, chosen))
    };
    blocking(work).await
}

/// The version of a model that is to be loaded.
fn choose(dir: &Path, number: Option<u64>) -> Result<Chosen, ModelError> {
    let chosen = Versions::find(dir).choose(number)?;
    chosen.ok_or_else(|| ModelError::NoVersion(number.unwrap_or_default()))
}
