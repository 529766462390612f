//! Compressed files, told by their first bytes: what joblib writes.

use crate::EngineError;
use std::io::Read;

/// A file may become that large in any case, and larger only by a factor that models reach.
const ALWAYS: usize = 64 << 20;
const FACTOR: usize = 48;

#[derive(Debug, Clone, Copy)]
enum Method {
    Zlib,
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Lz4,
}

fn method(head: &[u8]) -> Option<Method> {
    Some(match head {
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Method::Zlib,
        [0x1f, 0x8b, ..] => Method::Gzip,
        [b'B', b'Z', b'h', ..] => Method::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Method::Xz,
        [0x5d, 0, 0, ..] => Method::Lzma,
        [0x04, 0x22, 0x4d, 0x18, ..] => Method::Lz4,
        _ => return None,
    })
}

/// Whether a file begins as a compressed one does.
pub fn is_compressed(head: &[u8]) -> bool {
    method(head).is_some()
}

/// The contents of a file, decompressed if need be.
pub fn decompressed(file: Vec<u8>) -> Result<Vec<u8>, EngineError> {
    let bytes = &file[..];
    let Some(method) = method(bytes) else { return Ok(file) };
    let most = bytes.len().saturating_mul(FACTOR).max(ALWAYS);
    let (mut out, limit) = (Vec::new(), most as u64 + 1);
    let read = match method {
        Method::Zlib => flate2::read::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Method::Gzip => flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Method::Bzip2 => bzip2::read::MultiBzDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Method::Xz => lzma_rust2::XzReader::new(bytes, true).take(limit).read_to_end(&mut out),
        Method::Lzma => lzma(bytes, limit, &mut out),
        Method::Lz4 => lz4_flex::frame::FrameDecoder::new(bytes).take(limit).read_to_end(&mut out),
    };
    read.map_err(|e| EngineError::broken(format!("it cannot be decompressed ({method:?}): {e}")))?;
    if out.len() > most {
        return Err(EngineError::broken(format!("it is more than {most} bytes, decompressed")));
    }
    Ok(out)
}

/// The old form of LZMA, which says how large its dictionary is.
fn lzma(bytes: &[u8], limit: u64, out: &mut Vec<u8>) -> std::io::Result<usize> {
    let memory = u32::try_from(ALWAYS / 1024).unwrap_or(u32::MAX);
    lzma_rust2::LzmaReader::new_mem_limit(bytes, memory, None)?.take(limit).read_to_end(out)
}
