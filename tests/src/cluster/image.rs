//! Container images that need no base image: files of this machine in one layer, in an archive as the Open Container Initiative
//! lays it out.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user that images run as, and his group.
pub const USER: u32 = 65532;
/// Where certificates of authorities lie on this machine and in an image.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its whole name, with a registry and a tag.
    pub name: String,
    /// The program that runs, and its first arguments.
    pub entrypoint: Vec<String>,
    files: Vec<(String, PathBuf)>,
}

impl Image {
    /// An image that runs a program of the image.
    pub fn new(name: &str, entrypoint: &[&str]) -> Self {
        let entrypoint = entrypoint.iter().map(|&e| e.to_owned()).collect();
        Self { name: name.to_owned(), entrypoint, files: Vec::new() }
    }

    /// Adds a file of this machine under a path of the image.
    #[must_use]
    pub fn with_file(mut self, path: &str, file: &Path) -> Self {
        self.files.push((path.to_owned(), file.to_owned()));
        self
    }

    /// Adds a program and the shared libraries that it asks for, each where the loader looks for it.
    pub fn with_program(mut self, path: &str, file: &Path) -> io::Result<Self> {
        let asked = Command::new("ldd").arg(file).output()?;
        let text = String::from_utf8_lossy(&asked.stdout).into_owned();
        if text.contains("not found") {
            return Err(io::Error::other(format!("{} lacks a library:\n{text}", file.display())));
        }
        for library in libraries(&text) {
            self.files.push((library.clone(), PathBuf::from(library)));
        }
        Ok(self.with_file(path, file))
    }

    /// Adds the certificates that clients of HTTPS go by.
    #[must_use]
    pub fn with_authorities(self) -> Self {
        self.with_file(AUTHORITIES, Path::new(AUTHORITIES))
    }

    /// Writes the image's archive.
    pub fn write(&self, to: &Path) -> io::Result<()> {
        let mut digest = Digested::new(tempfile::tempfile()?);
        self.layer(&mut digest)?;
        let (mut layer, layer_digest, layer_size) = digest.finish()?;
        let config = self.config(&layer_digest).to_string();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", &digest_of(&config), config.len() as u64),
            "layers": [descriptor("layer.v1.tar", &layer_digest, layer_size)],
        })
        .to_string();
        let mut entry = descriptor("manifest.v1+json", &digest_of(&manifest), manifest.len() as u64);
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        entry["annotations"] =
            json!({"io.containerd.image.name": self.name, "org.opencontainers.image.ref.name": tag});
        let index = json!({"schemaVersion": 2, "manifests": [entry]}).to_string();
        let mut archive = tar::Builder::new(io::BufWriter::new(File::create(to)?));
        add(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        add(&mut archive, "index.json", index.as_bytes())?;
        for blob in [&config, &manifest] {
            add(&mut archive, &blob_path(&digest_of(blob)), blob.as_bytes())?;
        }
        io::Seek::rewind(&mut layer)?;
        let mut header = header(layer_size, 0o644, tar::EntryType::Regular);
        archive.append_data(&mut header, blob_path(&layer_digest), layer)?;
        archive.into_inner()?.flush()
    }

    fn layer(&self, to: impl io::Write) -> io::Result<()> {
        let mut layer = tar::Builder::new(to);
        let mut there = BTreeSet::new();
        for (path, _) in &self.files {
            directories(&mut layer, path, &mut there)?;
        }
        directories(&mut layer, "/etc/passwd", &mut there)?;
        let mut tmp = header(0, 0o1777, tar::EntryType::Directory);
        layer.append_data(&mut tmp, "tmp/", io::empty())?;
        let user = format!("root:x:0:0:root:/:/none\nberth:x:{USER}:{USER}:berth:/:/none\n");
        add(&mut layer, "etc/passwd", user.as_bytes())?;
        for (path, file) in &self.files {
            if there.insert(path.clone()) {
                let opened = File::open(file)?;
                let mut header = header(opened.metadata()?.len(), 0o755, tar::EntryType::Regular);
                layer.append_data(&mut header, path.trim_start_matches('/'), opened)?;
            }
        }
        layer.into_inner()?.flush()
    }

    fn config(&self, layer: &str) -> Value {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        json!({
            "architecture": architecture, "os": "linux",
            "config": {
                "User": format!("{USER}:{USER}"), "Entrypoint": self.entrypoint, "WorkingDir": "/",
                "Env": ["PATH=/usr/local/bin", format!("SSL_CERT_FILE={AUTHORITIES}")],
            },
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        })
    }
}

/// The libraries in what `ldd` says: each line names one by its path, with or without the name that was asked for.
fn libraries(text: &str) -> Vec<String> {
    let paths = text.lines().filter_map(|line| {
        let path = line.split_once("=>").map_or(line, |(_, path)| path).split_whitespace().next()?;
        path.starts_with('/').then(|| path.to_owned())
    });
    paths.collect()
}

/// The directories above a path, each once.
fn directories<W: io::Write>(
    layer: &mut tar::Builder<W>,
    path: &str,
    there: &mut BTreeSet<String>,
) -> io::Result<()> {
    let mut above = String::new();
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    for part in parts {
        above = format!("{above}{part}/");
        if there.insert(above.clone()) {
            layer.append_data(&mut header(0, 0o755, tar::EntryType::Directory), &above, io::empty())?;
        }
    }
    Ok(())
}

fn header(size: u64, mode: u32, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_entry_type(kind);
    header
}

fn add<W: io::Write>(archive: &mut tar::Builder<W>, path: &str, bytes: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(bytes.len() as u64, 0o644, tar::EntryType::Regular), path, bytes)
}

fn descriptor(kind: &str, digest: &str, size: u64) -> Value {
    json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": format!("sha256:{digest}"), "size": size})
}

fn blob_path(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn digest_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file that is digested while it is written.
struct Digested {
    file: io::BufWriter<File>,
    digest: Sha256,
    size: u64,
}

impl Digested {
    fn new(file: File) -> Self {
        Self { file: io::BufWriter::new(file), digest: Sha256::new(), size: 0 }
    }

    fn finish(self) -> io::Result<(File, String, u64)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, hex(&self.digest.finalize()), self.size))
    }
}

impl io::Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Size of an archive, for people.
pub fn mebibytes(archive: &Path) -> io::Result<u64> {
    Ok(fs::metadata(archive)?.len() >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_where_the_loader_finds_them() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(libraries(text), ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert!(libraries("\tstatically linked\n").is_empty());
    }

    #[test]
    fn an_archive_names_blobs_by_what_is_in_them() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, archive) = (dir.path().join("program"), dir.path().join("image.tar"));
        fs::write(&file, "hello").expect("a file");
        let image = Image::new("berth.test/hello:1", &["/bin/hello"]).with_file("/bin/hello", &file);
        image.write(&archive).expect("an archive");
        let mut blobs = 0;
        for entry in tar::Archive::new(File::open(&archive).expect("the archive")).entries().expect("entries")
        {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut entry, &mut bytes).expect("its bytes");
            if let Some(digest) = path.strip_prefix("blobs/sha256/") {
                assert_eq!(digest, hex(&Sha256::digest(&bytes)));
                blobs += 1;
            }
        }
        assert_eq!(blobs, 3, "a configuration, a manifest and a layer");
    }
}
