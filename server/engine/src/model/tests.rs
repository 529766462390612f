//! What is said of a model's memory before it is loaded, and what becomes of it when it is loaded again.

use super::{Model, Prepared};
use crate::formats::{self, Access};
use crate::{DType, Data, Tensor};
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let dirs = root.read_dir().unwrap().map(|e| e.unwrap().path());
    dirs.filter(|p| p.join("cases.json").exists()).collect()
}

/// What a model answers to some numbers; none where its inputs have no shape.
fn answers(model: &Model) -> Answers {
    let ask = |signature: &crate::Signature| {
        let inputs = signature.inputs.iter().map(|spec| {
            let shape: Vec<usize> = spec.shape.as_ref()?.iter().map(|d| d.unwrap_or(2)).collect();
            let count = shape.iter().product::<usize>();
            let data = match spec.dtype {
                DType::F32 => Data::F32((0..count).map(|n| (n as f32 * 0.3).sin()).collect()),
                DType::I32 | DType::I64 => Data::I64((0..count).map(|n| n as i64 % 4).collect()),
                _ => return None,
            };
            Some((spec.name.clone(), Tensor::new(shape, data).unwrap()))
        });
        model.run(&signature.name, inputs.collect::<Option<_>>()?).ok()
    };
    model.signatures().iter().map(ask).collect()
}

#[test]
fn the_forecast_is_what_the_plans_hold() {
    let mut exact = 0;
    for dir in fixtures() {
        let prepared = Prepared::open(&dir).unwrap();
        let (forecast, folded) =
            (prepared.resident_bytes(), prepared.outlines.iter().all(|o| o.wanted().is_empty()));
        let model = prepared.load().unwrap();
        assert!(model.resident_bytes() <= forecast, "{}", dir.display());
        if folded {
            assert_eq!(model.resident_bytes(), forecast, "{}", dir.display());
            exact += 1;
        }
    }
    assert!(exact >= 20, "{exact} fixtures have nothing to fold later");
}

/// Mapped or read, packed anew or found packed: the answers are the same to the last bit. Whatever the size from which on
/// weights are read late, they are the same but for the order of multiplications.
#[test]
fn a_model_that_comes_back_answers_the_same() {
    let place = tempfile::tempdir().unwrap();
    let mut files = 0;
    for (n, dir) in fixtures().iter().enumerate() {
        let usual = answers(&Prepared::open(dir).and_then(Prepared::load).unwrap());
        for small in [0, 4, 256] {
            let path = place.path().join(format!("{n}-{small}"));
            let open = |unchanging, checked| {
                let access = Access { unchanging, checked, small };
                let packed = unchanging.then(|| (path.clone(), checked));
                let artifact = formats::read(dir, access).unwrap();
                Prepared::of(artifact, packed).and_then(Prepared::load).unwrap()
            };
            let read = open(false, false);
            assert!(read.unsaved().is_none(), "nobody gave a place for its packed weights");
            let wanted = answers(&read);
            assert!(alike(&wanted, &usual), "{}, {small} bytes are small", dir.display());
            let first = open(true, false);
            assert_eq!(answers(&first), wanted, "{}", dir.display());
            let Some(unsaved) = first.unsaved() else { continue };
            assert!(unsaved.write(&mut std::fs::File::create(&path).unwrap()).unwrap());
            drop(first);
            for checked in [false, true] {
                let again = open(true, checked);
                assert!(again.unsaved().is_none(), "{}: all of it was found", dir.display());
                assert_eq!(answers(&again), wanted, "{}", dir.display());
            }
            files += 1;
        }
    }
    assert!(files >= 10, "{files} files of packed weights");
}

type Answers = Vec<Option<Vec<(String, Tensor)>>>;

fn alike(some: &Answers, others: &Answers) -> bool {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * b.abs().max(1.0) || a.to_bits() == b.to_bits();
    let same = |(a, b): (&(String, Tensor), &(String, Tensor))| match (a.1.data(), b.1.data()) {
        (Data::F32(a), Data::F32(b)) => a.len() == b.len() && a.iter().zip(b).all(near),
        (a, b) => a == b,
    };
    some.iter().flatten().flatten().zip(others.iter().flatten().flatten()).all(same)
}
