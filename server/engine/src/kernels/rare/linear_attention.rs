//! Attention whose state is a matrix of keys and values, step by step.

use super::super::{Value, elements, fail};
use super::{Values, at, narrowed, wide};
use crate::EngineError;
use crate::graph::LinearAttention;

/// Sizes of a run.
struct Sizes {
    batch: usize,
    steps: usize,
    /// Widths of a key and a value.
    key: usize,
    value: usize,
}

pub fn run(op: &LinearAttention, inputs: &[&Value]) -> Values {
    let (q, k, v) = (at(inputs, 0)?, at(inputs, 1)?, at(inputs, 2)?);
    let s = sizes(op, q, k, v)?;
    let mut rest = inputs[3..].iter();
    let mut next = |wanted: bool| -> Result<Option<&Value>, EngineError> {
        if !wanted {
            return Ok(None);
        }
        rest.next().copied().map(Some).ok_or_else(|| fail("an operation lacks an input"))
    };
    let (state, decay, rate) = (next(op.state)?, next(op.decays)?, next(op.corrects)?);
    let matrix = s.key * s.value;
    let count = elements(&[s.batch, op.keys, s.key, s.value])?;
    let kind = state.map_or(q.kind(), Value::kind);
    let mut states = state.map_or_else(|| Ok(vec![0.0; count]), wide)?;
    if states.len() != count {
        return Err(fail(format!("a state {:?} of linear attention", state.map(Value::dims))));
    }
    let decay = decay.map(|d| Along::new(d, &s)).transpose()?;
    let rate = rate.map(|r| Along::new(r, &s)).transpose()?;
    let scale = op.scale.map_or_else(|| 1.0 / (s.key as f64).sqrt(), f64::from);
    let (qs, ks, vs) = (wide(q)?, wide(k)?, wide(v)?);
    let group = op.queries / op.keys;
    let mut out = vec![0.0; elements(&[s.batch, s.steps, op.queries, s.value])?];
    for batch in 0..s.batch {
        for step in 0..s.steps {
            let row = batch * s.steps + step;
            for head in 0..op.keys {
                let state = &mut states[(batch * op.keys + head) * matrix..][..matrix];
                let key = &ks[(row * op.keys + head) * s.key..][..s.key];
                let value = &vs[(row * op.keys + head) * s.value..][..s.value];
                if let Some(decay) = &decay {
                    for (n, line) in state.chunks_exact_mut(s.value.max(1)).enumerate() {
                        let factor = decay.at(row, head, n, op.keys, s.key).exp();
                        line.iter_mut().for_each(|x| *x *= factor);
                    }
                }
                let value = match &rate {
                    Some(rate) => corrected(state, key, value, rate.at(row, head, 0, op.keys, 1)),
                    None => value.to_vec(),
                };
                for (line, k) in state.chunks_exact_mut(s.value.max(1)).zip(key) {
                    line.iter_mut().zip(&value).for_each(|(x, v)| *x += k * v);
                }
                for query in head * group..(head + 1) * group {
                    let q = &qs[(row * op.queries + query) * s.key..][..s.key];
                    let to = &mut out[(row * op.queries + query) * s.value..][..s.value];
                    for (line, q) in state.chunks_exact(s.value.max(1)).zip(q) {
                        to.iter_mut().zip(line).for_each(|(t, x)| *t += scale * q * x);
                    }
                }
            }
        }
    }
    let made = narrowed(q.kind(), out, &[s.batch, s.steps, op.queries * s.value])?;
    Ok(vec![made, narrowed(kind, states, &[s.batch, op.keys, s.key, s.value])?])
}

/// A value without what the state says of its key already, by a rate.
fn corrected(state: &[f64], key: &[f64], value: &[f64], rate: f64) -> Vec<f64> {
    let mut said = vec![0.0; value.len()];
    for (line, k) in state.chunks_exact(value.len().max(1)).zip(key) {
        said.iter_mut().zip(line).for_each(|(s, x)| *s += k * x);
    }
    value.iter().zip(said).map(|(v, s)| rate * (v - s)).collect()
}

/// Numbers of each step: one for all heads, one for each head, or one for each number of a key.
struct Along {
    numbers: Vec<f64>,
    width: usize,
}

impl Along {
    fn new(value: &Value, s: &Sizes) -> Result<Self, EngineError> {
        match *value.dims() {
            [batch, steps, width] if [batch, steps] == [s.batch, s.steps] && width > 0 => {
                Ok(Self { numbers: wide(value)?, width })
            }
            _ => Err(fail(format!("{:?} for {} steps of linear attention", value.dims(), s.steps))),
        }
    }

    fn at(&self, row: usize, head: usize, n: usize, heads: usize, each: usize) -> f64 {
        let place = match self.width {
            1 => 0,
            width if width == heads => head,
            _ => head * each + n,
        };
        self.numbers.get(row * self.width + place).copied().unwrap_or(0.0)
    }
}

fn sizes(op: &LinearAttention, q: &Value, k: &Value, v: &Value) -> Result<Sizes, EngineError> {
    let wrong = || fail(format!("linear attention of {:?}, {:?}, {:?}", q.dims(), k.dims(), v.dims()));
    let ([batch, steps, qw], [_, _, kw], [_, _, vw]) = (q.dims(), k.dims(), v.dims()) else {
        return Err(wrong());
    };
    let same = k.dims()[..2] == q.dims()[..2] && v.dims()[..2] == q.dims()[..2];
    let whole = op.keys > 0 && op.queries > 0 && op.queries.is_multiple_of(op.keys);
    if !same
        || !whole
        || !qw.is_multiple_of(op.queries)
        || !kw.is_multiple_of(op.keys)
        || !vw.is_multiple_of(op.keys)
    {
        return Err(wrong());
    }
    let (key, value) = (kw / op.keys, vw / op.keys);
    if qw / op.queries != key {
        return Err(wrong());
    }
    Ok(Sizes { batch: *batch, steps: *steps, key, value })
}
