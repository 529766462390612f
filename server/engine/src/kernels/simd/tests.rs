//! Every operation of every instruction set beside the scalar one, bit by bit.

use super::{BYTES, Isa, Kernel, LANES, Lanes, Simd, run_on};
use crate::kernels::vector::testing::Random;

/// Numbers that instructions are known to differ in.
const ODD: [f32; 12] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.5,
    -2.5,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::MIN_POSITIVE,
    -1e-42,
    f32::MAX,
];

/// Sixteen numbers, odd ones among them, and others that are not.
fn samples(random: &mut Random) -> Lanes {
    std::array::from_fn(|_| match random.below(3) {
        0 => ODD[random.below(ODD.len())],
        1 => random.unit(),
        _ => random.unit() * 1e4,
    })
}

/// What each operation makes of some numbers.
struct Everything {
    a: Lanes,
    b: Lanes,
    /// Integers that powers of two may have.
    powers: Lanes,
    /// Normal numbers above zero.
    normal: Lanes,
    part: usize,
}

impl Everything {
    #[inline(always)]
    fn arithmetic<S: Simd>(&self, add: &mut impl FnMut(&'static str, S::V)) {
        let (a, b) = (S::load(&self.a), S::load(&self.b));
        let (powers, normal) = (S::load(&self.powers), S::load(&self.normal));
        add("splat", S::splat(self.a[0]));
        add("add", S::add(a, b));
        add("sub", S::sub(a, b));
        add("mul", S::mul(a, b));
        add("div", S::div(a, b));
        add("max", S::max(a, b));
        add("min", S::min(a, b));
        add("sqrt", S::sqrt(a));
        add("round", S::round(a));
        add("floor", S::floor(a));
        add("abs", S::abs(a));
        add("scale", S::scale(normal, powers));
        let (exponent, mantissa) = S::split(normal);
        add("scale_far", S::scale_far(mantissa, S::add(powers, powers)));
        add("exponent", exponent);
        add("mantissa", mantissa);
    }

    #[inline(always)]
    fn choices<S: Simd>(&self, add: &mut impl FnMut(&'static str, S::V)) {
        let (a, b) = (S::load(&self.a), S::load(&self.b));
        let (one, zero) = (S::splat(1.0), S::splat(0.0));
        add("less", S::select(S::less(a, b), one, zero));
        add("any is less", S::splat(f32::from(S::any(S::less(a, b)))));
        add("equal", S::select(S::equal(a, b), one, zero));
        add("equal to itself", S::select(S::equal(a, a), a, b));
        add("load_part", S::load_part(&self.a[..self.part]));
    }
}

impl Kernel for Everything {
    type Output = Vec<(&'static str, Lanes)>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let mut all = Vec::new();
        let mut add = |name, v| {
            let mut lanes = [0.0; LANES];
            S::store(v, &mut lanes);
            all.push((name, lanes));
        };
        self.arithmetic::<S>(&mut add);
        self.choices::<S>(&mut add);
        let mut lanes = self.b;
        S::store_part(S::load(&self.a), &mut lanes[..self.part]);
        all.push(("store_part", lanes));
        all
    }
}

#[test]
fn every_operation_is_the_scalar_one() {
    let mut random = Random::new(1);
    for round in 0..200 {
        let (a, b) = (samples(&mut random), samples(&mut random));
        let powers: Lanes = std::array::from_fn(|_| random.below(253) as f32 - 126.0);
        let normal: Lanes = std::array::from_fn(|_| (random.unit() * 60.0).exp2());
        let part = random.below(LANES + 1);
        let kernel = || Everything { a, b, powers, normal, part };
        let right = run_on(Isa::Scalar, kernel());
        for isa in Isa::all() {
            for ((name, got), (_, right)) in run_on(isa, kernel()).iter().zip(&right) {
                for (n, (got, right)) in got.iter().zip(right).enumerate() {
                    let same = got.to_bits() == right.to_bits() || (got.is_nan() && right.is_nan());
                    assert!(
                        same,
                        "{isa:?} {name}: {got:e}, not {right:e}, of {} and {} in round {round}",
                        a[n], b[n]
                    );
                }
            }
        }
    }
}

/// A fused product, a reciprocal, the sum and the largest number: what may be rounded elsewhere on each.
struct Rounded {
    a: Lanes,
    b: Lanes,
    c: Lanes,
}

impl Kernel for Rounded {
    type Output = ([Lanes; 2], [f32; 2]);
    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let (a, b, c) = (S::load(&self.a), S::load(&self.b), S::load(&self.c));
        let mut lanes = [[0.0; LANES]; 2];
        S::store(S::fma(a, b, c), &mut lanes[0]);
        S::store(S::reciprocal(S::add(S::splat(1.0), S::abs(a))), &mut lanes[1]);
        (lanes, [S::sum(c), S::largest(c)])
    }
}

#[test]
fn what_is_rounded_elsewhere_is_near() {
    let mut random = Random::new(2);
    let near = |got: f32, right: f64| (f64::from(got) - right).abs() <= 1e-5;
    for _ in 0..200 {
        let [a, b, c]: [Lanes; 3] = std::array::from_fn(|_| std::array::from_fn(|_| random.unit()));
        for isa in Isa::all() {
            let ([products, reciprocals], [sum, largest]) = run_on(isa, Rounded { a, b, c });
            for n in 0..LANES {
                let [x, y, z] = [a[n], b[n], c[n]].map(f64::from);
                assert!(near(products[n], x * y + z), "{isa:?}: {x} * {y} + {z} is not {}", products[n]);
                let right = 1.0 / (1.0 + x.abs());
                let error = (f64::from(reciprocals[n]) - right).abs() / right;
                assert!(
                    error <= 2.0 * f64::from(f32::EPSILON),
                    "{isa:?}: 1 / {} by {error:e}",
                    1.0 + x.abs()
                );
            }
            assert!(near(sum, c.iter().copied().map(f64::from).sum()), "{isa:?}: {sum} of {c:?}");
            assert_eq!(largest, c.into_iter().fold(f32::NEG_INFINITY, f32::max), "{isa:?}");
        }
    }
}

/// What is done with bytes.
struct OfBytes {
    bytes: [u8; BYTES],
    least: u8,
    words: Vec<u64>,
    table: [f32; BYTES],
    thresholds: Vec<f32>,
    x: Lanes,
}

impl Kernel for OfBytes {
    type Output = (u64, [u8; BYTES], Lanes, [u8; LANES]);
    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        let mut picked = [0.0; LANES];
        if let Some(at) = self.bytes.first_chunk() {
            S::store(S::pick(&self.table, at), &mut picked);
        }
        let counts = S::count(&self.thresholds, &self.x);
        (S::not_below(&self.bytes, self.least), S::bytes(&self.words), picked, counts)
    }
}

#[test]
fn bytes_are_compared_and_looked_up() {
    let mut random = Random::new(3);
    for round in 0..400 {
        let bytes: [u8; BYTES] = std::array::from_fn(|_| random.bits() as u8);
        let least = random.bits() as u8;
        let words: Vec<u64> =
            (0..round % 9).map(|_| u64::from(random.bits()) << 32 | u64::from(random.bits())).collect();
        let table: [f32; BYTES] = std::array::from_fn(|n| n as f32);
        // 31, 63, 127 or 255 thresholds, the last of them NaN.
        let levels = 5 + round % 4;
        let given = (1usize << levels) - 1 - random.below(9);
        let mut thresholds = Vec::new();
        for level in 0..levels {
            let places = (0..1usize << level).map(|n| ((2 * n + 1) << (levels - level - 1)) - 1);
            thresholds.extend(places.map(|n| if n < given { n as f32 } else { f32::NAN }));
        }
        thresholds.push(f32::NAN);
        let x: Lanes = std::array::from_fn(|_| match random.below(6) {
            0 => ODD[random.below(ODD.len())],
            _ => random.unit() * 300.0,
        });
        for isa in Isa::all() {
            let kernel =
                OfBytes { bytes, least, words: words.clone(), table, thresholds: thresholds.clone(), x };
            let (not_below, made, picked, counts) = run_on(isa, kernel);
            for n in 0..BYTES {
                assert_eq!(not_below >> n & 1 == 1, bytes[n] >= least, "{isa:?}");
                let byte: usize =
                    words.iter().enumerate().map(|(bit, word)| (word >> n & 1) << bit).sum::<u64>() as usize;
                assert_eq!(usize::from(made[n]), byte, "{isa:?}");
            }
            for n in 0..LANES {
                assert_eq!(picked[n], f32::from(bytes[n] % 64), "{isa:?}");
                let count = (0..given).filter(|t| x[n] >= *t as f32).count();
                assert_eq!(usize::from(counts[n]), count, "{isa:?}: {}", x[n]);
            }
        }
    }
}
