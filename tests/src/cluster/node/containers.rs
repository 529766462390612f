//! What containerd is asked from outside.

use super::super::Missing;
use super::super::control_plane::failed;
use super::super::image::Image;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a node's containerd is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Containers {
    pub(super) ctr: PathBuf,
    pub(super) socket: PathBuf,
}

impl Containers {
    /// Makes an image known to the node.
    pub fn import_image(&self, image: &Image) -> Result<(), Missing> {
        let archive = tempfile::NamedTempFile::new().map_err(failed("a file for an image"))?;
        image.write(archive.path()).map_err(failed("an image"))?;
        self.import(archive.path())
    }

    /// Makes the images of an archive known to the node.
    pub fn import(&self, archive: &Path) -> Result<(), Missing> {
        let archive = archive.display().to_string();
        self.ask(&["images", "import", "--local", &archive]).map(drop)
    }

    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String, Missing> {
        let mut command = Command::new(&self.ctr);
        command.arg("--address").arg(&self.socket).args(["--namespace", "k8s.io"]).args(arguments);
        let done = command.output().map_err(failed("ctr"))?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
        }
        Err(Missing(format!("ctr {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr))))
    }
}
