//! From the chances of classes in pairs to those of all (Wu, Lin and Weng 2004, the second method).

use super::super::super::access::{make, output};
use super::super::super::{Outcome, Value, elements, fail};

/// Rows of pairs (0, 1), (0, 2), …, (1, 2), …: the chance of the first.
pub fn coupled(x: &Value) -> Outcome {
    let &[rows, pairs] = x.dims() else { return Err(fail("chances of pairs are rows")) };
    let classes = (2..=1 << 12).find(|k| k * (k - 1) / 2 >= pairs).filter(|k| k * (k - 1) / 2 == pairs);
    let classes =
        classes.ok_or_else(|| fail(format!("{pairs} are not the pairs of any number of classes")))?;
    elements(&[rows, classes])?;
    let mut out = output::<f64>(&[rows, classes])?;
    let mut matrix = vec![0.0; classes * classes];
    for (to, row) in out.chunks_exact_mut(classes).zip(x.slice::<f64>()?.chunks_exact(pairs)) {
        one(row, &mut matrix, to);
    }
    make(out, &[rows, classes])
}

fn one(pairs: &[f64], q: &mut [f64], p: &mut [f64]) {
    let k = p.len();
    let mut chance = vec![0.0; k * k];
    let mut next = pairs.iter();
    for i in 0..k {
        for j in i + 1..k {
            let c = next.next().copied().unwrap_or(0.5);
            (chance[i * k + j], chance[j * k + i]) = (c, 1.0 - c);
        }
    }
    for t in 0..k {
        p[t] = 1.0 / k as f64;
        q[t * k + t] = (0..k).filter(|j| *j != t).map(|j| chance[j * k + t] * chance[j * k + t]).sum();
        for j in (0..k).filter(|j| *j != t) {
            q[t * k + j] = -chance[j * k + t] * chance[t * k + j];
        }
    }
    let near = 0.005 / k as f64;
    let mut qp = vec![0.0; k];
    for _ in 0..k.max(100) {
        // Anew in each round, so that errors do not add up.
        let mut pqp = 0.0;
        for t in 0..k {
            qp[t] = (0..k).map(|j| q[t * k + j] * p[j]).sum();
            pqp += p[t] * qp[t];
        }
        if qp.iter().all(|x| (x - pqp).abs() < near) {
            break;
        }
        for t in 0..k {
            let diff = (pqp - qp[t]) / q[t * k + t];
            p[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2.0 * qp[t])) / (1.0 + diff) / (1.0 + diff);
            for j in 0..k {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1.0 + diff);
                p[j] /= 1.0 + diff;
            }
        }
    }
}
