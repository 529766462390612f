//! Requests run together and each alone.

use super::tensors::{Named, differ, picked};
use berth_engine::{Batching, Model};

/// How many rows each of the requests has that are run together.
const REQUESTS: [usize; 3] = [1, 3, 2];

/// What came of a signature.
#[derive(Debug, PartialEq)]
pub enum Came {
    /// Answers are the same, of so many requests.
    Same(usize),
    Never(String),
    Differs(String),
}

/// Runs requests made of the rows of one together and each alone, if the model may be asked so.
pub fn check(model: &Model, signature: &str, given: &Named) -> Came {
    match model.batching(Some(signature)).unwrap() {
        Batching::Never(why) => {
            assert_eq!(model.most_rows(Some(signature)), 1);
            return Came::Never(why.clone());
        }
        _ => assert!((1..=128).contains(&model.most_rows(Some(signature)))),
    }
    let there = given.iter().map(|(_, t)| t.shape()[0]).min().unwrap_or(0);
    if there == 0 {
        return Came::Same(0);
    }
    let total: usize = REQUESTS.iter().sum();
    let rows: Vec<(usize, usize)> = (0..total).map(|n| (n % there, n / there)).collect();
    let part = |rows: &[(usize, usize)]| -> Named {
        given.iter().map(|(name, tensor)| (name.clone(), picked(tensor, rows))).collect()
    };
    let (mut first, mut same) = (0, 0);
    let together = model.run(signature, part(&rows));
    for many in REQUESTS {
        let own = first..first + many;
        first += many;
        match (&together, model.run(signature, part(&rows[own.clone()]))) {
            (Ok(together), Ok(alone)) => {
                for ((name, together), (_, alone)) in together.iter().zip(&alone) {
                    if together.shape().first() != Some(&total) {
                        return Came::Differs(format!("{name}: shape {:?} of {total} rows", together.shape()));
                    }
                    let own: Vec<(usize, usize)> = own.clone().map(|row| (row, 0)).collect();
                    if let Some(how) = differ(&picked(together, &own), alone) {
                        return Came::Differs(format!("{name}, rows {own:?}: {how}"));
                    }
                }
                same += 1;
            }
            // One row that is refused is all that is needed for both.
            (Err(_), Err(_) | Ok(_)) => {}
            (Ok(_), Err(error)) => return Came::Differs(format!("alone it fails: {error}")),
        }
    }
    Came::Same(same)
}
