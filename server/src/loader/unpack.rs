//! From the store's bytes to files on disk: archives unpacked as they come, single files copied, digests compared.

use super::Loader;
use crate::archive::{self, Limits, UnpackError};
use crate::catalogue::hex;
use crate::disk::{Commit, DiskEntry, Stage};
use crate::error::{ModelError, StoreError};
use crate::names::ModelName;
use crate::store::{Content, Found, Object, Store};
use berth_engine::{EngineError, Prepared};
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Loader {
    pub(super) fn unpack(
        &self,
        model: &ModelName,
        found: &Found,
        digest: Option<[u8; 32]>,
    ) -> Result<(Arc<DiskEntry>, Commit), ModelError> {
        let mut stage = self.disk.stage(model, &found.version)?;
        match &found.content {
            Content::Archive(object) => {
                let source = found.store.read(object)?;
                match digest {
                    None => self.unpack_archive(&mut stage, source)?,
                    Some(wanted) => self.unpack_demanded(&mut stage, source, wanted)?,
                }
            }
            Content::Files(files) => {
                for (name, object) in files {
                    copy_file(&found.store, &mut stage, name, object)?;
                }
            }
            Content::InPlace(_) => {}
        }
        stage.publish()
    }

    /// Unpacks an archive that must have a digest. What was unpacked goes with the stage if it has another.
    fn unpack_demanded(
        &self,
        stage: &mut Stage,
        source: impl Read,
        wanted: [u8; 32],
    ) -> Result<(), ModelError> {
        let mut hashed = Hashed { inner: source, hasher: Sha256::new() };
        let unpacked = self.unpack_archive(stage, &mut hashed);
        if !matches!(unpacked, Ok(()) | Err(ModelError::Archive(_))) {
            return unpacked;
        }
        // An archive may end before the object does; and of a wrong one the digest says more than its format.
        io::copy(&mut hashed, &mut io::sink()).map_err(|e| io_error(&e))?;
        let got: [u8; 32] = hashed.hasher.finalize().into();
        if got == wanted {
            return unpacked;
        }
        Err(ModelError::DigestMismatch { wanted: hex(&wanted), got: hex(&got) })
    }

    fn unpack_archive(&self, stage: &mut Stage, source: impl Read) -> Result<(), ModelError> {
        let dest = stage.files();
        let mut refused = None;
        let mut reserve = |size| {
            stage.reserve(size).map_err(|e| {
                refused = Some(e);
                io::Error::other("no room on disk")
            })
        };
        let unpacked = archive::unpack(source, &dest, &self.limits, &mut reserve);
        match unpacked {
            Ok(()) => Ok(()),
            Err(UnpackError::Archive(e)) => Err(e.into()),
            Err(UnpackError::Io(e)) => Err(refused.unwrap_or_else(|| io_error(&e))),
        }
    }
}

fn copy_file(store: &Store, stage: &mut Stage, name: &str, object: &Object) -> Result<(), ModelError> {
    let Ok(Some(path)) = archive::check_path(name) else { return Ok(()) };
    let target = stage.files().join(path);
    stage.reserve(object.size)?;
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(|e| io_error(&e))?;
    }
    let mut source = store.read(object)?.take(object.size);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o440)
        .open(&target)
        .map_err(|e| io_error(&e))?;
    io::copy(&mut source, &mut file).map_err(|e| io_error(&e))?;
    Ok(())
}

/// Passes bytes through and hashes them.
struct Hashed<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.hasher.update(&buf[..n]);
        Ok(n)
    }
}

/// The store's error if it is one, else the disk's.
fn io_error(error: &io::Error) -> ModelError {
    match error.get_ref().and_then(|e| e.downcast_ref::<StoreError>()) {
        Some(store) => store.clone().into(),
        None => ModelError::Disk(error.kind().to_string()),
    }
}

/// Used by `predict` and `inspect`: an archive or a directory, unpacked to `dest` if need be.
pub fn open_artifact(artifact: &Path, dest: &Path) -> Result<Prepared, ModelError> {
    let dir = local_dir(artifact, dest)?;
    Ok(Prepared::open(&dir)?)
}

/// The directory of an artifact: itself, or what its archive unpacks to.
pub fn local_dir(artifact: &Path, dest: &Path) -> Result<PathBuf, ModelError> {
    let unreadable = |e: io::Error| {
        ModelError::Engine(EngineError::Io { file: artifact.display().to_string(), message: e.to_string() })
    };
    if artifact.metadata().map_err(unreadable)?.is_dir() {
        return Ok(artifact.to_owned());
    }
    let file = std::fs::File::open(artifact).map_err(unreadable)?;
    match archive::unpack(file, dest, &Limits::default(), &mut |_| Ok(())) {
        Ok(()) => Ok(dest.to_owned()),
        Err(UnpackError::Archive(e)) => Err(e.into()),
        Err(UnpackError::Io(e)) => Err(unreadable(e)),
    }
}
