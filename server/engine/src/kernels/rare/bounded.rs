//! The normal distribution between bounds, each draw with a mean, a deviation and bounds of its own. All draws take their words from one
//! sequence, one after the other, which is what TensorFlow does on one thread.

use super::super::access::make;
use super::super::{Outcome, Value, elements, fail};
use super::philox::{Philox, double, half, normal_pair, single, wide_normal_pair};
use super::wide;
use crate::value::Kind;
use crate::{DType, EngineError};

/// Draws for one number.
const MOST_DRAWS: usize = 1000;
/// Bounds that leave this much of the distribution on a side are kept by drawing again.
const NEAR: f64 = 1.3;
/// Numbers that parameters of one number are drawn for at a time.
const PORTION: usize = 100;

/// What numbers of a type are made of the words.
struct Draws {
    philox: Philox,
    dtype: DType,
}

impl Draws {
    fn uniform(&mut self) -> Vec<f64> {
        let words = self.philox.next();
        match self.dtype {
            DType::F64 => vec![double([words[0], words[1]]), double([words[2], words[3]])],
            DType::F16 => words.map(|w| f64::from(half(w))).to_vec(),
            _ => words.map(|w| f64::from(single(w))).to_vec(),
        }
    }

    fn normal(&mut self) -> Vec<f64> {
        let words @ [a, b, c, d] = self.philox.next();
        match self.dtype {
            DType::F64 => wide_normal_pair(words).to_vec(),
            _ => [normal_pair([a, b]), normal_pair([c, d])].concat().into_iter().map(f64::from).collect(),
        }
    }

    fn rounded(&self, x: f64) -> f64 {
        match self.dtype {
            DType::F64 => x,
            DType::F16 => ::half::f16::from_f64(x).to_f64(),
            _ => f64::from(x as f32),
        }
    }
}

/// Mean, deviation, least, most; turned round where that leaves the bounds on the side of the large numbers.
#[derive(Clone, Copy)]
struct Bounds {
    mean: f64,
    deviation: f64,
    low: f64,
    high: f64,
}

impl Bounds {
    fn new([mean, deviation, least, most]: [f64; 4]) -> Result<Self, EngineError> {
        let sensible = deviation > 0.0 && least < most && (least.is_finite() || most.is_finite());
        if !sensible {
            return Err(fail(format!(
                "numbers are drawn between {least} and {most} with a deviation of {deviation}"
            )));
        }
        let turned = least == f64::NEG_INFINITY || most < mean;
        let (least, most, deviation) =
            if turned { (most, least, -deviation) } else { (least, most, deviation) };
        Ok(Self { mean, deviation, low: (least - mean) / deviation, high: (most - mean) / deviation })
    }

    /// So many numbers.
    fn fill(self, draws: &mut Draws, count: usize) -> Result<Vec<f64>, EngineError> {
        let root = (self.low * self.low + 4.0).sqrt();
        let limit = 2.0 * (0.5 + self.low * (self.low - root) / 4.0).exp() / (self.low + root);
        let near = self.low < -NEAR && self.high >= 0.0 || self.high > NEAR && self.low <= 0.0;
        let (mut all, mut tries) = (Vec::with_capacity(count), 0);
        while all.len() < count {
            let found = if near {
                self.by_normal(draws)
            } else if self.high - self.low < limit {
                self.by_uniform(draws)
            } else {
                self.by_exponential(draws)
            };
            for z in found {
                match z {
                    Some(_) if all.len() == count => break,
                    Some(z) => {
                        all.push(draws.rounded(z * self.deviation + self.mean));
                        tries = 0;
                    }
                    None => tries += 1,
                }
            }
            if tries > MOST_DRAWS {
                return Err(fail("no number is found between the bounds"));
            }
        }
        Ok(all)
    }

    fn by_normal(self, draws: &mut Draws) -> Vec<Option<f64>> {
        let inside = |z: f64| (self.low..=self.high).contains(&z).then_some(z);
        draws.normal().into_iter().map(inside).collect()
    }

    fn by_uniform(self, draws: &mut Draws) -> Vec<Option<f64>> {
        let (places, odds) = (draws.uniform(), draws.uniform());
        let plus = if self.low < 0.0 { 0.0 } else { self.low * self.low };
        let accepted = |(place, odds): (f64, f64)| {
            let z = place * (self.high - self.low) + self.low;
            (odds <= ((plus - z * z) / 2.0).exp()).then_some(z)
        };
        places.into_iter().zip(odds).map(accepted).collect()
    }

    /// The steepness is the one that most numbers are accepted with.
    fn by_exponential(self, draws: &mut Draws) -> Vec<Option<f64>> {
        let steep = (self.low + (self.low * self.low + 4.0).sqrt()) / 2.0;
        let accepted = |pair: &[f64; 2]| {
            let z = -pair[0].ln() / steep + self.low;
            let apart = if self.low < steep { steep - z } else { self.low - steep };
            (pair[1] <= (-apart * apart / 2.0).exp() && z < self.high).then_some(z)
        };
        draws.uniform().as_chunks::<2>().0.iter().map(accepted).collect()
    }
}

/// Values of the counter that are set aside for numbers of a shape.
pub fn aside(shape: &[usize], parameters: &[&Value]) -> u64 {
    let count = shape.iter().product::<usize>() as u64;
    let (batches, samples) = match shape.first() {
        Some(batches) if parameters.iter().any(|p| p.elem_count() != 1) => {
            (*batches as u64, count / (*batches as u64).max(1))
        }
        _ => (count.div_ceil(PORTION as u64), PORTION as u64),
    };
    batches.wrapping_mul(2 * MOST_DRAWS as u64).wrapping_mul(samples + 3) / 4
}

/// Numbers of a shape. Parameters are of the last axes if `last`, else of the first.
pub fn draw(dtype: DType, philox: Philox, shape: &[usize], parameters: &[&Value], last: bool) -> Outcome {
    let count = elements(shape)?;
    let own = parameters
        .iter()
        .try_fold(Vec::new(), |so_far, p| super::super::elementwise::broadcast_shape(&so_far, p.dims()))?;
    let each = elements(&own)?;
    let fits = if last { shape.ends_with(&own) } else { each == 1 || shape.first() == Some(&each) };
    if !fits || each == 0 || parameters.len() != 4 {
        return Err(fail(format!("numbers of shape {shape:?} are drawn by parameters of shape {own:?}")));
    }
    let spread = parameters.iter().map(|p| wide(&super::super::moves::expand(p, &own)?));
    let spread = spread.collect::<Result<Vec<Vec<f64>>, EngineError>>()?;
    let mut draws = Draws { philox, dtype };
    let mut out = vec![0.0; count];
    let bounds = |n: usize| Bounds::new([spread[0][n], spread[1][n], spread[2][n], spread[3][n]]);
    if !last && each == 1 {
        for portion in out.chunks_mut(PORTION) {
            let made = bounds(0)?.fill(&mut draws, portion.len())?;
            portion.copy_from_slice(&made);
        }
    } else {
        let samples = count / each;
        for which in 0..each {
            for (sample, x) in bounds(which)?.fill(&mut draws, samples)?.into_iter().enumerate() {
                out[if last { sample * each + which } else { which * samples + sample }] = x;
            }
        }
    }
    match parameters[0].kind() {
        Kind::F64 => make(out, shape),
        _ => make(out.into_iter().map(|x| x as f32).collect::<Vec<f32>>(), shape),
    }
}
