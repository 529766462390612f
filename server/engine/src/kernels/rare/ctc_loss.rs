//! How unlikely labels are, whatever the steps at which a recogniser says them: the sum over all of these, by the forward algorithm.

use super::super::access::{axis, sizes};
use super::super::{Outcome, Value, fail};
use super::{at, narrowed, wide};
use crate::EngineError;

/// x `[steps, batch, labels]` of logarithms, lengths, labels (a row each, or one after the other), how many each has → the negative
/// logarithm of each.
pub fn run(blank: i64, inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    let &[steps, batch, labels] = x.dims() else { return Err(fail("steps of a batch of labels are needed")) };
    let blank = axis(blank, labels)?;
    let (lengths, counts) = (sizes(at(inputs, 1)?)?, sizes(at(inputs, 3)?)?);
    let targets = at(inputs, 2)?;
    let all = targets.slice::<i64>()?;
    if lengths.len() != batch || counts.len() != batch || lengths.iter().any(|n| *n > steps) {
        return Err(fail(format!("lengths {lengths:?} and {counts:?} of {:?}", x.dims())));
    }
    let scores = wide(x)?;
    let (mut losses, mut begin) = (Vec::with_capacity(batch), 0usize);
    for (row, count) in counts.iter().enumerate() {
        let from = if let &[_, width] = targets.dims() { row * width } else { begin };
        let own = from.checked_add(*count).and_then(|end| all.get(from..end));
        begin += count;
        let Some(own) = own else { return Err(fail(format!("{count} labels of {:?}", targets.dims()))) };
        let own: Result<Vec<usize>, EngineError> = own.iter().map(|label| axis(*label, labels)).collect();
        let step = |n: usize| &scores[(n * batch + row) * labels..][..labels];
        losses.push(-likelihood((0..lengths[row]).map(step), &own?, blank));
    }
    narrowed(x.kind(), losses, &[batch])
}

/// The logarithm of the sum of what two logarithms are of.
fn either(a: f64, b: f64) -> f64 {
    let (more, less) = if a > b { (a, b) } else { (b, a) };
    if less == f64::NEG_INFINITY { more } else { more + (less - more).exp().ln_1p() }
}

/// How likely labels are; nothing may stand before, between and behind them, and must between two that are the same.
fn likelihood<'s>(steps: impl Iterator<Item = &'s [f64]>, labels: &[usize], blank: usize) -> f64 {
    let never = f64::NEG_INFINITY;
    let label = |state: usize| if state.is_multiple_of(2) { blank } else { labels[state / 2] };
    let states = 2 * labels.len() + 1;
    let mut now = vec![never; states];
    now[0] = 0.0;
    for scores in steps {
        let before = std::mem::replace(&mut now, vec![never; states]);
        for (state, to) in now.iter_mut().enumerate() {
            let mut sum = before[state];
            if state > 0 {
                sum = either(sum, before[state - 1]);
            }
            let skips = state > 2 && state % 2 == 1 && label(state) != label(state - 2);
            if skips {
                sum = either(sum, before[state - 2]);
            }
            *to = sum + scores[label(state)];
        }
    }
    match states {
        1 => now[0],
        _ => either(now[states - 1], now[states - 2]),
    }
}
