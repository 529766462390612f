//! `cargo run -p berth-tests --bin cluster -- up|down|status|env|image`: the cluster of the tests for a person to play with.

mod image;
mod state;

use berth_tests::cluster::{ControlPlane, Node, Options, store, tools};
use berth_tests::repository;
use berth_tests::s3::{ACCESS_KEY, S3, SECRET_KEY};
use clap::{Args, Parser, Subcommand};
use image::image;
use state::{NodeState, State, began, file, running};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
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
    /// Prints what a shell is to evaluate: KUBECONFIG, a PATH with kubectl and helm, and where the store and Ingresses are.
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
    // It outlives this process, so it has nothing of this process's terminal; what it says is shown from its log.
    hold.arg("hold").stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
    let flags = [
        ("--control-plane", parts.control_plane),
        ("--controllers", parts.controllers),
        ("--kwok", parts.kwok),
    ];
    hold.args(flags.iter().filter(|(_, wanted)| *wanted).map(|(flag, _)| flag));
    let mut child = hold.spawn()?;
    let mut shown = 0;
    // A first start builds the programs.
    let limit = Instant::now() + Duration::from_secs(3600);
    while Instant::now() < limit {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        eprint!("{}", said.get(shown..).unwrap_or_default());
        shown = said.len();
        if let Some(state) = running() {
            return Ok(next(&state));
        }
        if child.try_wait()?.is_some() {
            return Err("the cluster did not start; why is said above".into());
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
        "a cluster with a node runs. Its store is http://{} here and http://{}:{} in the namespace default, user {ACCESS_KEY}, \
         password {SECRET_KEY}; Ingresses are at http://{}. Next:\n  eval \"$({run} env)\"\n  {run} image\n  kubectl get nodes",
        node.store,
        store::NAME,
        store::PORT,
        node.ingress
    )
}

fn env() -> Done {
    Ok(running().ok_or("no cluster runs; start one by `up`")?.environment())
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
    let process = std::process::id();
    let began = began(process).ok_or("this process is not in /proc")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if parts.control_plane {
        let kwok = parts.kwok.then_some(Ipv4Addr::LOCALHOST);
        let options = Options { controllers: parts.controllers, kwok };
        let cluster = ControlPlane::start(&options).map_err(|missing| missing.to_string())?;
        let kubeconfig = cluster.kubeconfig().to_owned();
        return runtime.block_on(until_told(State { process, began, kubeconfig, kubectl, node: None }));
    }
    let helm = tools::HELM.path().map_err(|missing| missing.to_string())?;
    let cluster = Node::start().map_err(|missing| missing.to_string())?;
    let kubeconfig = cluster.control_plane().kubeconfig().to_owned();
    runtime.block_on(async {
        let s3 = S3::start_at(cluster.host()).await;
        s3.make_bucket("models").await;
        let client = cluster.control_plane().client().await;
        store::publish(&client, "default", &s3).await.map_err(|missing| missing.to_string())?;
        let containers = cluster.containers().clone();
        let (store, ingress) = (s3.address().to_string(), cluster.ingress().to_string());
        let node = Some(NodeState { containers, helm, store, ingress });
        until_told(State { process, began, kubeconfig, kubectl, node }).await
    })
}

async fn until_told(state: State) -> Done {
    let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let unfinished = file().with_extension("unfinished");
    std::fs::write(&unfinished, serde_json::to_string(&state)?)?;
    std::fs::rename(unfinished, file())?;
    stop.recv().await;
    Ok("ended".to_owned())
}
