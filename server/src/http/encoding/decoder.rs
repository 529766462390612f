//! Decompresses a body while it comes. What comes out is counted before it is kept, so that no bomb goes off.

use super::Coding;
use crate::error::InvokeError;
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Write};
use zstd::stream::write::Decoder as ZstdDecoder;

/// Compressed bytes at a time: at most a thousand times as many come out.
const PIECE: usize = 4 << 10;
/// The same of zstd, where four bytes may stand for 128 KiB.
const ZSTD_PIECE: usize = 128;
/// Bits of a distance to what is repeated. RFC 9659 lets a body look back 8 MiB; memory for more is never taken.
const ZSTD_WINDOW: u32 = 23;
/// What the decompressor says of more.
const WINDOW_REFUSED: &str = "Frame requires too much memory for decoding";
/// Decompressed bytes between which others have their turn on the thread.
const TURN: usize = 1 << 20;

/// A body that is decompressed.
pub struct Decoder {
    kind: Kind,
    limit: u64,
    turn: usize,
}

enum Kind {
    Gzip(MultiGzDecoder<Capped>),
    /// The first bytes, which tell whether zlib's header is there.
    Undecided(Vec<u8>, Capped),
    Deflate(Inflate),
    /// Nothing came yet.
    Unstarted(Capped),
    Zstd(ZstdDecoder<'static, Capped>),
}

/// Bytes up to a limit.
struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    over: bool,
}

struct Inflate {
    state: Decompress,
    ended: bool,
    out: Capped,
}

impl Decoder {
    /// For a body that becomes at most `limit` bytes; none: there is nothing to be done.
    pub fn new(coding: Coding, limit: u64) -> Option<Self> {
        let out =
            Capped { bytes: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX), over: false };
        let kind = match coding {
            Coding::Identity => return None,
            Coding::Gzip => Kind::Gzip(MultiGzDecoder::new(out)),
            Coding::Deflate => Kind::Undecided(Vec::new(), out),
            Coding::Zstd => Kind::Unstarted(out),
        };
        Some(Self { kind, limit, turn: TURN })
    }

    /// Takes more of the body.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), InvokeError> {
        let zstd = matches!(self.kind, Kind::Unstarted(_) | Kind::Zstd(_));
        for piece in bytes.chunks(if zstd { ZSTD_PIECE } else { PIECE }) {
            self.push(piece).map_err(|error| self.error(&error))?;
            if self.out().bytes.len() >= self.turn {
                self.turn = self.out().bytes.len().saturating_add(TURN);
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// What the body was.
    pub fn finish(mut self) -> Result<Vec<u8>, InvokeError> {
        let ended = match &mut self.kind {
            Kind::Gzip(gzip) => gzip.try_finish(),
            Kind::Deflate(inflate) if inflate.ended => Ok(()),
            Kind::Zstd(zstd) => zstd.do_finish(),
            Kind::Deflate(_) | Kind::Undecided(..) | Kind::Unstarted(_) => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        };
        ended.map_err(|error| self.error(&error))?;
        Ok(std::mem::take(&mut self.out_mut().bytes))
    }

    fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.kind {
            Kind::Gzip(gzip) => gzip.write_all(piece),
            Kind::Deflate(inflate) => inflate.write(piece),
            Kind::Undecided(first, out) => {
                first.extend_from_slice(piece);
                if let [a, b, ..] = first.as_slice() {
                    let zlib = a & 15 == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0;
                    let out = out.emptied();
                    let mut inflate = Inflate { state: Decompress::new(zlib), ended: false, out };
                    let written = inflate.write(first);
                    self.kind = Kind::Deflate(inflate);
                    return written;
                }
                Ok(())
            }
            Kind::Zstd(zstd) => zstd.write_all(piece),
            Kind::Unstarted(out) => {
                let mut zstd = ZstdDecoder::new(out.emptied())?;
                zstd.window_log_max(ZSTD_WINDOW)?;
                let written = zstd.write_all(piece);
                self.kind = Kind::Zstd(zstd);
                written
            }
        }
    }

    fn out(&self) -> &Capped {
        match &self.kind {
            Kind::Gzip(gzip) => gzip.get_ref(),
            Kind::Deflate(inflate) => &inflate.out,
            Kind::Zstd(zstd) => zstd.get_ref(),
            Kind::Undecided(_, out) | Kind::Unstarted(out) => out,
        }
    }

    fn out_mut(&mut self) -> &mut Capped {
        match &mut self.kind {
            Kind::Gzip(gzip) => gzip.get_mut(),
            Kind::Deflate(inflate) => &mut inflate.out,
            Kind::Zstd(zstd) => zstd.get_mut(),
            Kind::Undecided(_, out) | Kind::Unstarted(out) => out,
        }
    }

    fn error(&self, error: &io::Error) -> InvokeError {
        if self.out().over {
            return InvokeError::TooLarge(self.limit);
        }
        if error.to_string() == WINDOW_REFUSED {
            let most = 1 << (ZSTD_WINDOW - 20);
            return InvokeError::bad(format!(
                "the content encoding's window is too large; send zstd with a window of at most {most} MiB"
            ));
        }
        InvokeError::bad(format!("the request body is not what its content encoding says: {error}"))
    }
}

impl Capped {
    /// The same limit, with no bytes yet.
    fn emptied(&self) -> Self {
        Self { bytes: Vec::new(), ..*self }
    }
}

impl Write for Capped {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.over = buf.len() > self.limit.saturating_sub(self.bytes.len());
        if self.over {
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Inflate {
    fn write(&mut self, mut piece: &[u8]) -> io::Result<()> {
        let mut room = [0; 32 << 10];
        while !self.ended {
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(piece, &mut room, FlushDecompress::None)?;
            let read = usize::try_from(self.state.total_in() - read).unwrap_or(usize::MAX);
            let written = usize::try_from(self.state.total_out() - written).unwrap_or(usize::MAX);
            piece = piece.get(read..).unwrap_or(&[]);
            self.out.write_all(room.get(..written).unwrap_or(&[]))?;
            self.ended = status == Status::StreamEnd;
            if read == 0 && written == 0 {
                break;
            }
        }
        if self.ended && !piece.is_empty() {
            return Err(io::Error::other("bytes follow its end"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Coding, Decoder};
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    async fn decode(coding: Coding, bytes: &[u8], limit: u64, step: usize) -> Result<Vec<u8>, String> {
        let mut decoder = Decoder::new(coding, limit).unwrap();
        for piece in bytes.chunks(step) {
            decoder.write(piece).await.map_err(|e| e.to_string())?;
        }
        decoder.finish().map_err(|e| e.to_string())
    }

    fn compressed(plain: &[u8]) -> [(Coding, Vec<u8>); 4] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(plain).unwrap();
        zlib.write_all(plain).unwrap();
        raw.write_all(plain).unwrap();
        [
            (Coding::Gzip, gzip.finish().unwrap()),
            (Coding::Deflate, zlib.finish().unwrap()),
            (Coding::Deflate, raw.finish().unwrap()),
            (Coding::Zstd, zstd::encode_all(plain, 3).unwrap()),
        ]
    }

    #[tokio::test]
    async fn bodies_are_what_they_were_and_damage_is_told() {
        let plain: Vec<u8> = (0..100_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for (coding, bytes) in compressed(&plain) {
            for step in [1, 7, 1 << 20] {
                assert_eq!(decode(coding, &bytes, 400_000, step).await.unwrap(), plain, "{coding:?}");
            }
            assert!(decode(coding, &bytes, 399_999, 1000).await.unwrap_err().contains("larger"));
            for cut in [0, 1, 5, bytes.len() / 2, bytes.len() - 1] {
                let error = decode(coding, &bytes[..cut], 400_000, 1000).await.unwrap_err();
                assert!(error.contains("content encoding"), "{coding:?} cut at {cut}: {error}");
            }
            let longer = [&bytes[..], b"rest"].concat();
            assert!(decode(coding, &longer, 400_000, 1000).await.is_err(), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_bomb_does_not_go_off() {
        for (coding, bytes) in compressed(&vec![0; 64 << 20]) {
            assert!(bytes.len() < 400_000);
            let mut decoder = Decoder::new(coding, 1 << 20).unwrap();
            let error = decoder.write(&bytes).await.unwrap_err();
            assert!(error.to_string().contains("larger"), "{error}");
            assert!(decoder.out().bytes.capacity() <= 2 << 20);
        }
    }

    /// A frame of one empty block that asks for a window of 2^bits bytes.
    fn window(bits: u8) -> Vec<u8> {
        [b"\x28\xb5\x2f\xfd\x00".as_slice(), &[(bits - 10) << 3], &[1, 0, 0]].concat()
    }

    #[tokio::test]
    async fn zstd_looks_back_as_far_as_http_allows() {
        assert!(decode(Coding::Zstd, &window(23), 1 << 30, 1).await.unwrap().is_empty());
        for bits in [24, 27, 41] {
            let error = decode(Coding::Zstd, &window(bits), 1 << 30, 1).await.unwrap_err();
            assert!(error.contains("at most 8 MiB"), "{error}");
        }
    }

    #[tokio::test]
    async fn zstd_frames_follow_each_other_and_have_sums() {
        let one = zstd::encode_all(&b"one "[..], 1).unwrap();
        let mut summed = zstd::Encoder::new(Vec::new(), 1).unwrap();
        summed.include_checksum(true).unwrap();
        summed.write_all(b"two").unwrap();
        let mut all = [one, summed.finish().unwrap()].concat();
        for step in [1, 1000] {
            assert_eq!(decode(Coding::Zstd, &all, 7, step).await.unwrap(), b"one two");
        }
        *all.last_mut().unwrap() ^= 1;
        assert!(decode(Coding::Zstd, &all, 7, 1000).await.unwrap_err().contains("content encoding"));
        // A frame that needs a dictionary.
        let dictionary = b"\x28\xb5\x2f\xfd\x01\x00\x07\x01\x00\x00";
        assert!(decode(Coding::Zstd, dictionary, 7, 1000).await.is_err());
    }
}
