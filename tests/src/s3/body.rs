//! The body of one GET, passed on byte by byte as its fault wants it.

use super::fault::BodyFault;
use super::log::Log;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use std::sync::{Arc, Weak};
use tokio::net::TcpStream;

/// Error of a stream that is cut off.
pub(super) type Cut = Box<dyn std::error::Error + Send + Sync>;
/// Body of an answer.
pub(super) type Outgoing = Channel<Bytes, Cut>;

/// What goes with one GET.
pub(super) struct Transfer {
    pub key: String,
    /// Place in the object where the body begins.
    pub start: u64,
    pub fault: BodyFault,
    pub log: Arc<Log>,
    /// The connection, for the one thing that HTTP cannot say.
    pub connection: Weak<TcpStream>,
}

/// Passes a body on in a task of its own.
pub(super) fn pass_on(body: s3s::Body, transfer: Transfer) -> Outgoing {
    let (sender, outgoing) = Channel::new(4);
    tokio::spawn(pump(body, sender, transfer));
    outgoing
}

/// A body that is there already.
pub(super) fn whole(text: &'static str) -> Outgoing {
    let (mut sender, outgoing) = Channel::new(1);
    let _ = sender.try_send(hyper::body::Frame::data(Bytes::from_static(text.as_bytes())));
    outgoing
}

async fn pump(mut body: s3s::Body, mut out: Sender<Bytes, Cut>, transfer: Transfer) {
    let mut sent = 0;
    // Where the fault happens; behind it nothing does.
    let mut at = match transfer.fault {
        BodyFault::Reset(after) | BodyFault::Truncate(after) | BodyFault::Hold(after) => after,
        _ => u64::MAX,
    };
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        let before = usize::try_from(at.saturating_sub(sent)).unwrap_or(usize::MAX);
        let happens = before < data.len() && at != u64::MAX;
        let (first, rest) =
            if happens { (data.slice(..before), data.slice(before..)) } else { (data, Bytes::new()) };
        sent += first.len() as u64;
        if !send(&mut out, first, sent, &transfer).await {
            return;
        }
        if !happens {
            continue;
        }
        at = u64::MAX;
        match transfer.fault {
            BodyFault::Reset(_) => {
                if let Some(connection) = transfer.connection.upgrade() {
                    let _ = connection.set_zero_linger();
                }
                return out.abort("reset".into());
            }
            BodyFault::Truncate(_) => return,
            _ => transfer.log.hold(&transfer.key).await,
        }
        sent += rest.len() as u64;
        if !send(&mut out, rest, sent, &transfer).await {
            return;
        }
    }
}

/// False: nobody reads any more. `end`: bytes of the body with these.
async fn send(out: &mut Sender<Bytes, Cut>, data: Bytes, end: u64, transfer: &Transfer) -> bool {
    let at = transfer.start + end - data.len() as u64;
    let (data, piece) = match transfer.fault {
        BodyFault::Corrupt(wrong) => (corrupt(&data, at, wrong), data.len()),
        BodyFault::Trickle(piece, _) => (data, piece),
        _ => (data.clone(), data.len()),
    };
    for piece in data.chunks(piece.max(1)) {
        if let BodyFault::Trickle(_, pause) = transfer.fault {
            tokio::time::sleep(pause).await;
        }
        transfer.log.served(&transfer.key, piece.len() as u64);
        if out.send_data(data.slice_ref(piece)).await.is_err() {
            return false;
        }
    }
    true
}

fn corrupt(data: &Bytes, at: u64, wrong: u64) -> Bytes {
    let mut data = data.to_vec();
    let place = wrong.checked_sub(at).and_then(|p| usize::try_from(p).ok());
    if let Some(byte) = place.and_then(|p| data.get_mut(p)) {
        *byte ^= 0x55;
    }
    data.into()
}
