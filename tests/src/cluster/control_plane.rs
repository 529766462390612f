//! etcd and kube-apiserver, and on request what makes a cluster of them.

mod files;

use super::Missing;
use super::audit::{self, Event};
use super::certificates::Certificates;
use super::directory::Directory;
use super::place::Place;
use super::program::Program;
use super::tools::{API_SERVER, CONTROLLER_MANAGER, ETCD, KWOK, SCHEDULER};
use files::Files;
pub(super) use files::flags;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// How often a start is tried: between the choice of a port and its use somebody else may take it.
const TRIES: usize = 3;
/// Who may do everything.
pub const ADMIN: &str = "admin";
/// Who may do everything too, and is told from the former in the audit log.
pub const OPERATOR: &str = "operator";
/// Who may do what roles say that are bound to this name.
pub const LIMITED: &str = "limited";

/// What a control plane has besides etcd and kube-apiserver.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// kube-controller-manager and kube-scheduler.
    pub controllers: bool,
    /// kwok, which plays all nodes: pods on them say that they run. The address of all nodes, and of pods in their network.
    pub kwok: Option<Ipv4Addr>,
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
        if let (Some(kwok), Some(node)) = (kwok, options.kwok) {
            cluster.add("kwok", &kwok, &files.kwok(node))?;
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

    /// The same of another user.
    pub fn kubeconfig_of(&self, user: &str) -> PathBuf {
        kubeconfig_of(&self.kubeconfig, user)
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

    /// Those of a user.
    pub fn requests_of(&self, user: &str) -> Vec<Event> {
        self.requests().into_iter().filter(|event| event.user.username == user).collect()
    }

    /// Starts a program that ends with this control plane's test; its log lies beside the others.
    pub fn beside(&self, name: &str, path: &Path, arguments: &[String]) -> Program {
        let log = self.kubeconfig.with_file_name(format!("{name}.log"));
        Program::start(path, arguments, &log).unwrap_or_else(|e| panic!("{name} does not start: {e}"))
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
    Ok((tools, options.kwok.map(|_| KWOK.path()).transpose()?))
}

/// Where the configuration of a user lies beside the administrator's.
fn kubeconfig_of(kubeconfig: &Path, user: &str) -> PathBuf {
    if user == ADMIN {
        kubeconfig.to_owned()
    } else {
        kubeconfig.with_file_name(format!("{user}.kubeconfig"))
    }
}

pub(super) fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Missing {
    move |error| Missing(format!("{what}: {error}"))
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
