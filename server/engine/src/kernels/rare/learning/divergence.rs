//! How much of each of some parts is in rows, none less than nothing: the least divergence by multiplication (Févotte and Idier 2011).

use super::super::super::access::{make, output};
use super::super::super::{Outcome, Value, elements, fail};
use crate::graph::Divergence;

/// What is nearer to nothing does not divide.
const NEAREST: f64 = f32::EPSILON as f64;
/// After as many rounds it is looked whether they were of use.
const LOOK: usize = 10;

/// Rows [n, width] and parts [k, width] → [n, k].
pub fn shares(how: Divergence, x: &Value, parts: &Value) -> Outcome {
    let (&[rows, width], &[k, of]) = (x.dims(), parts.dims()) else {
        return Err(fail("shares of parts are of matrices"));
    };
    if of != width || width == 0 || k == 0 {
        return Err(fail(format!("{k} parts of {of} features in rows of {width}")));
    }
    elements(&[rows, k])?;
    let mut out = output::<f64>(&[rows, k])?;
    let (x, parts) = (x.slice::<f64>()?, parts.slice::<f64>()?);
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    out.fill((mean / k as f64).sqrt());
    let mut mixed = vec![0.0; width];
    let mut last = apart(how, x, parts, &out, &mut mixed);
    let first = last;
    for round in 1..=how.rounds {
        // scikit-learn adds this cost to a sum that it keeps from round to round, of this one kind.
        let times = if how.beta == 1.0 { round as f64 } else { 1.0 };
        let now = Divergence { absolute: how.absolute * times, ..how };
        for (own, x) in out.chunks_exact_mut(k).zip(x.chunks_exact(width)) {
            mix(own, parts, &mut mixed);
            step(now, x, parts, &mixed, own);
        }
        if how.tolerance > 0.0 && round % LOOK == 0 {
            let left = apart(how, x, parts, &out, &mut mixed);
            if (last - left) / first < how.tolerance {
                break;
            }
            last = left;
        }
    }
    make(out, &[rows, k])
}

/// The parts by their shares.
fn mix(shares: &[f64], parts: &[f64], mixed: &mut [f64]) {
    mixed.fill(0.0);
    for (share, part) in shares.iter().zip(parts.chunks_exact(mixed.len())) {
        mixed.iter_mut().zip(part).for_each(|(to, p)| *to += share * p);
    }
}

fn power(x: f64, exponent: f64) -> f64 {
    match exponent {
        0.0 => 1.0,
        1.0 => x,
        -1.0 => 1.0 / x,
        exponent => x.powf(exponent),
    }
}

/// No nearer to nothing than what divides, where there is a division.
fn safe(x: f64, exponent: f64) -> f64 {
    if exponent < 0.0 { x.max(NEAREST) } else { x }
}

/// The shares of one row, by what calls for more of a part over what calls for less.
fn step(how: Divergence, x: &[f64], parts: &[f64], mixed: &[f64], shares: &mut [f64]) {
    let beta = how.beta;
    // Steps that are certain to lead down.
    let gamma = match beta {
        b if b < 1.0 => 1.0 / (2.0 - b),
        b if b > 2.0 => 1.0 / (b - 1.0),
        _ => 1.0,
    };
    for (share, part) in shares.iter_mut().zip(parts.chunks_exact(mixed.len())) {
        let (mut more, mut less) = (0.0, how.absolute.max(0.0) + how.square.max(0.0) * *share);
        for ((x, mixed), part) in x.iter().zip(mixed).zip(part) {
            more += x * power(safe(*mixed, beta - 2.0), beta - 2.0) * part;
            less += power(safe(*mixed, beta - 1.0), beta - 1.0) * part;
        }
        let ratio = more / if less == 0.0 { NEAREST } else { less };
        *share *= power(ratio, gamma);
        if beta < 1.0 && *share < f64::EPSILON {
            *share = 0.0;
        }
    }
}

/// How far all rows are from what their shares make: the root of twice the divergence.
fn apart(how: Divergence, x: &[f64], parts: &[f64], shares: &[f64], mixed: &mut [f64]) -> f64 {
    let (beta, width) = (how.beta, mixed.len());
    let k = parts.len() / width;
    let mut sum = 0.0;
    for (own, x) in shares.chunks_exact(k).zip(x.chunks_exact(width)) {
        mix(own, parts, mixed);
        sum += x.iter().zip(&*mixed).map(|(x, mixed)| far(beta, *x, *mixed)).sum::<f64>();
    }
    (2.0 * sum.max(0.0)).sqrt()
}

/// The divergence of one number from another.
fn far(beta: f64, x: f64, mixed: f64) -> f64 {
    let there = x > NEAREST;
    let by = mixed.max(NEAREST);
    match beta {
        2.0 => 0.5 * (x - mixed) * (x - mixed),
        1.0 => mixed + if there { x * (x / by).ln() - x } else { 0.0 },
        0.0 => (if there { x / by - (x / by).ln() } else { 0.0 }) - 1.0,
        _ => {
            let own = if there { power(x, beta) - beta * x * power(by, beta - 1.0) } else { 0.0 };
            (own + (beta - 1.0) * power(mixed, beta)) / (beta * (beta - 1.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Literal;
    use crate::kernels::into_value;

    fn value(data: Vec<f64>, shape: &[usize]) -> Value {
        into_value(Literal::F64(data, shape.to_vec())).unwrap()
    }

    fn how(beta: f64) -> Divergence {
        Divergence { beta, tolerance: 0.0, rounds: 2000, absolute: 0.0, square: 0.0 }
    }

    #[test]
    fn what_parts_make_is_found_by_every_divergence() {
        // Two of (1, 2, 1) and three of (3, 1, 2).
        let (x, parts) =
            (value(vec![11.0, 7.0, 8.0], &[1, 3]), value(vec![1.0, 2.0, 1.0, 3.0, 1.0, 2.0], &[2, 3]));
        for beta in [2.0, 1.0, 0.0, 1.5, 0.5, 3.0] {
            let made = shares(how(beta), &x, &parts).unwrap();
            let made = made.slice::<f64>().unwrap();
            assert!((made[0] - 2.0).abs() < 1e-6 && (made[1] - 3.0).abs() < 1e-6, "{beta}: {made:?}");
        }
    }

    #[test]
    fn nothing_and_no_numbers_end() {
        let parts = value(vec![1.0, 2.0], &[1, 2]);
        for x in [vec![], vec![0.0; 2], vec![f64::NAN; 2], vec![f64::MAX; 2]] {
            let rows = x.len() / 2;
            assert!(shares(how(1.0), &value(x, &[rows, 2]), &parts).is_ok());
        }
        assert!(shares(how(1.0), &value(vec![1.0; 3], &[1, 3]), &parts).is_err());
    }
}
