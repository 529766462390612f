//! Debian's packages, where a test needs a program that is no crate's and no module's.

use crate::cluster::Missing;
use std::process::Command;

/// Installs packages, as CI does; elsewhere it says which are missing.
pub fn install(what: &str, packages: &[&str]) -> Result<(), Missing> {
    if std::env::var_os("CI").is_none() {
        return Err(Missing(format!("{what} that are not here: apt-get install {}", packages.join(" "))));
    }
    eprintln!("installing {}", packages.join(" "));
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"][..], packages].concat())
}

fn apt_get(arguments: &[&str]) -> Result<(), Missing> {
    let mut command = Command::new("apt-get");
    command.arg("-qq").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let done = command.output().map_err(|e| Missing(format!("apt-get does not start: {e}")))?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Missing(format!("apt-get {} failed: {why}", arguments.join(" "))))
}
