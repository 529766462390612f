//! Archives and requests that mean no good, each with its typed error; after each the server lives and keeps its budgets. And
//! archives that only look odd, which work.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::archives::{self, Tar, gzip};
use berth_tests::server::{Server, Setup};
use berth_tests::{disk_usage, examples};

const DISK_BUDGET: u64 = 64 << 20;
const MEMORY: u64 = 512 << 20;

fn lying_index(mut data: Vec<u8>) -> Vec<u8> {
    let at = data.len() / 3;
    data[at] ^= 0xff;
    data
}

/// As small as gzip can make it.
fn tight(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

/// Name, archive, reason.
#[allow(clippy::too_many_lines, reason = "a table")]
fn hostile_archives() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let iris = examples::iris().archive;
    let files = archives::files(&iris);
    let with = |tar: Tar| tar.files(&files, str::to_owned).gz();
    let special = |kind: u8, target: &str| with(Tar::new().special("1/extra", kind, target));
    let path = |path: &[u8]| with(Tar::new().file_at(path, b"x"));
    let plain = archives::tar(&files);
    let zeros = vec![0; 80 << 20];
    let many = (0..5000).fold(Tar::new(), |t, n| t.file(&format!("1/assets/{n}"), b""));
    let mut bad_crc = iris.clone();
    let end = bad_crc.len() - 6;
    bad_crc[end] ^= 0xff;
    vec![
        ("empty.tar.gz", vec![], "ArchiveTruncated"),
        ("text.tar.gz", b"this is no archive at all".repeat(40), "NotAnArchive"),
        ("zip.tar.gz", [b"PK\x03\x04".to_vec(), vec![0; 600]].concat(), "NotAnArchive"),
        ("gzip-of-text.tar.gz", gzip(&b"still no tar".repeat(100)), "NotAnArchive"),
        ("half.tar.gz", iris[..iris.len() / 2].to_vec(), "ArchiveTruncated"),
        ("header-only.tar.gz", iris[..5].to_vec(), "ArchiveTruncated"),
        ("bad-crc.tar.gz", bad_crc, "ArchiveDamaged"),
        ("half-tar.tar", plain[..plain.len() / 2].to_vec(), "ArchiveTruncated"),
        (
            "damaged-header.tar",
            {
                let mut tar = plain.clone();
                tar[0] ^= 0x55;
                tar
            },
            "NotAnArchive",
        ),
        ("nothing-inside.tar.gz", Tar::new().gz(), "ArchiveEmpty"),
        ("only-dirs.tar.gz", Tar::new().dir("1/").dir("1/variables/").gz(), "ArchiveEmpty"),
        ("symlink.tar.gz", special(b'2', "/etc/passwd"), "ArchiveSpecialEntry"),
        ("symlink-inside.tar.gz", special(b'2', "saved_model.pb"), "ArchiveSpecialEntry"),
        ("hardlink.tar.gz", special(b'1', "/etc/passwd"), "ArchiveSpecialEntry"),
        ("char-device.tar.gz", special(b'3', ""), "ArchiveSpecialEntry"),
        ("block-device.tar.gz", special(b'4', ""), "ArchiveSpecialEntry"),
        ("pipe.tar.gz", special(b'6', ""), "ArchiveSpecialEntry"),
        ("unknown-kind.tar.gz", special(b'Q', ""), "ArchiveSpecialEntry"),
        (
            "pax-sparse.tar.gz",
            with(Tar::new().pax(&[("GNU.sparse.major", "1")]).file("1/sparse", b"x")),
            "ArchiveSpecialEntry",
        ),
        ("absolute.tar.gz", path(b"/tmp/berth-escape"), "ArchiveBadPath"),
        ("parent.tar.gz", path(b"../../berth-escape"), "ArchiveBadPath"),
        ("parent-inside.tar.gz", path(b"1/../../berth-escape"), "ArchiveBadPath"),
        ("backslash.tar.gz", path(b"1\\..\\x"), "ArchiveBadPath"),
        ("control.tar.gz", path(b"1/a\nb"), "ArchiveBadPath"),
        ("not-utf8.tar.gz", path(b"1/\xff\xfe"), "ArchiveBadPath"),
        (
            "pax-parent.tar.gz",
            with(Tar::new().pax(&[("path", "../escape")]).file("1/x", b"x")),
            "ArchiveBadPath",
        ),
        (
            "long-part.tar.gz",
            with(Tar::new().long_name(&"n".repeat(300)).file("1/x", b"x")),
            "ArchiveBadPath",
        ),
        ("deep.tar.gz", with(Tar::new().long_name(&"d/".repeat(40)).file("1/x", b"x")), "ArchiveBadPath"),
        ("twice.tar.gz", with(Tar::new().file("1/saved_model.pb", b"x")), "ArchiveDuplicateEntry"),
        ("twice-dotted.tar.gz", with(Tar::new().file("./1//saved_model.pb", b"x")), "ArchiveDuplicateEntry"),
        ("file-and-dir.tar.gz", with(Tar::new().file("1/variables", b"x")), "ArchiveDuplicateEntry"),
        ("many.tar.gz", many.gz(), "ArchiveTooManyEntries"),
        ("bomb.tar.gz", Tar::new().file("1/zeros", &zeros).gz(), "ArchiveTooLarge"),
        ("hidden-bomb.tar.gz", tight(&Tar::new().file("._zeros", &zeros).end()), "ArchiveRatioTooHigh"),
        (
            "claims-a-terabyte.tar.gz",
            Tar::new().claim("1/huge", 1 << 40).open_end().pipe(gzip),
            "ArchiveTooLarge",
        ),
        (
            "claims-too-much.tar.gz",
            Tar::new().claim("1/huge", 60 << 20).open_end().pipe(gzip),
            "ArchiveTruncated",
        ),
        (
            "long-header.tar.gz",
            with(Tar::new().pax(&[("comment", &"c".repeat(3 << 20))]).file("1/x", b"x")),
            "ArchiveHeaderTooLarge",
        ),
        ("no-model.tar.gz", Tar::new().file("readme.txt", b"hello").gz(), "UnknownFormat"),
        ("no-graph.tar.gz", archives::without_file(&iris, "saved_model.pb"), "UnknownFormat"),
        ("too-deep.tar.gz", archives::moved(&iris, |p| format!("a/b/c/d/e/f/{p}")), "UnknownFormat"),
        ("no-index.tar.gz", archives::without_file(&iris, "variables.index"), "BrokenArtifact"),
        ("no-data.tar.gz", archives::without_file(&iris, "00000-of-00001"), "BrokenArtifact"),
        (
            "graph-of-noise.tar.gz",
            archives::with_file(&iris, "saved_model.pb", |d| archives::noise(1, d.len())),
            "BrokenArtifact",
        ),
        ("empty-graph.tar.gz", archives::with_file(&iris, "saved_model.pb", |_| vec![]), "BrokenArtifact"),
        (
            "half-graph.tar.gz",
            archives::with_file(&iris, "saved_model.pb", |d| d[..d.len() / 2].to_vec()),
            "BrokenArtifact",
        ),
        (
            "index-of-noise.tar.gz",
            archives::with_file(&iris, "variables.index", |d| archives::noise(2, d.len())),
            "BrokenArtifact",
        ),
        (
            "half-index.tar.gz",
            archives::with_file(&iris, "variables.index", |d| d[..d.len() / 2].to_vec()),
            "BrokenArtifact",
        ),
        (
            "flipped-index.tar.gz",
            archives::with_file(&iris, "variables.index", lying_index),
            "BrokenArtifact",
        ),
        ("empty-data.tar.gz", archives::with_file(&iris, "00000-of-00001", |_| vec![]), "BrokenArtifact"),
        (
            "data-of-noise.tar.gz",
            archives::with_file(&iris, "00000-of-00001", |d| archives::noise(3, d.len())),
            "BrokenArtifact",
        ),
    ]
}

/// Hands a value on.
trait Pipe: Sized {
    fn pipe<T>(self, f: impl FnOnce(&[u8]) -> T) -> T;
}

impl Pipe for Vec<u8> {
    fn pipe<T>(self, f: impl FnOnce(&[u8]) -> T) -> T {
        f(&self)
    }
}

async fn assert_well(server: &Server, after: &str) {
    assert!(server.is_alive().await, "dead after {after}:\n{}", server.log_tail());
    let models = server.models().await;
    let disk = models["disk"]["used"].as_u64().unwrap();
    let on_disk = disk_usage(server.cache_dir());
    assert!(
        disk <= DISK_BUDGET && on_disk <= DISK_BUDGET + (1 << 20),
        "{disk} and {on_disk} bytes on disk after {after}"
    );
    assert!(server.resident_set() < MEMORY, "{} bytes of memory after {after}", server.resident_set());
}

#[tokio::test]
async fn every_hostile_archive_gets_its_error() {
    let (models, table) = (tempfile::tempdir().unwrap(), hostile_archives());
    for (name, archive, _) in &table {
        std::fs::write(models.path().join(name), archive).unwrap();
    }
    let server = Setup::directory(models.path()).flag("--disk-budget", DISK_BUDGET).start().await;
    let iris = examples::iris();
    let mut wrong = Vec::new();
    for (name, _, reason) in &table {
        let answer = server.invoke(name, iris.request.clone()).await;
        let got = (answer.status.as_u16(), answer.error_type().to_owned(), answer.reason());
        if got != (424, "ModelError".to_owned(), (*reason).to_owned()) {
            wrong.push(format!("{name}: wanted {reason}, got {}", answer.show()));
        }
        assert_well(&server, name).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!std::path::Path::new("/tmp/berth-escape").exists());
}

/// Name, target model, content type, body, status, part of the message.
type Refused = (&'static str, String, &'static str, Vec<u8>, u16, &'static str);

#[allow(clippy::too_many_lines, reason = "a table")]
fn hostile_requests() -> Vec<Refused> {
    const JSON: &str = "application/json";
    const NPY: &str = "application/x-npy";
    let iris = || "iris.tar.gz".to_owned();
    let json = |name, body: &str, part| (name, iris(), JSON, body.as_bytes().to_vec(), 400, part);
    let target = |name, model: &str, part| (name, model.to_owned(), JSON, b"[[1,2,3,4]]".to_vec(), 400, part);
    let npy = |name, header: &str, data: usize, part| {
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        let body = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &vec![0; data]].concat();
        (name, iris(), NPY, body, 400, part)
    };
    vec![
        json("empty body", "", "empty"),
        json("no json", "hello", "array"),
        json("half a body", "{\"instances\": [[1, 2", "JSON"),
        json("neither key", "{\"rows\": [[1,2,3,4]]}", "instances"),
        json("both keys", "{\"instances\": [[1,2,3,4]], \"inputs\": [[1,2,3,4]]}", "not both"),
        json("ragged", "{\"instances\": [[1,2,3,4],[1,2,3]]}", "one shape"),
        json("too narrow", "{\"instances\": [[1,2,3]]}", "float32[N,4]"),
        json("too many dimensions", "{\"instances\": [[[1,2,3,4]]]}", "float32[N,4]"),
        json("a number", "{\"instances\": 7}", "array"),
        json("text for numbers", "{\"instances\": [[\"a\",\"b\",\"c\",\"d\"]]}", "float32"),
        json("null", "{\"instances\": [[null,2,3,4]]}", "float32"),
        json("true", "{\"instances\": [[true,2,3,4]]}", "float32"),
        json("wrong name", "{\"instances\": [{\"colour\": [1,2,3,4]}]}", "measurements"),
        json("wrong column", "{\"inputs\": {\"colour\": [[1,2,3,4]]}}", "measurements"),
        json("no columns", "{\"inputs\": {}}", "missing"),
        json(
            "unknown signature",
            "{\"signature_name\": \"x\", \"instances\": [[1,2,3,4]]}",
            "serving_default",
        ),
        json("rest after the end", "{\"instances\": [[1,2,3,4]]} x", "end"),
        json("deep", &"[".repeat(100_000), "deep"),
        json("deep objects", &"{\"a\":".repeat(100_000), "deep"),
        json("bad escape", "{\"instances\": [[\"\\q\"]]}", "escape"),
        npy("npy of nothing", "", 0, "npy"),
        npy(
            "npy of a huge shape",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
            16,
            "npy",
        ),
        npy("npy of objects", "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "npy"),
        npy("npy cut short", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }", 3, "npy"),
        npy(
            "npy of another shape",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 5), }",
            20,
            "float32[N,4]",
        ),
        ("no npy", iris(), NPY, b"hello".to_vec(), 400, "npy"),
        ("csv of words", iris(), "text/csv", b"a,b,c,d\n".to_vec(), 400, "line 1"),
        ("ragged csv", iris(), "text/csv", b"1,2,3,4\n1,2\n".to_vec(), 400, "line 2"),
        ("empty csv", iris(), "text/csv", b"\n".to_vec(), 400, "line"),
        ("broken lines", iris(), "application/jsonlines", b"[1,2,3,4]\n[1,2".to_vec(), 400, "JSON"),
        ("picture", iris(), "image/png", vec![0x89, b'P', b'N', b'G'], 400, "content type"),
        ("large body", iris(), JSON, vec![b' '; 3 << 20], 413, "larger"),
        target("path up", "../iris.tar.gz", "not valid"),
        target("absolute path", "/etc/passwd", "not valid"),
        target("doubled slash", "a//iris.tar.gz", "not valid"),
        target("backslash", "a\\iris.tar.gz", "not valid"),
        target("long name", &"x".repeat(1025), "not valid"),
        target("missing model", "nothing.tar.gz", "no model"),
        target("missing directory", "nothing", "no model"),
        target("no archive", "notes.txt", "no model"),
        target("link out of the root", "passwd.tar.gz", "no model"),
    ]
}

#[tokio::test]
async fn every_hostile_request_gets_its_error() {
    let (models, iris) = (tempfile::tempdir().unwrap(), examples::iris());
    std::fs::write(models.path().join("iris.tar.gz"), &iris.archive).unwrap();
    std::fs::write(models.path().join("notes.txt"), "notes").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", models.path().join("passwd.tar.gz")).unwrap();
    let setup = Setup::directory(models.path()).flag("--disk-budget", DISK_BUDGET).flag("--max-body", "2MiB");
    let server = setup.start().await;
    let mut wrong = Vec::new();
    for (name, model, content, body, status, part) in hostile_requests() {
        let headers = [("X-Amzn-SageMaker-Target-Model", model.as_str()), ("Content-Type", content)];
        let answer =
            server.send(hyper::Method::POST, "/endpoints/e/invocations", &headers, body).await.unwrap();
        let message = String::from_utf8_lossy(&answer.body).into_owned();
        if (answer.status.as_u16(), answer.error_type()) != (status, "ValidationError")
            || !message.contains(part)
        {
            wrong.push(format!("{name}: wanted {status} and {part:?}, got {}", answer.show()));
        }
        assert_well(&server, name).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    iris.check(&server.invoke("iris.tar.gz", iris.request.clone()).await);
}

#[tokio::test]
async fn odd_archives_work() {
    let iris = examples::iris();
    let files = archives::files(&iris.archive);
    let same = str::to_owned;
    let plain = archives::tar(&files);
    let (first, second) = plain.split_at(plain.len() / 3);
    let two_versions = archives::files(&archives::moved(&iris.archive, |p| p.replacen("1/", "12/", 1)));
    let broken: Vec<_> = files.iter().map(|(p, _)| (p.replacen("1/", "9/", 1), b"old".to_vec())).collect();
    let odd: Vec<(&str, Vec<u8>)> = vec![
        ("dotted.tar.gz", Tar::new().dir("./").files(&files, |p| format!("./{p}")).gz()),
        ("no-dirs.tar.gz", Tar::new().files(&files, same).gz()),
        ("plain.tar.gz", plain.clone()),
        ("plain.tar", plain.clone()),
        ("short.tgz", iris.archive.clone()),
        ("members.tar.gz", [gzip(first), gzip(second)].concat()),
        (
            "pax.tar.gz",
            Tar::new().global_pax(&[("comment", "x")]).pax(&[("mtime", "1.5")]).files(&files, same).gz(),
        ),
        (
            "litter.tar.gz",
            Tar::new()
                .file("._1", b"x")
                .file("1/.DS_Store", b"x")
                .file("__MACOSX/1/._a", b"x")
                .files(&files, same)
                .gz(),
        ),
        ("wrapped.tar.gz", archives::moved(&iris.archive, |p| format!("iris/{p}"))),
        ("servo.tar.gz", archives::moved(&iris.archive, |p| format!("export/Servo/{p}"))),
        ("top.tar.gz", archives::moved(&iris.archive, |p| p.replacen("1/", "", 1))),
        ("versions.tar.gz", Tar::new().files(&broken, same).files(&two_versions, same).gz()),
        (
            "long.tar.gz",
            Tar::new()
                .long_name(&format!("1/assets/{}", "n".repeat(200)))
                .file("1/x", b"x")
                .files(&files, same)
                .gz(),
        ),
        ("open-end.tar", Tar::new().files(&files, same).open_end()),
    ];
    let models = tempfile::tempdir().unwrap();
    for (name, archive) in &odd {
        std::fs::write(models.path().join(name), archive).unwrap();
    }
    let unpacked = models.path().join("unpacked");
    for (path, data) in &files {
        let to = unpacked.join(path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, data).unwrap();
    }
    let server = Setup::directory(models.path()).start().await;
    let mut wrong = Vec::new();
    for name in odd.iter().map(|(name, _)| *name).chain(["unpacked", "unpacked/"]) {
        let answer = server.invoke(name, iris.request.clone()).await;
        if answer.status != 200 {
            wrong.push(format!("{name}: {}", answer.show()));
        } else {
            examples::assert_answer(&examples::predictions(&answer.body), &iris.answer);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
