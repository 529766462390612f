//! Random numbers. Each draw is TensorFlow's of the same key and counter, number by number.

use super::super::access::{int, make, sizes};
use super::super::moves::index_select;
use super::super::{Outcome, Value, elements, fail};
use super::philox::{Philox, brain, double, half, normal_pair, single, wide_normal_pair};
use super::{Values, at, bounded, rejection, wide};
use crate::graph::{Draw, Random, Source};
use crate::{DType, EngineError};

/// Values of the counter that are set aside for each number that is drawn.
const ASIDE: u64 = 256;

pub fn run(op: &Random, inputs: &[&Value]) -> Values {
    match op {
        Random::Draw { draw, dtype, source } => draw_from(*draw, *dtype, source, inputs).map(|v| vec![v]),
        Random::Key => {
            let (key, counter) = Philox::scrambled(seed(at(inputs, 0)?)?);
            let counter = counter.map(u64::cast_signed).to_vec();
            Ok(vec![make(vec![key.cast_signed()], &[1])?, make(counter, &[2])?])
        }
        Random::Count(stream) => {
            let (step, runs) = (at(inputs, 0)?, stream.skip(1).cast_signed());
            let counted: Vec<i64> = step.slice::<i64>()?.iter().map(|n| n.wrapping_mul(runs)).collect();
            make(counted, step.dims()).map(|v| vec![v])
        }
        Random::Advance(stream) => {
            let &[low, high, key] = at(inputs, 0)?.slice::<i64>()? else {
                return Err(fail("a generator's state is a counter of two numbers and a key"));
            };
            let count = int(at(inputs, 1)?)?.cast_unsigned();
            let drawn = stream.skip(count.wrapping_mul(ASIDE));
            let counter = u128::from(low.cast_unsigned()) | u128::from(high.cast_unsigned()) << 64;
            let now = counter.wrapping_add(u128::from(drawn));
            let state = vec![(now as u64).cast_signed(), ((now >> 64) as u64).cast_signed(), key];
            make(state, &[3]).map(|v| vec![v])
        }
    }
}

fn seed(seed: &Value) -> Result<[i64; 2], EngineError> {
    <[i64; 2]>::try_from(seed.slice::<i64>()?).map_err(|_| fail("a seed is two numbers"))
}

fn draw_from(draw: Draw, dtype: DType, source: &Source, inputs: &[&Value]) -> Outcome {
    let own = draw.operands();
    let philox = |counts: u64| -> Result<Philox, EngineError> {
        let (key, counter) = match source {
            Source::Stream(stream) => stream.take(counts),
            Source::Seed => Philox::scrambled(seed(at(inputs, own)?)?),
            Source::Given => {
                let counter = <[i64; 2]>::try_from(at(inputs, own + 1)?.slice::<i64>()?);
                let counter = counter.map_err(|_| fail("a counter is two numbers"))?;
                (int(at(inputs, own)?)?.cast_unsigned(), counter.map(i64::cast_unsigned))
            }
        };
        Ok(Philox::new(key, counter))
    };
    let x = at(inputs, 0)?;
    match draw {
        Draw::Shuffle => shuffle(x, philox),
        Draw::Categorical => categorical(x, at(inputs, 1)?, philox),
        _ => {
            let shape = sizes(x)?;
            let count = elements(&shape)?;
            let philox = philox(match draw {
                Draw::Bounded { .. } => bounded::aside(&shape, inputs.get(1..own).unwrap_or_default()),
                _ => (count as u64).wrapping_mul(ASIDE),
            })?;
            match draw {
                Draw::Between => between(dtype, philox, at(inputs, 1)?, at(inputs, 2)?, &shape),
                Draw::Gamma | Draw::Poisson | Draw::Binomial => {
                    rejection::draw(draw, dtype, &philox, &shape, inputs.get(1..own).unwrap_or_default())
                }
                Draw::Bounded { last } => {
                    bounded::draw(dtype, philox, &shape, inputs.get(1..own).unwrap_or_default(), last)
                }
                Draw::Any => make(integers(dtype, philox, count), &shape),
                _ if dtype == DType::F64 => make(wide_floats(draw, philox, count), &shape),
                _ => make(floats(draw, dtype, philox, count), &shape),
            }
        }
    }
}

/// So many of what each value of the counter gives.
fn repeated<T, const N: usize>(
    mut philox: Philox,
    count: usize,
    each: impl Fn([u32; 4]) -> [T; N],
) -> Vec<T> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        all.extend(each(philox.next()).into_iter().take(count - all.len()));
    }
    all
}

/// The words of a group of four numbers lie apart from the others', because it is not known how many it takes.
fn truncated<T: Copy, const WORDS: usize>(
    philox: &Philox,
    count: usize,
    group: usize,
    pair: impl Fn([u32; WORDS]) -> [T; 2],
    inside: impl Fn(T) -> bool,
) -> Vec<T> {
    let mut all = Vec::with_capacity(count);
    for number in 0..count.div_ceil(group) {
        let mut own = philox.clone();
        own.skip((number * group) as u64 * ASIDE / 4);
        let mut words = own.words();
        let pairs = std::iter::repeat_with(|| [(); WORDS].map(|()| words.next().unwrap_or(0)));
        let found = pairs.flat_map(&pair).filter(|x| inside(*x));
        all.extend(found.take(group.min(count - all.len())));
    }
    all
}

fn floats(draw: Draw, dtype: DType, philox: Philox, count: usize) -> Vec<f32> {
    let round = |x: f32| match dtype {
        DType::F16 => ::half::f16::from_f32(x).to_f32(),
        DType::BF16 => ::half::bf16::from_f32(x).to_f32(),
        _ => x,
    };
    match draw {
        Draw::Uniform => repeated(philox, count, |words| {
            words.map(match dtype {
                DType::F16 => half,
                DType::BF16 => brain,
                _ => single,
            })
        }),
        Draw::Truncated => {
            let all = truncated(&philox, count, 4, normal_pair, |x| x.abs() < 2.0);
            all.into_iter().map(round).collect()
        }
        _ => repeated(philox, count, |[a, b, c, d]| {
            let ([a, b], [c, d]) = (normal_pair([a, b]), normal_pair([c, d]));
            [a, b, c, d].map(round)
        }),
    }
}

fn wide_floats(draw: Draw, philox: Philox, count: usize) -> Vec<f64> {
    match draw {
        Draw::Uniform => repeated(philox, count, |[a, b, c, d]| [double([a, b]), double([c, d])]),
        Draw::Truncated => truncated(&philox, count, 2, wide_normal_pair, |x| x.abs() < 2.0),
        _ => repeated(philox, count, wide_normal_pair),
    }
}

fn long([a, b, c, d]: [u32; 4]) -> [u64; 2] {
    [u64::from(a) | u64::from(b) << 32, u64::from(c) | u64::from(d) << 32]
}

fn integers(dtype: DType, philox: Philox, count: usize) -> Vec<i64> {
    match dtype {
        DType::U32 => repeated(philox, count, |words| words.map(i64::from)),
        DType::I32 => repeated(philox, count, |words| words.map(|w| i64::from(w.cast_signed()))),
        _ => repeated(philox, count, |words| long(words).map(u64::cast_signed)),
    }
}

fn between(dtype: DType, philox: Philox, least: &Value, end: &Value, shape: &[usize]) -> Outcome {
    let (least, end) = (int(least)?, int(end)?);
    let wraps = matches!(dtype, DType::I64 | DType::U64);
    let ordered = if dtype == DType::U64 { least.cast_unsigned() < end.cast_unsigned() } else { least < end };
    if !ordered && elements(shape)? > 0 {
        return Err(fail(format!("no number is between {least} and {end}")));
    }
    let range = end.wrapping_sub(least).cast_unsigned().max(1);
    let place = |n: u64| least.wrapping_add((n % range).cast_signed());
    let count = elements(shape)?;
    let all = if wraps {
        repeated(philox, count, |words| long(words).map(place))
    } else {
        repeated(philox, count, |words| words.map(|w| place(u64::from(w))))
    };
    make(all, shape)
}

/// By Fisher and Yates.
fn shuffle(x: &Value, philox: impl Fn(u64) -> Result<Philox, EngineError>) -> Outcome {
    let count = x.dims().first().copied().unwrap_or(0);
    if count < 2 {
        return Ok(x.clone());
    }
    let mut order: Vec<i64> = (0..count as i64).collect();
    let mut words = philox((count as u64 - 1).div_ceil(4))?.words();
    for n in 0..count - 1 {
        let word = words.next().unwrap_or(0);
        order.swap(n, n + word as usize % (count - n));
    }
    index_select(x, &order, 0)
}

/// By the sums of the odds up to each class.
fn categorical(
    logits: &Value,
    count: &Value,
    philox: impl Fn(u64) -> Result<Philox, EngineError>,
) -> Outcome {
    let (&[rows, classes], count) = (logits.dims(), sizes(count)?) else {
        return Err(fail("classes are drawn by a matrix of logits"));
    };
    let &[count] = &count[..] else { return Err(fail("one number of classes is drawn for each row")) };
    let drawn = elements(&[rows, count.next_multiple_of(4)])?;
    if classes == 0 && drawn > 0 {
        return Err(fail("a class is drawn out of none"));
    }
    let mut words = philox((drawn as u64).wrapping_mul(ASIDE))?.words();
    let mut word = || words.next().unwrap_or(0);
    let mut out = Vec::with_capacity(rows * count);
    for row in wide(logits)?.chunks_exact(classes.max(1)) {
        let most = row.iter().copied().filter(|x| x.is_finite()).fold(f64::MIN, f64::max);
        let mut total = 0.0;
        let odds = |x: &f64| {
            total += if x.is_finite() { (x - most).exp() } else { 0.0 };
            total
        };
        let sums: Vec<f64> = row.iter().map(odds).collect();
        for _ in 0..count {
            let place = double([word(), word()]) * total;
            out.push(sums.partition_point(|sum| *sum <= place) as i64);
        }
    }
    make(out, &[rows, count])
}
