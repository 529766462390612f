//! A plain HTTP client, for what AWS's clients would not send or not show.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// No answer takes longer in any test.
const LONGEST: Duration = Duration::from_secs(150);

/// A client that keeps its connections.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// Without any connection yet.
    pub fn new() -> Self {
        Self { pool: Pool::builder(TokioExecutor::new()).build_http() }
    }

    /// Sends a request; an error of the connection is its text.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            // Not every header of a hostile request is text.
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(Full::new(body.into())).map_err(|e| e.to_string())?;
        let exchange = async {
            let answer = self.pool.request(request).await.map_err(|e| format!("{e:?}"))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        tokio::time::timeout(LONGEST, exchange).await.map_err(|_| format!("no answer within {LONGEST:?}"))?
    }
}

impl Answer {
    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("")
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The error's class, as clients read it.
    pub fn error_type(&self) -> &str {
        self.header("x-amzn-errortype")
    }

    /// The error's stable reason.
    pub fn reason(&self) -> String {
        self.json()["Reason"].as_str().unwrap_or("").to_owned()
    }

    /// Status, class, reason and body, for messages.
    pub fn show(&self) -> String {
        let body = String::from_utf8_lossy(&self.body).chars().take(400).collect::<String>();
        format!("{} {:?} {:?} {body}", self.status, self.error_type(), self.reason())
    }
}

/// Sends bytes as they are and reads what comes until the other side closes, at most until `patience` ends.
pub async fn raw(address: SocketAddr, bytes: &[u8], patience: Duration) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the server accepts");
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
