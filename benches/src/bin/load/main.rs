//! A load generator. The same one drives every server that is compared.
//!
//! Closed loop: some connections, each sends the next request as soon as it has its answer. Open loop (`--rate`): requests are due at fixed
//! times whatever the server does, and a latency counts from when its request was due, so that a slow server cannot hide by being asked
//! less. A way to talk to a server is a [`transport::Transport`].

mod closed;
mod grpc;
mod http;
mod open;
mod report;
mod transport;

use clap::Parser;
use report::Report;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transport::Transport;

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What to send, where, how often.
#[derive(Parser, Clone)]
struct Args {
    /// host:port
    address: String,
    /// Path of the request.
    path: String,
    /// The body.
    #[arg(long)]
    data: PathBuf,
    /// A header, `name: value`; may be repeated.
    #[arg(long)]
    header: Vec<String>,
    /// The path is a method and the data a message of gRPC.
    #[arg(long)]
    grpc: bool,
    /// Numbers that `{n}` in path and headers stands for, one after the other from 0.
    #[arg(long, default_value_t = 1)]
    vary: usize,
    /// Connections; with --rate, the most that are opened.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests a second, sent whether or not the ones before are answered [default: each connection waits for its answers].
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of measuring.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds of warming up before.
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
}

/// When answers count.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    end: Instant,
}

impl Window {
    fn has(&self, moment: Instant) -> bool {
        (self.start..self.end).contains(&moment)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Anyhow<()> {
    let args = Args::parse();
    let report = match args.grpc {
        true => measure(&args, Arc::new(grpc::Grpc::new(&args)?)).await?,
        false => measure(&args, Arc::new(http::Http::new(&args)?)).await?,
    };
    println!("{report}");
    Ok(())
}

async fn measure<T: Transport>(args: &Args, transport: Arc<T>) -> Anyhow<Report> {
    let start = Instant::now() + Duration::from_secs_f64(args.warm_up);
    let window = Window { start, end: start + Duration::from_secs_f64(args.seconds) };
    let answers = match args.rate {
        None => closed::run(transport, args.connections, window).await?,
        Some(rate) => open::run(transport, args.connections, rate, window).await?,
    };
    Ok(Report::new(answers, args.seconds))
}
