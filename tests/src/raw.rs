//! Bytes as they are, for what no client would send.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer that are kept.
const MOST_KEPT: usize = 1 << 20;

/// What is done with a connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes, as often as it says.
    Send(Vec<u8>, usize),
    /// Nothing more is sent.
    Finish,
    /// A byte each interval, until the other side ends it.
    Drip(Duration),
}

/// How a connection went.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What came, its beginning.
    pub received: Vec<u8>,
    /// Whether the other side ended it.
    pub closed: bool,
    /// How long it took.
    pub took: Duration,
}

/// Sends bytes and reads what comes until it is enough or the other side closes, at most until `patience` ends.
pub async fn exchange(
    address: SocketAddr,
    steps: Vec<Step>,
    patience: Duration,
    enough: impl Fn(&Exchange) -> bool,
) -> Exchange {
    let started = Instant::now();
    let stream = TcpStream::connect(address).await.expect("the server accepts");
    let (mut read, mut write) = stream.into_split();
    let writing = tokio::spawn(async move {
        for step in steps {
            // The server may answer and close before it has read everything.
            let sent = match step {
                Step::Send(bytes, times) => send(&mut write, &bytes, times).await,
                Step::Finish => write.shutdown().await,
                Step::Drip(interval) => drip(&mut write, interval).await,
            };
            if sent.is_err() {
                break;
            }
        }
        write
    });
    let mut went = Exchange { received: Vec::new(), closed: false, took: Duration::ZERO };
    let reading = async {
        let mut piece = vec![0; 64 << 10];
        // An error is an end too: a reset.
        while let Ok(read @ 1..) = read.read(&mut piece).await {
            let room = MOST_KEPT.saturating_sub(went.received.len());
            went.received.extend_from_slice(&piece[..read.min(room)]);
            if enough(&went) {
                return;
            }
        }
        went.closed = true;
    };
    let _ = tokio::time::timeout(patience, reading).await;
    writing.abort();
    went.took = started.elapsed();
    went
}

async fn send(
    write: &mut (impl tokio::io::AsyncWrite + Unpin),
    bytes: &[u8],
    times: usize,
) -> std::io::Result<()> {
    for _ in 0..times {
        write.write_all(bytes).await?;
    }
    Ok(())
}

async fn drip(write: &mut (impl tokio::io::AsyncWrite + Unpin), interval: Duration) -> std::io::Result<()> {
    loop {
        tokio::time::sleep(interval).await;
        write.write_all(b"x").await?;
    }
}

impl Exchange {
    /// The statuses of the answers over HTTP/1, in their order.
    pub fn statuses(&self) -> Vec<u16> {
        let text = String::from_utf8_lossy(&self.received);
        let heads = text.match_indices("HTTP/1.").filter_map(|(at, _)| text.get(at + 9..at + 12));
        heads.filter_map(|status| status.parse().ok()).collect()
    }

    /// The types of the frames over HTTP/2, each with its flags and stream.
    pub fn frames(&self) -> Vec<(u8, u8, u32)> {
        let (mut frames, mut rest) = (Vec::new(), self.received.as_slice());
        while let [a, b, c, kind, flags, stream @ ..] = rest {
            let Some(stream) = stream.first_chunk() else { break };
            frames.push((*kind, *flags, u32::from_be_bytes(*stream) & (u32::MAX >> 1)));
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            rest = rest.get(9 + length..).unwrap_or(&[]);
        }
        frames
    }
}
