//! Functions of sixteen numbers at once, each within about two units in the last place of the right answer.
//!
//! Constants that are multiplied by integers have few bits, so that these products are exact even where the processor cannot fuse a
//! multiplication with an addition.
#![allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "coefficients of polynomials, as they were fitted"
)]

use crate::kernels::simd::Simd;

/// ln 2 in two parts; the first has nine bits.
const LN2: [f32; 2] = [0.693_359_375, -2.121_944_4e-4];
/// pi / 2 in three parts; the first two have eleven bits.
const HALF_PI: [f32; 3] = [1.570_312_5, 4.837_513e-4, 7.549_79e-8];
/// Beyond this, an angle loses too much when turns are taken off.
const LARGEST_ANGLE: f32 = 8192.0;
/// (exp(r) - 1 - r) / r^2 as a polynomial of r between plus and minus ln 2 / 2, highest first: fitted so that the largest relative
/// error of exp(r) - 1 is least, which is 1.6e-8.
const EXPM1: [f32; 5] = [1.394_649_7e-3, 8.366_610_6e-3, 4.166_628_14e-2, 0.166_665_428, 0.5];
/// (atanh(s) / s - 1) * 2 / s^2 as a polynomial of s^2, highest first.
const ATANH: [f32; 5] = [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0];
/// erf(x) / x as a polynomial of x^2 up to 1, highest first: from its Chebyshev series.
const ERF_SMALL: [f32; 7] = [
    7.882_497e-5,
    -8.018_855e-4,
    5.189_311_9e-3,
    -2.685_432_9e-2,
    1.128_359_7e-1,
    -3.761_262_7e-1,
    1.128_379_2,
];
/// -ln(erfc(x)) as a polynomial of x - 2.5 between 1 and 4, highest first: from its Chebyshev series.
const ERF_LARGE: [f32; 9] = [
    -1.614_061_6e-6,
    1.330_939e-5,
    -7.739_442_6e-5,
    4.201_445_7e-4,
    -2.165_160_3e-3,
    1.085_851_7e-2,
    9.438_936_4e-1,
    5.352_680_7,
    7.806_815,
];

/// A polynomial by Horner's rule, the highest coefficient first.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(x: S::V, coefficients: &[f32; N]) -> S::V {
    let mut sum = S::splat(coefficients[0]);
    let mut n = 1;
    while n < N {
        sum = S::fma(sum, x, S::splat(coefficients[n]));
        n += 1;
    }
    sum
}

/// `-x`.
#[inline(always)]
pub fn neg<S: Simd>(x: S::V) -> S::V {
    S::mul(x, S::splat(-1.0))
}

/// `x` no less than `least` and no more than `most`; NaN stays.
#[inline(always)]
pub fn clamp<S: Simd>(x: S::V, least: f32, most: f32) -> S::V {
    S::min(S::splat(most), S::max(S::splat(least), x))
}

/// `x = n ln 2 + r` with integral `n` and the smallest `r`.
#[inline(always)]
fn reduce<S: Simd>(x: S::V) -> (S::V, S::V) {
    let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
    let r = S::fma(n, S::splat(-LN2[0]), x);
    (n, S::fma(n, S::splat(-LN2[1]), r))
}

/// `exp(r) - 1` near zero.
#[inline(always)]
fn expm1_near<S: Simd>(r: S::V) -> S::V {
    S::fma(S::mul(r, r), polynomial::<S, 5>(r, &EXPM1), r)
}

/// `exp(x)`.
#[inline(always)]
pub fn exp<S: Simd>(x: S::V) -> S::V {
    let (n, r) = reduce::<S>(clamp::<S>(x, -104.0, 89.0));
    let power = S::add(expm1_near::<S>(r), S::splat(1.0));
    S::scale_far(power, n)
}

/// `exp(x)` for x that is not positive, zero where that is smaller than the smallest normal number: what softmax needs.
#[inline(always)]
pub fn exp_below<S: Simd>(x: S::V) -> S::V {
    let (n, r) = reduce::<S>(clamp::<S>(x, -87.0, 0.0));
    let power = S::scale(S::add(expm1_near::<S>(r), S::splat(1.0)), n);
    S::select(S::less(x, S::splat(-87.0)), S::splat(0.0), power)
}

/// `exp(-x)` of numbers that are not negative, denormal results too.
#[inline(always)]
fn exp_below_one<S: Simd>(x: S::V) -> S::V {
    let x = S::min(S::splat(104.0), x);
    let (n, r) = reduce::<S>(neg::<S>(x));
    S::scale_far(S::add(expm1_near::<S>(r), S::splat(1.0)), n)
}

/// `exp(x) - 1`.
#[inline(always)]
pub fn expm1<S: Simd>(x: S::V) -> S::V {
    let (n, r) = reduce::<S>(clamp::<S>(x, -20.0, 89.0));
    let near = expm1_near::<S>(r);
    let half = S::floor(S::mul(n, S::splat(0.5)));
    let rest = S::sub(n, half);
    let one = S::splat(1.0);
    let shift = S::sub(S::scale(one, half), S::scale(one, S::sub(S::splat(0.0), rest)));
    S::scale(S::add(S::scale(near, half), shift), rest)
}

/// The natural logarithm.
#[inline(always)]
pub fn log<S: Simd>(x: S::V) -> S::V {
    let one = S::splat(1.0);
    let tiny = S::less(x, S::splat(f32::MIN_POSITIVE));
    let (e, m) = S::split(S::select(tiny, S::mul(x, S::splat(16_777_216.0)), x));
    let e = S::select(tiny, S::sub(e, S::splat(24.0)), e);
    let large = S::less(S::splat(std::f32::consts::SQRT_2), m);
    let m = S::select(large, S::mul(m, S::splat(0.5)), m);
    let e = S::select(large, S::add(e, one), e);
    let f = S::sub(m, one);
    let s = S::div(f, S::add(f, S::splat(2.0)));
    let z = S::mul(s, s);
    let half_square = S::mul(S::mul(f, f), S::splat(0.5));
    let series = S::fma(z, polynomial::<S, 5>(z, &ATANH), half_square);
    let low = S::fma(s, series, S::mul(e, S::splat(LN2[1])));
    let y = S::fma(e, S::splat(LN2[0]), S::sub(f, S::sub(half_square, low)));
    let y = S::select(S::less(x, S::splat(f32::INFINITY)), y, x);
    let y = S::select(S::less(x, S::splat(0.0)), S::splat(f32::NAN), y);
    S::select(S::equal(x, S::splat(0.0)), S::splat(f32::NEG_INFINITY), y)
}

/// `log(1 + x)`.
#[inline(always)]
pub fn log1p<S: Simd>(x: S::V) -> S::V {
    let one = S::splat(1.0);
    let sum = S::add(one, x);
    // What the sum lost when it was rounded.
    let lost = S::sub(x, S::sub(sum, one));
    let y = S::add(log::<S>(sum), S::div(lost, sum));
    let y = S::select(S::less(x, S::splat(f32::INFINITY)), y, x);
    S::select(S::equal(sum, S::splat(0.0)), S::splat(f32::NEG_INFINITY), y)
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh<S: Simd>(x: S::V) -> S::V {
    let (n, r) = reduce::<S>(S::min(S::splat(20.0), S::abs(S::add(x, x))));
    let power = S::scale(S::splat(1.0), n);
    let less_one = S::fma(expm1_near::<S>(r), power, S::sub(power, S::splat(1.0)));
    let y = S::div(less_one, S::add(less_one, S::splat(2.0)));
    let y = S::select(S::less(x, S::splat(0.0)), neg::<S>(y), y);
    S::select(S::equal(x, S::splat(0.0)), x, y)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid<S: Simd>(x: S::V) -> S::V {
    let e = exp_below_one::<S>(S::abs(x));
    let y = S::reciprocal(S::add(S::splat(1.0), e));
    // Relative accuracy below zero too, down to the denormal numbers.
    S::select(S::less(x, S::splat(0.0)), S::mul(e, y), y)
}

/// The error function.
#[inline(always)]
pub fn erf<S: Simd>(x: S::V) -> S::V {
    let size = S::abs(x);
    let small = S::mul(x, polynomial::<S, 7>(S::mul(x, x), &ERF_SMALL));
    let capped = S::min(S::splat(4.0), size);
    let exponent = polynomial::<S, 9>(S::sub(capped, S::splat(2.5)), &ERF_LARGE);
    let large = S::sub(S::splat(1.0), exp_below::<S>(S::sub(S::splat(0.0), exponent)));
    let large = S::select(S::less(x, S::splat(0.0)), neg::<S>(large), large);
    S::select(S::less(S::splat(1.0), size), large, small)
}

/// `log(1 + exp(x))`.
#[inline(always)]
pub fn softplus<S: Simd>(x: S::V) -> S::V {
    let e = exp::<S>(S::sub(S::splat(0.0), S::abs(x)));
    S::add(S::max(S::splat(0.0), x), log1p::<S>(e))
}

/// Sine and cosine.
#[inline(always)]
fn turn<S: Simd>(x: S::V) -> (S::V, S::V) {
    const SIN: [f32; 4] = [1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0];
    const COS: [f32; 5] = [-1.0 / 3_628_800.0, 1.0 / 40320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5];
    let n = S::round(S::mul(x, S::splat(std::f32::consts::FRAC_2_PI)));
    let r = S::fma(n, S::splat(-HALF_PI[0]), x);
    let r = S::fma(n, S::splat(-HALF_PI[1]), r);
    let r = S::fma(n, S::splat(-HALF_PI[2]), r);
    let z = S::mul(r, r);
    let sin = S::fma(S::mul(r, z), polynomial::<S, 4>(z, &SIN), r);
    let cos = S::fma(z, polynomial::<S, 5>(z, &COS), S::splat(1.0));
    let quarter = S::sub(n, S::mul(S::floor(S::mul(n, S::splat(0.25))), S::splat(4.0)));
    let half = S::less(S::splat(1.5), quarter);
    let odd = S::equal(S::mul(S::floor(S::mul(quarter, S::splat(0.5))), S::splat(2.0)), quarter);
    let (s, c) = (S::select(odd, sin, cos), S::select(odd, cos, sin));
    // Quarters 1 and 2 change the cosine's sign, 2 and 3 the sine's.
    let middle = S::less(S::abs(S::sub(quarter, S::splat(1.5))), S::splat(1.0));
    (S::select(half, neg::<S>(s), s), S::select(middle, neg::<S>(c), c))
}

/// The sine.
#[inline(always)]
pub fn sin<S: Simd>(x: S::V) -> S::V {
    if !all_below::<S>(x, LARGEST_ANGLE) {
        return lanes::<S>(x, f32::sin);
    }
    turn::<S>(x).0
}

/// Whether no number is as large, or none at all.
#[inline(always)]
fn all_below<S: Simd>(x: S::V, limit: f32) -> bool {
    let (yes, no) = (S::splat(0.0), S::splat(1.0));
    S::sum(S::select(S::less(S::abs(x), S::splat(limit)), yes, no)) == 0.0
}

/// The cosine.
#[inline(always)]
pub fn cos<S: Simd>(x: S::V) -> S::V {
    if !all_below::<S>(x, LARGEST_ANGLE) {
        return lanes::<S>(x, f32::cos);
    }
    turn::<S>(x).1
}

/// `x^y`: one number at a time, since a logarithm of more than 32 bits would be needed.
#[inline(always)]
pub fn pow<S: Simd>(x: S::V, y: S::V) -> S::V {
    let (mut a, mut b) = ([0.0; 16], [0.0; 16]);
    S::store(x, &mut a);
    S::store(y, &mut b);
    for n in 0..16 {
        a[n] = a[n].powf(b[n]);
    }
    S::load(&a)
}

/// A function of one number, on each.
#[inline(always)]
pub fn lanes<S: Simd>(x: S::V, f: fn(f32) -> f32) -> S::V {
    let mut all = [0.0; 16];
    S::store(x, &mut all);
    for x in &mut all {
        *x = f(*x);
    }
    S::load(&all)
}

#[cfg(test)]
mod tests;
