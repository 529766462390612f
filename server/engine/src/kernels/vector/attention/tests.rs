use super::super::testing::{Random, close};
use super::{Attention, Block, Rows, Steps, attention};
use crate::kernels::gemm::Shared;
use crate::kernels::simd::{Isa, LANES, run_on};

fn naive(a: &Attention<'_>, [q, k, v]: [Rows<'_>; 3]) -> Vec<f64> {
    let mut out = vec![0.0; a.batch * a.queries * a.heads * a.value_width];
    for (b, h, t) in
        (0..a.batch).flat_map(|b| (0..a.heads).flat_map(move |h| (0..a.queries).map(move |t| (b, h, t))))
    {
        let score = |s: usize| {
            let pairs = q.at(b, h, t, a.width).iter().zip(k.at(b, h, s, a.width));
            let dot: f64 = pairs.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            dot * f64::from(a.scale) + a.mask.map_or(0.0, |m| f64::from(m.at(b, h, t, a.keys)[s]))
        };
        let scores: Vec<f64> = (0..a.keys).map(score).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        for (s, score) in scores.iter().enumerate() {
            for i in 0..a.value_width {
                out[((b * a.queries + t) * a.heads + h) * a.value_width + i] +=
                    (score - most).exp() / sum * f64::from(v.at(b, h, s, a.value_width)[i]);
            }
        }
    }
    out
}

#[test]
fn any_shape_gives_what_the_definition_says() {
    let mut random = Random::new(29);
    for case in 0..40 {
        let (batch, heads) = (1 + random.below(2), 1 + random.below(3));
        let (queries, keys) = (1 + random.below(40), 1 + random.below(150));
        let (width, value_width) = (1 + random.below(40), 1 + random.below(70));
        let q = random.many(batch * queries * heads * width, 2.0);
        let k = random.many(batch * keys * heads * width, 2.0);
        let v = random.many(batch * keys * heads * value_width, 1.0);
        let mut mask = random.many(batch * queries * keys, 3.0);
        mask.iter_mut().filter(|m| **m < -1.0).for_each(|m| *m = f32::NEG_INFINITY);
        if case == 3 {
            // Whole blocks of keys that a query does not see, and a query that sees none.
            mask[..keys - 1].fill(f32::NEG_INFINITY);
            mask[keys - 1] = 0.5;
            mask[(queries - 1) * keys..queries * keys].fill(f32::NEG_INFINITY);
        }
        let rows = |data, t: usize, w: usize| Rows { data, batch: t * heads * w, head: w, row: heads * w };
        let mask = Rows { data: &mask, batch: queries * keys, head: 0, row: keys };
        let mask = (case % 3 == 0).then_some(mask);
        let a = Attention { batch, heads, queries, keys, width, value_width, scale: 0.4, mask };
        let qkv = [rows(&q, queries, width), rows(&k, keys, width), rows(&v, keys, value_width)];
        let right = naive(&a, qkv);
        let to = Steps::of([batch, heads, queries, value_width], true);
        for threads in [1, 2] {
            let mut out = vec![3.0; right.len()];
            attention(&a, qkv, &mut out, to, threads);
            close(&out, &right, 5e-6, &format!("{case}"));
        }
        for isa in Isa::all() {
            let mut out = vec![3.0; right.len()];
            let shared = Shared::new(&mut out);
            for (batch, head) in (0..batch).flat_map(|b| (0..heads).map(move |h| (b, h))) {
                for first in (0..queries).step_by(LANES) {
                    run_on(isa, Block { a: &a, qkv, batch, head, first, out: shared, to });
                }
            }
            close(&out, &right, 5e-6, &format!("{case} on {isa:?}"));
        }
    }
}

#[test]
fn queries_of_a_head_may_lie_together() {
    let a = Attention {
        batch: 1,
        heads: 2,
        queries: 1,
        keys: 1,
        width: 1,
        value_width: 2,
        scale: 1.0,
        mask: None,
    };
    let one = Rows { data: &[1.0, 1.0], batch: 2, head: 1, row: 1 };
    let v = Rows { data: &[1.0, 2.0, 3.0, 4.0], batch: 4, head: 2, row: 2 };
    let mut out = [0.0; 4];
    attention(&a, [one, one, v], &mut out, Steps::of([1, 2, 1, 2], false), 1);
    assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
}
