//! Square roots and powers of e of matrices, and the vectors that come nearest to solving equations. Computed in 64 bits.

use super::super::{Outcome, Value, fail};
use super::matrices::{matrices, solve, square};
use super::{eigen, factors, narrowed, wide};
use crate::EngineError;
use crate::value::Kind;

/// Rounds of the square root; it doubles its digits in each.
const ROUNDS: usize = 100;
/// Halvings of a matrix before its power is taken.
const MOST_HALVINGS: i32 = 1100;

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for (row, to) in a.chunks_exact(n).zip(out.chunks_exact_mut(n)) {
        for (x, from) in row.iter().zip(b.chunks_exact(n)) {
            to.iter_mut().zip(from).for_each(|(to, y)| *to += x * y);
        }
    }
    out
}

fn unit(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect()
}

fn inverse(a: &[f64], n: usize) -> Result<Vec<f64>, EngineError> {
    let mut right = unit(n);
    solve(&mut a.to_vec(), &mut right, n, n, false)?;
    Ok(right)
}

fn each(a: &Value, work: impl Fn(&[f64], usize) -> Result<Vec<f64>, EngineError>) -> Outcome {
    let (mut data, n) = square(a)?;
    for m in matrices(&mut data, n) {
        if !m.is_empty() {
            let made = work(m, n)?;
            m.copy_from_slice(&made);
        }
    }
    narrowed(a.kind(), data, a.dims())
}

/// The square root whose eigenvalues have no negative real parts; no numbers, if there is none.
pub fn square_root(a: &Value) -> Outcome {
    each(a, |m, n| {
        if (0..n * n).all(|i| m[i] == m[i % n * n + i / n]) { symmetric_root(m, n) } else { Ok(root(m, n)) }
    })
}

fn symmetric_root(m: &[f64], n: usize) -> Result<Vec<f64>, EngineError> {
    let made = eigen::symmetric(&Value::of(m.to_vec(), &[n, n])?, true)?;
    let (values, vectors) = (wide(&made[0])?, wide(&made[1])?);
    // What is below zero by rounding alone is zero.
    let least = -1e-14 * values.iter().fold(0f64, |most, x| most.max(x.abs()));
    let roots: Vec<f64> =
        values.iter().map(|x| if (least..0.0).contains(x) { 0.0 } else { x.sqrt() }).collect();
    let entry = |i: usize| (0..n).map(|k| vectors[i / n * n + k] * roots[k] * vectors[i % n * n + k]).sum();
    Ok((0..n * n).map(entry).collect())
}

/// By Denman and Beavers, in the form that keeps a product near one.
fn root(m: &[f64], n: usize) -> Vec<f64> {
    let (mut x, mut near) = (m.to_vec(), m.to_vec());
    for _ in 0..ROUNDS {
        let Ok(inverse) = inverse(&near, n) else { break };
        let half = |i: usize| (unit_at(i, n) + inverse[i]) / 2.0;
        let step: Vec<f64> = (0..n * n).map(half).collect();
        x = product(&x, &step, n);
        near = (0..n * n).map(|i| (unit_at(i, n) + (near[i] + inverse[i]) / 2.0) / 2.0).collect();
        let apart = (0..n * n).map(|i| (near[i] - unit_at(i, n)).abs()).fold(0f64, f64::max);
        if apart < 1e-14 * n as f64 {
            return x;
        }
    }
    vec![f64::NAN; n * n]
}

fn unit_at(i: usize, n: usize) -> f64 {
    f64::from(u8::from(i / n == i % n))
}

/// By Padé's quotient of degree thirteen, of the matrix halved until it is small.
pub fn exponential(a: &Value) -> Outcome {
    each(a, |m, n| {
        let norm = (0..n).map(|c| (0..n).map(|r| m[r * n + c].abs()).sum::<f64>()).fold(0f64, f64::max);
        if !norm.is_finite() {
            return Ok(vec![f64::NAN; n * n]);
        }
        let halvings = (norm.max(1e-300) / 5.3).log2().ceil().clamp(0.0, f64::from(MOST_HALVINGS)) as i32;
        let scaled: Vec<f64> = m.iter().map(|x| x / 2f64.powi(halvings)).collect();
        let mut power = quotient(&scaled, n)?;
        for _ in 0..halvings {
            power = product(&power, &power, n);
        }
        Ok(power)
    })
}

fn quotient(m: &[f64], n: usize) -> Result<Vec<f64>, EngineError> {
    let (mut factor, mut power) = (1.0, unit(n));
    let (mut above, mut below) = (unit(n), unit(n));
    for k in 1..=13 {
        factor *= f64::from(14 - k) / f64::from((27 - k) * k);
        power = product(&power, m, n);
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        above.iter_mut().zip(&power).for_each(|(to, x)| *to += factor * x);
        below.iter_mut().zip(&power).for_each(|(to, x)| *to += sign * factor * x);
    }
    solve(&mut below, &mut above, n, n, false)?;
    Ok(above)
}

/// `[..., m, n]`, `[..., m, k]` → the smallest `[..., n, k]` of those that come nearest; squares of them count `weight` times.
pub fn least_squares(a: &Value, b: &Value, weight: f64) -> Outcome {
    let ([outer @ .., m, n], [outer_b @ .., rows, columns]) = (a.dims(), b.dims()) else {
        return Err(fail("equations of what are no matrices"));
    };
    if outer != outer_b || m != rows {
        return Err(fail(format!("equations of {:?} and {:?}", a.dims(), b.dims())));
    }
    let made = factors::svd(&Value::of(wide(a)?, a.dims())?, true)?;
    let [values, left, right] = [wide(&made[0])?, wide(&made[1])?, wide(&made[2])?];
    let (least, side) = (*m.min(n), wide(b)?);
    let shape = [outer, &[*n, *columns]].concat();
    let mut out = vec![0.0; super::super::elements(&shape)?];
    let small = if a.kind() == Kind::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    for number in 0..outer.iter().product() {
        let values = &values[number * least..(number + 1) * least];
        let none = values.first().map_or(0.0, |most| most * small * (*m.max(n)) as f64);
        for (k, value) in values.iter().enumerate().filter(|(_, value)| **value > none) {
            let share = value / (value * value + weight);
            for c in 0..*columns {
                let along =
                    |i: usize| left[(number * m + i) * least + k] * side[(number * m + i) * columns + c];
                let by = share * (0..*m).map(along).sum::<f64>();
                for i in 0..*n {
                    out[(number * n + i) * columns + c] += by * right[(number * n + i) * least + k];
                }
            }
        }
    }
    narrowed(a.kind(), out, &shape)
}

#[cfg(test)]
mod tests {
    use super::{exponential, square_root};
    use crate::kernels::Value;

    fn matrix(data: Vec<f64>, n: usize) -> Value {
        Value::of(data, &[n, n]).unwrap()
    }

    #[test]
    fn a_root_times_itself_is_the_matrix() {
        for n in [1usize, 2, 5, 9] {
            let entry = |i: usize| ((i * 7 + 3) as f64).sin() * 0.4 + if i / n == i % n { 3.0 } else { 0.0 };
            let m: Vec<f64> = (0..n * n).map(entry).collect();
            let root = square_root(&matrix(m.clone(), n)).unwrap();
            let root = root.slice::<f64>().unwrap();
            let back = super::product(root, root, n);
            assert!(back.iter().zip(&m).all(|(a, b)| (a - b).abs() < 1e-9), "{n}");
        }
        let none = square_root(&matrix(vec![1.0, 2.0, 3.0, 4.0], 2)).unwrap();
        assert!(none.slice::<f64>().unwrap().iter().all(|x| x.is_nan()));
    }

    #[test]
    fn powers_of_turns_are_turns() {
        for angle in [0.0, 0.1, 3.0, 40.0] {
            let made = exponential(&matrix(vec![0.0, -angle, angle, 0.0], 2)).unwrap();
            let wanted = [f64::cos(angle), -f64::sin(angle), f64::sin(angle), f64::cos(angle)];
            let apart = made.slice::<f64>().unwrap().iter().zip(wanted).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0f64, f64::max) < 1e-12, "{angle}");
        }
    }
}
