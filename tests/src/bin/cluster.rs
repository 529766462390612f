//! `cargo run -p berth-tests --bin cluster -- up|down|status`: the cluster of the tests for a person to play with.

use berth_tests::cluster::{ControlPlane, Options, tools};
use berth_tests::repository;
use clap::{Args, Parser, Subcommand};
use serde::{Deserialize, Serialize};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// A Kubernetes control plane on this machine's loopback, without containers.
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
    /// Says whether it runs, and where its kubeconfig is.
    Status,
    /// Holds a cluster until it is told to stop; `up` starts this.
    #[command(hide = true)]
    Hold(Parts),
}

/// What it has besides etcd and kube-apiserver.
#[derive(Args, Clone, Copy)]
struct Parts {
    /// Also the controller manager and the scheduler.
    #[arg(long)]
    controllers: bool,
    /// Also kwok: nodes and pods that only say that they run.
    #[arg(long)]
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
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Order::Up(parts) => up(parts),
        Order::Down => down(),
        Order::Status => status(),
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
    for (flag, wanted) in [("--controllers", parts.controllers), ("--kwok", parts.kwok)] {
        if wanted {
            hold.arg(flag);
        }
    }
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
    let (kubeconfig, kubectl) = (state.kubeconfig.display(), state.kubectl.display());
    format!(
        "the cluster runs; next:\n  export KUBECONFIG={kubeconfig}\n  {kubectl} apply -f crds/multimodelendpoint.yaml -f crds/modelartifact.yaml\n  \
         {kubectl} explain multimodelendpoint.spec"
    )
}

fn down() -> Done {
    let Some(state) = running() else { return Ok("no cluster runs".to_owned()) };
    // SAFETY: the process was just found to be the one that holds the cluster.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(state.process as libc::pid_t, libc::SIGTERM);
    }
    let limit = Instant::now() + Duration::from_secs(30);
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
    let options = Options { controllers: parts.controllers, kwok: parts.kwok };
    let kubectl = tools::KUBECTL.path().map_err(|missing| missing.to_string())?;
    let cluster = ControlPlane::start(&options).map_err(|missing| missing.to_string())?;
    let process = std::process::id();
    let began = began(process).ok_or("this process is not in /proc")?;
    let state = State { process, began, kubeconfig: cluster.kubeconfig().to_owned(), kubectl };
    let unfinished = file().with_extension("unfinished");
    std::fs::write(&unfinished, serde_json::to_string(&state)?)?;
    std::fs::rename(unfinished, file())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        stop.recv().await;
        Ok::<_, std::io::Error>(())
    })?;
    drop(cluster);
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
