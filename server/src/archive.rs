//! Unpacks a model's archive while its bytes arrive. Only regular files come out, at paths that were checked one by one, and
//! every limit is on the decompressed side: an archive may say what it likes about its size.

mod limits;
mod paths;
mod stream;

pub use limits::Limits;

use paths::Names;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use stream::Gauge;
use tar::EntryType;

/// Why an archive was refused. Each names the entry where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not a tar, nor a gzip of one.
    #[error("not a tar or tar.gz archive: {0}")]
    NotAnArchive(String),
    /// The bytes end before the archive does.
    #[error("the archive is cut short")]
    Truncated,
    /// The gzip or tar format is broken.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// A link, device, pipe or other special entry.
    #[error("entry {0:?} is a {1}: only regular files and directories are unpacked")]
    SpecialEntry(String, &'static str),
    /// An absolute path, `..`, or a name that cannot be one.
    #[error("entry {0:?} has a path that is not allowed: {1}")]
    BadPath(String, &'static str),
    /// Two entries with one path, or a file where a directory is.
    #[error("entry {0:?} is there twice, or is a file and a directory at once")]
    Duplicate(String),
    /// Too many entries.
    #[error("the archive has more than {0} entries")]
    TooManyEntries(usize),
    /// Too many bytes.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// Too many bytes for so few.
    #[error("the archive unpacks to more than {0} times its size")]
    RatioTooHigh(u64),
    /// Headers that go on and on.
    #[error("the archive has a header larger than {0} bytes")]
    HeaderTooLarge(u64),
    /// No file in it.
    #[error("the archive holds no file")]
    Empty,
}

impl ArchiveError {
    /// Stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAnArchive(_) => "NotAnArchive",
            Self::Truncated => "ArchiveTruncated",
            Self::Damaged(_) => "ArchiveDamaged",
            Self::SpecialEntry(..) => "ArchiveSpecialEntry",
            Self::BadPath(..) => "ArchiveBadPath",
            Self::Duplicate(_) => "ArchiveDuplicateEntry",
            Self::TooManyEntries(_) => "ArchiveTooManyEntries",
            Self::TooLarge(_) => "ArchiveTooLarge",
            Self::RatioTooHigh(_) => "ArchiveRatioTooHigh",
            Self::HeaderTooLarge(_) => "ArchiveHeaderTooLarge",
            Self::Empty => "ArchiveEmpty",
        }
    }
}

/// The path that a file of this name unpacks to; None: it is left out.
pub fn check_path(name: &str) -> Result<Option<std::path::PathBuf>, ArchiveError> {
    paths::check(name.as_bytes(), name)
}

/// Why unpacking ended: the archive's fault, or what is under it.
#[derive(Debug)]
pub enum UnpackError {
    /// The archive.
    Archive(ArchiveError),
    /// The reader or the disk; an error of the caller's own comes back as the source of the `io::Error`.
    Io(io::Error),
}

impl From<ArchiveError> for UnpackError {
    fn from(e: ArchiveError) -> Self {
        Self::Archive(e)
    }
}

/// Bytes of the buffers between network, decompression and disk.
const BUFFER: usize = 256 << 10;

/// Unpacks into `dest`, an empty directory. `reserve` is asked before each file is written, with its size.
pub fn unpack(
    source: impl Read,
    dest: &Path,
    limits: &Limits,
    reserve: &mut dyn FnMut(u64) -> io::Result<()>,
) -> Result<(), UnpackError> {
    let gauge = Gauge::new(limits.clone());
    let reader = stream::decompress(source, &gauge).map_err(|e| gauge.explain(e))?;
    let mut archive = tar::Archive::new(reader);
    let mut names = Names::default();
    let mut buffer = vec![0; BUFFER];
    {
        let mut entries = archive.entries().map_err(|e| gauge.explain(e))?;
        loop {
            gauge.allow_header();
            let Some(entry) = entries.next() else { break };
            let mut entry = entry.map_err(|e| gauge.explain(e))?;
            gauge.allow_body();
            names.count(limits.entries)?;
            unpack_entry(&mut entry, dest, limits, &gauge, &mut names, reserve, &mut buffer)?;
        }
    }
    // To the very end: the decompressor checks its checksum there, and the download its length.
    gauge.allow_body();
    let mut rest = archive.into_inner();
    while rest.read(&mut buffer).map_err(|e| gauge.explain(e))? > 0 {}
    if names.files() == 0 { Err(ArchiveError::Empty.into()) } else { Ok(()) }
}

fn unpack_entry<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    dest: &Path,
    limits: &Limits,
    gauge: &Gauge,
    names: &mut Names,
    reserve: &mut dyn FnMut(u64) -> io::Result<()>,
    buffer: &mut [u8],
) -> Result<(), UnpackError> {
    let shown = String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect::<String>();
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
        EntryType::Directory => {
            if let Some(path) = paths::check(&entry.path_bytes(), &shown)? {
                names.directory(&path, &shown)?;
            }
            return Ok(());
        }
        EntryType::XGlobalHeader => return Ok(()),
        special => return Err(ArchiveError::SpecialEntry(shown, kind(special)).into()),
    }
    refuse_pax_sparse(entry, &shown).map_err(|e| match e {
        PaxError::Refused(e) => UnpackError::Archive(e),
        PaxError::Io(e) => gauge.explain(e),
    })?;
    let Some(path) = paths::check(&entry.path_bytes(), &shown)? else {
        // Metadata of the packer's own system: read over.
        return io::copy(entry, &mut io::sink()).map(|_| ()).map_err(|e| gauge.explain(e));
    };
    if !names.file(&path, &shown)? {
        return Err(ArchiveError::Duplicate(shown).into());
    }
    let size = entry.size();
    names.add_bytes(size, limits.bytes)?;
    reserve(size).map_err(UnpackError::Io)?;
    let target = dest.join(&path);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(UnpackError::Io)?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o440).open(&target);
    let written = copy(entry, &mut file.map_err(UnpackError::Io)?, gauge, buffer)?;
    if written == size { Ok(()) } else { Err(ArchiveError::Truncated.into()) }
}

fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    gauge: &Gauge,
    buffer: &mut [u8],
) -> Result<u64, UnpackError> {
    let mut written = 0;
    loop {
        let n = from.read(buffer).map_err(|e| gauge.explain(e))?;
        if n == 0 {
            return Ok(written);
        }
        to.write_all(&buffer[..n]).map_err(UnpackError::Io)?;
        written += n as u64;
    }
}

enum PaxError {
    Refused(ArchiveError),
    Io(io::Error),
}

/// Sparse files of the pax kind carry their map in the data: unpacked as plain files they would be wrong ones.
fn refuse_pax_sparse<R: Read>(entry: &mut tar::Entry<'_, R>, shown: &str) -> Result<(), PaxError> {
    let Some(records) = entry.pax_extensions().map_err(PaxError::Io)? else { return Ok(()) };
    for record in records {
        let record = record.map_err(PaxError::Io)?;
        if record.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(PaxError::Refused(ArchiveError::SpecialEntry(shown.to_owned(), "pax sparse file")));
        }
    }
    Ok(())
}

fn kind(entry: EntryType) -> &'static str {
    match entry {
        EntryType::Link => "hard link",
        EntryType::Symlink => "symbolic link",
        EntryType::Char => "character device",
        EntryType::Block => "block device",
        EntryType::Fifo => "pipe",
        _ => "special entry",
    }
}
