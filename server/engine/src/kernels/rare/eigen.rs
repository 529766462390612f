//! Eigenvalues of symmetric matrices, by Jacobi's rotations. Computed in 64 bits.

use super::super::{Value, elements, fail};
use super::{Values, narrowed, wide};

/// Rounds over all pairs; a dozen is enough for any matrix of a sensible size.
const ROUNDS: usize = 60;

/// x, of which the lower triangle counts → values, smallest first, and vectors, a column each. Without `vectors` the latter are empty.
pub fn symmetric(a: &Value, vectors: bool) -> Values {
    let [batch @ .., rows, n] = a.dims() else {
        return Err(fail(format!("shape {:?} is not of matrices", a.dims())));
    };
    if rows != n {
        return Err(fail(format!("a matrix of {rows} rows and {n} columns is not symmetric")));
    }
    let (n, data) = (*n, wide(a)?);
    let (mut values, mut columns) = (Vec::new(), Vec::new());
    for number in 0..elements(batch)? {
        let matrix = &data[number * n * n..(number + 1) * n * n];
        let whole = (0..n * n).map(|i| matrix[(i / n).max(i % n) * n + (i / n).min(i % n)]).collect();
        let (found, v) = turned(whole, n);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|i, j| found[*i].total_cmp(&found[*j]));
        values.extend(order.iter().map(|i| found[*i]));
        if vectors {
            columns.extend((0..n * n).map(|i| v[order[i % n]][i / n]));
        }
    }
    let shape = if vectors { a.dims().to_vec() } else { vec![0] };
    Ok(vec![narrowed(a.kind(), values, &[batch, &[n]].concat())?, narrowed(a.kind(), columns, &shape)?])
}

/// The diagonal once nothing is left beside it, and the vector of each of its elements.
fn turned(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut v: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..ROUNDS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                turned |= turn(&mut a, &mut v, n, [p, q]);
            }
        }
        if !turned {
            break;
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), v)
}

/// Makes the element of a pair zero; false if it is nothing already.
fn turn(a: &mut [f64], v: &mut [Vec<f64>], n: usize, [p, q]: [usize; 2]) -> bool {
    let (pp, qq, pq) = (a[p * n + p], a[q * n + q], a[p * n + q]);
    if !pq.is_finite() || pq.abs() <= 1e-16 * (pp.abs() * qq.abs()).sqrt() || pq.abs() < f64::MIN_POSITIVE {
        return false;
    }
    let theta = (qq - pp) / (2.0 * pq);
    let tangent = 1f64.copysign(theta) / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let both = |x: f64, y: f64| (cosine * x - sine * y, sine * x + cosine * y);
    for i in 0..n {
        (a[i * n + p], a[i * n + q]) = both(a[i * n + p], a[i * n + q]);
    }
    for i in 0..n {
        (a[p * n + i], a[q * n + i]) = both(a[p * n + i], a[q * n + i]);
    }
    let (before, after) = v.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut after[0]) {
        (*x, *y) = both(*x, *y);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::symmetric;
    use crate::kernels::Value;

    #[test]
    fn vectors_turn_the_matrix_into_its_values() {
        for n in [1usize, 2, 3, 7, 20] {
            let lower = |i: usize, j: usize| ((i.max(j) * 31 + i.min(j) * 17) as f64 * 0.7).sin();
            // Above the diagonal lies what does not count.
            let data = (0..n * n).map(|i| if i % n > i / n { 99.0 } else { lower(i / n, i % n) });
            let made = symmetric(&Value::of(data.collect::<Vec<_>>(), &[n, n]).unwrap(), true).unwrap();
            let (values, vectors) = (made[0].slice::<f64>().unwrap(), made[1].slice::<f64>().unwrap());
            assert!(values.is_sorted());
            for i in 0..n {
                for k in 0..n {
                    let turned: f64 = (0..n).map(|j| lower(i, j) * vectors[j * n + k]).sum();
                    assert!((turned - values[k] * vectors[i * n + k]).abs() < 1e-12, "{n}");
                }
            }
        }
    }

    #[test]
    fn odd_matrices_end() {
        for odd in [f64::NAN, f64::INFINITY, 0.0, 1e300, 1e-320] {
            assert!(symmetric(&Value::of(vec![odd; 18], &[2, 3, 3]).unwrap(), false).is_ok());
        }
        assert!(symmetric(&Value::of(vec![0f64; 6], &[2, 3]).unwrap(), true).is_err());
        assert!(symmetric(&Value::of(vec![0f64; 2], &[2]).unwrap(), true).is_err());
    }
}
