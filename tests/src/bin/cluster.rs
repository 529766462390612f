//! `cargo run -p berth-tests --bin cluster -- up|down|status|env|image`: the cluster of the tests for a person to play with.

use berth_tests::cluster::image::{Image, mebibytes};
use berth_tests::cluster::{Containers, ControlPlane, Node, Options, tools};
use berth_tests::repository;
use clap::{Args, Parser, Subcommand};
use serde::{Deserialize, Serialize};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The image of both programs.
const IMAGE: &str = "berth.test/berth:dev";

/// A Kubernetes cluster with one real node on this machine, in namespaces of its own. It needs root, Go, and a few Debian packages,
/// which it names.
#[derive(Parser)]
#[command(name = "cluster")]
struct Cli {
    #[command(subcommand)]
    command: Order,
}

#[derive(Subcommand)]
enum Order {
    /// Starts it, unless it runs; prints what to type next.
    Up(Parts),
    /// Ends it.
    Down,
    /// Says whether it runs, and what to type next.
    Status,
    /// Prints what a shell is to evaluate: KUBECONFIG, and a PATH with kubectl and helm.
    Env,
    /// Builds Berth's image, keeps it as target/berth-image.tar and makes it known to the node that runs.
    Image,
    /// Holds a cluster until it is told to stop; `up` starts this.
    #[command(hide = true)]
    Hold(Parts),
}

/// What it consists of.
#[derive(Args, Clone, Copy)]
struct Parts {
    /// Only etcd and kube-apiserver, without a node: no root is needed.
    #[arg(long)]
    control_plane: bool,
    /// With --control-plane: also the controller manager and the scheduler.
    #[arg(long, requires = "control_plane")]
    controllers: bool,
    /// With --control-plane: also kwok, whose nodes and pods only say that they run.
    #[arg(long, requires = "control_plane")]
    kwok: bool,
}

/// The cluster that runs.
#[derive(Serialize, Deserialize)]
struct State {
    /// The process that holds it, and when that began (clock ticks since the machine's start): a number may be used again.
    process: u32,
    began: String,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    node: Option<NodeState>,
}

#[derive(Serialize, Deserialize)]
struct NodeState {
    containers: Containers,
    helm: PathBuf,
    /// Where pods reach what listens on this machine.
    host: String,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Order::Up(parts) => up(parts),
        Order::Down => down(),
        Order::Status => status(),
        Order::Env => env(),
        Order::Image => image(),
        Order::Hold(parts) => hold(parts),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<String, Box<dyn std::error::Error>>;

fn up(parts: Parts) -> Done {
    if let Some(state) = running() {
        return Ok(next(&state));
    }
    let _ = std::fs::remove_file(file());
    let log = file().with_extension("log");
    std::fs::create_dir_all(repository("target"))?;
    let out = std::fs::File::create(&log)?;
    let mut hold = Command::new(std::env::current_exe()?);
    hold.arg("hold").stdin(Stdio::null()).stdout(out.try_clone()?).stderr(Stdio::inherit()).process_group(0);
    let flags = [
        ("--control-plane", parts.control_plane),
        ("--controllers", parts.controllers),
        ("--kwok", parts.kwok),
    ];
    hold.args(flags.iter().filter(|(_, wanted)| *wanted).map(|(flag, _)| flag));
    let mut child = hold.spawn()?;
    // A first start builds the programs.
    let limit = Instant::now() + Duration::from_secs(3600);
    while Instant::now() < limit {
        if let Some(state) = running() {
            return Ok(next(&state));
        }
        if child.try_wait()?.is_some() {
            return Err("the cluster did not start; what it lacks is said above".into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("the cluster was not ready within an hour".into())
}

fn next(state: &State) -> String {
    let run = "cargo run -p berth-tests --bin cluster --";
    let Some(node) = &state.node else {
        return format!(
            "a control plane runs; next:\n  eval \"$({run} env)\"\n  kubectl apply -f crds/multimodelendpoint.yaml -f crds/modelartifact.yaml\n  \
             kubectl explain multimodelendpoint.spec"
        );
    };
    format!(
        "a cluster with a node runs; what listens at {} on this machine is reached from pods; next:\n  eval \"$({run} env)\"\n  \
         {run} image\n  kubectl get nodes",
        node.host
    )
}

fn env() -> Done {
    let state = running().ok_or("no cluster runs; start one by `up`")?;
    let programs = [Some(&state.kubectl), state.node.as_ref().map(|node| &node.helm)];
    let directories: Vec<String> =
        programs.into_iter().flatten().filter_map(|p| p.parent()).map(|p| p.display().to_string()).collect();
    let host =
        state.node.map(|node| format!("\nexport BERTH_CLUSTER_HOST='{}'", node.host)).unwrap_or_default();
    let (kubeconfig, path) = (state.kubeconfig.display(), directories.join(":"));
    Ok(format!("export KUBECONFIG='{kubeconfig}'\nexport PATH='{path}':\"$PATH\"{host}"))
}

fn image() -> Done {
    let mut image = Image::new(IMAGE, &["/usr/local/bin/berth-server"]).with_authorities();
    // Not `cargo run`'s own build: what is served to others is optimised.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let programs = ["berth-server", "berth-operator"];
    let there = programs.iter().filter(|name| {
        let package = name.trim_start_matches("berth-");
        repository(package).join("Cargo.toml").exists()
    });
    for name in there {
        let mut build = Command::new(&cargo);
        build.current_dir(repository("")).args(["build", "--release", "--locked", "-p", name]);
        if !build.status()?.success() {
            return Err(format!("{name} was not built").into());
        }
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository("target"), PathBuf::from);
        image = image.with_program(&format!("/usr/local/bin/{name}"), &target.join("release").join(name))?;
    }
    let archive = repository("target/berth-image.tar");
    std::fs::create_dir_all(repository("target"))?;
    image.write(&archive)?;
    let mut said = format!("{IMAGE} is in {} ({} MiB)", archive.display(), mebibytes(&archive)?);
    if let Some(node) = running().and_then(|state| state.node) {
        node.containers.import(&archive).map_err(|missing| missing.to_string())?;
        said += " and on the node";
    }
    Ok(said)
}

fn down() -> Done {
    let Some(state) = running() else { return Ok("no cluster runs".to_owned()) };
    // SAFETY: the process was just found to be the one that holds the cluster.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(state.process as libc::pid_t, libc::SIGTERM);
    }
    let limit = Instant::now() + Duration::from_secs(60);
    while running().is_some() {
        if Instant::now() > limit {
            return Err(format!("process {} does not end", state.process).into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = std::fs::remove_file(file());
    Ok("the cluster ended".to_owned())
}

fn status() -> Done {
    Ok(running().map_or_else(|| "no cluster runs".to_owned(), |state| next(&state)))
}

fn hold(parts: Parts) -> Done {
    let kubectl = tools::KUBECTL.path().map_err(|missing| missing.to_string())?;
    if parts.control_plane {
        let options = Options { controllers: parts.controllers, kwok: parts.kwok };
        let cluster = ControlPlane::start(&options).map_err(|missing| missing.to_string())?;
        return hold_until_told(cluster.kubeconfig().to_owned(), kubectl, None);
    }
    let helm = tools::HELM.path().map_err(|missing| missing.to_string())?;
    let cluster = Node::start().map_err(|missing| missing.to_string())?;
    let node = NodeState { containers: cluster.containers().clone(), helm, host: cluster.host().to_string() };
    hold_until_told(cluster.control_plane().kubeconfig().to_owned(), kubectl, Some(node))
}

fn hold_until_told(kubeconfig: PathBuf, kubectl: PathBuf, node: Option<NodeState>) -> Done {
    let process = std::process::id();
    let began = began(process).ok_or("this process is not in /proc")?;
    let state = State { process, began, kubeconfig, kubectl, node };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let unfinished = file().with_extension("unfinished");
        std::fs::write(&unfinished, serde_json::to_string(&state)?)?;
        std::fs::rename(unfinished, file())?;
        stop.recv().await;
        Ok::<_, std::io::Error>(())
    })?;
    Ok("ended".to_owned())
}

fn file() -> PathBuf {
    repository("target/cluster.json")
}

/// The cluster that runs, if there is one.
fn running() -> Option<State> {
    let state: State = serde_json::from_str(&std::fs::read_to_string(file()).ok()?).ok()?;
    (began(state.process)? == state.began).then_some(state)
}

/// When a process began; none: there is no such process, or it is over and only not yet waited for.
fn began(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (*fields.first()? != "Z").then(|| fields.get(19).map(|f| (*f).to_owned()))?
}
