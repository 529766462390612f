use super::super::testing::{Random, close};
use super::{Attention, Block, QUERIES, Rows, attention};
use crate::kernels::simd::{Isa, run_on};

fn naive(a: &Attention<'_>, q: Rows<'_>, k: Rows<'_>, v: Rows<'_>) -> Vec<f64> {
    let mut out = vec![0.0; a.batch * a.queries * a.heads * a.value_width];
    for (b, h, t) in
        (0..a.batch).flat_map(|b| (0..a.heads).flat_map(move |h| (0..a.queries).map(move |t| (b, h, t))))
    {
        let seen = if a.causal { (t + 1 + a.keys).saturating_sub(a.queries) } else { a.keys };
        let scores: Vec<f64> = (0..seen.min(a.keys))
            .map(|s| {
                let pairs = q.at(b, h, t, a.width).iter().zip(k.at(b, h, s, a.width));
                let dot: f64 = pairs.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                let mask = a.mask.map_or(0.0, |m| f64::from(m.at(b, h, t, a.keys)[s]));
                dot * f64::from(a.scale) + mask
            })
            .collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        for (s, score) in scores.iter().enumerate().filter(|_| most > f64::NEG_INFINITY) {
            for i in 0..a.value_width {
                let weight = (score - most).exp() / sum;
                out[((b * a.queries + t) * a.heads + h) * a.value_width + i] +=
                    weight * f64::from(v.at(b, h, s, a.value_width)[i]);
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
        let rows = |data, t: usize, w: usize| Rows { data, batch: t * heads * w, head: w, row: heads * w };
        let mask = Rows { data: &mask, batch: queries * keys, head: 0, row: keys };
        let mask = (case % 3 == 0).then_some(mask);
        let causal = case % 4 == 1;
        let a = Attention { batch, heads, queries, keys, width, value_width, scale: 0.4, mask, causal };
        let (q, k, v) = (rows(&q, queries, width), rows(&k, keys, width), rows(&v, keys, value_width));
        let right = naive(&a, q, k, v);
        for threads in [1, 2] {
            let mut out = vec![3.0; right.len()];
            attention(&a, q, k, v, &mut out, threads);
            close(&out, &right, 5e-6, &format!("{case}"));
        }
        let row = heads * value_width;
        for isa in Isa::all() {
            let mut to = vec![3.0; queries.min(QUERIES) * row];
            run_on(isa, Block { a: &a, q, k, v, batch: 0, first: 0, to: &mut to });
            close(&to, &right[..to.len()], 5e-6, &format!("{case} on {isa:?}"));
        }
    }
}
