//! How much of each of some parts is in rows, none less than nothing: least squares by coordinate descent (Cichocki and Phan 2009).

use super::super::super::access::{make, output};
use super::super::super::{Outcome, Value, elements, fail};
use crate::graph::Descent;

/// Rows' products with parts [n, k], and the parts' with each other [k, k]. One coordinate of all rows after the other is set to
/// where its slope ends; rounds go on until the slopes are a small share of those of the first.
pub fn shares(descent: Descent, sums: &Value, gram: &Value) -> Outcome {
    let (&[rows, k], &[a, b]) = (sums.dims(), gram.dims()) else {
        return Err(fail("shares of parts are of matrices"));
    };
    if a != k || b != k {
        return Err(fail(format!("products with {k} parts, of which {a} and {b} are multiplied")));
    }
    elements(&[rows, k])?;
    let mut out = output::<f64>(&[rows, k])?;
    out.fill(0.0);
    let (sums, gram) = (sums.slice::<f64>()?, gram.slice::<f64>()?);
    let mut first = 0.0;
    for round in 0..descent.rounds {
        let slopes: f64 = (0..k).map(|part| step(&mut out, sums, gram, [k, part])).sum();
        if round == 0 {
            first = slopes;
        }
        // Slopes that are no numbers never become less.
        let share = slopes / first;
        if share.is_nan() || share <= descent.tolerance {
            break;
        }
    }
    make(out, &[rows, k])
}

/// Sets one coordinate of all rows. How steep it was, in sum.
fn step(out: &mut [f64], sums: &[f64], gram: &[f64], [k, part]: [usize; 2]) -> f64 {
    let others = &gram[part * k..(part + 1) * k];
    let curvature = others[part];
    let mut steep = 0.0;
    for (own, sums) in out.chunks_exact_mut(k).zip(sums.chunks_exact(k)) {
        let slope = others.iter().zip(&*own).fold(-sums[part], |sum, (g, w)| sum + g * w);
        // At nothing, only what goes up counts.
        steep += if own[part] == 0.0 { slope.min(0.0).abs() } else { slope.abs() };
        if curvature != 0.0 {
            own[part] = (own[part] - slope / curvature).max(0.0);
        }
    }
    steep
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Literal;
    use crate::kernels::into_value;

    fn value(data: Vec<f64>, shape: &[usize]) -> Value {
        into_value(Literal::F64(data, shape.to_vec())).unwrap()
    }

    #[test]
    fn what_would_be_less_than_nothing_is_nothing() {
        // Parts (1, 0) and (1, 1); rows (2, 1) and (1, -1): the second would take -1 of the second part.
        let (sums, gram) =
            (value(vec![2.0, 3.0, 1.0, 0.0], &[2, 2]), value(vec![1.0, 1.0, 1.0, 2.0], &[2, 2]));
        let made = shares(Descent { tolerance: 1e-14, rounds: 1000 }, &sums, &gram).unwrap();
        let wanted = [1.0, 1.0, 1.0, 0.0];
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(made.slice::<f64>().unwrap().iter().zip(&wanted).all(near), "{made:?}");
    }

    #[test]
    fn no_parts_no_rounds_and_no_numbers_end() {
        let descent = Descent { tolerance: 0.0, rounds: 5 };
        assert!(shares(descent, &value(vec![], &[0, 2]), &value(vec![0.0; 4], &[2, 2])).is_ok());
        assert!(
            shares(descent, &value(vec![f64::NAN; 2], &[1, 2]), &value(vec![f64::NAN; 4], &[2, 2])).is_ok()
        );
        assert!(shares(descent, &value(vec![1.0; 2], &[1, 2]), &value(vec![1.0; 6], &[3, 2])).is_err());
        assert!(shares(descent, &value(vec![], &[3, 0]), &value(vec![], &[0, 0])).is_ok());
    }
}
