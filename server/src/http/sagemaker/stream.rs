//! `InvokeEndpointWithResponseStream`: the answer as events in AWS's framing. The target model may be named, which AWS's own
//! endpoints do not allow.

use super::{ACCEPT, REQUEST_ID, VARIANT, failure, read};
use crate::codec::{Parts, Streamed};
use crate::http::request_id;
use crate::http::sagemaker::ONLY_VARIANT;
use crate::invoke::App;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as EventValue, Message};
use axum::body::{Body, HttpBody};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::json;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The wish for an answer's type, and its type: the usual headers speak of the framing.
const STREAM_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");
const STREAM_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");
/// Bytes of a part.
const PART: usize = 64 << 10;
/// A client that has not taken the whole answer within this gets no more of it.
const STREAM_TIME: Duration = Duration::from_secs(8 * 60);

/// Answers one request.
pub async fn invoke_endpoint(
    State(app): State<Arc<App>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    let id = request_id::new();
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let invoked = async {
        let (model, payload) = read(&app, &endpoint, headers, accept(headers), body).await?;
        app.invoke(&model, Streamed(payload)).await
    };
    let mut response = match app.admit(invoked).await {
        Ok(parts) => success(parts),
        Err(error) => failure(&error, &endpoint, headers, &id),
    };
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Plain HTTP clients know no other than the usual header.
fn accept(headers: &HeaderMap) -> &'static HeaderName {
    static NAMES: [HeaderName; 2] = [STREAM_ACCEPT, ACCEPT];
    &NAMES[usize::from(!headers.contains_key(&NAMES[0]))]
}

fn success(parts: Parts) -> Response {
    let content_type = HeaderValue::from_static(parts.content_type);
    let mut response = Response::new(Body::new(Events::new(parts.of(PART))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    headers.insert(STREAM_TYPE, content_type);
    headers.insert(VARIANT, ONLY_VARIANT);
    response
}

/// Parts as events, each made when the connection has room for it.
struct Events {
    parts: Option<Parts>,
    until: Instant,
}

impl Events {
    fn new(parts: Parts) -> Self {
        Self { parts: Some(parts), until: Instant::now() + STREAM_TIME }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let parts = self.parts.as_mut()?;
        let next = if Instant::now() < self.until {
            catch_unwind(AssertUnwindSafe(|| parts.next()))
                .map_err(|_| ("StreamBroken", "the server failed on this stream"))
        } else {
            Err(("ModelInvocationTimeExceeded", "the answer was not taken in time"))
        };
        let event = match next {
            Ok(Some(part)) => part_event(part),
            Ok(None) => None,
            Err((code, message)) => {
                self.parts = None;
                return exception(code, message);
            }
        };
        if event.is_none() {
            self.parts = None;
        }
        event
    }
}

impl HttpBody for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|event| Ok(Frame::data(event.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_none()
    }
}

fn part_event(part: Bytes) -> Option<Vec<u8>> {
    let headers = [
        (":message-type", "event"),
        (":event-type", "PayloadPart"),
        (":content-type", "application/octet-stream"),
    ];
    message(headers, part)
}

/// What goes wrong once the answer has begun.
fn exception(code: &'static str, text: &str) -> Option<Vec<u8>> {
    let headers = [
        (":message-type", "exception"),
        (":exception-type", "ModelStreamError"),
        (":content-type", "application/json"),
    ];
    message(headers, json!({ "Message": text, "ErrorCode": code }).to_string().into())
}

fn message(headers: [(&'static str, &'static str); 3], payload: Bytes) -> Option<Vec<u8>> {
    let headers = headers.map(|(name, value)| Header::new(name, EventValue::String(value.into())));
    let mut bytes = Vec::new();
    // It fails for messages over the framing's limits, which none of these is.
    write_message_to(&Message::new_from_parts(headers.to_vec(), payload), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Events, Instant, exception};
    use crate::codec::Parts;
    use aws_smithy_eventstream::frame::read_message_from;
    use bytes::Bytes;

    fn said(event: &[u8]) -> (String, Bytes) {
        let message = read_message_from(event).unwrap();
        let kind = message.headers()[1].value().as_string().unwrap().as_str().to_owned();
        (kind, message.payload().clone())
    }

    #[test]
    fn a_stream_ends_by_itself_or_by_an_exception() {
        let mut events = Events::new(Parts::whole("text/csv", b"1,2,3".to_vec()).of(3));
        assert_eq!(said(&events.next().unwrap()), ("PayloadPart".to_owned(), "1,2".into()));
        events.until = Instant::now();
        let (kind, body) = said(&events.next().unwrap());
        assert_eq!(kind, "ModelStreamError");
        assert!(body.starts_with(b"{\"ErrorCode\":\"ModelInvocationTimeExceeded\""), "{body:?}");
        assert_eq!(events.next(), None);
        assert!(exception("StreamBroken", "x").is_some());
    }
}
