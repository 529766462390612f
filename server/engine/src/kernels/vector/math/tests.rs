use super::super::testing::{Random, everywhere};
use super::super::{Map, map_to};
use super::{cos, erf, exp, exp_below, expm1, log, log1p, sigmoid, sin, softplus, tanh};
use crate::kernels::simd::{Kernel, Simd};

struct Apply<'a, F: Map>(F, &'a [f32]);

impl<F: Map> Kernel for Apply<'_, F> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let mut out = vec![0.0; self.1.len()];
        map_to::<S, F>(self.0, self.1, &mut out);
        out
    }
}

/// Checks a function over numbers of all sizes up to `most`; `least`: the smallest error that counts.
fn check<F: Map>(f: F, right: impl Fn(f64) -> f64, most: f32, tolerance: f64, least: f64, name: &str) {
    let mut random = Random::new(7);
    let mut x: Vec<f32> = vec![0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0, -1.0, 0.5, -0.5];
    x.extend([
        f32::MIN_POSITIVE,
        1e-40,
        -1e-40,
        f32::MAX,
        f32::MIN,
        -104.5,
        -103.5,
        -95.0,
        -87.5,
        88.7,
        88.8,
    ]);
    x.extend((0..60_000).map(|_| random.unit() * most));
    x.extend((0..20_000).map(|_| random.unit() * random.unit() * random.unit() * 2.0));
    x.extend((0..20_000).map(|_| f32::from_bits(random.bits())));
    everywhere(
        || Apply(f, &x),
        |isa, got| {
            let mut worst = (0.0, 0.0);
            for (x, got) in x.iter().zip(&got) {
                let wanted = right(f64::from(*x));
                if f64::from(*got) == wanted || wanted as f32 == *got || (wanted.is_nan() && got.is_nan()) {
                    continue;
                }
                let error = (f64::from(*got) - wanted).abs() / wanted.abs().max(least);
                assert!(error <= tolerance, "{name}({x:e}) = {got:e}, not {wanted:e}, on {isa:?}: {error:e}");
                if error > worst.0 {
                    worst = (error, *x);
                }
            }
            println!("{name} on {isa:?}: {:.2e} at {:e}", worst.0, worst.1);
        },
    );
}

macro_rules! check {
    ($f:ident, $right:expr, $most:expr, $tolerance:expr, $least:expr) => {{
        #[derive(Clone, Copy)]
        struct F;
        impl Map for F {
            #[inline(always)]
            fn call<S: Simd>(self, x: S::V) -> S::V {
                $f::<S>(x)
            }
        }
        check(F, $right, $most, $tolerance, $least, stringify!($f));
    }};
}

#[test]
fn the_functions_are_right_everywhere() {
    // Below this, the last place of a number is worth more than its share.
    let denormal = f64::from(f32::MIN_POSITIVE);
    check!(exp, f64::exp, 110.0, 2e-7, denormal);
    check!(
        exp_below,
        |x: f64| if x < -87.0 { 0.0 } else { (if x > 0.0 { 0.0 } else { x }).exp() },
        110.0,
        2e-7,
        denormal
    );
    check!(expm1, f64::exp_m1, 110.0, 3e-7, denormal);
    check!(log, f64::ln, 1000.0, 2e-7, denormal);
    check!(log1p, f64::ln_1p, 10.0, 3e-7, denormal);
    check!(tanh, f64::tanh, 11.0, 3e-7, denormal);
    check!(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 110.0, 3e-7, denormal);
    check!(erf, libm::erf, 5.0, 3e-7, denormal);
    check!(softplus, |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p(), 110.0, 3e-7, denormal);
    check!(sin, f64::sin, 8000.0, 3e-7, 1.0);
    check!(cos, f64::cos, 8000.0, 3e-7, 1.0);
}
