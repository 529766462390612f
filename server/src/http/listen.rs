//! A port: connections are accepted until the server is to stop, then let end.
//!
//! While the server drains it still accepts, for callers that have not noticed. An answer over HTTP/1 then closes its connection,
//! one over HTTP/2 is told to go away, so that the next request goes to another pod. Idle HTTP/1 connections stay until the stop:
//! closing one crosses with the request that is just being sent on it.

use super::connection::Connections;
use super::tls::Tls;
use crate::stop::Stop;
use axum::Router;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

/// A client that takes longer to agree on keys is given up.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// What a client is told that is one too many.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What a port allows.
pub struct Port {
    /// Connections at a time.
    pub connections: usize,
    /// How long one may stay without a request.
    pub idle: Duration,
    /// Encrypted.
    pub tls: Option<Tls>,
}

/// Serves until told to stop, then waits for the requests in progress, at most `drain`. False: some did not end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    port: Port,
    mut stop: Stop,
    drain: Duration,
) -> bool {
    // Every connection has a sender: none is left when all have ended.
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let places = Arc::new(Semaphore::new(port.connections.min(Semaphore::MAX_PERMITS)));
    let connections = Arc::new(Connections::new(router, stop.clone(), port.idle));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(place) = places.clone().try_acquire_owned() else {
                        // With TLS nobody could read it.
                        if port.tls.is_none() {
                            let _ = stream.try_write(TOO_MANY);
                        }
                        continue;
                    };
                    let (connections, tls, alive) = (connections.clone(), port.tls.clone(), alive.clone());
                    tokio::spawn(async move {
                        connect(&connections, tls, stream).await;
                        drop((place, alive));
                    });
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

async fn connect(connections: &Connections, tls: Option<Tls>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return connections.serve(stream).await };
    match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
        Ok(Ok(stream)) => connections.serve(stream).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
        Err(_elapsed) => tracing::debug!("no TLS within {} s", HANDSHAKE_TIME.as_secs()),
    }
}
