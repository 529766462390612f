//! Probabilities of classes from those of their pairs, as support vector machines have them (Wu, Lin and Weng, 2004).

use super::super::access::{make, output};
use super::super::{Outcome, Value, fail};

/// Rounds that are made at most.
const MOST_ROUNDS: usize = 100;
/// Nothing is quite certain.
const LEAST: f64 = 1e-7;

pub fn classes(x: &Value, classes: usize) -> Outcome {
    let pairs = classes * classes.saturating_sub(1) / 2;
    let &[rows, width] = x.dims() else {
        return Err(fail(format!("pairs of classes are in rows, not in {:?}", x.dims())));
    };
    if width != pairs || pairs == 0 {
        return Err(fail(format!("{width} pairs of {classes} classes")));
    }
    let mut out = output::<f32>(&[rows, classes])?;
    for (row, out) in x.slice::<f32>()?.chunks_exact(pairs).zip(out.chunks_exact_mut(classes)) {
        let found = one_row(row, classes);
        out.iter_mut().zip(found).for_each(|(to, p)| *to = p as f32);
    }
    make(out, &[rows, classes])
}

/// The probabilities that fit those of the pairs best: each in turn is made to, until all do.
fn one_row(pairs: &[f32], n: usize) -> Vec<f64> {
    let mut chance = vec![0.0; n * n];
    let mut given = pairs.iter();
    for i in 0..n {
        for j in i + 1..n {
            let p = f64::from(given.next().copied().unwrap_or(0.5)).clamp(LEAST, 1.0 - LEAST);
            (chance[i * n + j], chance[j * n + i]) = (p, 1.0 - p);
        }
    }
    let mut quadratic = vec![0.0; n * n];
    for i in 0..n {
        for j in (0..n).filter(|j| *j != i) {
            quadratic[i * n + i] += chance[j * n + i] * chance[j * n + i];
            quadratic[i * n + j] = -chance[j * n + i] * chance[i * n + j];
        }
    }
    let mut found = vec![1.0 / n as f64; n];
    let enough = 0.005 / n as f64;
    for _ in 0..MOST_ROUNDS {
        let row = |i: usize| (0..n).map(|j| quadratic[i * n + j] * found[j]).sum::<f64>();
        let mut gradient: Vec<f64> = (0..n).map(row).collect();
        let mut whole: f64 = gradient.iter().zip(&found).map(|(g, p)| g * p).sum();
        if gradient.iter().all(|g| (g - whole).abs() < enough) {
            break;
        }
        for i in 0..n {
            let own = quadratic[i * n + i];
            let change = (whole - gradient[i]) / own;
            found[i] += change;
            let scale = 1.0 + change;
            whole = (whole + change * (change * own + 2.0 * gradient[i])) / scale / scale;
            for j in 0..n {
                gradient[j] = (gradient[j] + change * quadratic[i * n + j]) / scale;
                found[j] /= scale;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::one_row;

    /// Of two classes the probability is that of their pair.
    #[test]
    fn two_classes_are_their_pair() {
        let found = one_row(&[0.8], 2);
        assert!((found[0] - 0.8).abs() < 0.01 && (found[0] + found[1] - 1.0).abs() < 1e-9);
    }

    /// Pairs that fit each other are those of one distribution.
    #[test]
    fn pairs_of_one_distribution_give_it_back() {
        let p = [0.5, 0.3, 0.2];
        let pair = |a: f64, b: f64| (a / (a + b)) as f32;
        let found = one_row(&[pair(p[0], p[1]), pair(p[0], p[2]), pair(p[1], p[2])], 3);
        assert!(found.iter().zip(p).all(|(a, b)| (a - b).abs() < 0.01), "{found:?}");
    }
}
