//! Zip archives, as PyTorch, skops and SageMaker's built-in algorithms write them, in files or in memory. Only the directory at the end
//! is believed; every size is compared with the archive before anything is taken for it.

use crate::EngineError;
use bytes::Bytes;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes of the directory's end, of one entry, of a header before its name.
const END: usize = 22;
const ENTRY: usize = 46;
const HEADER: u64 = 30;
/// The end of the directory lies within these last bytes: a comment may follow it.
const TAIL: u64 = 66_000;
/// Members of one archive.
const MOST_MEMBERS: u64 = 1 << 20;
/// Bytes of the directory.
const LARGEST_DIRECTORY: u64 = 256 << 20;

/// An archive's directory.
pub struct Zip {
    source: Source,
    /// Where it begins in its source, and how long it is.
    base: u64,
    size: u64,
    members: Vec<Member>,
}

/// Where an archive lies.
#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    /// What it is, for those who read of what is wrong with it; and its bytes.
    Memory(&'static str, Bytes),
}

/// A file in an archive.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name, with `/` between directories.
    pub name: String,
    /// Bytes that it has.
    pub size: u64,
    compressed: u64,
    deflated: bool,
    header: u64,
}

/// Whether a file begins as an archive does.
pub fn is_likely(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

impl Zip {
    /// Reads the directory.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let size = path.metadata().map_err(|e| failed(path, &e))?.len();
        Self::at(Source::File(path.to_owned()), 0, size)
    }

    /// Reads the directory of an archive in memory.
    pub fn of(what: &'static str, bytes: Bytes) -> Result<Self, EngineError> {
        let size = bytes.len() as u64;
        Self::at(Source::Memory(what, bytes), 0, size)
    }

    /// Reads the directory of an archive that is a member of this one.
    pub fn within(&self, member: &Member) -> Result<Self, EngineError> {
        let base = self.place(member)?;
        let compressed = || self.source.wrong(&format!("{} is a compressed archive", member.name));
        Self::at(self.source.clone(), base.ok_or_else(compressed)?, member.size)
    }

    fn at(source: Source, base: u64, size: u64) -> Result<Self, EngineError> {
        let opened = source.open()?;
        let wrong = || source.wrong("its directory is not readable; it may be cut short");
        let tail = opened.read(base + size.saturating_sub(TAIL), size.min(TAIL))?;
        let end =
            (0..=tail.len().saturating_sub(END)).rev().find(|at| tail[*at..].starts_with(b"PK\x05\x06"));
        let end = end.ok_or_else(wrong)?;
        let record = &tail[end..];
        let (mut count, mut length, mut start) = (
            u64::from(two(record, 10).ok_or_else(wrong)?),
            u64::from(four(record, 12).ok_or_else(wrong)?),
            u64::from(four(record, 16).ok_or_else(wrong)?),
        );
        // Larger ones have a second end, which a locator before the first one points to.
        if let Some(locator) =
            end.checked_sub(20).map(|at| &tail[at..]).filter(|l| l.starts_with(b"PK\x06\x07"))
        {
            let at = eight(locator, 8).ok_or_else(wrong)?;
            let second = opened.read(base.saturating_add(at), 56.min(size.saturating_sub(at)))?;
            if !second.starts_with(b"PK\x06\x06") {
                return Err(wrong());
            }
            let field = |at| eight(&second, at).ok_or_else(wrong);
            (count, length, start) = (field(32)?, field(40)?, field(48)?);
        }
        if start.checked_add(length).is_none_or(|end| end > size) || length > LARGEST_DIRECTORY {
            return Err(wrong());
        }
        if count > MOST_MEMBERS || count > length / ENTRY as u64 {
            return Err(wrong());
        }
        let directory = opened.read(base + start, length)?;
        let members = members(&directory, count).ok_or_else(wrong)?;
        Ok(Self { source, base, size, members })
    }

    /// The file in which the archive is; of one in memory, none.
    pub fn path(&self) -> &Path {
        match &self.source {
            Source::File(path) => path,
            Source::Memory(..) => Path::new(""),
        }
    }

    /// What is in it.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member by its name.
    pub fn find(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.name == name)
    }

    /// Where in the archive a member's bytes begin. None: they are compressed.
    pub fn place(&self, member: &Member) -> Result<Option<u64>, EngineError> {
        let start = self.start(&self.source.open()?, member)?;
        Ok((!member.deflated).then_some(self.base + start))
    }

    /// A member's bytes, at most so many.
    pub fn read(&self, member: &Member, most: u64) -> Result<Vec<u8>, EngineError> {
        let opened = self.source.open()?;
        let start = self.start(&opened, member)?;
        if member.size > most {
            let what = format!("{} has {} bytes, more than the limit of {most}", member.name, member.size);
            return Err(self.source.wrong(&what));
        }
        let bytes = opened.read(self.base + start, member.compressed)?;
        if !member.deflated {
            return Ok(bytes);
        }
        let mut out = Vec::new();
        let inflated = DeflateDecoder::new(&bytes[..]).take(member.size + 1).read_to_end(&mut out);
        if inflated.is_err() || out.len() as u64 != member.size {
            return Err(self.source.wrong(&format!("{} cannot be decompressed", member.name)));
        }
        Ok(out)
    }

    fn start(&self, opened: &Opened<'_>, member: &Member) -> Result<u64, EngineError> {
        let cut = || self.source.wrong(&format!("{} is cut short", member.name));
        let length = HEADER.min(self.size.saturating_sub(member.header));
        let header = opened.read(self.base.saturating_add(member.header), length)?;
        let lengths = two(&header, 26).zip(two(&header, 28)).filter(|_| header.starts_with(b"PK\x03\x04"));
        let (name, extra) = lengths.ok_or_else(cut)?;
        let start = member.header + HEADER + u64::from(name) + u64::from(extra);
        if start.checked_add(member.compressed).is_none_or(|end| end > self.size) {
            return Err(cut());
        }
        Ok(start)
    }
}

fn members(directory: &[u8], count: u64) -> Option<Vec<Member>> {
    let (mut rest, mut members) = (directory, Vec::new());
    for _ in 0..count {
        let method = two(rest, 10)?;
        let flags = two(rest, 8)?;
        if !rest.starts_with(b"PK\x01\x02") || !matches!(method, 0 | 8) || flags & 1 != 0 {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| two(rest, at).map(usize::from));
        let (name, extra, comment) = (name?, extra?, comment?);
        let text = rest.get(ENTRY..ENTRY + name)?;
        let extras = rest.get(ENTRY + name..ENTRY + name + extra)?;
        let mut sizes = [24, 20, 42].map(|at| four(rest, at).map_or(0, u64::from));
        widen(&mut sizes, extras)?;
        let [size, compressed, header] = sizes;
        if method == 0 && size != compressed {
            return None;
        }
        members.push(Member {
            name: String::from_utf8_lossy(text).into_owned(),
            size,
            compressed,
            deflated: method == 8,
            header,
        });
        rest = rest.get(ENTRY + name + extra + comment..)?;
    }
    Some(members)
}

/// Numbers that do not fit 32 bits are in an extra field, in this order.
fn widen(sizes: &mut [u64; 3], mut extras: &[u8]) -> Option<()> {
    if sizes.iter().all(|s| *s != u64::from(u32::MAX)) {
        return Some(());
    }
    loop {
        let (tag, length) = (two(extras, 0)?, usize::from(two(extras, 2)?));
        let body = extras.get(4..4 + length)?;
        if tag == 1 {
            let mut wide = body;
            for size in sizes.iter_mut().filter(|s| **s == u64::from(u32::MAX)) {
                *size = eight(wide, 0)?;
                wide = &wide[8..];
            }
            return Some(());
        }
        extras = &extras[4 + length..];
    }
}

/// A source from which bytes can be read.
enum Opened<'s> {
    File(&'s Path, File),
    Memory(&'s Source, &'s [u8]),
}

impl Source {
    fn open(&self) -> Result<Opened<'_>, EngineError> {
        match self {
            Self::File(path) => Ok(Opened::File(path, File::open(path).map_err(|e| failed(path, &e))?)),
            Self::Memory(_, bytes) => Ok(Opened::Memory(self, bytes)),
        }
    }

    fn wrong(&self, what: &str) -> EngineError {
        match self {
            Self::File(path) => EngineError::broken(format!("{}: {what}", super::candidates::name(path))),
            Self::Memory(name, _) => EngineError::broken(format!("{name}: {what}")),
        }
    }
}

impl Opened<'_> {
    fn read(&self, from: u64, count: u64) -> Result<Vec<u8>, EngineError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (path, file) = match self {
            Self::File(path, file) => (path, file),
            Self::Memory(source, bytes) => {
                let rest = usize::try_from(from).ok().and_then(|from| bytes.get(from..));
                let part = rest.and_then(|rest| rest.get(..count));
                return part.map(<[u8]>::to_vec).ok_or_else(|| source.wrong("it is cut short"));
            }
        };
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(count).map_err(|_| EngineError::Execution("out of memory".to_owned()))?;
        bytes.resize(count, 0);
        file.read_exact_at(&mut bytes, from).map_err(|e| failed(path, &e))?;
        Ok(bytes)
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes)
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)
}

fn eight(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
}

fn failed(path: &Path, error: &std::io::Error) -> EngineError {
    EngineError::Io { file: super::candidates::name(path), message: error.kind().to_string() }
}
