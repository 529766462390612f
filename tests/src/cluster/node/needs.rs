//! What a node needs of the machine, by the names of Debian's packages.

use super::super::Missing;
use std::path::Path;
use std::process::Command;

/// Where Debian and others put the plugins of the container network interface.
pub(super) const PLUGINS: &str = "/usr/lib/cni";
/// Files, and the packages that bring them.
const FILES: [(&str, &str); 8] = [
    ("/usr/sbin/runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("/usr/lib/cni/host-local", "containernetworking-plugins"),
    ("/usr/sbin/iptables", "iptables"),
    ("/usr/sbin/conntrack", "conntrack"),
    ("/bin/ip", "iproute2"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
];

/// Fails if something is missing. In CI, packages are installed.
pub(super) fn check() -> Result<(), Missing> {
    // SAFETY: a system call without arguments.
    #[allow(unsafe_code)]
    let user = unsafe { libc::geteuid() };
    if user != 0 {
        return Err(Missing(
            "a node needs root: run this by sudo -E, or point KUBECONFIG at a cluster".to_owned(),
        ));
    }
    let mut packages = packages();
    if !packages.is_empty() && std::env::var_os("CI").is_some() {
        eprintln!("installing {}", packages.join(" "));
        apt_get(&["update"])?;
        let options = ["install", "--yes", "--no-install-recommends"];
        apt_get(&[&options[..], &packages[..]].concat())?;
        packages = self::packages();
    }
    if packages.is_empty() {
        return Ok(());
    }
    Err(Missing(format!("a node needs programs that are not here: apt-get install {}", packages.join(" "))))
}

/// The packages that are missing.
fn packages() -> Vec<&'static str> {
    let missing = FILES.iter().filter(|(file, _)| !Path::new(file).exists());
    let mut packages: Vec<_> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
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
