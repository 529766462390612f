//! gRPC: a message that lies ready, over HTTP/2, one call at a time on each connection.

use crate::transport::{Outcome, Transport};
use crate::{Anyhow, Args};
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// Codes that say that there is too much to do: RESOURCE_EXHAUSTED and UNAVAILABLE.
const REFUSED: [&str; 2] = ["8", "14"];

/// Calls of one method with one message.
pub struct Grpc {
    address: String,
    url: String,
    frame: Bytes,
}

impl Grpc {
    /// The message is the data of the arguments, encoded already.
    pub fn new(args: &Args) -> Anyhow<Self> {
        let message = std::fs::read(&args.data)?;
        let mut frame = BytesMut::with_capacity(message.len() + 5);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len())?);
        frame.put_slice(&message);
        let url = format!("http://{}{}", args.address, args.path);
        Ok(Self { address: args.address.clone(), url, frame: frame.freeze() })
    }
}

impl Transport for Grpc {
    type Connection = SendRequest<Full<Bytes>>;

    async fn open(&self) -> Anyhow<Self::Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn call(&self, connection: &mut Self::Connection, _: usize) -> Anyhow<Outcome> {
        let request =
            Request::post(&self.url).header("content-type", "application/grpc").header("te", "trailers");
        connection.ready().await?;
        let answer = connection.send_request(request.body(Full::new(self.frame.clone()))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let code = |headers: &HeaderMap| Some(headers.get("grpc-status")?.to_str().ok()?.to_owned());
        let code = body.trailers().and_then(code).or_else(|| code(&head.headers)).unwrap_or_default();
        Ok(match code.as_str() {
            "0" if head.status == StatusCode::OK => Outcome::Answered,
            other if REFUSED.contains(&other) => Outcome::Refused,
            _ => Outcome::Failed,
        })
    }
}
