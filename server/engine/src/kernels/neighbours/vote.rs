//! What neighbours say together.

use super::super::access::output;
use super::super::{Outcome, Value, fail};

/// The mean of the neighbours' labels, or the label that most of them have: of those that as many have the smallest. Names that
/// are negative say nothing; where all are, the answer is NaN.
pub fn vote(mean: bool, names: &Value, labels: &Value) -> Outcome {
    let &[rows, k] = names.dims() else {
        return Err(fail(format!("names of neighbours have the shape {:?}", names.dims())));
    };
    let (names, labels) = (names.slice::<i64>()?, labels.slice::<f32>()?);
    let mut out = output::<f32>(&[rows])?;
    let mut said = Vec::with_capacity(k);
    for (to, names) in out.iter_mut().zip(names.chunks_exact(k.max(1))) {
        said.clear();
        for name in names.iter().filter(|name| **name >= 0) {
            let label = usize::try_from(*name).ok().and_then(|n| labels.get(n));
            said.push(*label.ok_or_else(|| fail(format!("neighbour {name} has no label")))?);
        }
        *to = if mean { self::mean(&said) } else { most(&mut said) };
    }
    Value::of(out, &[rows])
}

fn mean(said: &[f32]) -> f32 {
    let sum: f64 = said.iter().map(|label| f64::from(*label)).sum();
    (sum / said.len() as f64) as f32
}

fn most(said: &mut [f32]) -> f32 {
    said.sort_unstable_by(f32::total_cmp);
    let groups = said.chunk_by(|a, b| a == b);
    let largest = groups.fold(None, |best: Option<&[f32]>, group| match best {
        Some(best) if best.len() >= group.len() => Some(best),
        _ => Some(group),
    });
    largest.and_then(|group| group.first()).copied().unwrap_or(f32::NAN)
}
