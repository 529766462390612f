//! The nearest of many vectors.
//!
//! A few queries read every vector once, from memory, and that is what they cost. Many are a product of matrices, block by block of
//! vectors: the square of a distance is that of the vector, minus twice their product, and what is the query's own changes no order.
//! Sixteen queries are then looked at together, and passed over if none of them finds something nearer. What is left in the end is
//! measured exactly.

mod direct;
mod lists;
mod nearest;
mod products;
#[cfg(test)]
mod tests;
mod vote;

pub use vote::vote;

use super::access::{int, output};
use super::crew::share;
use super::threads::threads;
use super::{Value, fail};
use crate::EngineError;
use crate::graph::{Metric, Neighbours, Search, Vectors};
use nearest::{Nearest, Place};
use std::sync::{Mutex, PoisonError};

/// Most neighbours that may be asked for.
const MOST_NEIGHBOURS: i64 = 1 << 16;
/// Fewer queries than this are measured one by one.
const FEW: usize = 6;
/// Queries of one product.
const QUERIES: usize = 256;
/// Numbers of the vectors that a thread takes at once: a second cache full.
const PIECE: usize = 1 << 17;

/// The k nearest of each query, the nearest first: measures and names [queries, k]. Where there are fewer, names are -1.
pub fn run(index: &Neighbours, x: &Value, k: &Value) -> Result<Vec<Value>, EngineError> {
    let &[rows, width] = x.dims() else {
        return Err(fail(format!("neighbours are looked for by rows of numbers, not {:?}", x.dims())));
    };
    let k = int(k)?;
    if width != index.width() || !(1..=MOST_NEIGHBOURS).contains(&k) {
        return Err(fail(format!(
            "the {k} neighbours of vectors of {width} numbers; up to {MOST_NEIGHBOURS} of vectors of {} can be found",
            index.width()
        )));
    }
    let (k, x) = (k as usize, x.slice::<f32>()?);
    let (mut measures, mut names) = (output::<f32>(&[rows, k])?, output::<i64>(&[rows, k])?);
    let least = k.min(index.len());
    // A block of queries at a time: what is kept of each is small then.
    let each =
        x.chunks(QUERIES * width).zip(measures.chunks_mut(QUERIES * k)).zip(names.chunks_mut(QUERIES * k));
    for ((x, measures), names) in each {
        let found = match index.search() {
            Search::All(vectors) => of_all(index.metric(), vectors, x, least),
            Search::Lists(lists) => lists::search(index.metric(), lists, x, least),
        };
        let to = measures.chunks_exact_mut(k).zip(names.chunks_exact_mut(k));
        for (places, (measures, names)) in found.into_iter().zip(to) {
            measures.fill(index.metric().nowhere());
            names.fill(-1);
            for (place, (measure, name)) in places.iter().zip(measures.iter_mut().zip(names)) {
                (*measure, *name) = (measure_of(index.metric(), place), index.name(place.item));
            }
        }
    }
    Ok(vec![Value::of(measures, &[rows, k])?, Value::of(names, &[rows, k])?])
}

/// Keys are small for what is near.
fn measure_of(metric: Metric, place: &Place) -> f32 {
    match metric {
        Metric::Squared => place.key,
        Metric::Product => -place.key,
    }
}

/// The nearest of all vectors, for each query in order.
fn of_all(metric: Metric, vectors: &Vectors, x: &[f32], k: usize) -> Vec<Vec<Place>> {
    let (width, count) = (vectors.width(), x.len() / vectors.width());
    let many = count >= FEW;
    let packed = many.then(|| products::Queries::new(metric, x, width));
    let rows = (PIECE / width).clamp(16, vectors.len().max(16));
    let threads = threads(vectors.values().len().saturating_mul(count));
    // Every thread begins anew with what is near; what one of them has found would spare others little.
    let pieces = vectors.len().div_ceil(rows);
    let parts = threads.min(pieces).max(1);
    let found: Vec<Mutex<Vec<Nearest>>> =
        (0..parts).map(|_| Mutex::new(vec![Nearest::new(k); count])).collect();
    share(threads, parts, |part| {
        let mut found = found[part].lock().unwrap_or_else(PoisonError::into_inner);
        let (from, to) = (pieces * part / parts, pieces * (part + 1) / parts);
        let mut room = Vec::new();
        for piece in from..to {
            let items = piece * rows..(piece * rows + rows).min(vectors.len());
            match &packed {
                Some(queries) => queries.nearest(vectors, items, &mut room, &mut found),
                None => direct::nearest(metric, vectors, items, x, &mut room, &mut found),
            }
        }
    });
    let mut all = vec![Nearest::new(k); count];
    for part in found {
        let part = part.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().zip(part).for_each(|(all, part)| all.extend(part));
    }
    let exact = |(n, nearest): (usize, Nearest)| {
        let mut places = nearest.sorted();
        if many {
            direct::measure(metric, vectors, &x[n * width..][..width], &mut places);
            places.sort_unstable_by(Place::order);
        }
        places
    };
    all.into_iter().enumerate().map(exact).collect()
}
