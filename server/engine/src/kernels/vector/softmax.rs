//! Softmax over the last axis.

use super::{in_rows, math};
use crate::kernels::simd::{Kernel, LANES, Simd, run};

/// Softmax, or its logarithm, of each row of `width` numbers of `x` into `to`, on as many threads.
pub fn softmax(log: bool, x: &[f32], width: usize, to: &mut [f32], threads: usize) {
    if width == 0 {
        return;
    }
    in_rows(threads, width, 8, x, to, |x, to| run(Rows { log, x, width, to }));
}

struct Rows<'a> {
    log: bool,
    x: &'a [f32],
    width: usize,
    to: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (x, to) in self.x.chunks_exact(self.width).zip(self.to.chunks_exact_mut(self.width)) {
            let most = S::splat(largest::<S>(x));
            let sum = exponentials::<S>(x, most, to, !self.log);
            if self.log {
                let shift = S::splat(sum.ln());
                less::<S>(x, most, shift, to);
            } else {
                scale::<S>(to, 1.0 / sum);
            }
        }
    }
}

/// The largest number of a slice.
#[inline(always)]
pub(super) fn largest<S: Simd>(x: &[f32]) -> f32 {
    let mut most = S::splat(f32::NEG_INFINITY);
    let (whole, rest) = x.as_chunks::<LANES>();
    for lanes in whole {
        most = S::max(S::load(lanes), most);
    }
    rest.iter().fold(S::largest(most), |most, x| if *x > most { *x } else { most })
}

/// `exp(x - most)` to `to`, if it is wanted, and their sum.
#[inline(always)]
fn exponentials<S: Simd>(x: &[f32], most: S::V, to: &mut [f32], wanted: bool) -> f32 {
    let mut sum = S::splat(0.0);
    let ((xs, x_rest), (whole, rest)) = (x.as_chunks::<LANES>(), to.as_chunks_mut::<LANES>());
    for (x, to) in xs.iter().zip(whole) {
        let e = math::exp_below::<S>(S::sub(S::load(x), most));
        sum = S::add(sum, e);
        if wanted {
            S::store(e, to);
        }
    }
    let mut total = S::sum(sum);
    if !rest.is_empty() {
        let mut lanes = [0.0; LANES];
        S::store(math::exp_below::<S>(S::sub(S::load_part(x_rest), most)), &mut lanes);
        total += lanes[..rest.len()].iter().sum::<f32>();
        if wanted {
            rest.copy_from_slice(&lanes[..rest.len()]);
        }
    }
    total
}

#[inline(always)]
fn less<S: Simd>(x: &[f32], most: S::V, shift: S::V, to: &mut [f32]) {
    let ((xs, x_rest), (whole, rest)) = (x.as_chunks::<LANES>(), to.as_chunks_mut::<LANES>());
    for (x, to) in xs.iter().zip(whole) {
        S::store(S::sub(S::sub(S::load(x), most), shift), to);
    }
    if !rest.is_empty() {
        S::store_part(S::sub(S::sub(S::load_part(x_rest), most), shift), rest);
    }
}

/// Multiplies numbers in place.
#[inline(always)]
pub(super) fn scale<S: Simd>(to: &mut [f32], by: f32) {
    let by = S::splat(by);
    let (whole, rest) = to.as_chunks_mut::<LANES>();
    for lanes in whole {
        S::store(S::mul(S::load(lanes), by), lanes);
    }
    if !rest.is_empty() {
        S::store_part(S::mul(S::load_part(rest), by), rest);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Random, close};
    use super::Rows;
    use crate::kernels::simd::{Isa, run_on};

    #[test]
    fn any_width_gives_what_the_definition_says() {
        let mut random = Random::new(11);
        for width in [1, 2, 5, 15, 16, 17, 100, 1000, 1001] {
            let mut x = random.many(3 * width, 40.0);
            x[0] = if width == 5 { f32::NAN } else { x[0] };
            for (log, isa) in
                [false, true].into_iter().flat_map(|l| Isa::all().into_iter().map(move |i| (l, i)))
            {
                let right: Vec<f64> = x
                    .chunks(width)
                    .flat_map(|row| {
                        let most = row.iter().fold(f64::MIN, |m, x| m.max(f64::from(*x)));
                        let sum: f64 = row.iter().map(|x| (f64::from(*x) - most).exp()).sum();
                        row.iter().map(move |x| {
                            let x = f64::from(*x) - most;
                            if log { x - sum.ln() } else { x.exp() / sum }
                        })
                    })
                    .collect();
                let mut to = vec![0.0; x.len()];
                run_on(isa, Rows { log, x: &x, width, to: &mut to });
                close(&to, &right, 1e-6, &format!("{width} on {isa:?}"));
            }
        }
        super::softmax(false, &[], 0, &mut [], 1);
    }
}
