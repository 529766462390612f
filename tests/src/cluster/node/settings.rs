//! What the node's programs are told.

use super::super::ControlPlane;
use super::super::control_plane::flags;
use super::needs::PLUGINS;
use super::sandbox::Sandbox;
use serde_json::json;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The image of the first process of each pod.
pub(super) const PAUSE: &str = "berth.test/pause:1";
/// Where the name server says that it is ready.
pub(super) const NAMES_READY: u16 = 8181;
/// Where the Ingress controller says that it is ready.
pub(super) const INGRESS_READY: u16 = 8182;

/// The files with the settings.
#[derive(Debug)]
pub(super) struct Settings {
    dir: PathBuf,
    kubeconfig: PathBuf,
    node: Ipv4Addr,
}

impl Settings {
    /// Writes them.
    pub fn write(dir: &Path, sandbox: &Sandbox, control_plane: &ControlPlane) -> io::Result<Self> {
        let place = sandbox.place();
        let node = place.node.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let kubeconfig = control_plane.kubeconfig().to_owned();
        let settings = Self { dir: dir.to_owned(), kubeconfig, node };
        let path = |name: &str| dir.join(name);
        fs::create_dir(path("cni"))?;
        fs::write(path("cni/pods.conflist"), network(&place.pods))?;
        fs::write(path("resolv.conf"), "")?;
        fs::write(path("containerd.toml"), settings.containerd_file())?;
        let authority = control_plane.authority().display().to_string();
        fs::write(path("kubelet.json"), settings.kubelet_file(sandbox.name(), &authority))?;
        fs::write(path("proxy.json"), settings.proxy_file(&place.pods))?;
        fs::write(path("Corefile"), settings.names_file())?;
        Ok(settings)
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Where containerd is asked.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    /// containerd's arguments.
    pub fn containerd(&self) -> Vec<String> {
        flags([("config", self.file("containerd.toml"))])
    }

    /// kubelet's.
    pub fn kubelet(&self) -> Vec<String> {
        flags([
            ("config", self.file("kubelet.json")),
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("root-dir", "/var/lib/kubelet".to_owned()),
            ("cert-dir", "/var/lib/kubelet/pki".to_owned()),
            ("hostname-override", "node".to_owned()),
            ("node-ip", self.node.to_string()),
        ])
    }

    /// kube-proxy's.
    pub fn proxy(&self) -> Vec<String> {
        flags([("config", self.file("proxy.json"))])
    }

    /// The node's address.
    pub fn node(&self) -> Ipv4Addr {
        self.node
    }

    /// Those of `env`, which starts the Ingress controller.
    pub fn ingress(&self, program: &Path) -> Vec<String> {
        let own = flags([
            ("providers.kubernetesingress", "true".to_owned()),
            ("providers.kubernetesingress.ingressendpoint.ip", self.node.to_string()),
            ("entrypoints.web.address", format!("{}:80", self.node)),
            ("entrypoints.traefik.address", format!("{}:{INGRESS_READY}", self.node)),
            ("ping", "true".to_owned()),
            ("global.checknewversion", "false".to_owned()),
            ("global.sendanonymoususage", "false".to_owned()),
        ]);
        let mut all =
            vec![format!("KUBECONFIG={}", self.kubeconfig.display()), program.display().to_string()];
        all.extend(own);
        all
    }

    /// The name server's.
    pub fn names(&self) -> Vec<String> {
        vec!["-conf".to_owned(), self.file("Corefile")]
    }

    fn containerd_file(&self) -> String {
        let (socket, plugins) = (self.socket().display().to_string(), self.file("cni"));
        // Where this process may not lower what the kernel kills first, nor may runc.
        format!(
            r#"version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "{socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{PLUGINS}"]
conf_dir = "{plugins}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
        )
    }

    fn kubelet_file(&self, group: &str, authority: &str) -> String {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": format!("unix://{}", self.socket().display()),
            "cgroupDriver": "cgroupfs", "cgroupRoot": format!("/{group}"),
            "failCgroupV1": false, "failSwapOn": false,
            // How full the machine's disk is, and what else runs on it, is not this node's concern.
            "evictionHard": {}, "imageGCHighThresholdPercent": 100, "oomScoreAdj": 0,
            "clusterDNS": [self.node], "clusterDomain": "cluster.local", "resolvConf": self.file("resolv.conf"),
            "authentication": {
                "anonymous": {"enabled": false}, "webhook": {"enabled": false}, "x509": {"clientCAFile": authority},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        })
        .to_string()
    }

    fn proxy_file(&self, pods: &str) -> String {
        json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
            "mode": "iptables", "clusterCIDR": pods, "hostnameOverride": "node", "oomScoreAdj": 0,
            "clientConnection": {"kubeconfig": self.kubeconfig},
            "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
            // The kernel's tables are the whole machine's to size.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        })
        .to_string()
    }

    fn names_file(&self) -> String {
        let kubeconfig = self.kubeconfig.display();
        format!(
            "cluster.local:53 {{\n  ready :{NAMES_READY}\n  errors\n  kubernetes cluster.local {{\n    kubeconfig {kubeconfig}\n  }}\n}}\n"
        )
    }
}

/// How pods get a network: each is joined with the node by devices of its own and routed to, so that Services work between pods of
/// one node without the kernel's filter for bridges.
fn network(pods: &str) -> String {
    json!({
        "cniVersion": "1.0.0", "name": "pods",
        "plugins": [{
            "type": "ptp",
            "ipam": {
                "type": "host-local", "dataDir": "/var/lib/cni",
                "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
    .to_string()
}
