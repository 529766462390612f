use super::super::testing::{Random, close};
use super::{Mask, Run, Sequence, Weights, recurrent, recurrent_on};
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

/// A layer of any size, and what goes into it.
struct Case {
    gates: usize,
    sequence: Sequence,
    cell: Cell,
    x: Vec<f32>,
    w: Vec<f32>,
    weights: Weights,
    h: Vec<f32>,
    c: Vec<f32>,
}

impl Case {
    fn new(random: &mut Random, case: usize) -> Self {
        let (batch, steps, u) = (1 + random.below(9), random.below(6), 1 + random.below(45));
        let (gates, after) = [(1, false), (4, false), (3, false), (3, true)][case % 4];
        let x = random.many(batch * steps * gates * u, 1.5);
        let w = random.many(u * gates * u, 0.5);
        let bias = if after { random.many(3 * u, 1.0) } else { Vec::new() };
        let before = gates == 3 && !after;
        let weights = Weights {
            first: columns(&w, gates * u, 0, if before { 2 * u } else { gates * u }),
            second: before.then(|| columns(&w, 3 * u, 2 * u, u)),
            bias,
        };
        let (activation, recurrent) = (Activation::Tanh, Activation::Sigmoid);
        let cell = match gates {
            1 => Cell::Simple { activation },
            4 => Cell::Lstm { activation, recurrent },
            _ => Cell::Gru { activation, recurrent, reset_after: after },
        };
        let (h, c) = (random.many(batch * u, 1.0), random.many(batch * u, 1.0));
        Self { gates, sequence: Sequence { batch, steps, units: u }, cell, x, w, weights, h, c }
    }

    /// The outputs of some steps by the definition.
    fn naive(&self, steps: std::ops::Range<usize>, states: [&mut [f64]; 2]) -> Vec<f64> {
        let line = self.sequence.batch * self.gates * self.sequence.units;
        let bias = Some(&self.weights.bias[..]).filter(|b| !b.is_empty());
        let part = Sequence { steps: steps.len(), ..self.sequence };
        naive(self.gates, part, &self.x[steps.start * line..steps.end * line], &self.w, bias, states)
    }

    fn run<'a>(&'a self, h: &'a mut [f32], c: &'a mut [f32], out: Option<&'a mut [f32]>) -> Run<'a> {
        let (cell, weights, sequence) = (self.cell, &self.weights, self.sequence);
        Run { cell, weights, sequence, x: &self.x, h, c, out, mask: None }
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

#[test]
fn layers_give_what_the_definition_says() {
    let mut random = Random::new(31);
    for number in 0..48 {
        let mut case = Case::new(&mut random, number);
        let (mut rh, mut rc) = (wide(&case.h), wide(&case.c));
        let right = case.naive(0..case.sequence.steps, [&mut rh, &mut rc]);
        for isa in Isa::all() {
            let (mut h, mut c, mut out) = (case.h.clone(), case.c.clone(), vec![9.0; right.len()]);
            let (mut h2, mut c2) = (case.h.clone(), case.c.clone());
            // A second layer beside it, on more threads than layers: rows are shared out too.
            let mut runs = [case.run(&mut h, &mut c, Some(&mut out)), case.run(&mut h2, &mut c2, None)];
            assert!(recurrent_on(isa, &mut runs, 1 + 3 * (number % 2)));
            close(&h2, &rh, 1e-5, "state of the other");
            close(&out, &right, 1e-5, &format!("{number} on {isa:?}"));
            close(&h, &rh, 1e-5, "state");
            close(&c, &rc, 1e-5, "cell");
        }
        let (mut h, mut c) = (case.h.clone(), case.c.clone());
        case.x.truncate(case.x.len() / 2);
        let run = case.run(&mut h, &mut c[1..], None);
        assert!(!recurrent(&mut [run], 1) || case.sequence.steps == 0);
    }
}

/// The loop: a step for all rows, then a choice for each number of output and states. All outputs, the last, and the states.
fn naive_masked(case: &Case, marks: &[u8], first: &[f32], filler: Option<&[f32]>) -> [Vec<f64>; 4] {
    let (state, mut out) = (case.h.len(), Vec::new());
    let (mut h, mut c, mut shown) = (wide(&case.h), wide(&case.c), wide(first));
    let line = marks.len() / case.sequence.steps.max(1);
    for t in 0..case.sequence.steps {
        let (mut new_h, mut new_c) = (h.clone(), c.clone());
        let y = case.naive(t..t + 1, [&mut new_h, &mut new_c]);
        for n in 0..state {
            let made = marks[t * line + n * line / state] != 0;
            let kept = filler.map_or(shown[n], |f| f64::from(f[n]));
            shown[n] = if made { y[n] } else { kept };
            (h[n], c[n]) = if made { (new_h[n], new_c[n]) } else { (h[n], c[n]) };
        }
        out.extend_from_slice(&shown);
    }
    [out, shown, h, c]
}

#[test]
fn masked_steps_leave_the_states_and_put_out_what_came_before_or_a_filler() {
    let mut random = Random::new(32);
    for number in 0..96 {
        let case = Case::new(&mut random, number);
        let Sequence { batch, steps, units } = case.sequence;
        let line = if number % 3 == 0 { batch * units } else { batch };
        // Seldom, often and always masked.
        let odds = [1, 2, 5, 100][number / 4 % 4];
        let marks: Vec<u8> = (0..steps * line).map(|_| u8::from(random.below(odds) == 0)).collect();
        let first = random.many(batch * units, 1.0);
        let filler = (number / 16 % 2 == 0).then(|| random.many(batch * units, 1.0));
        let [right, last, rh, rc] = naive_masked(&case, &marks, &first, filler.as_deref());
        for isa in Isa::all() {
            let (mut h, mut c, mut out) = (case.h.clone(), case.c.clone(), vec![9.0; right.len()]);
            let mut shown = first.clone();
            let mut run = case.run(&mut h, &mut c, Some(&mut out));
            run.mask = Some(Mask { made: &marks, shown: &mut shown, filler: filler.as_deref() });
            assert!(recurrent_on(isa, &mut [run], 1 + number % 3));
            for (found, right) in [(&out, &right), (&shown, &last), (&h, &rh), (&c, &rc)] {
                close(found, right, 1e-5, &format!("{number} on {isa:?}"));
            }
        }
        let (mut h, mut c, mut shown) = (case.h.clone(), case.c.clone(), first);
        let mut run = case.run(&mut h, &mut c, None);
        run.mask = Some(Mask { made: &marks, shown: &mut shown[1..], filler: None });
        assert!(!recurrent(&mut [run], 1));
    }
}
