//! A file of packed weights is read back as it was written, or not at all.

use super::{HEADER, Key, PackedFile, Packs, ROW};
use crate::kernels::Form;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const DENSE: Form = Form::Dense([7, 45]);
const GROUPED: Form = Form::Conv { dims: [3, 3, 4, 10], groups: 2 };
const WHOLE: Form = Form::Conv { dims: [3, 3, 4, 5], groups: 1 };

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| (n as f32 * 0.7).sin()).collect()
}

fn packs() -> Arc<Packs> {
    let all = [([1; 32], DENSE, 7 * 45), ([2; 32], GROUPED, 9 * 40), ([3; 32], WHOLE, 9 * 20)];
    let packed = all.map(|(key, form, count): (Key, _, _)| (key, form.pack(&numbers(count))));
    Arc::new(Packs::new(BTreeMap::from(packed)))
}

fn bytes() -> Vec<u8> {
    let packs = packs();
    let unsaved = packs.unsaved().unwrap();
    let mut bytes = Vec::new();
    assert!(unsaved.write(&mut bytes).unwrap());
    assert_eq!(bytes.len() as u64, unsaved.bytes());
    bytes
}

fn open(dir: &Path, bytes: &[u8], checked: bool) -> Option<PackedFile> {
    let path = dir.join("packed");
    // A file of its own: one that is mapped is never written to.
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).unwrap();
    PackedFile::open(&path, checked)
}

#[test]
fn packed_weights_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let file = open(dir.path(), &bytes(), false).unwrap();
    let (packs, forms) = (packs(), [DENSE, GROUPED, WHOLE]);
    for ((key, wanted), form) in packs.0.iter().zip(forms) {
        let found = file.find(key, form).unwrap();
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert_eq!(found.as_slice(), wanted.as_slice());
            assert_eq!(found.as_slice().as_ptr().addr() % 64, 0);
        }
    }
    assert!(file.find(&[9; 32], DENSE).is_none(), "nobody wrote this key");
    assert!(file.find(&[1; 32], GROUPED).is_none(), "another form has another size");
}

/// Whatever byte is another one than what was written, nothing of the file is used.
#[test]
fn a_damaged_file_is_none() {
    let (dir, whole) = (tempfile::tempdir().unwrap(), bytes());
    let table = HEADER + 3 * ROW;
    for at in (0..table).chain((table..whole.len()).step_by(509)).chain([whole.len() - 1]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        // What lies between two rows is nobody's.
        let gap = at >= table && at < table.next_multiple_of(64);
        assert_eq!(open(dir.path(), &damaged, false).is_some(), gap, "byte {at}");
        if at < table {
            assert!(open(dir.path(), &damaged, true).is_none(), "byte {at}, without a look at the rest");
        }
    }
    for length in [0, 1, HEADER - 1, HEADER, table, whole.len() - 1] {
        assert!(open(dir.path(), &whole[..length], true).is_none(), "{length} bytes");
    }
    assert!(open(dir.path(), &[whole.as_slice(), &[0]].concat(), true).is_none(), "a byte too many");
    assert!(PackedFile::open(&dir.path().join("nothing"), true).is_none());
    assert!(PackedFile::open(dir.path(), true).is_none(), "a directory");
}

/// Rows that lie, with checksums that are right.
#[test]
fn rows_beyond_the_file_are_none() {
    let (dir, whole) = (tempfile::tempdir().unwrap(), bytes());
    for (at, value) in [(32, u64::MAX), (32, 8), (40, u64::MAX), (40, whole.len() as u64)] {
        let mut lying = whole.clone();
        lying[HEADER + at..][..8].copy_from_slice(&value.to_le_bytes());
        let table = crc32c::crc32c(&lying[HEADER..HEADER + 3 * ROW]);
        lying[24..28].copy_from_slice(&table.to_le_bytes());
        let header = crc32c::crc32c(&lying[..28]);
        lying[28..32].copy_from_slice(&header.to_le_bytes());
        assert!(open(dir.path(), &lying, true).is_none(), "{value} at {at}");
    }
}

#[test]
fn a_model_that_went_leaves_nothing_to_write() {
    let packs = packs();
    let unsaved = packs.unsaved().unwrap();
    drop(packs);
    assert!(!unsaved.write(&mut Vec::new()).unwrap());
    assert!(Arc::new(Packs::new(BTreeMap::new())).unsaved().is_none());
}
