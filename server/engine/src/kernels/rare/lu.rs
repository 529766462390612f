//! Matrices as a lower times an upper triangle, with rows in an order of their own. Computed in 64 bits.

use super::super::access::{make, sizes as numbers};
use super::super::{Outcome, Value, elements, fail};
use super::factors::sizes;
use super::{Values, narrowed, wide};

/// x → both triangles in one matrix, the row that each row was changed with, counted from 1. The ones on the lower diagonal are left out.
pub fn factors(x: &Value) -> Values {
    let (batch, m, n) = sizes(x)?;
    let (count, least) = (elements(batch)?, m.min(n));
    let mut data = wide(x)?;
    let mut pivots = Vec::with_capacity(count * least);
    for a in data.chunks_exact_mut((m * n).max(1)).take(count) {
        for c in 0..least {
            let mut row = c;
            for r in c + 1..m {
                if a[r * n + c].abs() > a[row * n + c].abs() {
                    row = r;
                }
            }
            pivots.push(row as i64 + 1);
            if row != c {
                (0..n).for_each(|i| a.swap(c * n + i, row * n + i));
            }
            eliminate(a, [m, n], c);
        }
    }
    let triangles = narrowed(x.kind(), data, x.dims())?;
    Ok(vec![triangles, make(pivots, &[batch, &[least]].concat())?])
}

/// Makes a column zero below its diagonal; what that took is kept there.
fn eliminate(a: &mut [f64], [m, n]: [usize; 2], c: usize) {
    let head = a[c * n + c];
    if head == 0.0 {
        return;
    }
    for r in c + 1..m {
        let factor = a[r * n + c] / head;
        a[r * n + c] = factor;
        (c + 1..n).for_each(|i| a[r * n + i] -= factor * a[c * n + i]);
    }
}

/// Rows that were changed with others, and how many rows there are → their order.
pub fn order(pivots: &Value, rows: &Value) -> Outcome {
    let [batch @ .., least] = pivots.dims() else { return Err(fail("pivots without an axis")) };
    let &[rows] = &numbers(rows)?[..] else { return Err(fail("one number of rows is wanted")) };
    let shape = [batch, &[rows]].concat();
    let mut out = Vec::with_capacity(elements(&shape)?);
    let all = pivots.slice::<i64>()?;
    for number in 0..elements(batch)? {
        let begin = out.len();
        out.extend(0..rows as i64);
        for (at, pivot) in all[number * least..(number + 1) * least].iter().enumerate() {
            let with = usize::try_from(*pivot).ok().filter(|p| (1..=rows).contains(p) && at < rows);
            let Some(with) = with else { return Err(fail(format!("a row {pivot} of {rows}"))) };
            out.swap(begin + at, begin + with - 1);
        }
    }
    make(out, &shape)
}
