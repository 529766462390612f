//! The bytes of an archive, decompressed if need be, counted on both sides.

use super::{ArchiveError, Limits, UnpackError};
use flate2::bufread::MultiGzDecoder;
use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read};
use std::rc::Rc;

/// Bytes of a tar header.
const FIRST_HEADER: u64 = 512;

/// What went through so far, and what may still. Shared by the two ends of the decompressor.
#[derive(Clone)]
pub struct Gauge(Rc<Counts>);

struct Counts {
    limits: Limits,
    compressed: Cell<u64>,
    decompressed: Cell<u64>,
    /// Bytes that may be read before the next entry; none: unlimited.
    header: Cell<Option<u64>>,
    refused: RefCell<Option<ArchiveError>>,
    source_failed: Cell<bool>,
}

impl Gauge {
    pub fn new(limits: Limits) -> Self {
        Self(Rc::new(Counts {
            limits,
            compressed: Cell::new(0),
            decompressed: Cell::new(0),
            header: Cell::new(None),
            refused: RefCell::new(None),
            source_failed: Cell::new(false),
        }))
    }

    /// From here to the next entry there are only headers: tar keeps them in memory, so they are bounded.
    pub fn allow_header(&self) {
        self.0.header.set(Some(self.0.limits.header));
    }

    pub fn allow_body(&self) {
        self.0.header.set(None);
    }

    fn passed(&self, bytes: u64) -> io::Result<()> {
        let counts = &self.0;
        let decompressed = counts.decompressed.get() + bytes;
        counts.decompressed.set(decompressed);
        if let Some(left) = counts.header.get() {
            match left.checked_sub(bytes) {
                Some(left) => counts.header.set(Some(left)),
                None => return self.refuse(ArchiveError::HeaderTooLarge(counts.limits.header)),
            }
        }
        // Tar's own padding and headers come on top of the files' bytes.
        if decompressed > counts.limits.bytes.saturating_add(counts.limits.entries as u64 * 2048) {
            return self.refuse(ArchiveError::TooLarge(counts.limits.bytes));
        }
        let ratio = counts.limits.ratio;
        if decompressed > counts.limits.ratio_after && decompressed / ratio > counts.compressed.get() {
            return self.refuse(ArchiveError::RatioTooHigh(ratio));
        }
        Ok(())
    }

    fn refuse(&self, error: ArchiveError) -> io::Result<()> {
        let text = error.to_string();
        *self.0.refused.borrow_mut() = Some(error);
        Err(Error::other(text))
    }

    /// Says whose fault an error of the stream is: the source's, a limit's, or the archive's.
    pub fn explain(&self, error: Error) -> UnpackError {
        if let Some(refused) = self.0.refused.borrow_mut().take() {
            return UnpackError::Archive(refused);
        }
        if self.0.source_failed.get() {
            return UnpackError::Io(error);
        }
        if self.0.decompressed.get() <= FIRST_HEADER && error.kind() != ErrorKind::UnexpectedEof {
            let what = match self.0.decompressed.get() {
                0 => error.to_string(),
                _ => "its first block is no tar header".to_owned(),
            };
            return UnpackError::Archive(ArchiveError::NotAnArchive(what));
        }
        UnpackError::Archive(match error.kind() {
            ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            _ if error.to_string().contains("unexpected EOF") => ArchiveError::Truncated,
            _ => ArchiveError::Damaged(error.to_string().chars().take(200).collect()),
        })
    }
}

/// Counts the bytes as they come from the store, and remembers that an error was the store's.
struct Source<R> {
    inner: R,
    gauge: Gauge,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf).inspect_err(|_| self.gauge.0.source_failed.set(true))?;
        self.gauge.0.compressed.set(self.gauge.0.compressed.get() + n as u64);
        Ok(n)
    }
}

/// Counts the bytes as the tar reader takes them.
pub struct Counted<R> {
    inner: R,
    gauge: Gauge,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.gauge.passed(n as u64)?;
        Ok(n)
    }
}

/// Looks at the first bytes, not at the name: a tar under a name in `.gz` is a tar.
pub fn decompress<'a>(source: impl Read + 'a, gauge: &Gauge) -> io::Result<Counted<Box<dyn Read + 'a>>> {
    let mut source = BufReader::with_capacity(super::BUFFER, Source { inner: source, gauge: gauge.clone() });
    let start = source.fill_buf()?;
    let inner: Box<dyn Read + 'a> = match start {
        [] => return Err(Error::new(ErrorKind::UnexpectedEof, "no bytes")),
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(source)),
        [b'P', b'K', 3, 4, ..] => return Err(Error::new(ErrorKind::InvalidData, "it is a zip file")),
        _ => Box::new(source),
    };
    Ok(Counted { inner, gauge: gauge.clone() })
}
