//! A request's body, read within bounds of size and time, and not at all where the request would be refused after that: under overload
//! the bytes of those who are refused would cost what the others need.

use super::encoding::{Coding, Decoder};
use crate::error::InvokeError;
use crate::invoke::App;
use crate::named::Wanted;
use crate::names::ModelName;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// A body that does not arrive within this is given up.
const BODY_TIME: Duration = Duration::from_secs(60);
/// One of which nothing comes for this long is given up too.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes a second that a body must come at, from the time on that it may be silent for.
const SLOWEST: u64 = 1 << 10;

/// Reads the body of a request for a model, unless it would be refused now. The model is not held meanwhile: a body may take its time.
pub async fn receive(
    app: &App,
    model: Option<&ModelName>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, InvokeError> {
    app.look(model, declared(headers).unwrap_or(0))?;
    read_body(headers, body, app.config.max_body).await
}

/// The same for a version of a model by its name without an ending, and the model of that name.
pub async fn receive_named(
    app: &App,
    name: &str,
    wanted: &Wanted,
    headers: &HeaderMap,
    body: Body,
) -> Result<(ModelName, Bytes), InvokeError> {
    let name = app.named(name).await?;
    let body = receive(app, app.known_version(&name, wanted).as_ref(), headers, body).await?;
    Ok((name, body))
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `limit` bytes, decompressed if the headers say that it is compressed.
pub async fn read_body(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, InvokeError> {
    let coding = Coding::of_request(headers)?;
    if declared(headers).is_some_and(|n| n > limit) {
        return Err(InvokeError::TooLarge(limit));
    }
    let reading = async {
        match Decoder::new(coding, limit) {
            None => plain(body, limit).await,
            Some(decoder) => coded(body, decoder, limit).await,
        }
    };
    let late =
        || InvokeError::bad(format!("the request body did not arrive within {} s", BODY_TIME.as_secs()));
    tokio::time::timeout(BODY_TIME, reading).await.unwrap_or_else(|_elapsed| Err(late()))
}

async fn plain(body: Body, limit: u64) -> Result<Bytes, InvokeError> {
    let mut pieces = Pieces::new(body, limit);
    // Most bodies come in one piece, which is not copied. Others are put together as they come: small pieces, each kept for itself,
    // would take many times their bytes.
    let Some(first) = pieces.next().await? else { return Ok(Bytes::new()) };
    let Some(second) = pieces.next().await? else { return Ok(first) };
    let mut all = [first, second].concat();
    while let Some(piece) = pieces.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}

async fn coded(body: Body, mut decoder: Decoder, limit: u64) -> Result<Bytes, InvokeError> {
    let mut pieces = Pieces::new(body, limit);
    while let Some(piece) = pieces.next().await? {
        decoder.write(&piece).await?;
    }
    Ok(decoder.finish()?.into())
}

/// The pieces of a body as they come, not too slowly and not too many.
struct Pieces {
    body: Body,
    started: Instant,
    bytes: u64,
    limit: u64,
}

impl Pieces {
    fn new(body: Body, limit: u64) -> Self {
        Self { body, started: Instant::now(), bytes: 0, limit }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, InvokeError> {
        let slow = || {
            InvokeError::bad(format!(
                "the request body comes too slowly: at least {SLOWEST} bytes a second are wanted after {} s",
                SILENCE.as_secs()
            ))
        };
        loop {
            let frame = tokio::time::timeout(SILENCE, self.body.frame()).await.map_err(|_elapsed| slow())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| InvokeError::bad("the request body broke off"))?;
            // Trailers say nothing that is wanted.
            let Ok(piece) = frame.into_data() else { continue };
            self.bytes += piece.len() as u64;
            if self.bytes > self.limit {
                return Err(InvokeError::TooLarge(self.limit));
            }
            if is_too_slow(self.started.elapsed(), self.bytes) {
                return Err(slow());
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

/// Whether more than these bytes should have come by now.
fn is_too_slow(elapsed: Duration, bytes: u64) -> bool {
    elapsed > SILENCE && bytes < elapsed.as_secs().saturating_mul(SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::{is_too_slow, read_body};
    use axum::body::Body;
    use axum::http::{HeaderMap, HeaderValue};
    use bytes::Bytes;
    use futures_util::stream;
    use std::convert::Infallible;
    use std::time::Duration;

    #[test]
    fn bodies_may_be_slow_at_first() {
        let seconds = Duration::from_secs;
        assert!(!is_too_slow(seconds(9), 1) && !is_too_slow(seconds(20), 20 << 10));
        assert!(is_too_slow(seconds(11), 1) && is_too_slow(seconds(20), (20 << 10) - 1));
    }

    #[tokio::test]
    async fn bodies_are_put_together_and_large_ones_refused() {
        let mut headers = HeaderMap::new();
        let pieces = |n: u8| stream::iter((0..n).map(|n| Ok::<_, Infallible>(Bytes::from(vec![n; 3]))));
        for n in 0..4 {
            let body = read_body(&headers, Body::from_stream(pieces(n)), 9).await.unwrap();
            assert_eq!(body, (0..n).flat_map(|n| [n; 3]).collect::<Vec<_>>());
        }
        assert!(read_body(&headers, Body::from_stream(pieces(4)), 9).await.is_err());
        headers.insert("content-length", HeaderValue::from_static("11"));
        assert!(read_body(&headers, Body::empty(), 10).await.is_err());
    }
}
