//! One object as a stream of ranged parts: several at a time, each resumed where it broke, all of one version.
//!
//! Each part has its own channel; the reader empties them in order. A window of parts is under way, so that at most
//! `window × part` bytes wait in memory, and the bytes of the first part are there for unpacking as they arrive.

use crate::error::StoreError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::Future;
use std::io::{Error, Read, Result};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes of one part.
pub const PART_BYTES: u64 = 4 << 20;
/// Parts under way at a time.
pub const WINDOW: usize = 4;
/// Attempts without any progress before a part is given up.
const ATTEMPTS: u32 = 6;
/// Chunks of one part that may wait for the reader; more would outgrow the part itself.
const CHUNKS: usize = 1024;
/// Longest wait between attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Gives the bytes of one range, chunk by chunk.
pub trait RangeSource: Send + Sync + 'static {
    /// Sends the range's bytes in order; an error after some of them is fine: the rest is asked for again.
    fn stream(
        &self,
        range: Range<u64>,
        out: &mpsc::Sender<std::result::Result<Bytes, StoreError>>,
        sent: &mut u64,
    ) -> impl Future<Output = std::result::Result<(), StoreError>> + Send;
}

type Part = mpsc::Receiver<std::result::Result<Bytes, StoreError>>;

/// Reads an object of known size from a [`RangeSource`], on a blocking thread.
pub struct PartReader<S> {
    source: Arc<S>,
    runtime: tokio::runtime::Handle,
    parts: VecDeque<Part>,
    chunk: Bytes,
    next: u64,
    size: u64,
    delivered: u64,
}

impl<S: RangeSource> PartReader<S> {
    /// Starts the first parts.
    pub fn start(source: S, size: u64, runtime: tokio::runtime::Handle) -> Self {
        let mut reader = Self {
            source: Arc::new(source),
            runtime,
            parts: VecDeque::new(),
            chunk: Bytes::new(),
            next: 0,
            size,
            delivered: 0,
        };
        reader.fill_window();
        reader
    }

    fn fill_window(&mut self) {
        while self.parts.len() < WINDOW && self.next < self.size {
            let range = self.next..self.size.min(self.next + PART_BYTES);
            self.next = range.end;
            let (sender, receiver) = mpsc::channel(CHUNKS);
            self.runtime.spawn(part(self.source.clone(), range, sender));
            self.parts.push_back(receiver);
        }
    }

    /// The next bytes; none at the end.
    fn advance(&mut self) -> Result<()> {
        while let Some(part) = self.parts.front_mut() {
            match part.blocking_recv() {
                Some(Ok(chunk)) => {
                    self.chunk = chunk;
                    if !self.chunk.is_empty() {
                        return Ok(());
                    }
                }
                Some(Err(error)) => return Err(Error::other(error)),
                None => {
                    self.parts.pop_front();
                    self.fill_window();
                }
            }
        }
        if self.delivered == self.size {
            Ok(())
        } else {
            Err(Error::other(StoreError::Unavailable("the download broke off".to_owned())))
        }
    }
}

impl<S: RangeSource> Read for PartReader<S> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.chunk.is_empty() {
            self.advance()?;
        }
        let n = buf.len().min(self.chunk.len());
        buf[..n].copy_from_slice(&self.chunk.split_to(n));
        self.delivered += n as u64;
        Ok(n)
    }
}

/// Gets one part, resuming at the byte where an attempt broke off. Attempts that bring bytes do not count.
async fn part<S: RangeSource>(
    source: Arc<S>,
    range: Range<u64>,
    out: mpsc::Sender<std::result::Result<Bytes, StoreError>>,
) {
    let mut at = range.start;
    let mut failures = 0;
    loop {
        let mut sent = 0;
        let ended = tokio::select! {
            ended = source.stream(at..range.end, &out, &mut sent) => ended,
            // Nobody reads any more.
            () = out.closed() => return,
        };
        at += sent;
        let error = match ended {
            Ok(()) if at == range.end => return,
            Ok(()) => StoreError::Unavailable("the body ended early".to_owned()),
            Err(error @ StoreError::Unavailable(_)) => error,
            Err(error) => {
                let _ = out.send(Err(error)).await;
                return;
            }
        };
        failures = if sent > 0 { 1 } else { failures + 1 };
        tracing::debug!(%error, at, failures, "part interrupted");
        if failures >= ATTEMPTS {
            let _ = out.send(Err(error)).await;
            return;
        }
        tokio::time::sleep(jitter(failures)).await;
    }
}

/// Full jitter: between nothing and 100 ms doubled with each failure.
fn jitter(failures: u32) -> Duration {
    let most = Duration::from_millis(100).saturating_mul(1 << failures.min(10)).min(LONGEST_WAIT);
    most.mul_f64(fastrand::f64())
}
