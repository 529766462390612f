//! The programs of a cluster, built from their Go modules: `tests/cluster/<module>/go.mod` pins what.
//!
//! They are kept in `target/cluster-tools`, or where `BERTH_CLUSTER_TOOLS` says, under the digest of what pins them. Two processes that
//! want the same program wait for one build.

use super::Missing;
use crate::repository;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, the module that pins it and what Go builds.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// What it is called.
    pub name: &'static str,
    module: &'static str,
    package: &'static str,
}

/// The store of a cluster.
pub const ETCD: Tool = Tool { name: "etcd", module: "etcd", package: "go.etcd.io/etcd/server/v3" };
/// The API server.
pub const API_SERVER: Tool = kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver");
/// What makes pods of stateful sets, ends what is owned by what is gone, and the like.
pub const CONTROLLER_MANAGER: Tool =
    kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager");
/// What gives pods a node.
pub const SCHEDULER: Tool = kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler");
/// The command line.
pub const KUBECTL: Tool = kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl");
/// What starts the pods of a node.
pub const KUBELET: Tool = kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet");
/// What leads the addresses of Services to pods.
pub const PROXY: Tool = kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy");
/// What runs containers.
pub const CONTAINERD: Tool = containerd("containerd", "github.com/containerd/containerd/v2/cmd/containerd");
/// What is between containerd and each pod; it lies beside containerd, which looks for it there.
pub const SHIM: Tool =
    containerd("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2");
/// The command line of containerd.
pub const CTR: Tool = containerd("ctr", "github.com/containerd/containerd/v2/cmd/ctr");
/// The cluster's name server.
pub const NAMES: Tool = Tool { name: "coredns", module: "coredns", package: "." };
/// What leads requests from outside to Services, as Ingresses say.
pub const INGRESS: Tool =
    Tool { name: "traefik", module: "traefik", package: "github.com/traefik/traefik/v3/cmd/traefik" };
/// The first process of each pod.
pub const PAUSE: Tool = Tool { name: "pause", module: "pause", package: "." };
/// What installs charts.
pub const HELM: Tool = Tool { name: "helm", module: "helm", package: "helm.sh/helm/v4/cmd/helm" };
/// Nodes and pods that only say that they run.
pub const KWOK: Tool = Tool { name: "kwok", module: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok" };
/// What calls gRPC services that it knows from their reflection alone.
pub const GRPCURL: Tool =
    Tool { name: "grpcurl", module: "grpcurl", package: "github.com/fullstorydev/grpcurl/cmd/grpcurl" };

const fn kubernetes(name: &'static str, package: &'static str) -> Tool {
    Tool { name, module: "kubernetes", package }
}

const fn containerd(name: &'static str, package: &'static str) -> Tool {
    Tool { name, module: "containerd", package }
}

/// Least minor version of Go 1 that builds them.
const GO: u32 = 26;

impl Tool {
    /// Where the program is; it is built if it is not there yet, which takes minutes.
    pub fn path(self) -> Result<PathBuf, Missing> {
        if let Some(path) = given(self.name) {
            return Ok(path);
        }
        let module = repository("tests/cluster").join(self.module);
        let place = directory().join(format!("{}-{:016x}", self.module, digest(&module)?));
        let program = place.join(self.name);
        if !program.is_file() {
            self.build(&module, &place, &program)?;
        }
        Ok(program)
    }

    fn build(self, module: &Path, place: &Path, program: &Path) -> Result<(), Missing> {
        fs::create_dir_all(place).map_err(|e| missing(format!("cannot make {}: {e}", place.display())))?;
        let lock = File::create(place.join("lock")).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|e| missing(format!("cannot lock {}: {e}", place.display())))?;
        if program.is_file() {
            return Ok(());
        }
        check_go()?;
        eprintln!("building {} (once; minutes)", self.name);
        let started = std::time::Instant::now();
        let unfinished = place.join(format!("{}.unfinished", self.name));
        let mut go = Command::new("go");
        go.current_dir(module).env("CGO_ENABLED", "0").args([
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
        ]);
        go.arg(self.linker_flags(module)?).arg("-o").arg(&unfinished).arg(self.package);
        let built = go.output().map_err(|e| missing(format!("go does not start: {e}")))?;
        if !built.status.success() {
            let why = String::from_utf8_lossy(&built.stderr).into_owned();
            return Err(missing(format!("{} was not built: {why}", self.package)));
        }
        eprintln!("built {} in {} s", self.name, started.elapsed().as_secs());
        fs::rename(&unfinished, program).map_err(|e| missing(format!("cannot keep {}: {e}", self.name)))
    }

    /// Without these, Kubernetes takes itself for version 0.0.0.
    fn linker_flags(self, module: &Path) -> Result<String, Missing> {
        let mut flags = "-s -w".to_owned();
        if self.module == "kubernetes" {
            let pins = read(&module.join("go.mod"))?;
            let version = pins
                .lines()
                .find_map(|l| l.trim().trim_start_matches("require ").strip_prefix("k8s.io/kubernetes v"));
            // A comment may follow it.
            let version = version.and_then(|rest| rest.split_whitespace().next());
            let version =
                version.ok_or_else(|| missing("go.mod does not name k8s.io/kubernetes".to_owned()))?;
            let minor = version.split('.').nth(1).unwrap_or_default();
            let at = "k8s.io/component-base/version";
            flags += &format!(" -X {at}.gitVersion=v{version} -X {at}.gitMajor=1 -X {at}.gitMinor={minor}");
        }
        Ok(flags)
    }
}

/// A program that the user has already.
fn given(name: &str) -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS")?;
    Some(Path::new(&assets).join(name)).filter(|path| path.is_file())
}

fn directory() -> PathBuf {
    let kept = std::env::var_os("BERTH_CLUSTER_TOOLS").map(PathBuf::from);
    kept.unwrap_or_else(|| repository("target/cluster-tools"))
}

/// What pins a module, in a number (FNV-1a): its versions, and the program itself where it is one of these files.
fn digest(module: &Path) -> Result<u64, Missing> {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for file in ["go.mod", "go.sum", "main.go"].into_iter().filter(|file| module.join(file).exists()) {
        for byte in read(&module.join(file))?.bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(digest)
}

fn read(path: &Path) -> Result<String, Missing> {
    fs::read_to_string(path).map_err(|e| missing(format!("cannot read {}: {e}", path.display())))
}

fn check_go() -> Result<(), Missing> {
    let needed = format!(
        "Go 1.{GO} or newer is needed to build a cluster's programs (https://go.dev/dl), or KUBEBUILDER_ASSETS"
    );
    let output = Command::new("go").arg("version").output().map_err(|_| missing(needed.clone()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let minor =
        text.split_whitespace().find_map(|w| w.strip_prefix("go1.")?.split('.').next()?.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor >= GO) {
        Ok(())
    } else {
        Err(missing(format!("{needed}; here is {}", text.trim())))
    }
}

fn missing(what: String) -> Missing {
    Missing(what)
}
