//! Spectra of signals, and what they are weighed with.

use super::super::access::int;
use super::super::{Outcome, Value, axis, elements, fail};
use super::spectrum::{Complex, LONGEST, Plan};
use super::{at, float, narrowed, wide};
use crate::EngineError;
use crate::graph::Signal;
use crate::value::Kind;
use std::f64::consts::PI;

pub fn run(op: &Signal, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    match *op {
        Signal::Dft { inverse, one_sided } => {
            dft(inverse, one_sided, x, int(at(inputs, 1)?)?, int(at(inputs, 2)?)?)
        }
        Signal::Stft { one_sided } => stft(one_sided, inputs),
        Signal::Window { terms, periodic } => window(terms, periodic, int(x)?),
        Signal::MelWeights => mel_weights(inputs),
    }
}

/// Numbers of which a last axis says whether they are complex.
fn complex(x: &Value) -> Result<Vec<Complex>, EngineError> {
    match x.dims().last() {
        Some(1) => Ok(wide(x)?.into_iter().map(|r| (r, 0.0)).collect()),
        Some(2) => Ok(wide(x)?.as_chunks::<2>().0.iter().map(|p| (p[0], p[1])).collect()),
        _ => Err(fail(format!("a signal's last axis is of 1 or 2, not as in {:?}", x.dims()))),
    }
}

fn length(given: usize) -> Result<usize, EngineError> {
    if (1..=LONGEST).contains(&given) {
        Ok(given)
    } else {
        Err(fail(format!("a transform of length {given}")))
    }
}

fn dft(inverse: bool, one_sided: bool, x: &Value, wanted: i64, along: i64) -> Outcome {
    let (data, rank) = (complex(x)?, x.rank());
    let along = axis(along, rank)?;
    if along + 1 == rank {
        return Err(fail("a transform along the parts of complex numbers"));
    }
    let own = x.dims()[along];
    let usual = if inverse && one_sided { own.saturating_sub(1) * 2 } else { own };
    let count = length(usize::try_from(wanted).unwrap_or(usual))?;
    let reals = inverse && one_sided;
    let half = count / 2 + 1;
    let kept = if one_sided && !inverse { half } else { count };
    let mut shape = x.dims().to_vec();
    (shape[along], shape[rank - 1]) = (kept, if reals { 1 } else { 2 });
    let inner: usize = shape[along + 1..rank - 1].iter().product();
    let mut out = vec![0.0; elements(&shape)?];
    let parts = shape[rank - 1];
    let plan = Plan::new(count, inverse);
    let mut line = vec![(0.0, 0.0); count];
    let lines = x.dims()[..along].iter().product::<usize>() * inner;
    for number in 0..lines {
        let (outer, within) = (number / inner, number % inner);
        line.fill((0.0, 0.0));
        let read = own.min(if reals { half } else { count });
        for (n, to) in line.iter_mut().take(read).enumerate() {
            *to = data[(outer * own + n) * inner + within];
        }
        if reals {
            // The other half is the mirrored one.
            for n in half..count {
                line[n] = (line[count - n].0, -line[count - n].1);
            }
        }
        plan.run(&mut line);
        for (n, (real, imaginary)) in line.iter().take(kept).enumerate() {
            let to = ((outer * kept + n) * inner + within) * parts;
            out[to] = *real;
            if parts == 2 {
                out[to + 1] = *imaginary;
            }
        }
    }
    narrowed(x.kind(), out, &shape)
}

/// signal, step, window (empty: none), length (-1: the window's, or the signal's)
fn stft(one_sided: bool, inputs: &[&Value]) -> Outcome {
    let (x, step, weights) = (at(inputs, 0)?, int(at(inputs, 1)?)?, wide(at(inputs, 2)?)?);
    let [batch, own, parts] = *x.dims() else { return Err(fail("signals have three axes")) };
    let usual = if weights.is_empty() { own } else { weights.len() };
    let count = length(usize::try_from(int(at(inputs, 3)?)?).unwrap_or(usual))?;
    let step = usize::try_from(step).ok().filter(|s| *s > 0);
    let step = step.ok_or_else(|| fail("frames need a step"))?;
    if !weights.is_empty() && weights.len() != count {
        return Err(fail(format!("a window of {} over frames of {count}", weights.len())));
    }
    if one_sided && parts != 1 {
        return Err(fail("only reals have a spectrum of one side"));
    }
    let rest = own.checked_sub(count);
    let frames = rest
        .map(|rest| rest / step + 1)
        .ok_or_else(|| fail(format!("frames of {count} in a signal of {own}")))?;
    let kept = if one_sided { count / 2 + 1 } else { count };
    let shape = [batch, frames, kept, 2];
    let mut out = Vec::with_capacity(elements(&shape)?);
    let (data, plan) = (complex(x)?, Plan::new(count, false));
    for signal in data.chunks_exact(own) {
        for frame in 0..frames {
            let mut line = signal[frame * step..][..count].to_vec();
            line.iter_mut().zip(&weights).for_each(|(x, w)| *x = (x.0 * w, x.1 * w));
            plan.run(&mut line);
            out.extend(line.iter().take(kept).flat_map(|c| [c.0, c.1]));
        }
    }
    narrowed(x.kind(), out, &shape)
}

fn window(terms: [f64; 3], periodic: bool, size: i64) -> Outcome {
    let size = usize::try_from(size).map_err(|_| fail("a window of a negative size"))?;
    elements(&[size])?;
    let whole = if periodic { size } else { size.saturating_sub(1) }.max(1) as f64;
    let weight = |n: usize| {
        let turn = 2.0 * PI * n as f64 / whole;
        terms[0] + terms[1] * turn.cos() + terms[2] * (2.0 * turn).cos()
    };
    narrowed(Kind::F64, (0..size).map(weight).collect(), &[size])
}

/// number of bands, length of the transform, rate, lowest and highest frequency
fn mel_weights(inputs: &[&Value]) -> Outcome {
    let number = |n: usize| at(inputs, n).and_then(float);
    let size = |n: usize| {
        let size = usize::try_from(int(at(inputs, n)?)?).ok().filter(|s| *s <= LONGEST);
        size.ok_or_else(|| fail("a size is no size"))
    };
    let (bands, count, rate) = (size(0)?, size(1)?, number(2)?);
    let (rows, mel) = (count / 2 + 1, |hertz: f64| 2595.0 * (hertz / 700.0).ln_1p() / 10f64.ln());
    let shape = [rows, bands];
    let mut out = vec![0.0; elements(&shape)?];
    let (low, high) = (mel(number(3)?), mel(number(4)?));
    let step = (high - low) / (bands + 2) as f64;
    let row = |n: usize| {
        let hertz = 700.0 * ((n as f64 * step + low) / 2595.0 * 10f64.ln()).exp_m1();
        ((count + 1) as f64 * hertz / rate).floor()
    };
    let sound = |n: f64| n >= 0.0 && n < rows as f64;
    if bands > 0 && !(sound(row(0)) && sound(row(bands)) && row(bands + 1) <= rows as f64) {
        return Err(fail("frequencies that a transform of that length does not have"));
    }
    for band in 0..bands {
        let [start, top, end] = [row(band), row(band + 1), row(band + 2)];
        let rising = |n: usize| if top == start { 1.0 } else { (n as f64 - start) / (top - start) };
        for n in start as usize..=top as usize {
            out[n * bands + band] = rising(n);
        }
        for n in top as usize..end as usize {
            out[n * bands + band] = (end - n as f64) / (end - top);
        }
    }
    narrowed(Kind::F64, out, &shape)
}
