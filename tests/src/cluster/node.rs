//! A cluster with one real node: containerd, kubelet, kube-proxy and a name server in namespaces of their own, so that nothing of the
//! machine's network, processes and files is theirs. It needs root.
//!
//! The test's process reaches pods and Services by their addresses, and pods reach the test's process at [`Node::host`].

mod cgroups;
mod containers;
mod needs;
mod sandbox;
mod settings;

use super::control_plane::{failed, get};
use super::directory::Directory;
use super::image::Image;
use super::program::Program;
use super::tools::{CONTAINERD, CTR, INGRESS, KUBELET, NAMES, PAUSE, PROXY, SHIM, Tool};
use super::{ControlPlane, Missing, Options};
pub use containers::Containers;

use cgroups::Cgroups;
use sandbox::Sandbox;
use settings::Settings;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running cluster with a node; it ends when this is dropped.
#[derive(Debug)]
pub struct Node {
    // In the order in which they end.
    programs: Vec<(&'static str, Program)>,
    sandbox: Sandbox,
    _cgroups: Cgroups,
    control_plane: ControlPlane,
    containers: Containers,
    settings: Settings,
    _dir: Directory,
}

impl Node {
    /// Starts one and waits until pods can run.
    pub fn start() -> Result<Self, Missing> {
        needs::check()?;
        let [containerd, kubelet, proxy, names] = paths([CONTAINERD, KUBELET, PROXY, NAMES])?;
        let [ctr, pause, ingress, _] = paths([CTR, PAUSE, INGRESS, SHIM])?;
        let dir = Directory::new().map_err(failed("a temporary directory"))?;
        let sandbox = Sandbox::start(dir.path())?;
        let options = Options { controllers: true, kwok: None };
        let control_plane = ControlPlane::start_at(&options, sandbox.place())?;
        let cgroups = Cgroups::new(sandbox.name()).map_err(failed("control groups"))?;
        let settings =
            Settings::write(dir.path(), &sandbox, &control_plane).map_err(failed("the node's files"))?;
        let containers = Containers { ctr, socket: settings.socket() };
        let mut node = Self {
            programs: Vec::new(),
            sandbox,
            _cgroups: cgroups,
            control_plane,
            containers,
            settings,
            _dir: dir,
        };
        node.add("containerd", &containerd, &node.settings.containerd())?;
        node.program("containerd").wait("containerd", || node.containers.ask(&["version"]).is_ok())?;
        node.containers
            .import_image(&Image::new(settings::PAUSE, &["/pause"]).with_file("/pause", &pause))?;
        node.add("kube-proxy", &proxy, &node.settings.proxy())?;
        node.add("coredns", &names, &node.settings.names())?;
        node.add("kubelet", &kubelet, &node.settings.kubelet())?;
        node.add("traefik", Path::new("env"), &node.settings.ingress(&ingress))?;
        node.program("coredns").wait("coredns", || node.answers(settings::NAMES_READY, "/ready"))?;
        node.program("traefik").wait("traefik", || node.answers(settings::INGRESS_READY, "/ping"))?;
        node.program("kubelet").wait("kubelet", || node.is_ready())?;
        Ok(node)
    }

    fn add(&mut self, name: &'static str, path: &Path, arguments: &[String]) -> Result<(), Missing> {
        let program = self.sandbox.run(name, path, arguments)?;
        self.programs.insert(0, (name, program));
        Ok(())
    }

    fn program(&self, name: &str) -> &Program {
        let found = self.programs.iter().find(|(n, _)| *n == name);
        &found.unwrap_or_else(|| panic!("a node has no {name}")).1
    }

    /// Its API server and what goes with it.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The address of this machine at which pods reach what the test's process listens on.
    pub fn host(&self) -> Ipv4Addr {
        self.sandbox.place().host
    }

    /// Where Ingresses are reached, at port 80.
    pub fn ingress(&self) -> Ipv4Addr {
        self.settings.node()
    }

    /// Its containers, and the images that they are made of.
    pub fn containers(&self) -> &Containers {
        &self.containers
    }

    fn is_ready(&self) -> bool {
        let path = "/api/v1/nodes/node";
        let node =
            get(self.control_plane.kubeconfig(), path).and_then(|text| serde_json::from_str(&text).ok());
        let node: serde_json::Value = node.unwrap_or_default();
        let conditions = node["status"]["conditions"].as_array();
        // Pods are kept away by a taint until the controllers have seen that it is ready.
        conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
            && node["spec"]["taints"].is_null()
    }

    /// Whether a program on the node says by HTTP that it is ready.
    fn answers(&self, port: u16, path: &str) -> bool {
        let address = SocketAddr::new(IpAddr::V4(self.settings.node()), port);
        let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
            return false;
        };
        let mut answer = String::new();
        let asked = stream
            .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
            .and_then(|()| stream.read_to_string(&mut answer));
        asked.is_ok() && answer.contains(" 200 ")
    }

    /// The names of its programs, those of the control plane included, and their processes.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        let own = self.programs.iter().map(|(name, program)| (*name, program.id()));
        own.chain([("node", self.sandbox.id())]).chain(self.control_plane.processes()).collect()
    }

    /// The last lines of the logs of its programs.
    pub fn logs(&self) -> String {
        let show = |(name, program): &(&str, Program)| format!("--- {name}\n{}\n", program.log());
        self.programs.iter().map(show).collect()
    }
}

fn paths<const N: usize>(tools: [Tool; N]) -> Result<[PathBuf; N], Missing> {
    let mut paths = [const { PathBuf::new() }; N];
    for (path, tool) in paths.iter_mut().zip(tools) {
        *path = tool.path()?;
    }
    Ok(paths)
}
