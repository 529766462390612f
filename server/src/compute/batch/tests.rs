//! What may run together, and what becomes of it.

use super::{join, read, split};
use crate::invoke::Call;
use berth_engine::{Data, EngineError, Model, Prepared, Tensor};
use std::cell::Cell;

fn call(rows: usize, first: f32) -> Call {
    let x: Vec<f32> = (0..rows * 2).map(|n| first + n as f32).collect();
    let words = (0..rows).map(|n| format!("{first}-{n}").into_bytes()).collect();
    let x = Tensor::new(vec![rows, 2], Data::F32(x)).unwrap();
    let words = Tensor::new(vec![rows], Data::String(words)).unwrap();
    Call { signature: "s".to_owned(), inputs: vec![("w".to_owned(), words), ("x".to_owned(), x)] }
}

#[test]
fn what_is_joined_comes_apart_again() {
    let calls = [call(1, 0.0), call(3, 10.0), call(2, 20.0)];
    let joined = join(&calls.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(joined.inputs[1].1.shape(), [6, 2]);
    let parts = split(&joined.inputs, &[1, 3, 2]).unwrap();
    for (part, call) in parts.iter().zip(&calls) {
        assert_eq!(part, &call.inputs);
    }
}

#[test]
fn outputs_of_other_rows_are_no_answers() {
    let outputs = vec![("y".to_owned(), Tensor::new(vec![5, 1], Data::F64(vec![0.0; 5])).unwrap())];
    assert!(split(&outputs, &[2, 4]).is_err());
    let scalar = vec![("y".to_owned(), Tensor::new(vec![], Data::I64(vec![1])).unwrap())];
    assert!(split(&scalar, &[1, 1]).is_err());
    let empty = vec![("y".to_owned(), Tensor::new(vec![3, 0], Data::F32(vec![])).unwrap())];
    assert_eq!(split(&empty, &[2, 1]).unwrap()[1][0].1.shape(), [1, 0]);
}

/// The example of a dense network.
fn iris() -> Model {
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/models/iris.tar.gz");
    let dir = tempfile::tempdir().unwrap();
    let bytes = flate2::read::GzDecoder::new(std::fs::File::open(archive).unwrap());
    tar::Archive::new(bytes).unpack(dir.path()).unwrap();
    Prepared::open(dir.path()).unwrap().load().unwrap()
}

fn flowers(data: Data, shape: &[usize]) -> Call {
    let tensor = Tensor::new(shape.to_vec(), data).unwrap();
    Call { signature: "serving_default".to_owned(), inputs: vec![("measurements".to_owned(), tensor)] }
}

#[test]
fn calls_that_are_alike_may_run_together() {
    let model = iris();
    let of = |data: Data, shape: &[usize]| read(&model, &mut flowers(data, shape));
    let (one, three) = (of(Data::F32(vec![1.0; 4]), &[1, 4]), of(Data::F32(vec![1.0; 12]), &[3, 4]));
    assert!(one.most > 1, "a dense network gains by rows");
    assert_eq!((one.rows, three.rows, one.form.is_some()), (1, 3, true));
    assert_eq!(one.form, three.form);
    assert_ne!(one.form, of(Data::F32(vec![1.0; 5]), &[1, 5]).form);
    assert_ne!(one.form, of(Data::F64(vec![1.0; 4]), &[1, 4]).form);
    assert!(of(Data::F32(vec![1.0]), &[]).form.is_none(), "without rows");
    assert!(of(Data::F32(vec![]), &[0, 4]).form.is_none(), "with none");
    let mut other = Call { signature: "no such".to_owned(), ..flowers(Data::F32(vec![1.0; 4]), &[1, 4]) };
    assert!(read(&model, &mut other).form.is_none());
}

/// A run asks before each operation whether it is to go on, and ends when it is not, the first time and when its shapes are known.
#[test]
fn a_run_that_nobody_waits_for_ends_between_two_operations() {
    let model = iris();
    for _ in 0..2 {
        let run = |most: usize| {
            let asked = Cell::new(0);
            let watch = || asked.replace(asked.get() + 1) < most;
            let call = flowers(Data::F32(vec![1.0; 4]), &[1, 4]);
            (model.run_watched(&call.signature, call.inputs, &watch), asked.get())
        };
        let (answer, steps) = run(usize::MAX);
        assert!(answer.is_ok() && steps > 1, "{answer:?} after {steps} operations");
        for most in 0..steps {
            let (answer, asked) = run(most);
            assert_eq!((answer, asked), (Err(EngineError::Cancelled), most + 1));
        }
    }
}
