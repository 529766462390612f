//! Connections: accepted until the server is to stop, then let end.
//!
//! While the server drains it still accepts, for callers that have not noticed. An answer over HTTP/1 then closes its connection,
//! one over HTTP/2 is told to go away, so that the next request goes to another pod. Idle HTTP/1 connections stay until the stop:
//! closing one crosses with the request that is just being sent on it.

use crate::stop::Stop;
use axum::Router;
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

/// A client that takes longer for its headers is given up.
const HEADER_TIME: Duration = Duration::from_secs(20);
/// HTTP/2 requests of one connection at a time.
const STREAMS: u32 = 256;

/// Serves until told to stop, then waits for the requests in progress, at most `drain`. False: some did not end.
pub async fn serve(listener: TcpListener, router: Router, mut stop: Stop, drain: Duration) -> bool {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_headers(100);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(16 << 10);
    // Every connection has a sender: none is left when all have ended.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let builder = Arc::new(builder);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let connection = Connection { builder: builder.clone(), stop: stop.clone(), alive: alive.clone() };
                    tokio::spawn(connection.serve(stream, router.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: it gets better when connections end.
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = stop.wait() => break,
        }
    }
    drop((listener, alive));
    tokio::time::timeout(drain, ended.recv()).await.is_ok()
}

struct Connection {
    builder: Arc<Builder<TokioExecutor>>,
    stop: Stop,
    alive: mpsc::Sender<()>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, router: Router) {
        let _ = stream.set_nodelay(true);
        let multiplexed = Arc::new(AtomicBool::new(false));
        let (seen, stop) = (multiplexed.clone(), self.stop.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let multiplexes = request.version() == Version::HTTP_2;
            seen.store(multiplexes, Ordering::Relaxed);
            let (answer, stop) = (router.clone().oneshot(request), stop.clone());
            async move {
                let mut answer = answer.await?;
                if stop.is_draining() && !multiplexes {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = time_to_go(self.stop, &multiplexed) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "connection ended");
        }
        drop(self.alive);
    }
}

/// HTTP/2 can tell its client to send nothing more, without losing what is on its way.
async fn time_to_go(mut stop: Stop, multiplexed: &AtomicBool) {
    stop.draining().await;
    if !multiplexed.load(Ordering::Relaxed) {
        stop.wait().await;
    }
}
