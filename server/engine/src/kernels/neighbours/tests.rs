#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::run;
use crate::graph::{Codes, Items, Lists, Metric, Neighbours, Search, Vectors};
use crate::kernels::Value;

fn numbers(rng: &mut fastrand::Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.f32() * 2.0 - 1.0).collect()
}

fn find(index: &Neighbours, x: &[f32], k: i64) -> (Vec<f32>, Vec<i64>) {
    let width = index.width();
    let x = Value::of(x.to_vec(), &[x.len() / width, width]).unwrap();
    let k = Value::of(vec![k], &[]).unwrap();
    let found = run(index, &x, &k).unwrap();
    (found[0].slice().unwrap().to_vec(), found[1].slice().unwrap().to_vec())
}

/// All keys in double precision, sorted.
fn plainly(metric: Metric, vectors: &[f32], query: &[f32], k: usize) -> Vec<(f64, i64)> {
    let key = |v: &[f32]| -> f64 {
        let pairs = v.iter().zip(query).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        match metric {
            Metric::Squared => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Metric::Product => -pairs.map(|(a, b)| a * b).sum::<f64>(),
        }
    };
    let mut all: Vec<_> = vectors.chunks(query.len()).zip(0..).map(|(v, n)| (key(v), n)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.truncate(k);
    all
}

#[test]
fn few_and_many_queries_find_what_a_plain_search_finds() {
    let mut rng = fastrand::Rng::with_seed(1);
    for (width, count, queries, k) in
        [(1, 5, 3, 9), (7, 1000, 1, 4), (16, 3000, 70, 10), (33, 20_000, 9, 1), (128, 2500, 130, 300)]
    {
        let (vectors, x) = (numbers(&mut rng, width * count), numbers(&mut rng, width * queries));
        for metric in [Metric::Squared, Metric::Product] {
            let all = Search::All(Vectors::new(width, vectors.clone()).unwrap());
            let index = Neighbours::new(metric, all, None).unwrap();
            let (measures, names) = find(&index, &x, k as i64);
            for (n, query) in x.chunks(width).enumerate() {
                let wanted = plainly(metric, &vectors, query, k);
                let sign = if metric == Metric::Squared { 1.0 } else { -1.0 };
                for (i, (key, name)) in wanted.iter().enumerate() {
                    let got = f64::from(measures[n * k + i]);
                    assert!((got - sign * key).abs() < 1e-4, "{width} {count}: {got} {key}");
                    let next = wanted.get(i + 1).or(wanted.get(i.wrapping_sub(1)));
                    if next.is_none_or(|next| (next.0 - key).abs() > 1e-4)
                        && i > 0
                        && key - wanted[i - 1].0 > 1e-4
                    {
                        assert_eq!(names[n * k + i], *name);
                    }
                }
                assert!(names[n * k..][..k].iter().skip(count).all(|name| *name == -1));
            }
        }
    }
}

#[test]
fn all_lists_together_are_all_vectors_and_codes_stand_for_vectors() {
    let mut rng = fastrand::Rng::with_seed(2);
    let (width, parts, lengths) = (8, 4, [30usize, 0, 50, 20]);
    let count: usize = lengths.iter().sum();
    let (centroids, x) = (numbers(&mut rng, width * 4), numbers(&mut rng, width * 9));
    let book = numbers(&mut rng, width * 16);
    let codes: Vec<u8> = (0..count * parts).map(|_| rng.u8(..16)).collect();
    let list_of = |item: usize| match item {
        0..30 => 0,
        30..80 => 2,
        _ => 3,
    };
    for (metric, residual) in [(Metric::Squared, true), (Metric::Squared, false), (Metric::Product, true)] {
        let vectors: Vec<f32> = (0..count)
            .flat_map(|item| {
                let (book, codes, centroids) = (&book, &codes, &centroids);
                (0..width).map(move |i| {
                    let code = usize::from(codes[item * parts + i / 2]);
                    let base = if residual { centroids[list_of(item) * width + i] } else { 0.0 };
                    base + book[i / 2 * 32 + code * 2 + i % 2]
                })
            })
            .collect();
        for coded in [true, false] {
            let items = if coded {
                Items::Codes(Codes::new(width, [parts, 16], &book, codes.clone(), residual).unwrap())
            } else {
                Items::Vectors(Vectors::new(width, vectors.clone()).unwrap())
            };
            let around = (Vectors::new(width, centroids.clone()).unwrap(), metric);
            let lists = Lists::new(around, 4, &lengths, items).unwrap();
            let names = (0..count as i64).map(|n| n * 2).collect();
            let index = Neighbours::new(metric, Search::Lists(lists), Some(names)).unwrap();
            let (measures, names) = find(&index, &x, 5);
            for (n, query) in x.chunks(width).enumerate() {
                let sign = if metric == Metric::Squared { 1.0 } else { -1.0 };
                for (i, (key, _)) in plainly(metric, &vectors, query, 5).iter().enumerate() {
                    assert!((f64::from(measures[n * 5 + i]) - sign * key).abs() < 1e-4);
                    assert!(names[n * 5 + i] % 2 == 0);
                }
            }
        }
    }
}

#[test]
fn indexes_that_do_not_fit_together_are_errors() {
    assert!(Vectors::new(0, vec![]).is_err());
    assert!(Vectors::new(3, vec![0.0; 4]).is_err());
    assert!(Codes::new(4, [2, 2], &[0.0; 8], vec![0, 2], false).is_err());
    assert!(Codes::new(4, [3, 2], &[0.0; 8], vec![0, 1], false).is_err());
    let two = || Vectors::new(1, vec![0.0; 2]).unwrap();
    assert!(Lists::new((two(), Metric::Squared), 1, &[1, 2], Items::Vectors(two())).is_err());
    assert!(Neighbours::new(Metric::Squared, Search::All(two()), Some(vec![1])).is_err());
}
