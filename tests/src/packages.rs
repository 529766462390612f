//! Debian's packages, where a test needs a program that is no crate's and no module's.

use crate::cluster::Missing;
use crate::repository;
use std::fs::File;
use std::process::Command;

/// Installs those packages that are `missing`, as CI does; elsewhere it says which they are. Tests that ask for the same at once wait
/// for the first of them: whoever finds dpkg's lock taken fails at once, as apt-get would have it.
pub fn require(what: &str, missing: impl Fn() -> Vec<&'static str>) -> Result<(), Missing> {
    if missing().is_empty() {
        return Ok(());
    }
    if std::env::var_os("CI").is_none() {
        return Err(Missing(format!("{what} that are not here: apt-get install {}", missing().join(" "))));
    }
    let alone = File::create(repository("target/apt-get.lock")).and_then(|file| file.lock().map(|()| file));
    let _alone = alone.map_err(|e| Missing(format!("cannot lock target/apt-get.lock: {e}")))?;
    match missing().as_slice() {
        [] => Ok(()),
        packages => install(packages),
    }
}

fn install(packages: &[&str]) -> Result<(), Missing> {
    eprintln!("installing {}", packages.join(" "));
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"][..], packages].concat())
}

fn apt_get(arguments: &[&str]) -> Result<(), Missing> {
    let mut command = Command::new("apt-get");
    // Another program of the machine may be installing too: apt-get waits for it, in seconds.
    command.args(["-qq", "-o", "DPkg::Lock::Timeout=600"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let done = command.output().map_err(|e| Missing(format!("apt-get does not start: {e}")))?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Missing(format!("apt-get {} failed: {why}", arguments.join(" "))))
}
