//! The bytes of a connection, watched; and its end, which loses no answer.
//!
//! A server that closes while its client still writes makes the system reset the connection, and the client loses the answer that
//! says why. So the end is in two steps: nothing more is sent, then what still comes is read and thrown away for a while.

use super::activity::Activity;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A client that sends nothing for this long after the end has seen it.
const SILENCE: Duration = Duration::from_secs(1);
/// How long what still comes is thrown away.
const LINGER: Duration = Duration::from_secs(30);
/// Bytes at a time.
const PIECE: usize = 8 << 10;

/// A socket, or TLS on one.
pub struct Socket<S> {
    inner: S,
    activity: Activity,
    lingering: Option<Lingering>,
}

struct Lingering {
    silent: Pin<Box<Sleep>>,
    until: Instant,
}

impl<S> Socket<S> {
    /// Of a connection.
    pub fn new(inner: S, activity: Activity) -> Self {
        Self { inner, activity, lingering: None }
    }

    fn taken<T>(&self, taken: Poll<T>) -> Poll<T> {
        self.activity.takes(taken.is_ready());
        taken
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if let Some(received @ [_, ..]) = buf.filled().get(before..) {
            self.activity.received(received);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.taken(taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.taken(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let taken = Pin::new(&mut self.inner).poll_flush(cx);
        self.taken(taken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        if self.activity.expects_bytes() { self.linger(cx).map(Ok) } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncRead + Unpin> Socket<S> {
    /// Throws away what comes, until the other side is at its end, is silent, or goes on for too long.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let lingering = self.lingering.get_or_insert_with(|| Lingering {
            silent: Box::pin(tokio::time::sleep(SILENCE)),
            until: now + LINGER,
        });
        let mut piece = [0; PIECE];
        loop {
            let mut buf = ReadBuf::new(&mut piece);
            match Pin::new(&mut self.inner).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && now < lingering.until => {
                    lingering.silent.as_mut().reset(Instant::now() + SILENCE);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return lingering.silent.as_mut().poll(cx),
            }
        }
    }
}
