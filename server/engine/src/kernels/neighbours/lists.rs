//! The nearest items of the lists around the nearest centroids.

use super::direct::{self, Keys};
use super::nearest::{Nearest, Place};
use super::of_all;
use crate::graph::{Codes, Items, Lists, Metric};
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

/// Items that are codes: how near each code is to its part of the query is told once, and then looked up.
fn coded(metric: Metric, lists: &Lists, codes: &Codes, query: &[f32], probes: &[Place], found: &mut Nearest) {
    let mut table = vec![0.0; codes.parts() * codes.count()];
    let mut residual = query.to_vec();
    let anew = codes.of_residuals() && metric == Metric::Squared;
    if !anew {
        fill(&mut table, metric, codes, query);
    }
    for probe in probes {
        let list = probe.item as usize;
        let mut base = 0.0;
        if codes.of_residuals() {
            let centroid = lists.centroids().0.at(list);
            if anew {
                let parts = residual.iter_mut().zip(query.iter().zip(centroid));
                parts.for_each(|(to, (x, c))| *to = x - c);
                fill(&mut table, metric, codes, &residual);
            } else {
                run(Keys { metric, query, rows: centroid, keys: std::slice::from_mut(&mut base) });
            }
        }
        let items = lists.list(list);
        let rows = &codes.codes()[items.start * codes.parts()..items.end * codes.parts()];
        for (item, row) in items.zip(rows.chunks_exact(codes.parts())) {
            found.show(base + looked_up(row, &table, codes.count()), item as u32);
        }
    }
}

/// The sum of the keys of an item's codes; four sums, as each waits for itself.
fn looked_up(row: &[u8], table: &[f32], count: usize) -> f32 {
    let mut sums = [0.0; 4];
    let (whole, rest) = row.as_chunks::<4>();
    let (quads, last) = table.split_at(whole.len() * 4 * count);
    for (codes, table) in whole.iter().zip(quads.chunks_exact(4 * count)) {
        for (n, code) in codes.iter().enumerate() {
            sums[n] += table[n * count + usize::from(*code)];
        }
    }
    for (code, table) in rest.iter().zip(last.chunks_exact(count)) {
        sums[0] += table[usize::from(*code)];
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// How near each code of each part is.
fn fill(table: &mut [f32], metric: Metric, codes: &Codes, query: &[f32]) {
    let parts = query.chunks_exact(query.len() / codes.parts());
    for ((n, query), keys) in parts.enumerate().zip(table.chunks_exact_mut(codes.count())) {
        keys.fill(0.0);
        run(Part { metric, query, centroids: codes.centroids(n), keys });
    }
}

/// Adds up the keys of a part's codes, place by place.
struct Part<'a> {
    metric: Metric,
    query: &'a [f32],
    centroids: &'a [f32],
    keys: &'a mut [f32],
}

impl Kernel for Part<'_> {
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
