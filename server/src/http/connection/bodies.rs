//! The bodies of requests and answers, as their connection sees them.

use super::activity::{Activity, Open};
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// Bytes of an answer that are handed over at a time. Whoever takes none of them is noticed.
const PIECE: usize = 64 << 10;

/// The body of a request.
pub struct RequestBody {
    inner: Incoming,
    activity: Activity,
    ended: bool,
    patience: Duration,
    silent: Option<Pin<Box<Sleep>>>,
}

/// Nothing of a body came for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing more of the request came for {} s", .0.as_secs())]
struct Silent(Duration);

impl RequestBody {
    /// A body that is given up when nothing of it comes for `patience`.
    pub fn new(inner: Incoming, activity: Activity, patience: Duration) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, activity, ended, patience, silent: None }
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.silent = None;
                self.ended = !matches!(frame, Some(Ok(_))) || self.inner.is_end_stream();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let patience = self.patience;
                let silent = self.silent.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
                ready!(silent.as_mut().poll(cx));
                Poll::Ready(Some(Err(Silent(patience).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended {
            self.activity.leave_unread();
        }
    }
}

/// The body of an answer, in pieces; with its end the request is over.
pub struct AnswerBody {
    inner: Body,
    rest: Bytes,
    open: Open,
}

impl AnswerBody {
    /// The answer to an open request.
    pub fn new(inner: Body, mut open: Open) -> Self {
        open.answers();
        Self { inner, rest: Bytes::new(), open }
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        self.open.answers();
        let most = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(most)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
