//! Reads a request's JSON into tensors, again and again: what `benches/bodies.sh` sets beside a Python client's parser.

use berth_engine::Prepared;
use berth_server::codec::{self, ContentType};
use clap::Parser;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// Prints the median seconds of reading one request.
#[derive(Parser)]
struct Args {
    /// An unpacked model.
    model: PathBuf,
    /// A request for it.
    body: PathBuf,
    /// Times to read it.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let model = Prepared::open(&args.model)?.load()?;
    let body = std::fs::read(&args.body)?;
    let mut times = Vec::new();
    for _ in 0..args.rounds.max(1) {
        let begun = Instant::now();
        let decoded = codec::decode(ContentType::Json, &body, &model)?;
        times.push(begun.elapsed().as_secs_f64());
        assert!(!decoded.inputs.is_empty(), "the request has inputs");
    }
    times.sort_by(f64::total_cmp);
    println!("{:.6}", times[times.len() / 2]);
    Ok(())
}
