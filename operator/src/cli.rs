//! The command line. Every flag is an environment variable too; nothing else reads the environment.

use crate::error::chain;
use crate::invoke::{self, Invocation};
use crate::run;
use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Runs MultiModelEndpoints on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "berth-operator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconcile, until it is told to stop or is no longer the leader.
    Run(Box<Config>),
    /// Print the CustomResourceDefinitions, for `kubectl apply -f -`.
    Crds,
    /// Send one request to an endpoint and print the answer; waits while the endpoint or the model is not ready.
    Invoke(Invocation),
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings of `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Watch this namespace only. Default: all of them.
    #[arg(long, env = "BERTH_NAMESPACE")]
    pub namespace: Option<String>,
    /// Image of the pods of endpoints that name none.
    #[arg(long, env = "BERTH_SERVER_IMAGE")]
    pub server_image: Option<String>,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env = "BERTH_ADMIN_LISTEN", default_value = "127.0.0.1:9091")]
    pub admin_listen: SocketAddr,
    /// Namespace of the leader's Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub lease_namespace: String,
    /// Name of the leader's Lease.
    #[arg(long, env = "BERTH_LEASE_NAME", default_value = "berth-operator")]
    pub lease_name: String,
    /// This process's name in the Lease and in events; a random suffix is added to the former.
    #[arg(long, env = "POD_NAME", default_value = "berth-operator")]
    pub identity: String,
    /// Objects of one kind that are reconciled at a time, 1 to 64.
    #[arg(long, env = "BERTH_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: u16,
    /// Seconds between two questions to the pods of an endpoint, 1 to 3600.
    #[arg(long, env = "BERTH_SURVEY_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub survey_seconds: u64,
    /// Seconds between two writes of numbers in an endpoint's status, 1 to 3600. Conditions are written at once.
    #[arg(long, env = "BERTH_STATUS_SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub status_seconds: u64,
    /// Log filter, such as `info` or `berth_operator=debug`.
    #[arg(long, env = "BERTH_LOG", default_value = "info")]
    pub log: String,
    /// How log lines are written.
    #[arg(long, env = "BERTH_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Config {
    /// Time between two questions to the pods of an endpoint where nothing moves.
    pub fn survey_interval(&self) -> Duration {
        Duration::from_secs(self.survey_seconds)
    }

    /// Time between two writes of an endpoint's numbers.
    pub fn status_interval(&self) -> Duration {
        Duration::from_secs(self.status_seconds)
    }
}

/// Does what the command line says.
pub fn execute(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(config) => run::run(*config).map_err(|e| chain(&e)),
        Command::Crds => crds(),
        Command::Invoke(invocation) => {
            invoke::invoke(&invocation).map(|answer| println!("{answer}")).map_err(|e| chain(&e))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("berth-operator: {why}");
            ExitCode::FAILURE
        }
    }
}

fn crds() -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    for definition in berth_crds::custom_resource_definitions() {
        let text = berth_crds::yaml(&definition).map_err(|e| chain(&e))?;
        write!(out, "---\n{text}").map_err(|e| format!("could not print: {e}"))?;
    }
    Ok(())
}
