//! The cluster that runs, noted in a file, so that the next command finds it.

use berth_tests::cluster::Containers;
use berth_tests::repository;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The cluster that runs.
#[derive(Serialize, Deserialize)]
pub struct State {
    /// The process that holds it, and when that began (clock ticks since the machine's start): a number may be used again.
    pub process: u32,
    pub began: String,
    /// Who may do everything.
    pub kubeconfig: PathBuf,
    /// The command line.
    pub kubectl: PathBuf,
    /// Its node, if it has one.
    pub node: Option<NodeState>,
}

/// A node, and what is there beside it.
#[derive(Serialize, Deserialize)]
pub struct NodeState {
    /// What runs on it.
    pub containers: Containers,
    /// What installs charts.
    pub helm: PathBuf,
    /// Where the store is reached from this machine.
    pub store: String,
    /// Where Ingresses are.
    pub ingress: String,
}

impl State {
    /// The lines that a shell is to evaluate.
    pub fn environment(&self) -> String {
        let helm = self.node.as_ref().map(|node| &node.helm);
        let directories = [Some(&self.kubectl), helm].into_iter().flatten().filter_map(|p| p.parent());
        let path: Vec<String> = directories.map(|p| p.display().to_string()).collect();
        let mut lines = vec![
            format!("export KUBECONFIG='{}'", self.kubeconfig.display()),
            format!("export PATH='{}':\"$PATH\"", path.join(":")),
        ];
        if let Some(node) = &self.node {
            lines.push(format!("export STORE='{}' INGRESS='{}'", node.store, node.ingress));
        }
        lines.join("\n")
    }
}

/// Where it is noted.
pub fn file() -> PathBuf {
    repository("target/cluster.json")
}

/// The cluster that runs, if there is one.
pub fn running() -> Option<State> {
    let state: State = serde_json::from_str(&std::fs::read_to_string(file()).ok()?).ok()?;
    (began(state.process)? == state.began).then_some(state)
}

/// When a process began; none: there is no such process, or it is over and only not yet waited for.
pub fn began(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (*fields.first()? != "Z").then(|| fields.get(19).map(|f| (*f).to_owned()))?
}
