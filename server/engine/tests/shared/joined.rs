//! Requests run together and each alone.

use berth_engine::{Batching, Data, Model, Tensor};

/// Tensors by the names of inputs.
pub type Named = Vec<(String, Tensor)>;

/// How many rows each of the requests has that are run together.
const REQUESTS: [usize; 3] = [1, 3, 2];

/// What came of a signature.
#[derive(Debug, PartialEq)]
pub enum Came {
    /// Requests may be run together, and so many were, with answers that are the same.
    Same(usize),
    /// Requests may not be run together, and why; so many answers that have their rows were the same.
    Never(String, usize),
    Differs(String),
}

/// Runs requests made of the rows of one together and each alone, and compares the answers that have the rows of the inputs.
pub fn check(model: &Model, signature: &str, given: &Named) -> Came {
    let mixed = model.mixed(Some(signature)).unwrap();
    let (found, most) = (model.batching(Some(signature)).unwrap(), model.most_rows(Some(signature)));
    assert!((1..=128).contains(&most));
    assert_eq!(matches!(found, Batching::Never(_)), mixed.iter().any(Option::is_some), "{found:?}");
    let compared = match compared(model, signature, given, &mixed) {
        Ok(compared) => compared,
        Err(how) => return Came::Differs(how),
    };
    match found {
        Batching::Never(why) => Came::Never(why.clone(), compared),
        _ => Came::Same(compared),
    }
}

/// How many requests were answered together as alone.
fn compared(
    model: &Model,
    signature: &str,
    given: &Named,
    mixed: &[Option<String>],
) -> Result<usize, String> {
    let there = given.iter().map(|(_, t)| t.shape().first().copied().unwrap_or(0)).min().unwrap_or(0);
    if there == 0 || mixed.iter().all(Option::is_some) {
        return Ok(0);
    }
    let total: usize = REQUESTS.iter().sum();
    let rows: Vec<(usize, usize)> = (0..total).map(|n| (n % there, n / there)).collect();
    let part = |rows: &[(usize, usize)]| -> Named {
        given.iter().map(|(name, tensor)| (name.clone(), picked(tensor, rows))).collect()
    };
    // A row that is refused is refused for all; answers that no other rows may join can be an error too.
    let Ok(together) = model.run(signature, part(&rows)) else { return Ok(0) };
    let (mut first, mut same) = (0, 0);
    for many in REQUESTS {
        let own = first..first + many;
        first += many;
        let alone = match model.run(signature, part(&rows[own.clone()])) {
            Ok(alone) => alone,
            Err(_) if mixed.iter().any(Option::is_some) => continue,
            Err(error) => return Err(format!("alone it fails: {error}")),
        };
        for (((name, together), (_, alone)), mixed) in together.iter().zip(&alone).zip(mixed) {
            if mixed.is_some() {
                continue;
            }
            if together.shape().first() != Some(&total) {
                return Err(format!("{name}: shape {:?} of {total} rows", together.shape()));
            }
            let rows: Vec<(usize, usize)> = own.clone().map(|row| (row, 0)).collect();
            if let Some(how) = differ(&picked(together, &rows), alone) {
                return Err(format!("{name}, rows {own:?}: {how}"));
            }
            same += 1;
        }
    }
    Ok(same)
}

/// Rows in another order, each with its elements turned round by so many: they differ even where rows were equal, and are still
/// such as the model takes.
fn picked(tensor: &Tensor, rows: &[(usize, usize)]) -> Tensor {
    fn of<T: Clone>(all: &[T], width: usize, rows: &[(usize, usize)]) -> Vec<T> {
        let row = |(row, turn): &(usize, usize)| {
            let mut row = all[row * width..(row + 1) * width].to_vec();
            row.rotate_left(turn % width.max(1));
            row
        };
        rows.iter().flat_map(row).collect()
    }
    let width = tensor.shape()[1..].iter().product();
    let data = match tensor.data() {
        Data::F32(v) => Data::F32(of(v, width, rows)),
        Data::F64(v) => Data::F64(of(v, width, rows)),
        Data::I64(v) => Data::I64(of(v, width, rows)),
        Data::Bool(v) => Data::Bool(of(v, width, rows)),
        Data::String(v) => Data::String(of(v, width, rows)),
    };
    Tensor::new([&[rows.len()], &tensor.shape()[1..]].concat(), data).unwrap()
}

/// How two tensors differ: floats by more than 1e-5 of the largest, everything else at all.
fn differ(a: &Tensor, b: &Tensor) -> Option<String> {
    if a.shape() != b.shape() {
        return Some(format!("shape {:?} together, {:?} alone", a.shape(), b.shape()));
    }
    match (a.data(), b.data()) {
        (Data::F32(a), Data::F32(b)) => {
            let wide = |all: &[f32]| all.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            far(&wide(a), &wide(b))
        }
        (Data::F64(a), Data::F64(b)) => far(a, b),
        (a, b) => (a != b).then(|| "what is no float differs".to_owned()),
    }
}

fn far(a: &[f64], b: &[f64]) -> Option<String> {
    let largest = b.iter().filter(|x| x.is_finite()).fold(1e-3f64, |most, x| most.max(x.abs()));
    let near = |(a, b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-5 * largest;
    let at = a.iter().zip(b).position(|pair| !near(pair))?;
    Some(format!("value {at} is {} together, {} alone", a[at], b[at]))
}
