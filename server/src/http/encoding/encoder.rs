//! Compresses an answer piece by piece, as its client takes it.

use super::Coding;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::body::Frame;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use zstd::stream::write::Encoder as ZstdEncoder;

/// Bytes that are compressed at a time, so that others have their turn on the thread.
const PIECE: usize = 64 << 10;

/// Zstd's level: smaller than gzip's fast one, in a third of its time or less.
const ZSTD_LEVEL: i32 = 1;

/// An answer's body, compressed.
pub struct EncodedBody {
    inner: Body,
    /// Of the inner body, not compressed yet.
    rest: Bytes,
    /// None once its end is written.
    encoder: Option<Encoder>,
}

/// What compresses it.
pub enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

impl EncodedBody {
    /// To be compressed as it is taken.
    pub fn new(inner: Body, encoder: Encoder) -> Self {
        Self { inner, rest: Bytes::new(), encoder: Some(encoder) }
    }
}

impl Encoder {
    /// None: the coding does not compress, or there is no memory for it.
    pub fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Identity => return None,
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Coding::Deflate => Self::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
            Coding::Zstd => Self::Zstd(ZstdEncoder::new(Vec::new(), ZSTD_LEVEL).ok()?),
        })
    }

    /// Takes a piece, gives what is ready of the compressed bytes.
    fn write(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(gzip) => {
                gzip.write_all(piece)?;
                Ok(std::mem::take(gzip.get_mut()))
            }
            Self::Deflate(deflate) => {
                deflate.write_all(piece)?;
                Ok(std::mem::take(deflate.get_mut()))
            }
            Self::Zstd(zstd) => {
                zstd.write_all(piece)?;
                Ok(std::mem::take(zstd.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(gzip) => gzip.finish(),
            Self::Deflate(deflate) => deflate.finish(),
            Self::Zstd(zstd) => zstd.finish(),
        }
    }
}

impl HttpBody for EncodedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        while let Some(encoder) = &mut this.encoder {
            if this.rest.is_empty() {
                match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                    // An answer of a known length has no trailers.
                    Some(Ok(frame)) => this.rest = frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        let end = this.encoder.take().map(Encoder::finish).transpose();
                        let end = end.map_err(axum::Error::new).transpose();
                        return Poll::Ready(end.map(|end| end.map(frame)));
                    }
                }
                continue;
            }
            let most = this.rest.len().min(PIECE);
            let ready = encoder.write(&this.rest.split_to(most)).map_err(axum::Error::new)?;
            if !ready.is_empty() {
                return Poll::Ready(Some(Ok(frame(ready))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none()
    }
}

fn frame(bytes: Vec<u8>) -> Frame<Bytes> {
    Frame::data(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::{Body, Coding, EncodedBody, Encoder};
    use flate2::read::{GzDecoder, ZlibDecoder};
    use http_body_util::BodyExt as _;
    use std::io::Read as _;

    #[tokio::test]
    async fn what_is_compressed_is_the_answer() {
        let plain: Vec<u8> = (0..300_000u32).flat_map(|n| (n % 1000).to_le_bytes()).collect();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let body = EncodedBody::new(Body::from(plain.clone()), Encoder::new(coding).unwrap());
            let bytes = body.collect().await.unwrap().to_bytes();
            assert!(bytes.len() < plain.len() / 4, "{}", bytes.len());
            let mut back = Vec::new();
            match coding {
                Coding::Deflate => ZlibDecoder::new(&bytes[..]).read_to_end(&mut back).unwrap(),
                Coding::Zstd => zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut back).unwrap(),
                _ => GzDecoder::new(&bytes[..]).read_to_end(&mut back).unwrap(),
            };
            assert_eq!(back, plain);
        }
    }
}
