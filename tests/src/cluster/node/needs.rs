//! What a node needs of the machine, by the names of Debian's packages.

use super::super::Missing;
use crate::packages::require;
use std::path::Path;

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
    require("a node needs programs", packages)
}

/// The packages that are missing.
fn packages() -> Vec<&'static str> {
    let missing = FILES.iter().filter(|(file, _)| !Path::new(file).exists());
    let mut packages: Vec<_> = missing.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}
