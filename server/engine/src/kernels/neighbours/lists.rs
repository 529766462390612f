//! The nearest items of the lists around the nearest centroids.

use super::direct::{self, Keys};
use super::nearest::{Nearest, Place};
use super::of_all;
use crate::graph::{CODES, Codes, Items, Lists, Metric};
use crate::kernels::crew::share;
use crate::kernels::simd::{Kernel, Simd, run};
use crate::kernels::threads::threads;
use std::sync::{Mutex, PoisonError};

/// The nearest items of each query.
pub fn search(metric: Metric, lists: &Lists, x: &[f32], k: usize) -> Vec<Vec<Place>> {
    let (centroids, near) = lists.centroids();
    let width = centroids.width();
    let probes = of_all(near, centroids, x, lists.probes());
    let count = x.len() / width;
    let items: usize = probes.iter().flatten().map(|p| lists.list(p.item as usize).len()).sum();
    let results: Vec<Mutex<Vec<Place>>> = (0..count).map(|_| Mutex::new(Vec::new())).collect();
    share(threads(items.saturating_mul(width)), count, |n| {
        let query = &x[n * width..][..width];
        let mut found = vec![Nearest::new(k)];
        match lists.items() {
            Items::Vectors(vectors) => {
                let mut room = Vec::new();
                for probe in &probes[n] {
                    let items = lists.list(probe.item as usize);
                    direct::nearest(metric, vectors, items, query, &mut room, &mut found);
                }
            }
            Items::Codes(codes) => found.iter_mut().for_each(|found| {
                coded(metric, lists, codes, query, &probes[n], found);
            }),
        }
        let places = found.pop().map(Nearest::sorted).unwrap_or_default();
        *results[n].lock().unwrap_or_else(PoisonError::into_inner) = places;
    });
    results.into_iter().map(|r| r.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// How near the codes of a part are to that of a query.
type Part = [f32; CODES];

/// Items that are codes: how near each code is to its part of the query is told once, and then looked up. A vector that is a centroid and
/// a residual is as far as the centroid, and farther by twice the product of the residual with what is between them; of that, the part
/// that is not the query's is known.
fn coded(metric: Metric, lists: &Lists, codes: &Codes, query: &[f32], probes: &[Place], found: &mut Nearest) {
    let mut table = vec![[0.0; CODES]; codes.parts()];
    match (codes.of_residuals(), metric) {
        (true, Metric::Squared) => {
            let twice: Vec<f32> = query.iter().map(|x| 2.0 * x).collect();
            fill(&mut table, Metric::Product, codes, &twice);
        }
        _ => fill(&mut table, metric, codes, query),
    }
    for probe in probes {
        let list = probe.item as usize;
        let mut base = 0.0;
        if codes.of_residuals() {
            let rows = lists.centroids().0.at(list);
            run(Keys { metric, query, rows, keys: std::slice::from_mut(&mut base) });
        }
        let items = lists.list(list);
        let rows = &codes.codes()[items.start * codes.parts()..items.end * codes.parts()];
        let rows = items.clone().zip(rows.chunks_exact(codes.parts()));
        match lists.farther() {
            Some(farther) if metric == Metric::Squared => {
                for ((item, row), farther) in rows.zip(&farther[items]) {
                    found.show(base + farther + looked_up(row, &table), item as u32);
                }
            }
            _ => rows.for_each(|(item, row)| found.show(base + looked_up(row, &table), item as u32)),
        }
    }
}

/// The sum of the keys of an item's codes; four sums, as each waits for itself.
#[inline]
fn looked_up(row: &[u8], table: &[Part]) -> f32 {
    let mut sums = [0.0; 4];
    let ((fours, rest), (tables, last)) = (row.as_chunks::<4>(), table.as_chunks::<4>());
    for (codes, table) in fours.iter().zip(tables) {
        for (sum, (code, table)) in sums.iter_mut().zip(codes.iter().zip(table)) {
            *sum += table[usize::from(*code)];
        }
    }
    for (code, table) in rest.iter().zip(last) {
        sums[0] += table[usize::from(*code)];
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// How near each code of each part is.
fn fill(table: &mut [Part], metric: Metric, codes: &Codes, query: &[f32]) {
    let parts = query.chunks_exact(query.len() / codes.parts());
    for ((n, query), keys) in parts.enumerate().zip(table) {
        run(Near { metric, query, centroids: codes.centroids(n), keys: &mut keys[..codes.count()] });
    }
}

/// Adds up the keys of a part's codes, place by place.
struct Near<'a> {
    metric: Metric,
    query: &'a [f32],
    centroids: &'a [f32],
    keys: &'a mut [f32],
}

impl Kernel for Near<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (x, centroids) in self.query.iter().zip(self.centroids.chunks_exact(self.keys.len())) {
            let x = S::splat(*x);
            let ((keys, keys_rest), (centroids, rest)) = (self.keys.as_chunks_mut(), centroids.as_chunks());
            for (key, c) in keys.iter_mut().zip(centroids) {
                S::store(near::<S>(self.metric, x, S::load(c), S::load(key)), key);
            }
            if !rest.is_empty() {
                S::store_part(
                    near::<S>(self.metric, x, S::load_part(rest), S::load_part(keys_rest)),
                    keys_rest,
                );
            }
        }
    }
}

/// One place more.
#[inline(always)]
fn near<S: Simd>(metric: Metric, x: S::V, centroid: S::V, sum: S::V) -> S::V {
    match metric {
        Metric::Squared => {
            let difference = S::sub(x, centroid);
            S::fma(difference, difference, sum)
        }
        Metric::Product => S::sub(sum, S::mul(x, centroid)),
    }
}
