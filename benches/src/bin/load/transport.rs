//! What the loops know of a protocol.

use crate::Anyhow;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With the answer.
    Answered,
    /// The server has too much to do, and said so.
    Refused,
    /// Any other error that the server told.
    Failed,
}

/// A way to talk to a server, with the requests that are to be sent.
pub trait Transport: Send + Sync + 'static {
    /// A connection, which carries one request at a time.
    type Connection: Send;

    /// Opens one.
    fn open(&self) -> impl Future<Output = Anyhow<Self::Connection>> + Send;

    /// Sends the request of this number and waits for its end.
    fn call(
        &self,
        connection: &mut Self::Connection,
        number: usize,
    ) -> impl Future<Output = Anyhow<Outcome>> + Send;
}
