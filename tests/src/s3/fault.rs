//! What can go wrong with one key of the S3 server.

use bytes::Bytes;
use std::time::Duration;

/// A fault of one key. It stays until it is used up, replaced or cleared.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The first `times` GETs get 503 SlowDown.
    SlowDown {
        /// GETs left.
        times: usize,
    },
    /// Every request gets 403 AccessDenied.
    Deny,
    /// The connection is reset after so many bytes of a body, `times` times.
    Reset {
        /// Bytes of the body that are sent.
        after: u64,
        /// GETs left.
        times: usize,
    },
    /// The body ends early under the right headers, `times` times.
    Truncate {
        /// Bytes of the body that are sent.
        after: u64,
        /// GETs left.
        times: usize,
    },
    /// The byte at this place of the object arrives as another one.
    Corrupt {
        /// Place in the object.
        at: u64,
    },
    /// Bodies come in small pieces with a pause before each.
    Trickle {
        /// Bytes of a piece.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
    /// Bodies stop after so many bytes until the key is released.
    Hold {
        /// Bytes of the body that are sent before.
        after: u64,
    },
    /// The object is overwritten when this many GETs (counted from 1) have come, before that one is answered.
    Overwrite {
        /// The GET that comes too late.
        at_get: usize,
        /// The new object.
        body: Bytes,
    },
}

/// What one GET meets.
#[derive(Debug, Clone)]
pub(super) enum Meets {
    Nothing,
    Status(u16, &'static str),
    Overwrite(Bytes),
    Body(BodyFault),
}

/// What the body of one GET goes through.
#[derive(Debug, Clone)]
pub(super) enum BodyFault {
    Whole,
    Reset(u64),
    Truncate(u64),
    Corrupt(u64),
    Trickle(usize, Duration),
    Hold(u64),
}

impl Fault {
    /// Uses the fault up by one GET: the `nth` of its key since the fault was set.
    pub(super) fn meet(&mut self, nth: usize) -> Meets {
        match self {
            Self::SlowDown { times: times @ 1.. } => {
                *times -= 1;
                Meets::Status(503, "SlowDown")
            }
            Self::Deny => Meets::Status(403, "AccessDenied"),
            Self::Reset { after, times: times @ 1.. } => {
                *times -= 1;
                Meets::Body(BodyFault::Reset(*after))
            }
            Self::Truncate { after, times: times @ 1.. } => {
                *times -= 1;
                Meets::Body(BodyFault::Truncate(*after))
            }
            Self::Corrupt { at } => Meets::Body(BodyFault::Corrupt(*at)),
            Self::Trickle { bytes, every } => Meets::Body(BodyFault::Trickle(*bytes, *every)),
            Self::Hold { after } => Meets::Body(BodyFault::Hold(*after)),
            Self::Overwrite { at_get, body } if nth == *at_get => Meets::Overwrite(body.clone()),
            _ => Meets::Nothing,
        }
    }
}
