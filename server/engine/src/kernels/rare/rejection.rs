//! Distributions of which it is not known how many words a number takes. Each number has words of its own, by its place, and draws until
//! one suits, as TensorFlow does.

use super::super::access::make;
use super::super::{Outcome, Value, fail};
use super::philox::{Philox, double, wide_normal_pair};
use super::{narrowed, wide};
use crate::graph::Draw;
use crate::value::Kind;
use crate::{DType, EngineError};

/// Draws for one number. It takes a few; no parameters are known that need so many.
const MOST_DRAWS: usize = 1 << 12;

/// The numbers that a value of the counter gives, from the last to the first.
struct Backwards<T, const N: usize> {
    made: [T; N],
    left: usize,
}

impl<T: Copy + Default, const N: usize> Backwards<T, N> {
    fn new() -> Self {
        Self { made: [T::default(); N], left: 0 }
    }

    fn next(&mut self, philox: &mut Philox, each: impl Fn([u32; 4]) -> [T; N]) -> T {
        if self.left == 0 {
            self.made = each(philox.next());
            self.left = N;
        }
        self.left -= 1;
        self.made[self.left]
    }
}

fn doubles([a, b, c, d]: [u32; 4]) -> [f64; 2] {
    [double([a, b]), double([c, d])]
}

/// Draws of a shape whose last axes are those of the parameters.
pub fn draw(draw: Draw, dtype: DType, philox: &Philox, shape: &[usize], parameters: &[&Value]) -> Outcome {
    let (first, count) = (parameters.first().ok_or_else(|| fail("a draw lacks a parameter"))?, count(shape));
    let own = match (draw, parameters) {
        (Draw::Binomial, [a, b]) => super::super::elementwise::broadcast_shape(a.dims(), b.dims())?,
        _ => first.dims().to_vec(),
    };
    let each = own.iter().product::<usize>();
    if !shape.ends_with(&own) || each == 0 {
        return if count == 0 { numbers(dtype, Vec::new(), shape) } else { Err(unfit(shape, &own)) };
    }
    let spread = parameters.iter().map(|p| wide(&super::super::moves::expand(p, &own)?));
    let parameters = spread.collect::<Result<Vec<Vec<f64>>, EngineError>>()?;
    let samples = count / each;
    let narrow = first.kind() == Kind::F32;
    let at = |n: usize| parameters.iter().map(move |p| p[n]);
    let mut out = vec![0.0; count];
    for n in 0..count {
        let (which, sample) = (n / samples, n % samples);
        let mut own = at(which);
        let (a, b) = (own.next().unwrap_or(0.0), own.next().unwrap_or(0.0));
        out[sample * each + which] = match draw {
            Draw::Poisson => poisson(a, ahead(philox, n, 256)),
            Draw::Binomial => binomial(a, b, narrow, philox, n),
            _ => gamma(a, ahead(philox, n, 256)),
        };
    }
    numbers(dtype, out, shape)
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn unfit(shape: &[usize], own: &[usize]) -> EngineError {
    fail(format!(
        "numbers of shape {shape:?} are drawn by parameters of shape {own:?}, with which it has to end"
    ))
}

fn numbers(dtype: DType, all: Vec<f64>, shape: &[usize]) -> Outcome {
    match dtype {
        DType::F64 => make(all, shape),
        DType::I32 | DType::I64 => make(all.into_iter().map(|x| x as i64).collect::<Vec<i64>>(), shape),
        DType::F16 => {
            let round = |x: f64| ::half::f16::from_f64(x).to_f32();
            make(all.into_iter().map(round).collect::<Vec<f32>>(), shape)
        }
        DType::BF16 => {
            let round = |x: f64| ::half::bf16::from_f64(x).to_f32();
            make(all.into_iter().map(round).collect::<Vec<f32>>(), shape)
        }
        _ => narrowed(Kind::F32, all, shape),
    }
}

/// The words of a number: so many values of the counter lie between two.
fn ahead(philox: &Philox, number: usize, apart: u64) -> Philox {
    let mut own = philox.clone();
    own.skip((number as u64).wrapping_mul(apart));
    own
}

/// By Marsaglia and Tsang.
fn gamma(shape: f64, mut philox: Philox) -> f64 {
    if shape.is_nan() {
        return f64::NAN;
    }
    let mut uniform = Backwards::<f64, 2>::new();
    if shape == 1.0 {
        return -(-uniform.next(&mut philox, doubles)).ln_1p();
    }
    let below = shape < 1.0;
    let d = shape + if below { 2.0 / 3.0 } else { -1.0 / 3.0 };
    let c = 1.0 / 3.0 / d.sqrt();
    let mut normal = Backwards::<f64, 2>::new();
    for _ in 0..MOST_DRAWS {
        let x = normal.next(&mut philox, wide_normal_pair);
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let u = uniform.next(&mut philox, doubles);
        if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            let power = if below { uniform.next(&mut philox, doubles).powf(1.0 / shape) } else { 1.0 };
            return d * v * power;
        }
    }
    f64::NAN
}

/// By Knuth where few are expected, else by Hörmann's transformed rejection.
fn poisson(rate: f64, mut philox: Philox) -> f64 {
    if rate.is_nan() {
        return f64::NAN;
    }
    let mut uniform = Backwards::<f64, 2>::new();
    if rate < 10.0 {
        let (least, mut product, mut x) = ((-rate).exp(), 1.0, 0.0);
        for _ in 0..MOST_DRAWS {
            product *= uniform.next(&mut philox, doubles);
            if product <= least {
                return x;
            }
            x += 1.0;
        }
        return f64::NAN;
    }
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let accepted = 1.1239 + 1.1328 / (b - 3.4);
    for _ in 0..MOST_DRAWS {
        let u = uniform.next(&mut philox, doubles) - 0.5;
        let v = uniform.next(&mut philox, doubles);
        let left = 0.5 - u.abs();
        let k = ((2.0 * a / left + b) * u + rate + 0.43).floor();
        if left >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2.0) {
            return k;
        }
        if k < 0.0 || (left < 0.013 && v > left) {
            continue;
        }
        let s = (v * accepted / (a / (left * left) + b)).ln();
        if s <= -rate + k * rate.ln() - libm::lgamma(k + 1.0) {
            return k;
        }
    }
    f64::NAN
}

fn binomial(count: f64, chance: f64, narrow: bool, philox: &Philox, number: usize) -> f64 {
    if count <= 0.0 || chance <= 0.0 {
        return 0.0;
    }
    if chance >= 1.0 || chance.is_nan() || count.is_nan() {
        return if chance >= 1.0 { count } else { f64::NAN };
    }
    let turned = chance > 0.5;
    let round = |x: f64| if narrow { f64::from(x as f32) } else { x };
    let chance = if turned { round(1.0 - chance) } else { chance };
    let made = if round(count * chance) >= 10.0 {
        rejected(count, chance, ahead(philox, number, 256))
    } else {
        inverted(count, chance, ahead(philox, number, 42))
    };
    if turned { count - made } else { made }
}

/// How many times something of a small chance happens before the count is over: by how long each takes.
fn inverted(count: f64, chance: f64, mut philox: Philox) -> f64 {
    let mut uniform = Backwards::<f64, 2>::new();
    let (mut time, mut made) = (0.0, 0.0);
    for _ in 0..MOST_DRAWS {
        time += (uniform.next(&mut philox, doubles).ln() / (-chance).ln_1p()).ceil();
        if time > count {
            return made;
        }
        made += 1.0;
    }
    f64::NAN
}

/// What Stirling's formula leaves of the logarithm of a factorial.
fn tail(k: f64) -> f64 {
    const FIRST: [f64; 10] = [
        0.081_061_466_795_327_2,
        0.041_340_695_955_409_2,
        0.027_677_925_684_998_3,
        0.020_790_672_103_765_09,
        0.016_644_691_189_821_1,
        0.013_876_128_823_070_7,
        0.011_896_709_945_891_7,
        0.010_411_265_261_972_0,
        0.009_255_462_182_712_73,
        0.008_330_563_433_362_87,
    ];
    if let Some(first) = FIRST.get(k.max(0.0) as usize) {
        return *first;
    }
    let square = (k + 1.0) * (k + 1.0);
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / (k + 1.0)
}

/// By Hörmann's transformed rejection.
fn rejected(count: f64, chance: f64, mut philox: Philox) -> f64 {
    let spread = (count * chance * (1.0 - chance)).sqrt();
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * chance;
    let (c, inside) = (count * chance + 0.5, 0.92 - 4.2 / b);
    let (odds, alpha) = (chance / (1.0 - chance), (2.83 + 5.1 / b) * spread);
    let m = ((count + 1.0) * chance).floor();
    let mut uniform = Backwards::<f64, 2>::new();
    for _ in 0..MOST_DRAWS {
        let u = uniform.next(&mut philox, doubles) - 0.5;
        let v = uniform.next(&mut philox, doubles);
        let left = 0.5 - u.abs();
        let k = ((2.0 * a / left + b) * u + c).floor();
        if left >= 0.07 && v <= inside {
            return k;
        }
        if k < 0.0 || k > count {
            continue;
        }
        let v = (v * alpha / (a / (left * left) + b)).ln();
        let bound = (m + 0.5) * ((m + 1.0) / (odds * (count - m + 1.0))).ln()
            + (count + 1.0) * ((count - m + 1.0) / (count - k + 1.0)).ln()
            + (k + 0.5) * (odds * (count - k + 1.0) / (k + 1.0)).ln()
            + tail(m)
            + tail(count - m)
            - tail(k)
            - tail(count - k);
        if v <= bound {
            return k;
        }
    }
    f64::NAN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(draw: Draw, parameters: &[f64]) -> Vec<f64> {
        let values: Vec<Value> = parameters.iter().map(|p| Value::of(vec![*p], &[]).unwrap()).collect();
        let made = super::draw(
            draw,
            DType::F64,
            &Philox::new(7, [1, 2]),
            &[20_000],
            &values.iter().collect::<Vec<_>>(),
        );
        made.unwrap().slice::<f64>().unwrap().to_vec()
    }

    #[test]
    fn means_and_variances_are_those_of_the_distributions() {
        for (draw, parameters, mean, variance) in [
            (Draw::Gamma, &[1.0][..], 1.0, 1.0),
            (Draw::Gamma, &[0.4], 0.4, 0.4),
            (Draw::Gamma, &[7.0], 7.0, 7.0),
            (Draw::Poisson, &[3.0], 3.0, 3.0),
            (Draw::Poisson, &[40.0], 40.0, 40.0),
            (Draw::Binomial, &[9.0, 0.3], 2.7, 1.89),
            (Draw::Binomial, &[90.0, 0.7], 63.0, 18.9),
            (Draw::Binomial, &[900.0, 0.5], 450.0, 225.0),
        ] {
            let all = drawn(draw, parameters);
            let own = all.iter().sum::<f64>() / all.len() as f64;
            let spread = all.iter().map(|x| (x - own).powi(2)).sum::<f64>() / all.len() as f64;
            assert!((own / mean - 1.0).abs() < 0.03, "{draw:?} {parameters:?}: {own}");
            assert!((spread / variance - 1.0).abs() < 0.06, "{draw:?} {parameters:?}: {spread}");
        }
    }

    #[test]
    fn parameters_that_are_no_numbers_end() {
        for odd in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            for (draw, parameters) in [
                (Draw::Gamma, vec![odd]),
                (Draw::Poisson, vec![odd]),
                (Draw::Binomial, vec![odd, 0.5]),
                (Draw::Binomial, vec![5.0, odd]),
            ] {
                let values: Vec<Value> =
                    parameters.iter().map(|p| Value::of(vec![*p], &[]).unwrap()).collect();
                let values: Vec<&Value> = values.iter().collect();
                super::draw(draw, DType::F32, &Philox::new(7, [1, 2]), &[3], &values).unwrap();
            }
        }
    }
}
