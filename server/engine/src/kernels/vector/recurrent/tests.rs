use super::super::testing::{Random, close};
use super::{Run, Sequence, Weights, recurrent, recurrent_on};
use crate::graph::{Activation, Cell};
use crate::kernels::gemm::Packed;
use crate::kernels::simd::Isa;

/// The definition, one number at a time. A bias: a GRU that resets after the product.
fn naive(
    gates: usize,
    s: Sequence,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    state: [&mut [f64]; 2],
) -> Vec<f64> {
    let (u, sigmoid) = (s.units, |x: f64| 1.0 / (1.0 + (-x).exp()));
    let [h, c] = state;
    let mut out = Vec::new();
    for t in 0..s.steps {
        for b in 0..s.batch {
            let old = h[b * u..(b + 1) * u].to_vec();
            let product = |h: &[f64], k: usize| -> f64 {
                h.iter().enumerate().map(|(r, h)| h * f64::from(w[r * gates * u + k])).sum()
            };
            let part = |k: usize| f64::from(x[(t * s.batch + b) * gates * u + k]);
            let second = |k: usize| bias.map_or(0.0, |b| f64::from(b[k]));
            let full = |k: usize| part(k) + product(&old, k) + second(k);
            let reset: Vec<f64> =
                if gates == 3 { (0..u).map(|k| sigmoid(full(u + k)) * old[k]).collect() } else { Vec::new() };
            for k in 0..u {
                h[b * u + k] = match gates {
                    1 => full(k).tanh(),
                    4 => {
                        let cell = &mut c[b * u + k];
                        *cell = sigmoid(full(u + k)) * *cell + sigmoid(full(k)) * full(2 * u + k).tanh();
                        sigmoid(full(3 * u + k)) * cell.tanh()
                    }
                    _ => {
                        let inner = if bias.is_some() {
                            sigmoid(full(u + k)) * (product(&old, 2 * u + k) + second(2 * u + k))
                        } else {
                            product(&reset, 2 * u + k)
                        };
                        let z = sigmoid(full(k));
                        z * old[k] + (1.0 - z) * (part(2 * u + k) + inner).tanh()
                    }
                };
            }
            out.extend_from_slice(&h[b * u..(b + 1) * u]);
        }
    }
    out
}

/// Columns of a matrix whose rows have `width` numbers.
fn columns(w: &[f32], width: usize, from: usize, count: usize) -> Packed {
    let rows = w.len() / width;
    let picked: Vec<f32> = w.chunks_exact(width).flat_map(|row| row[from..from + count].to_vec()).collect();
    Packed::new(&picked, rows, count)
}

#[test]
fn layers_give_what_the_definition_says() {
    let mut random = Random::new(31);
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    for case in 0..48 {
        let (batch, steps, units) = (1 + random.below(9), random.below(6), 1 + random.below(45));
        let (gates, after) = [(1, false), (4, false), (3, false), (3, true)][case % 4];
        let u = units;
        let x = random.many(batch * steps * gates * u, 1.5);
        let w = random.many(u * gates * u, 0.5);
        let bias = if after { random.many(3 * u, 1.0) } else { Vec::new() };
        let s = Sequence { batch, steps, units };
        let (h0, c0) = (random.many(batch * u, 1.0), random.many(batch * u, 1.0));
        let (mut rh, mut rc) = (wide(&h0), wide(&c0));
        let right = naive(gates, s, &x, &w, after.then_some(&bias), [&mut rh, &mut rc]);
        let (activation, recurrent_of) = (Activation::Tanh, Activation::Sigmoid);
        let before = gates == 3 && !after;
        let weights = Weights {
            first: columns(&w, gates * u, 0, if before { 2 * u } else { gates * u }),
            second: before.then(|| columns(&w, 3 * u, 2 * u, u)),
            bias,
        };
        let cell = match gates {
            1 => Cell::Simple { activation },
            4 => Cell::Lstm { activation, recurrent: recurrent_of },
            _ => Cell::Gru { activation, recurrent: recurrent_of, reset_after: after },
        };
        for isa in Isa::all() {
            let (mut h, mut c, mut out) = (h0.clone(), c0.clone(), vec![9.0; right.len()]);
            let (mut h2, mut c2) = (h0.clone(), c0.clone());
            let (x, weights) = (&x[..], &weights);
            let of = |h, c, out| Run { cell, weights, sequence: s, x, h, c, out, mask: None };
            // A second layer beside it, on more threads than layers: rows are shared out too.
            let mut runs = [of(&mut h, &mut c, Some(&mut out)), of(&mut h2, &mut c2, None)];
            assert!(recurrent_on(isa, &mut runs, 1 + 3 * (case % 2)));
            close(&h2, &rh, 1e-5, "state of the other");
            close(&out, &right, 1e-5, &format!("{case} on {isa:?}"));
            close(&h, &rh, 1e-5, "state");
            close(&c, &rc, 1e-5, "cell");
        }
        let (mut h, mut c) = (h0.clone(), c0.clone());
        let short = &x[..x.len() / 2];
        let run = Run {
            cell,
            weights: &weights,
            sequence: s,
            x: short,
            h: &mut h,
            c: &mut c[1..],
            out: None,
            mask: None,
        };
        assert!(!recurrent(&mut [run], 1) || steps == 0);
    }
}
