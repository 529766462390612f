//! etcd and kube-apiserver, and on request what makes a cluster of them.

use super::Missing;
use super::audit::{self, Event};
use super::certificates::Certificates;
use super::directory::Directory;
use super::place::Place;
use super::program::Program;
use super::tools::{API_SERVER, CONTROLLER_MANAGER, ETCD, KWOK, SCHEDULER};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// How often a start is tried: between the choice of a port and its use somebody else may take it.
const TRIES: usize = 3;
/// Who may do everything, and with which token.
const ADMIN: &str = "admin";

/// What a control plane has besides etcd and kube-apiserver.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// kube-controller-manager and kube-scheduler.
    pub controllers: bool,
    /// kwok, which plays all nodes: pods on them say that they run.
    pub kwok: bool,
}

/// A running control plane; it ends when this is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they end.
    programs: Vec<(&'static str, Program)>,
    kubeconfig: PathBuf,
    audit: PathBuf,
    authority: PathBuf,
    _dir: Directory,
}

impl ControlPlane {
    /// Starts one and waits until the API server is ready. What it lacks on this machine is an error; that it does not start although
    /// all is there is a panic.
    pub fn start(options: &Options) -> Result<Self, Missing> {
        Self::start_at(options, &Place::loopback())
    }

    /// Starts one at these addresses.
    pub(super) fn start_at(options: &Options, place: &Place) -> Result<Self, Missing> {
        tools(options)?;
        let mut tries = 1;
        loop {
            match Self::try_start(options, place) {
                Ok(cluster) => return Ok(cluster),
                Err(Missing(why)) if tries < TRIES && why.contains("address already in use") => tries += 1,
                Err(Missing(why)) => panic!("the control plane does not start: {why}"),
            }
        }
    }

    fn try_start(options: &Options, place: &Place) -> Result<Self, Missing> {
        let (tools, kwok) = tools(options)?;
        let dir = Directory::new().map_err(failed("a temporary directory"))?;
        let certificates = Certificates::new(dir.path(), place.names()).map_err(failed("certificates"))?;
        let files =
            Files::write(dir.path(), &certificates, place.clone()).map_err(failed("the cluster's files"))?;
        let mut cluster = Self {
            programs: Vec::new(),
            kubeconfig: files.kubeconfig.clone(),
            audit: files.audit.clone(),
            authority: certificates.authority.clone(),
            _dir: dir,
        };
        cluster.add("etcd", &tools[0], &files.etcd())?;
        cluster.program("etcd").wait("etcd", || files.etcd_answers())?;
        cluster.add("kube-apiserver", &tools[1], &files.api_server(&certificates, options))?;
        cluster.program("kube-apiserver").wait("kube-apiserver", || files.api_answers())?;
        if let [_, _, manager, scheduler] = &tools[..] {
            cluster.add("kube-controller-manager", manager, &files.controller_manager(&certificates))?;
            cluster.add("kube-scheduler", scheduler, &files.scheduler())?;
        }
        if let Some(kwok) = kwok {
            cluster.add("kwok", &kwok, &files.kwok())?;
        }
        Ok(cluster)
    }

    fn add(&mut self, name: &'static str, path: &Path, arguments: &[String]) -> Result<(), Missing> {
        let log = self.kubeconfig.with_file_name(format!("{name}.log"));
        let program = Program::start(path, arguments, &log).map_err(failed(name))?;
        self.programs.insert(0, (name, program));
        Ok(())
    }

    fn program(&self, name: &str) -> &Program {
        let found = self.programs.iter().find(|(n, _)| *n == name);
        &found.unwrap_or_else(|| panic!("this cluster has no {name}")).1
    }

    /// A configuration for kubectl and the like, of one who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The certificate of the authority that all trust.
    pub(super) fn authority(&self) -> &Path {
        &self.authority
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Client {
        self.client_of(None).await
    }

    /// A client with this token instead, as of a service account.
    pub async fn client_with_token(&self, token: &str) -> Client {
        self.client_of(Some(token)).await
    }

    async fn client_of(&self, token: Option<&str>) -> Client {
        let mut file = Kubeconfig::read_from(&self.kubeconfig).expect("the kubeconfig that was written");
        if let (Some(token), Some(user)) =
            (token, file.auth_infos.first_mut().and_then(|u| u.auth_info.as_mut()))
        {
            user.token = Some(token.to_owned().into());
        }
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("a usable kubeconfig")).expect("a client")
    }

    /// Every request that the API server answered so far.
    pub fn requests(&self) -> Vec<Event> {
        audit::read(&self.audit)
    }

    /// Stops the API server in its tracks: it answers nobody until [`Self::resume`].
    pub fn pause(&self) {
        self.program("kube-apiserver").signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.program("kube-apiserver").signal(libc::SIGCONT);
    }

    /// The names of its programs and their processes.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        self.programs.iter().map(|(name, program)| (*name, program.id())).collect()
    }
}

/// The programs of a control plane, and kwok.
fn tools(options: &Options) -> Result<(Vec<PathBuf>, Option<PathBuf>), Missing> {
    let mut tools = vec![ETCD.path()?, API_SERVER.path()?];
    if options.controllers {
        tools.extend([CONTROLLER_MANAGER.path()?, SCHEDULER.path()?]);
    }
    Ok((tools, options.kwok.then(|| KWOK.path()).transpose()?))
}

pub(super) fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Missing {
    move |error| Missing(format!("{what}: {error}"))
}

/// Files and ports of a control plane.
struct Files {
    place: Place,
    dir: PathBuf,
    kubeconfig: PathBuf,
    tokens: PathBuf,
    policy: PathBuf,
    audit: PathBuf,
    etcd: u16,
    etcd_peers: u16,
    api: u16,
    ports: [u16; 3],
}

impl Files {
    fn write(dir: &Path, certificates: &Certificates, place: Place) -> std::io::Result<Self> {
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
        let token = format!("{:032x}", fastrand::u128(..));
        fs::write(&files.tokens, format!("{token},{ADMIN},{ADMIN},\"system:masters\"\n"))?;
        fs::write(&files.policy, audit::POLICY)?;
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "berth",
            "clusters": [{"name": "berth", "cluster": {
                "server": format!("https://{}:{api}", files.place.host),
                "certificate-authority": certificates.authority,
            }}],
            "users": [{"name": ADMIN, "user": {"token": token}}],
            "contexts": [{"name": "berth", "context": {"cluster": "berth", "user": ADMIN}}],
        });
        fs::write(&files.kubeconfig, config.to_string())?;
        Ok(files)
    }

    fn etcd(&self) -> Vec<String> {
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

    fn etcd_answers(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.etcd)).is_ok()
    }

    fn api_server(&self, certificates: &Certificates, options: &Options) -> Vec<String> {
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
    fn api_answers(&self) -> bool {
        get(&self.kubeconfig, "/readyz").is_some()
    }

    fn controller_manager(&self, certificates: &Certificates) -> Vec<String> {
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

    fn scheduler(&self) -> Vec<String> {
        flags([
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("secure-port", self.ports[1].to_string()),
            ("leader-elect", "false".to_owned()),
        ])
    }

    fn kwok(&self) -> Vec<String> {
        flags([
            ("kubeconfig", self.kubeconfig.display().to_string()),
            ("manage-all-nodes", "true".to_owned()),
            ("server-address", format!("127.0.0.1:{}", self.ports[2])),
        ])
    }
}

/// What the API server answers, outside of any runtime; none: it does not, or not well.
pub(super) fn get(kubeconfig: &Path, path: &'static str) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let kubeconfig = kubeconfig.to_owned();
    let asked = std::thread::spawn(move || {
        runtime.block_on(async {
            let file = Kubeconfig::read_from(kubeconfig).ok()?;
            let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.ok()?;
            let request = http::Request::get(path).body(Vec::new()).ok()?;
            Client::try_from(config).ok()?.request_text(request).await.ok()
        })
    });
    asked.join().ok()?
}

pub(super) fn flags<const N: usize>(all: [(&str, String); N]) -> Vec<String> {
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
