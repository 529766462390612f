//! Real Kubernetes for tests and for people who want to play: `control_plane` is etcd and kube-apiserver, on request with
//! the controller manager, the scheduler and kwok, all of them processes of this machine's loopback. `node` adds one real node,
//! on which pods run, in namespaces of its own.
//!
//! The programs are built from their Go modules once ([`tools`]); `KUBEBUILDER_ASSETS` names a directory that has etcd and
//! kube-apiserver already. Everything that is started ends with the process that started it.

pub mod audit;
mod certificates;
mod control_plane;
mod directory;
pub mod image;
mod node;
mod place;
mod program;
pub mod store;
pub mod tools;

pub use control_plane::{ADMIN, ControlPlane, LIMITED, OPERATOR, Options};
pub use node::{Containers, Node};
pub use program::Program;

use std::sync::OnceLock;

/// What a cluster does not have on this machine, and how to get it.
#[derive(Debug, Clone)]
pub struct Missing(pub String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A control plane that the tests of one binary share: etcd and kube-apiserver alone. None: this machine cannot have one, which is
/// said on standard error; with `CI` set it is a panic, because there nothing is skipped.
pub fn shared() -> Option<&'static ControlPlane> {
    static SHARED: OnceLock<Option<ControlPlane>> = OnceLock::new();
    SHARED.get_or_init(|| unless_missing(ControlPlane::start(&Options::default()))).as_ref()
}

/// What there is; none, and a line that says why, where a tool is missing outside of CI.
pub fn unless_missing<T>(there: Result<T, Missing>) -> Option<T> {
    match there {
        Ok(there) => Some(there),
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: {missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}
