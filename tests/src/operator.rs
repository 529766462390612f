//! The operator under test: the real program as a process of its own, beside a control plane.

use crate::built;
use crate::cluster::audit::Event;
use crate::cluster::{ControlPlane, Program};
use std::path::Path;

/// How often pods are asked and numbers are written, in tests that wait for it.
pub const OFTEN: [&str; 4] = ["--survey-seconds", "1", "--status-seconds", "1"];

/// Starts one as a user of the cluster, under a name in the Lease and in the log.
pub fn start(plane: &ControlPlane, user: &str, identity: &str, flags: &[&str]) -> Program {
    let kubeconfig = format!("KUBECONFIG={}", plane.kubeconfig_of(user).display());
    let program = built("berth-operator-under-test").display().to_string();
    let own =
        ["run", "--admin-listen", "127.0.0.1:0", "--server-image", "berth:test", "--identity", identity];
    let log = ["--log", "info,berth_operator=debug"];
    let all = [&[kubeconfig.as_str(), &program], &own[..], &log, flags].concat();
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    plane.beside(identity, Path::new("env"), &all)
}

/// What an operator wrote, as `verb resource/name`; Leases are left out.
pub fn writes(plane: &ControlPlane, user: &str) -> Vec<String> {
    let events = plane.requests_of(user).into_iter().filter(Event::writes);
    let described = events.filter_map(|event| {
        let object = event.object_ref?;
        let sub =
            if object.subresource.is_empty() { String::new() } else { format!("/{}", object.subresource) };
        (object.resource != "leases")
            .then(|| format!("{} {}{sub}/{}", event.verb, object.resource, object.name))
    });
    described.collect()
}
