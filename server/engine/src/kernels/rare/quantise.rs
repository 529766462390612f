//! Numbers made coarse and fine again.

use super::super::{Outcome, Value, fail};
use super::{float, narrowed, wide};
use crate::EngineError;
use crate::graph::Coarse;
use crate::value::Kind;

/// As a model sees numbers that a device will hold in few bits. The range is moved so that zero is one of the steps.
pub fn fake(bits: i64, narrow: bool, x: &Value, low: &Value, high: &Value) -> Outcome {
    let (lows, highs) = (low.slice::<f32>()?, high.slice::<f32>()?);
    let channels = lows.len();
    let fits = channels == 1 || x.dims().last() == Some(&channels);
    if !(2..=16).contains(&bits) || lows.len() != highs.len() || !fits || channels == 0 {
        return Err(fail(format!("{bits} bits for {:?} with {channels} ranges", x.dims())));
    }
    let (least, most) = (f32::from(u8::from(narrow)), ((1i64 << bits) - 1) as f32);
    let nudged = |(low, high): (&f32, &f32)| {
        let scale = (high - low) / (most - least);
        let from = least - low / scale;
        let zero = if from < least {
            least
        } else if from > most {
            most
        } else {
            from.round()
        };
        ((least - zero) * scale, (most - zero) * scale, scale)
    };
    let ranges: Vec<(f32, f32, f32)> = lows.iter().zip(highs).map(nudged).collect();
    let out = x.slice::<f32>()?.iter().enumerate().map(|(i, x)| {
        let (low, high, scale) = ranges[i % channels];
        if lows[i % channels] == 0.0 && highs[i % channels] == 0.0 {
            return 0.0;
        }
        let inverse = 1.0 / scale;
        let zero = (-low * inverse + 0.5).floor();
        ((x.min(high).max(low) - low) * inverse - zero + 0.5).floor() * scale
    });
    super::make(out.collect::<Vec<f32>>(), x.dims())
}

/// Steps of a range on both sides of zero: what a number is multiplied by, and its bounds.
fn steps(how: &Coarse, low: f64, high: f64) -> (f64, f64, f64, f64) {
    let top = if how.signed { (1i64 << (how.bits - 1)) - 1 } else { (1i64 << how.bits) - 1 } as f64;
    let bottom = match (how.signed, how.narrow) {
        (false, _) => 0.0,
        (true, true) => -top,
        (true, false) => -top - 1.0,
    };
    let scale = |q: f64, r: f64| if q * r > 0.0 { q / r } else { f64::from(f32::MAX) };
    let (from_low, from_high) = (scale(bottom, low), scale(top, high));
    if from_low < from_high {
        let inverse = low / bottom;
        (from_low, inverse, low, top * inverse)
    } else {
        let inverse = high / top;
        (from_high, inverse, bottom * inverse, high)
    }
}

pub fn there_and_back(how: &Coarse, x: &Value, low: &Value, high: &Value) -> Outcome {
    if !(1..=52).contains(&how.bits) {
        return Err(fail(format!("numbers of {} bits", how.bits)));
    }
    let mut data = wide(x)?;
    let (count, inner) = match usize::try_from(how.axis) {
        Err(_) => (1, data.len().max(1)),
        Ok(axis) if axis < x.rank() => (x.dims()[axis], x.dims()[axis + 1..].iter().product()),
        Ok(axis) => return Err(fail(format!("axis {axis} of {:?}", x.dims()))),
    };
    if data.is_empty() {
        return Ok(x.clone());
    }
    let (lows, highs) = ranges(how, &data, count, inner, low, high)?;
    for (n, part) in data.chunks_mut(inner).enumerate() {
        let (scale, inverse, low, high) = steps(how, lows[n % count], highs[n % count]);
        for x in part {
            let kept = if how.range_given { x.min(high).max(low) } else { *x } * scale;
            *x = if how.half_up { (kept + 0.5).floor() } else { kept.round_ties_even() } * inverse;
        }
    }
    narrowed(x.kind(), data, x.dims())
}

/// The ranges that are given, or that the numbers have.
fn ranges(
    how: &Coarse,
    data: &[f64],
    count: usize,
    inner: usize,
    low: &Value,
    high: &Value,
) -> Result<(Vec<f64>, Vec<f64>), EngineError> {
    if how.range_given {
        let (lows, highs) = (wide(low)?, wide(high)?);
        if lows.len() != count || highs.len() != count {
            return Err(fail(format!("{} ranges for {count} slices", lows.len())));
        }
        return Ok((lows, highs));
    }
    let (mut lows, mut highs) = (vec![f64::INFINITY; count], vec![f64::NEG_INFINITY; count]);
    for (n, part) in data.chunks(inner).enumerate() {
        let n = n % count;
        lows[n] = part.iter().copied().fold(lows[n], f64::min);
        highs[n] = part.iter().copied().fold(highs[n], f64::max);
    }
    Ok((lows, highs))
}

/// Bytes as the numbers they stand for.
pub fn dequantize(signed: bool, scaled: bool, x: &Value, low: &Value, high: &Value) -> Outcome {
    let (low, high) = (float(low)?, float(high)?);
    let scale = match (scaled, signed) {
        (false, _) => (high - low) / 255.0,
        (true, false) => high / 255.0,
        (true, true) => f64::max(low / -128.0, high / 127.0),
    };
    let half = if signed { 128.0 } else { 0.0 };
    let fine = |x: f64| if scaled { x * scale } else { (x + half) * scale + low };
    narrowed(Kind::F32, wide(x)?.into_iter().map(fine).collect(), x.dims())
}
