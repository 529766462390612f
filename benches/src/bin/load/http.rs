//! HTTP/1.1, on connections that are kept.

use crate::transport::{Outcome, Transport};
use crate::{Anyhow, Args};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests made beforehand: making them is no part of what is measured.
pub struct Http {
    address: String,
    requests: Vec<Vec<u8>>,
}

/// A connection and what was read of it.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Http {
    /// The requests of the arguments.
    pub fn new(args: &Args) -> Anyhow<Self> {
        let body = std::fs::read(&args.data)?;
        let requests = (0..args.vary.max(1)).map(|n| [head(args, n, body.len()).as_bytes(), &body].concat());
        Ok(Self { address: args.address.clone(), requests: requests.collect() })
    }
}

fn head(args: &Args, number: usize, length: usize) -> String {
    let mut head =
        format!("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n", args.path, args.address);
    for header in &args.header {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.replace("{n}", &number.to_string())
}

impl Transport for Http {
    type Connection = Connection;

    async fn open(&self) -> Anyhow<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::new() })
    }

    async fn call(&self, connection: &mut Connection, number: usize) -> Anyhow<Outcome> {
        connection.stream.write_all(&self.requests[number % self.requests.len()]).await?;
        connection.answer().await
    }
}

impl Connection {
    /// Reads one answer to its end.
    async fn answer(&mut self) -> Anyhow<Outcome> {
        self.buffer.clear();
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
                let length: usize = length.ok_or("an answer without a content-length")?.trim().parse()?;
                while self.buffer.len() < end + 4 + length {
                    self.more().await?;
                }
                return Ok(match head.split(' ').nth(1) {
                    Some("200") => Outcome::Answered,
                    Some("429" | "503") => Outcome::Refused,
                    _ => Outcome::Failed,
                });
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Anyhow<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}
