//! One connection, from its first byte to its last.

mod activity;
mod bodies;
mod socket;

use crate::stop::Stop;
use activity::{Activity, Overdue};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::{CONNECTION, EXPECT, HeaderValue};
use axum::response::Response;
use bodies::{AnswerBody, RequestBody, Unwanted};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use socket::Socket;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt as _;

/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 256;
/// Bytes of a request's line and headers.
const MOST_HEADERS: usize = 64 << 10;
/// Bytes of a body that are in memory before anyone asks for them, of one stream and of all of an HTTP/2 connection.
const WINDOW: u32 = 1 << 20;
/// Streams that a client may open and reset before the server has seen them, and streams that it may make the server reset.
const RESETS: usize = 64;
/// How often an HTTP/2 connection is asked whether anyone is still there, and how long that may take.
const PING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));
/// How long a connection that is asked to go may take to go.
const FAREWELL: Duration = Duration::from_secs(10);
/// A body of at most so many bytes that nobody wants is read all the same, so that the connection can be used again. One that is longer,
/// of unknown length or waits for the word to come is left, and the connection ends with the answer.
const SMALL_BODY: u64 = 64 << 10;

/// What all connections of a listener share.
pub struct Connections {
    builder: Builder<TokioExecutor>,
    router: Router,
    stop: Stop,
    idle: Duration,
}

impl Connections {
    /// Connections whose requests go to `router`, and that may be `idle` for so long.
    pub fn new(router: Router, stop: Stop, idle: Duration) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        // The time for headers and the idle time are watched by `Activity`, which tells them apart.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_headers(100);
        builder.http1().max_buf_size(MOST_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(16 << 10);
        builder.http2().max_pending_accept_reset_streams(RESETS).max_local_error_reset_streams(RESETS);
        builder.http2().initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        builder.http2().keep_alive_interval(PING.0).keep_alive_timeout(PING.1);
        Self { builder, router, stop, idle }
    }

    /// Serves one, until its client or the server ends it.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let activity = Activity::new();
        let socket = TokioIo::new(Socket::new(stream, activity.clone()));
        let service = hyper::service::service_fn(|request| self.answer(request, &activity));
        let mut connection = pin!(self.builder.serve_connection(socket, service));
        let mut overdue = pin!(activity.overdue(self.idle));
        let mut leave = pin!(time_to_go(self.stop.clone(), &activity));
        let mut leaving = false;
        let ended = loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                () = leave.as_mut(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                why = overdue.as_mut() => {
                    if why == Overdue::Idle {
                        connection.as_mut().graceful_shutdown();
                        let _ = tokio::time::timeout(FAREWELL, connection.as_mut()).await;
                    }
                    tracing::debug!(?why, "connection given up");
                    return;
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, "connection ended");
        }
    }

    /// Hands a request to its protocol.
    fn answer(
        &self,
        request: Request<Incoming>,
        activity: &Activity,
    ) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + use<> {
        let multiplexed = request.version() == Version::HTTP_2;
        let small = request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BODY);
        let unwanted = match small && !multiplexed && !request.headers().contains_key(EXPECT) {
            true => Unwanted::Read,
            false => Unwanted::Left,
        };
        let open = activity.begin();
        let (activity, stop) = (activity.clone(), self.stop.clone());
        let idle = self.idle;
        let seen = activity.clone();
        let request = request.map(|body| Body::new(RequestBody::new(body, unwanted, seen, idle)));
        let answer = self.router.clone().oneshot(request);
        async move {
            let mut answer = answer.await?;
            if !multiplexed && (stop.is_draining() || activity.has_unread()) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| AnswerBody::new(body, open)))
        }
    }
}

/// HTTP/2 can tell its client to send nothing more, without losing what is on its way.
async fn time_to_go(mut stop: Stop, activity: &Activity) {
    stop.draining().await;
    if !activity.has_multiplexed() {
        stop.wait().await;
    }
}
