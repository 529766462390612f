//! What the programs of a control plane are told: their files, ports and flags.

use super::super::audit;
use super::super::certificates::Certificates;
use super::super::place::Place;
use super::{ADMIN, LIMITED, OPERATOR, Options, get, kubeconfig_of};
use crate::repository;
use serde_json::json;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Files and ports of a control plane.
pub(super) struct Files {
    place: Place,
    dir: PathBuf,
    pub kubeconfig: PathBuf,
    tokens: PathBuf,
    policy: PathBuf,
    pub audit: PathBuf,
    etcd: u16,
    etcd_peers: u16,
    api: u16,
    ports: [u16; 3],
}

impl Files {
    pub fn write(dir: &Path, certificates: &Certificates, place: Place) -> std::io::Result<Self> {
        let [etcd, etcd_peers, a, b, c] = free_ports(Ipv4Addr::LOCALHOST)?;
        let [api] = free_ports(place.host)?;
        let path = |name: &str| dir.join(name);
        let files = Self {
            dir: dir.to_owned(),
            place,
            kubeconfig: path("kubeconfig"),
            tokens: path("tokens.csv"),
            policy: path("audit-policy.json"),
            audit: path("audit.log"),
            etcd,
            etcd_peers,
            api,
            ports: [a, b, c],
        };
        let mut tokens = String::new();
        for (user, groups) in [(ADMIN, "\"system:masters\""), (OPERATOR, "\"system:masters\""), (LIMITED, "")]
        {
            let token = format!("{:032x}", fastrand::u128(..));
            fs::write(kubeconfig_of(&files.kubeconfig, user), files.config(certificates, user, &token))?;
            tokens += &format!("{token},{user},{user},{groups}\n");
        }
        fs::write(&files.tokens, tokens)?;
        fs::write(&files.policy, audit::POLICY)?;
        Ok(files)
    }

    /// How a user comes to the API server.
    fn config(&self, certificates: &Certificates, user: &str, token: &str) -> String {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "berth",
            "clusters": [{"name": "berth", "cluster": {
                "server": format!("https://{}:{}", self.place.host, self.api),
                "certificate-authority": certificates.authority,
            }}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "berth", "context": {"cluster": "berth", "user": user}}],
        });
        config.to_string()
    }

    pub fn etcd(&self) -> Vec<String> {
        let (clients, peers) =
            (format!("http://127.0.0.1:{}", self.etcd), format!("http://127.0.0.1:{}", self.etcd_peers));
        flags([
            ("data-dir", self.dir.join("etcd").display().to_string()),
            ("listen-client-urls", clients.clone()),
            ("advertise-client-urls", clients),
            ("listen-peer-urls", peers.clone()),
            ("initial-advertise-peer-urls", peers.clone()),
            ("initial-cluster", format!("default={peers}")),
            // What it keeps is for as long as it runs.
            ("unsafe-no-fsync", "true".to_owned()),
        ])
    }

    pub fn etcd_answers(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.etcd)).is_ok()
    }

    pub fn api_server(&self, certificates: &Certificates, options: &Options) -> Vec<String> {
        let show = |path: &Path| path.display().to_string();
        let mut all = flags([
            ("etcd-servers", format!("http://127.0.0.1:{}", self.etcd)),
            ("bind-address", self.place.host.to_string()),
            ("secure-port", self.api.to_string()),
            ("tls-cert-file", show(&certificates.server)),
            ("tls-private-key-file", show(&certificates.server_key)),
            ("client-ca-file", show(&certificates.authority)),
            ("token-auth-file", show(&self.tokens)),
            ("authorization-mode", "Node,RBAC".to_owned()),
            ("service-account-issuer", "https://kubernetes.default.svc".to_owned()),
            ("service-account-key-file", show(&certificates.accounts_public)),
            ("service-account-signing-key-file", show(&certificates.accounts_key)),
            ("service-cluster-ip-range", self.place.services.clone()),
            ("audit-policy-file", show(&self.policy)),
            ("audit-log-path", show(&self.audit)),
            ("audit-log-mode", "blocking".to_owned()),
            ("allow-privileged", "true".to_owned()),
        ]);
        if !options.controllers {
            // Nobody makes the account that each pod would need.
            all.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        if self.place.node.is_some() {
            all.extend(flags([
                ("advertise-address", self.place.host.to_string()),
                ("kubelet-client-certificate", show(&certificates.client)),
                ("kubelet-client-key", show(&certificates.client_key)),
                ("kubelet-preferred-address-types", "InternalIP".to_owned()),
            ]));
        } else {
            // Nobody could go to the loopback by way of a Service.
            all.push("--endpoint-reconciler-type=none".to_owned());
        }
        all
    }

    /// Whether the API server says that it is ready.
    pub fn api_answers(&self) -> bool {
        get(&self.kubeconfig, "/readyz").is_some()
    }

    pub fn controller_manager(&self, certificates: &Certificates) -> Vec<String> {
        flags([
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("secure-port", self.ports[0].to_string()),
            ("leader-elect", "false".to_owned()),
            ("use-service-account-credentials", "true".to_owned()),
            ("service-account-private-key-file", certificates.accounts_key.display().to_string()),
            ("root-ca-file", certificates.authority.display().to_string()),
            ("cluster-signing-cert-file", certificates.authority.display().to_string()),
            ("cluster-signing-key-file", certificates.authority_key.display().to_string()),
        ])
    }

    pub fn scheduler(&self) -> Vec<String> {
        flags([
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("secure-port", self.ports[1].to_string()),
            ("leader-elect", "false".to_owned()),
        ])
    }

    pub fn kwok(&self, node: Ipv4Addr) -> Vec<String> {
        flags([
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("config", repository("tests/cluster/kwok/stages.yaml").display().to_string()),
            ("manage-all-nodes", "true".to_owned()),
            ("node-lease-duration-seconds", "40".to_owned()),
            ("server-address", format!("127.0.0.1:{}", self.ports[2])),
            ("node-ip", node.to_string()),
        ])
    }
}

pub(in super::super) fn flags<const N: usize>(all: [(&str, String); N]) -> Vec<String> {
    all.into_iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

/// Ports that nobody listens on at this moment.
fn free_ports<const N: usize>(at: Ipv4Addr) -> std::io::Result<[u16; N]> {
    let held: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind((at, 0))).collect::<Result<_, _>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
