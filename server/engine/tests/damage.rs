//! Damaged artifacts give errors: no panic, no hang, no memory for sizes that a file merely claims.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_engine::Prepared;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

const FILES: [&str; 3] =
    ["1/saved_model.pb", "1/variables/variables.index", "1/variables/variables.data-00000-of-00001"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy with one file replaced.
fn with(name: &str, file: &str, bytes: &[u8]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(copy.path().join("1/variables")).unwrap();
    for other in FILES.iter().filter(|f| **f != file) {
        std::fs::copy(fixture(name).join(other), copy.path().join(other)).unwrap();
    }
    std::fs::write(copy.path().join(file), bytes).unwrap();
    copy
}

/// Loads, and runs nothing: what loads may still compute something else than before.
fn load(dir: &Path) -> Result<(), String> {
    Prepared::open(dir).and_then(Prepared::load).map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn a_cut_file_is_an_error() {
    for file in FILES {
        let whole = std::fs::read(fixture("several").join(file)).unwrap();
        // The weights come first; what follows them in the data file is TensorFlow's own and is not read.
        let needed = if file == FILES[2] { 60 } else { whole.len() };
        for tenth in 0..10 {
            let cut = &whole[..needed * tenth / 10];
            let copy = with("several", file, cut);
            assert!(load(copy.path()).is_err(), "{file} cut to {} bytes loads", cut.len());
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for name in ["several", "classic", "embedding"] {
        for file in &FILES[..2] {
            let whole = std::fs::read(fixture(name).join(file)).unwrap();
            for _ in 0..150 {
                let mut bytes = whole.clone();
                for _ in 0..1 + random() % 3 {
                    let at = random() % bytes.len();
                    bytes[at] ^= 1 << (random() % 8);
                }
                let copy = with(name, file, &bytes);
                let path = copy.path().to_owned();
                assert!(catch_unwind(|| load(&path)).is_ok(), "{name}/{file} panics");
            }
        }
    }
}

#[test]
fn changed_weights_fail_their_checksum() {
    let file = FILES[2];
    let mut bytes = std::fs::read(fixture("several").join(file)).unwrap();
    let last = bytes.len() - 1;
    bytes[0] ^= 1;
    bytes[last] ^= 1;
    let copy = with("several", file, &bytes);
    assert!(load(copy.path()).unwrap_err().contains("checksum"));
}

#[test]
fn the_highest_version_is_served_and_none_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let nothing = load(root.path()).unwrap_err();
    assert!(nothing.contains("saved_model.pb"), "{nothing}");
    for (version, from) in [("2", "several"), ("10", "functional")] {
        let to = root.path().join("wrapped").join(version).join("variables");
        std::fs::create_dir_all(&to).unwrap();
        for file in FILES {
            let place = to.parent().unwrap().join(file.strip_prefix("1/").unwrap());
            std::fs::copy(fixture(from).join(file), place).unwrap();
        }
    }
    let report = berth_engine::inspect(root.path()).unwrap();
    assert!(
        report.signatures.iter().any(|s| s.inputs.iter().any(|i| i.name == "a")),
        "version 10 is functional"
    );
}
