//! Berth's image, of this machine's own build.

use super::{Done, IMAGE};
use crate::state::running;
use berth_tests::cluster::image::{Image, mebibytes};
use berth_tests::repository;
use std::path::PathBuf;
use std::process::Command;

/// Builds it, and makes it known to the node that runs.
pub fn image() -> Done {
    let mut image = Image::new(IMAGE, &["/usr/local/bin/berth-server"]).with_authorities();
    // Not `cargo run`'s own build: what is served to others is optimised.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(&cargo);
    build.current_dir(repository("")).args(["build", "--release", "--locked"]);
    if !build.args(["-p", "berth-server", "-p", "berth-operator"]).status()?.success() {
        return Err("the programs were not built".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository("target"), PathBuf::from);
    for name in ["berth-server", "berth-operator"] {
        image = image.with_program(&format!("/usr/local/bin/{name}"), &target.join("release").join(name))?;
    }
    let archive = repository("target/berth-image.tar");
    image.write(&archive)?;
    let mut said = format!("{IMAGE} is in {} ({} MiB)", archive.display(), mebibytes(&archive)?);
    if let Some(node) = running().and_then(|state| state.node) {
        node.containers.import(&archive).map_err(|missing| missing.to_string())?;
        said += " and on the node";
    }
    Ok(said)
}
