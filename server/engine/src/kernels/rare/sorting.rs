//! What asks which number is the larger.

use super::super::access::{int, make, output};
use super::super::{Outcome, Value, fail};
use super::{Values, by_kind, wide};
use crate::value::Element;
use std::cmp::Ordering;

/// Numbers in an order without gaps: NaN is beyond infinity.
trait Total: Element {
    fn total(&self, other: &Self) -> Ordering;
}
impl Total for f32 {
    fn total(&self, other: &Self) -> Ordering {
        // Zeros of either sign are equal.
        (*self + 0.0).total_cmp(&(*other + 0.0))
    }
}
impl Total for f64 {
    fn total(&self, other: &Self) -> Ordering {
        (*self + 0.0).total_cmp(&(*other + 0.0))
    }
}
impl Total for i64 {
    fn total(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}
impl Total for u8 {
    fn total(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// The k largest of the last axis and where they are, largest first, the earlier one first among equals.
pub fn top_k(x: &Value, k: &Value) -> Values {
    let k = usize::try_from(int(k)?).map_err(|_| fail("TopK of a negative number"))?;
    by_kind!(x, top(x, k))
}

fn top<T: Total>(x: &Value, k: usize) -> Values {
    let Some((width, outer)) = x.dims().split_last().filter(|(w, _)| k <= **w) else {
        return Err(fail("TopK of more elements than there are"));
    };
    let shape = [outer, &[k]].concat();
    let (mut values, mut places) = (output::<T>(&shape)?, output::<i64>(&shape)?);
    let mut order: Vec<usize> = Vec::with_capacity(*width);
    let rows = x.slice::<T>()?.chunks_exact((*width).max(1));
    let outs = values.chunks_exact_mut(k.max(1)).zip(places.chunks_exact_mut(k.max(1)));
    for (row, (values, places)) in rows.zip(outs) {
        order.clear();
        order.extend(0..row.len());
        let before = |a: &usize, b: &usize| row[*b].total(&row[*a]).then(a.cmp(b));
        if k < row.len() {
            order.select_nth_unstable_by(k, before);
        }
        order[..k].sort_unstable_by(before);
        for (n, place) in order[..k].iter().enumerate() {
            (values[n], places[n]) = (row[*place], *place as i64);
        }
    }
    Ok(vec![make(values, &shape)?, make(places, &shape)?])
}

/// Whether fewer than k predictions are above that of the target.
pub fn in_top_k(predictions: &Value, targets: &Value, k: &Value) -> Outcome {
    let ([rows, classes], k) = (predictions.dims(), int(k)?) else {
        return Err(fail("predictions are a matrix"));
    };
    let (all, targets) = (wide(predictions)?, targets.slice::<i64>()?);
    if targets.len() != *rows {
        return Err(fail(format!("{} targets of {rows} predictions", targets.len())));
    }
    let hit = targets.iter().enumerate().map(|(n, target)| {
        let row = &all[n * classes..(n + 1) * classes];
        let own = usize::try_from(*target).ok().and_then(|t| row.get(t)).filter(|p| p.is_finite());
        let known = own.filter(|_| row.iter().all(|p| p.is_finite()));
        u8::from(known.is_some_and(|own| (row.iter().filter(|p| *p > own).count() as i64) < k))
    });
    make(hit.collect::<Vec<u8>>(), &[*rows])
}

/// The element that would be in place n were the last axis sorted.
pub fn nth(x: &Value, n: &Value, reverse: bool) -> Outcome {
    let n = int(n)?;
    by_kind!(x, nth_of(x, n, reverse))
}

fn nth_of<T: Total>(x: &Value, n: i64, reverse: bool) -> Outcome {
    let n = usize::try_from(n).ok();
    let Some((n, (width, outer))) = n.zip(x.dims().split_last()).filter(|(n, (w, _))| n < *w) else {
        return Err(fail("there are not as many elements"));
    };
    let n = if reverse { width - 1 - n } else { n };
    let mut row: Vec<T> = Vec::with_capacity(*width);
    let rows = x.slice::<T>()?.chunks_exact(*width);
    let picked = rows.map(|from| {
        row.clear();
        row.extend(from);
        *row.select_nth_unstable_by(n, T::total).1
    });
    make(picked.collect::<Vec<T>>(), outer)
}

/// The elements of a row that are not in another, and their places.
pub fn list_diff(x: &Value, y: &Value) -> Values {
    if x.kind() != y.kind() {
        return Err(fail("lists of different types"));
    }
    by_kind!(x, diff(x, y))
}

fn diff<T: Total>(x: &Value, y: &Value) -> Values {
    let mut known = y.slice::<T>()?.to_vec();
    known.sort_unstable_by(T::total);
    let kept = x.slice::<T>()?.iter().enumerate();
    let (places, values): (Vec<i64>, Vec<T>) = kept
        .filter(|(_, v)| known.binary_search_by(|k| k.total(v)).is_err())
        .map(|(n, v)| (n as i64, *v))
        .unzip();
    let count = places.len();
    Ok(vec![make(values, &[count])?, make(places, &[count])?])
}

/// Where values would go in rows that are sorted: before those that are equal, or (`upper`) after them.
pub fn search(sorted: &Value, values: &Value, upper: bool) -> Outcome {
    let ([rows, width], [rows_too, count]) = (sorted.dims(), values.dims()) else {
        return Err(fail("a search in matrices"));
    };
    if rows != rows_too || sorted.kind() != values.kind() {
        return Err(fail(format!("values {:?} in {:?}", values.dims(), sorted.dims())));
    }
    let (width, count) = (*width, *count);
    by_kind!(sorted, search_in(sorted, values, width, count, upper))
}

fn search_in<T: Total>(sorted: &Value, values: &Value, width: usize, count: usize, upper: bool) -> Outcome {
    let (rows, wanted) = (sorted.slice::<T>()?, values.slice::<T>()?);
    let places = wanted.iter().enumerate().map(|(n, v)| {
        let row = &rows[n / count * width..(n / count + 1) * width];
        row.partition_point(|x| x < v || upper && x == v) as i64
    });
    make(places.collect::<Vec<i64>>(), values.dims())
}
