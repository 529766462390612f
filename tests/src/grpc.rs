//! A plain gRPC client: one call, one message there, one or several back, over HTTP/2 as it is.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use percent_encoding::percent_decode;
use prost::Message;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Why a call got no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// gRPC's code.
    pub code: u32,
    /// What the server says.
    pub message: String,
}

/// Calls a method, like `inference.GRPCInferenceService/ServerLive`.
pub async fn call<A: Message + Default>(
    server: SocketAddr,
    method: &str,
    message: &impl Message,
) -> Result<A, Refused> {
    let (headers, body) = exchange(server, method, &[], Full::new(framed(message))).await;
    let text = |name: &str| {
        let value = headers.get(name).map_or(&b""[..], |v| v.as_bytes());
        percent_decode(value).decode_utf8_lossy().into_owned()
    };
    let code = text("grpc-status").parse().unwrap_or_else(|_| panic!("no grpc-status in {headers:?}"));
    if code != 0 {
        return Err(Refused { code, message: text("grpc-message") });
    }
    // A byte that tells of compression, four of length.
    let message = body.get(5..).expect("a message behind its prefix");
    Ok(A::decode(message).expect("the message is what the method answers with"))
}

/// Calls a method that takes and answers with streams, with these headers and one message, after which the stream ends or stays open. The
/// answers, and the code at their end.
pub async fn streamed<A: Message + Default>(
    server: SocketAddr,
    method: &str,
    headers: &[(&str, &str)],
    message: &impl Message,
    open: bool,
) -> (Vec<A>, u32) {
    let first = stream::iter([Ok::<_, Infallible>(Frame::data(framed(message)))]);
    let rest = if open { stream::pending().left_stream() } else { stream::empty().right_stream() };
    let (headers, body) = exchange(server, method, headers, StreamBody::new(first.chain(rest))).await;
    let (mut answers, mut body) = (Vec::new(), &body[..]);
    while let [_, a, b, c, d, rest @ ..] = body {
        let (message, more) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        answers.push(A::decode(message).expect("the message is what the method answers with"));
        body = more;
    }
    let code = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
    (answers, code.unwrap_or_else(|| panic!("no grpc-status in {headers:?}")))
}

fn framed(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.encoded_len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).expect("a message of some megabytes"));
    message.encode(&mut frame).expect("there is room");
    frame.freeze()
}

/// Headers and trailers together, and the body.
async fn exchange<B>(
    server: SocketAddr,
    method: &str,
    headers: &[(&str, &str)],
    body: B,
) -> (HeaderMap, Bytes)
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let stream = TcpStream::connect(server).await.expect("the server listens");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.expect("the server speaks HTTP/2");
    let connection = tokio::spawn(connection);
    let request = Request::post(format!("http://{server}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(body).expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a whole answer");
    let mut headers = parts.headers;
    headers.extend(body.trailers().cloned().unwrap_or_default());
    connection.abort();
    (headers, body.to_bytes())
}
