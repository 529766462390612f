//! The bodies of requests and answers, as their connection sees them.

use super::activity::{Activity, Open};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Sleep;

/// Bytes of an answer that are handed over at a time. Whoever takes none of them is noticed.
const PIECE: usize = 64 << 10;
/// How long the rest of a body may come that nobody wants.
const REST_TIME: Duration = Duration::from_secs(5);

/// What becomes of the rest of a body whose request was answered without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// It is read and thrown away.
    Read,
    /// It stays where it is.
    Left,
}

/// The body of a request.
pub struct RequestBody {
    /// None once it is handed over to be thrown away.
    inner: Option<Incoming>,
    unwanted: Unwanted,
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
    pub fn new(inner: Incoming, unwanted: Unwanted, activity: Activity, patience: Duration) -> Self {
        let ended = inner.is_end_stream();
        Self { inner: Some(inner), unwanted, activity, ended, patience, silent: None }
    }

    /// Throws away what still comes. The answer does not wait for it.
    fn drain(&mut self, runtime: &Handle) {
        let Some(inner) = self.inner.take() else { return };
        // The request is open until then. What is left after that is left for good.
        let open = self.activity.begin();
        let mut rest = Self::new(inner, Unwanted::Left, self.activity.clone(), REST_TIME);
        runtime.spawn(async move {
            let reading = async { while let Some(Ok(_)) = rest.frame().await {} };
            let _ = tokio::time::timeout(REST_TIME, reading).await;
            drop((rest, open));
        });
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        match Pin::new(&mut *inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                let ended = !matches!(frame, Some(Ok(_))) || inner.is_end_stream();
                (self.silent, self.ended) = (None, ended);
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
        self.inner.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(hyper::body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) if self.unwanted == Unwanted::Read => self.drain(&runtime),
            _ => self.activity.leave_unread(),
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
