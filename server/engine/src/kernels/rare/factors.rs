//! Matrices as products: orthogonal times triangular, and by singular values. Computed in 64 bits.

use super::super::{Value, elements, fail};
use super::{Values, narrowed, wide};
use crate::EngineError;

/// Rounds of rotations; a dozen is enough for any matrix of a sensible size.
const ROUNDS: usize = 60;

/// The batch, rows and columns of some matrices.
pub(super) fn sizes(a: &Value) -> Result<(&[usize], usize, usize), EngineError> {
    match a.dims() {
        [batch @ .., rows, columns] => Ok((batch, *rows, *columns)),
        other => Err(fail(format!("shape {other:?} is not of matrices"))),
    }
}

/// x → q, r; reflections bring one column after the other to its end.
pub fn qr(a: &Value, full: bool) -> Values {
    let (batch, m, n) = sizes(a)?;
    let kept = if full { m } else { m.min(n) };
    let (count, data) = (elements(batch)?, wide(a)?);
    let (q_shape, r_shape) = ([batch, &[m, kept]].concat(), [batch, &[kept, n]].concat());
    elements(&[batch, &[m, m]].concat())?;
    let (mut q_all, mut r_all) =
        (Vec::with_capacity(elements(&q_shape)?), Vec::with_capacity(elements(&r_shape)?));
    for number in 0..count {
        let mut r = data[number * m * n..(number + 1) * m * n].to_vec();
        let mut q = vec![0.0; m * m];
        (0..m).for_each(|i| q[i * m + i] = 1.0);
        for k in 0..m.min(n) {
            reflect(&mut r, &mut q, m, n, k);
        }
        q_all.extend((0..m * kept).map(|i| q[i / kept * m + i % kept]));
        r_all.extend((0..kept * n).map(|i| if i % n < i / n { 0.0 } else { r[i] }));
    }
    Ok(vec![narrowed(a.kind(), q_all, &q_shape)?, narrowed(a.kind(), r_all, &r_shape)?])
}

/// Makes a column zero below the diagonal; the same reflection goes into `q` from the right.
fn reflect(r: &mut [f64], q: &mut [f64], m: usize, n: usize, k: usize) {
    let tail: f64 = (k + 1..m).map(|i| r[i * n + k] * r[i * n + k]).sum();
    if tail <= f64::MIN_POSITIVE {
        return;
    }
    let head = r[k * n + k];
    let end = -(head * head + tail).sqrt().copysign(head);
    let mut v: Vec<f64> = (k..m).map(|i| r[i * n + k]).collect();
    v[0] -= end;
    let scale = 2.0 / v.iter().map(|x| x * x).sum::<f64>();
    for c in k..n {
        let dot: f64 = v.iter().enumerate().map(|(i, x)| x * r[(k + i) * n + c]).sum::<f64>() * scale;
        v.iter().enumerate().for_each(|(i, x)| r[(k + i) * n + c] -= dot * x);
    }
    for row in q.chunks_exact_mut(m) {
        let dot: f64 = v.iter().zip(&row[k..]).map(|(a, b)| a * b).sum::<f64>() * scale;
        row[k..].iter_mut().zip(&v).for_each(|(to, x)| *to -= dot * x);
    }
}

/// x → singular values, left and right vectors; largest first. Without `vectors` the latter are empty.
pub fn svd(a: &Value, vectors: bool) -> Values {
    let (batch, m, n) = sizes(a)?;
    let (count, data, least) = (elements(batch)?, wide(a)?, m.min(n));
    let (mut values, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let matrix = &data[number * m * n..(number + 1) * m * n];
        // Rows of what is rotated are the columns of the matrix, or of its transpose if that is the taller one.
        let (tall, high) = if m >= n {
            ((0..n).flat_map(|c| (0..m).map(move |r| matrix[r * n + c])).collect(), m)
        } else {
            (matrix.to_vec(), n)
        };
        let (found, long, short) = rotate(tall, least, high);
        values.extend(found);
        if vectors {
            let (u, v) = if m >= n { (long, short) } else { (short, long) };
            left.extend((0..m * least).map(|i| u[i % least][i / least]));
            right.extend((0..n * least).map(|i| v[i % least][i / least]));
        }
    }
    let shape = |rows: usize| if vectors { [batch, &[rows, least]].concat() } else { vec![0] };
    Ok(vec![
        narrowed(a.kind(), values, &[batch, &[least]].concat())?,
        narrowed(a.kind(), left, &shape(m))?,
        narrowed(a.kind(), right, &shape(n))?,
    ])
}

type Vectors = Vec<Vec<f64>>;

/// One-sided rotations: pairs of rows are turned until all are at right angles; their lengths are the singular values.
fn rotate(mut a: Vec<f64>, count: usize, high: usize) -> (Vec<f64>, Vectors, Vectors) {
    let mut v: Vectors =
        (0..count).map(|i| (0..count).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..ROUNDS {
        let mut turned = false;
        for p in 0..count {
            for q in p + 1..count {
                let (first, second) = a.split_at_mut(q * high);
                let (x, y) = (&mut first[p * high..(p + 1) * high], &mut second[..high]);
                let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
                if xy.abs() <= 1e-15 * (xx * yy).sqrt() || !xy.is_finite() || xy == 0.0 {
                    continue;
                }
                turned = true;
                let zeta = (yy - xx) / (2.0 * xy);
                let tangent = 1f64.copysign(zeta) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
                turn(x, y, cosine, cosine * tangent);
                let (first, second) = v.split_at_mut(q);
                turn(&mut first[p], &mut second[0], cosine, cosine * tangent);
            }
        }
        if !turned {
            break;
        }
    }
    let row = |i: usize| &a[i * high..(i + 1) * high];
    let length = |i: usize| row(i).iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut order: Vec<(f64, usize)> = (0..count).map(|i| (length(i), i)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let unit = |&(s, i): &(f64, usize)| row(i).iter().map(|x| if s > 0.0 { x / s } else { 0.0 }).collect();
    let long = order.iter().map(unit).collect();
    let short = order.iter().map(|(_, i)| v[*i].clone()).collect();
    (order.iter().map(|o| o.0).collect(), long, short)
}

fn turn(x: &mut [f64], y: &mut [f64], cosine: f64, sine: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}
