//! Archives of every kind: models packed anew, and what no packer would make.

mod tar_writer;

pub use tar_writer::{Tar, gzip};

use std::io::Read as _;

/// The files of an archive, in their order, directories left out.
pub fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut files = Vec::new();
    for entry in tar.entries().expect("a tar") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a path of text");
            let mut data = Vec::new();
            entry.read_to_end(&mut data).expect("its data");
            files.push((name, data));
        }
    }
    files
}

/// A plain tar of files.
pub fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    files.iter().fold(Tar::new(), |tar, (name, data)| tar.file(name, data)).end()
}

/// A gzip of a tar of files.
pub fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    gzip(&tar(files))
}

/// The files of a directory and below it as a tar.gz.
pub fn pack_directory(dir: &std::path::Path) -> Vec<u8> {
    let mut files = Vec::new();
    collect(dir, "", &mut files);
    pack(&files)
}

fn collect(dir: &std::path::Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let mut paths: Vec<_> =
        dir.read_dir().expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = format!("{prefix}{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
        } else {
            files.push((name, std::fs::read(path).expect("a file")));
        }
    }
}

/// Every model of some directories, each as an archive of its name, in a directory of their own.
pub fn packed_models(directories: &[&str]) -> tempfile::TempDir {
    let packed = tempfile::tempdir().expect("a temporary directory");
    for directory in directories {
        for model in crate::repository(directory).read_dir().expect("a directory").flatten() {
            let name = model.file_name().into_string().expect("a name");
            let path = packed.path().join(format!("{name}.tar.gz"));
            std::fs::write(path, pack_directory(&model.path())).expect("there is room");
        }
    }
    packed
}

/// The archive with a change to each file: a new name and new data, or none.
pub fn repack(archive: &[u8], change: impl Fn(&str, Vec<u8>) -> Option<(String, Vec<u8>)>) -> Vec<u8> {
    let changed: Vec<_> = files(archive).into_iter().filter_map(|(name, data)| change(&name, data)).collect();
    pack(&changed)
}

/// The archive with every file in another place.
pub fn moved(archive: &[u8], place: impl Fn(&str) -> String) -> Vec<u8> {
    repack(archive, |name, data| Some((place(name), data)))
}

/// The archive with one file (named by the end of its path) changed.
pub fn with_file(archive: &[u8], end: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    repack(archive, |name, data| {
        let data = if name.ends_with(end) { change(data) } else { data };
        Some((name.to_owned(), data))
    })
}

/// The archive without one file.
pub fn without_file(archive: &[u8], end: &str) -> Vec<u8> {
    repack(archive, |name, data| (!name.ends_with(end)).then(|| (name.to_owned(), data)))
}

/// Bytes that do not compress, always the same for one seed.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut out = vec![0; bytes];
    random.fill(&mut out);
    out
}

/// The archive with a file of noise added, so that it takes its time on the way.
pub fn padded(archive: &[u8], seed: u64, bytes: usize) -> Vec<u8> {
    let mut files = files(archive);
    files.push(("1/assets/padding.bin".to_owned(), noise(seed, bytes)));
    pack(&files)
}

/// The iris model under another name of its input (as long as the true one): what tells two versions apart.
pub fn with_input_named(archive: &[u8], name: &str) -> Vec<u8> {
    let (before, after) = (b"measurements", name.as_bytes());
    assert_eq!(before.len(), after.len(), "lengths are written down in the file");
    with_file(archive, "saved_model.pb", |mut data| {
        let mut found = 0;
        for at in 0..data.len() - before.len() {
            if data[at..].starts_with(before) {
                data[at..at + after.len()].copy_from_slice(after);
                found += 1;
            }
        }
        assert!(found > 0, "the model's input has its name");
        data
    })
}
