use super::super::testing::{Random, close};
use super::{Cell, Layer, Packed, Sequence, recurrent};
use crate::graph::Activation;
use crate::kernels::simd::{Isa, run_on};

/// The definition, one number at a time. `kind`: gates; 3 with a bias resets after the product.
#[allow(clippy::too_many_arguments)]
fn naive(
    gates: usize,
    s: &Sequence<'_>,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    h: &mut [f64],
    c: &mut [f64],
) -> Vec<f64> {
    let (u, sigmoid) = (s.units, |x: f64| 1.0 / (1.0 + (-x).exp()));
    let mut out = vec![0.0; s.batch * s.steps * u];
    for b in 0..s.batch {
        let mut last = vec![0.0; u];
        for n in 0..s.steps {
            let t = if s.backwards { s.steps - 1 - n } else { n };
            let to = &mut out[(b * s.steps + t) * u..][..u];
            if s.mask.is_some_and(|m| !m[b * s.steps + t]) {
                if !s.zero_masked {
                    to.copy_from_slice(&last);
                }
                continue;
            }
            let old = h[b * u..(b + 1) * u].to_vec();
            let product = |h: &[f64], k: usize| -> f64 {
                h.iter().enumerate().map(|(r, h)| h * f64::from(w[r * gates * u + k])).sum()
            };
            let part = |k: usize| f64::from(x[(b * s.steps + t) * gates * u + k]);
            let second = |k: usize| bias.map_or(0.0, |b| f64::from(b[k]));
            let full = |k: usize| part(k) + product(&old, k) + second(k);
            let reset: Vec<f64> =
                if gates == 3 { (0..u).map(|k| sigmoid(full(u + k)) * old[k]).collect() } else { Vec::new() };
            for k in 0..u {
                let new = match gates {
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
                h[b * u + k] = new;
            }
            last.copy_from_slice(&h[b * u..(b + 1) * u]);
            to.copy_from_slice(&last);
        }
    }
    out
}

#[test]
fn layers_give_what_the_definition_says() {
    let mut random = Random::new(31);
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    for case in 0..48 {
        let (batch, steps, u) = (1 + random.below(9), random.below(6), 1 + random.below(45));
        let (gates, after) = [(1, false), (4, false), (3, false), (3, true)][case % 4];
        let x = random.many(batch * steps * gates * u, 1.5);
        let w = random.many(u * gates * u, 0.5);
        let bias = random.many(3 * u, 1.0);
        let bias = after.then_some(bias.as_slice());
        let mask: Vec<bool> = (0..batch * steps).map(|_| random.below(3) > 0).collect();
        let mask = (case % 3 == 0).then_some(mask.as_slice());
        let s =
            Sequence { batch, steps, units: u, backwards: case % 5 == 0, mask, zero_masked: case % 2 == 0 };
        let (h0, c0) = (random.many(batch * u, 1.0), random.many(batch * u, 1.0));
        let (mut rh, mut rc) = (wide(&h0), wide(&c0));
        let right = naive(gates, &s, &x, &w, bias, &mut rh, &mut rc);
        let [all, two, third] = match gates {
            3 => [
                Packed::new(&w, 3 * u, 0, 3 * u),
                Packed::new(&w, 3 * u, 0, 2 * u),
                Packed::new(&w, 3 * u, 2 * u, u),
            ],
            _ => [0; 3].map(|_| Packed::new(&w, gates * u, 0, gates * u)),
        };
        let (activation, recurrent_of) = (Activation::Tanh, Activation::Sigmoid);
        let cell = match gates {
            1 => Cell::Simple { weights: &all, activation },
            4 => Cell::Lstm { weights: &all, activation, recurrent: recurrent_of },
            _ => Cell::Gru {
                gates: &two,
                candidate: &third,
                reset_after: bias,
                activation,
                recurrent: recurrent_of,
            },
        };
        for isa in Isa::all() {
            let (mut h, mut c, mut out) = (h0.clone(), c0.clone(), vec![9.0; right.len()]);
            run_on(isa, Layer { cell, sequence: s, x: &x, h: &mut h, c: &mut c, out: Some(&mut out) });
            close(&out, &right, 1e-5, &format!("{case} on {isa:?}"));
            close(&h, &rh, 1e-5, "state");
            close(&c, &rc, 1e-5, "cell");
        }
        let (mut h, mut c) = (h0.clone(), c0.clone());
        assert!(recurrent(cell, s, &x, &mut h, &mut c, None));
        close(&h, &rh, 1e-5, "state");
    }
}
