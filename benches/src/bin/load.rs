//! A closed-loop HTTP/1.1 load generator: some connections, each sends the same request as soon as it has its answer. The same
//! one drives every server that is compared. Prints requests per second, errors and latencies.

use clap::Parser;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    /// Connections.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds of measuring, after one of warming up.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Anyhow<()> {
    let args = Args::parse();
    let request = request(&args)?;
    let start = Instant::now() + Duration::from_secs(1);
    let end = start + Duration::from_secs_f64(args.seconds);
    let tasks: Vec<_> = (0..args.connections)
        .map(|_| tokio::spawn(connection(args.address.clone(), request.clone(), start, end)))
        .collect();
    let (mut times, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (t, e) = task.await??;
        times.extend(t);
        errors += e;
    }
    times.sort_unstable();
    let at = |q: f64| times.get((times.len() as f64 * q) as usize).copied().unwrap_or_default();
    println!(
        "{:.0} requests/s, {errors} errors, p50 {:?}, p99 {:?}",
        times.len() as f64 / args.seconds,
        at(0.5),
        at(0.99)
    );
    Ok(())
}

fn request(args: &Args) -> Anyhow<Vec<u8>> {
    let body = std::fs::read(&args.data)?;
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
        args.path,
        args.address,
        body.len()
    );
    for header in &args.header {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Ok([head.into_bytes(), body].concat())
}

async fn connection(
    address: String,
    request: Vec<u8>,
    start: Instant,
    end: Instant,
) -> Anyhow<(Vec<Duration>, u64)> {
    let mut stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let (mut times, mut errors) = (Vec::new(), 0);
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok((times, errors));
        }
        stream.write_all(&request).await?;
        let ok = answer(&mut stream, &mut buffer).await?;
        if sent >= start {
            times.push(sent.elapsed());
            errors += u64::from(!ok);
        }
    }
}

/// Reads one answer to its end; whether it was a 200.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Anyhow<bool> {
    buffer.clear();
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
            let length: usize = length.ok_or("an answer without a content-length")?.trim().parse()?;
            while buffer.len() < end + 4 + length {
                more(stream, buffer).await?;
            }
            return Ok(head.starts_with("http/1.1 200"));
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Anyhow<()> {
    if stream.read_buf(buffer).await? == 0 { Err("the server closed the connection".into()) } else { Ok(()) }
}
