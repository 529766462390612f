//! Requests run together and each alone.

use super::tensors::{Named, differ, picked};
use berth_engine::{Batching, Model};

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
