//! Operations along axes that requests may name.

use super::super::access::{axis, int, ints, make};
use super::super::moves::{self, narrow};
use super::super::{Outcome, Value, elements as count_of, fail};
use super::elements::{gather_elements, gather_nd, overlay, scatter_elements, scatter_texts};
use super::{Values, at, by_kind, copied, one};
use crate::EngineError;
use crate::graph::{Along, Border};
use crate::value::{Element, Kind};

/// Runs one operation.
pub fn run(op: &Along, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    let second = || at(inputs, 1);
    match op {
        Along::Unique { axis, sorted } => super::distinct::unique(x, *axis, *sorted),
        Along::Squeeze => one(squeeze(x, &ints(second()?)?)),
        Along::Unsqueeze => one(unsqueeze(x, &ints(second()?)?)),
        Along::Slice => one(slice(inputs)),
        Along::Pad(border) => one(pad(*border, inputs)),
        Along::GatherElements { axis } => one(gather_elements(*axis, x, second()?)),
        Along::ScatterElements { axis, update } => {
            let (indices, updates) = (second()?, at(inputs, 2)?);
            if x.kind() == Kind::Text {
                return one(scatter_texts(*axis, *update, x, indices, updates));
            }
            one(by_kind!(x, scatter_elements(*axis, *update, x, indices, updates)))
        }
        Along::GatherNd { batch } => one(gather_nd(*batch, x, second()?)),
        Along::Triangle { upper } => {
            let diagonal = int(second()?)?;
            if x.kind() == Kind::Text {
                let mut out = x.texts()?.to_vec();
                clear_beyond(*upper, diagonal, x, &mut out)?;
                return one(Value::text(out, x.dims()));
            }
            one(by_kind!(x, triangle(*upper, x, diagonal)))
        }
        Along::Overlay { axis, circular } => {
            let (update, places) = (second()?, at(inputs, 2)?);
            one(by_kind!(x, overlay(*axis, *circular, x, update, places)))
        }
        Along::Compress { axis } => one(compress(*axis, x, second()?)),
    }
}

fn squeeze(x: &Value, axes: &[i64]) -> Outcome {
    let axes = axes.iter().map(|a| axis(*a, x.rank())).collect::<Result<Vec<_>, _>>()?;
    let gone = |n: &usize| if axes.is_empty() { x.dims()[*n] == 1 } else { axes.contains(n) };
    let kept: Vec<usize> = (0..x.rank()).filter(|n| !gone(n)).map(|n| x.dims()[n]).collect();
    x.reshape(&kept)
}

fn unsqueeze(x: &Value, axes: &[i64]) -> Outcome {
    let rank = x.rank() + axes.len();
    let axes = axes.iter().map(|a| axis(*a, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut own = x.dims().iter();
    let dims = (0..rank).map(|n| if axes.contains(&n) { Some(1) } else { own.next().copied() });
    let dims: Option<Vec<usize>> = dims.collect();
    match dims.filter(|_| own.next().is_none()) {
        Some(dims) => x.reshape(&dims),
        None => Err(fail("an axis is named twice")),
    }
}

/// For each place along an axis of the result, the place that it comes from; None: it is filled.
type Sources = Vec<Option<usize>>;

/// The value made of these places of each axis.
fn chosen(x: &Value, sources: &[Sources], fill: Option<&Value>) -> Outcome {
    if x.kind() == Kind::Text {
        return chosen_text(x, sources, fill);
    }
    by_kind!(x, chosen_numbers(x, sources, fill))
}

/// Walks over the result and says of each element where it comes from.
fn walk(
    dims: &[usize],
    sources: &[Sources],
    mut each: impl FnMut(Option<usize>),
) -> Result<Vec<usize>, EngineError> {
    let shape: Vec<usize> = sources.iter().map(Vec::len).collect();
    let count = count_of(&shape)?;
    let strides = strides(dims);
    let mut place = vec![0; shape.len()];
    for _ in 0..count {
        let at = place.iter().enumerate().try_fold(0, |at, (n, p)| Some(at + sources[n][*p]? * strides[n]));
        each(at);
        advance(&mut place, &shape);
    }
    Ok(shape)
}

/// The next place, the last axis first.
pub fn advance(place: &mut [usize], shape: &[usize]) {
    for (p, extent) in place.iter_mut().zip(shape).rev() {
        *p += 1;
        if *p < *extent {
            return;
        }
        *p = 0;
    }
}

/// Elements from one place to the next along each axis.
pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for n in (1..dims.len()).rev() {
        strides[n - 1] = strides[n] * dims[n];
    }
    strides
}

fn chosen_numbers<T: Element>(x: &Value, sources: &[Sources], fill: Option<&Value>) -> Outcome {
    let from = x.slice::<T>()?;
    let fill = fill.map(|f| f.slice::<T>()).transpose()?.and_then(|f| f.first().copied()).unwrap_or_default();
    count_of(&sources.iter().map(Vec::len).collect::<Vec<_>>())?;
    let mut out = Vec::new();
    let shape = walk(x.dims(), sources, |at| out.push(at.map_or(fill, |at| from[at])))?;
    make(out, &shape)
}

fn chosen_text(x: &Value, sources: &[Sources], fill: Option<&Value>) -> Outcome {
    let from = x.texts()?;
    let fill = fill.map(Value::texts).transpose()?.and_then(|f| f.first().cloned()).unwrap_or_default();
    let mut out = Vec::new();
    let shape =
        walk(x.dims(), sources, |at| out.push(at.map_or_else(|| fill.clone(), |at| from[at].clone())))?;
    Value::text(out, &shape)
}

fn all(extent: usize) -> Sources {
    (0..extent).map(Some).collect()
}

fn slice(inputs: &[&Value]) -> Outcome {
    let x = at(inputs, 0)?;
    let (starts, ends) = (ints(at(inputs, 1)?)?, ints(at(inputs, 2)?)?);
    let (axes, steps) = (ints(at(inputs, 3)?)?, ints(at(inputs, 4)?)?);
    if [ends.len(), axes.len(), steps.len()].iter().any(|n| *n != starts.len()) {
        return Err(fail("a slice with other numbers of starts, ends, axes and steps"));
    }
    let mut sources: Vec<Sources> = x.dims().iter().map(|d| all(*d)).collect();
    for (n, along) in axes.iter().enumerate() {
        let along = axis(*along, x.rank())?;
        sources[along] = places(x.dims()[along], starts[n], ends[n], steps[n])?;
    }
    chosen(x, &sources, None)
}

/// The places of a slice along one axis.
fn places(extent: usize, start: i64, end: i64, step: i64) -> Result<Sources, EngineError> {
    let size = extent as i64;
    let from_start = |n: i64| if n < 0 { n.saturating_add(size) } else { n };
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    // Backwards from before the first place is from the first, if there is one.
    let start = from_start(start).clamp(0.min(high), high);
    let end = from_start(end).clamp(low, high.max(low));
    if step == 0 {
        return Err(fail("a slice with a step of 0"));
    }
    let mut found = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        found.push(usize::try_from(at).ok());
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(found)
}

fn pad(border: Border, inputs: &[&Value]) -> Outcome {
    let (x, pads, axes) = (at(inputs, 0)?, ints(at(inputs, 1)?)?, ints(at(inputs, 2)?)?);
    let fill = inputs.get(3).copied();
    if pads.len() != 2 * axes.len() {
        return Err(fail(format!("{} paddings for {} axes", pads.len(), axes.len())));
    }
    let mut sources: Vec<Sources> = x.dims().iter().map(|d| all(*d)).collect();
    for (n, along) in axes.iter().enumerate() {
        let along = axis(*along, x.rank())?;
        let (before, after) = (pads[n], pads[n + axes.len()]);
        let extent = x.dims()[along];
        let length = (extent as i64).checked_add(before).and_then(|n| n.checked_add(after));
        let length = length.filter(|n| (0..1 << 28).contains(n));
        let length =
            length.ok_or_else(|| fail(format!("paddings of {before} and {after} around {extent}")))?;
        // What is cut off is no part of the border.
        let kept = match border {
            Border::Constant => [0, extent as i64],
            _ => [(-before).max(0), extent as i64 - (-after).max(0)],
        };
        sources[along] = (0..length).map(|n| beyond(border, n - before, kept)).collect();
        let empty = sources[along].iter().any(Option::is_none) && border != Border::Constant;
        if empty {
            return Err(fail("a border that is made of nothing"));
        }
    }
    chosen(x, &sources, fill.filter(|_| border == Border::Constant))
}

/// The place that stands for one that may lie outside of these bounds.
fn beyond(border: Border, at: i64, [first, end]: [i64; 2]) -> Option<usize> {
    let (at, size) = (at - first, end - first);
    if size <= 0 {
        return None;
    }
    let inside = match border {
        Border::Constant => at,
        Border::Edge => at.clamp(0, size - 1),
        Border::Wrap => at.rem_euclid(size),
        Border::Reflect if size == 1 => 0,
        Border::Reflect => {
            let turn = at.rem_euclid(2 * (size - 1));
            turn.min(2 * (size - 1) - turn)
        }
    };
    (0..size).contains(&inside).then(|| usize::try_from(inside + first).ok()).flatten()
}

/// Zeros below (above) a diagonal of the last two axes.
fn triangle<T: Element>(upper: bool, x: &Value, diagonal: i64) -> Outcome {
    let mut out = copied::<T>(x)?;
    clear_beyond(upper, diagonal, x, &mut out)?;
    make(out, x.dims())
}

/// Clears what is below a diagonal of each matrix of a value, or above it.
fn clear_beyond<T: Default>(upper: bool, diagonal: i64, x: &Value, out: &mut [T]) -> Result<(), EngineError> {
    let [.., rows, columns] = *x.dims() else {
        return Err(fail(format!("a triangle of shape {:?}", x.dims())));
    };
    for matrix in out.chunks_exact_mut((rows * columns).max(1)) {
        for row in 0..rows {
            for column in 0..columns {
                let off = column as i64 - row as i64;
                let kept = if upper { off >= diagonal } else { off <= diagonal };
                if !kept {
                    matrix[row * columns + column] = T::default();
                }
            }
        }
    }
    Ok(())
}

fn compress(along: Option<i64>, x: &Value, condition: &Value) -> Outcome {
    let x = if along.is_none() { x.flatten_all() } else { x.clone() };
    let along = axis(along.unwrap_or(0), x.rank())?;
    let kept = condition.slice::<u8>()?;
    if kept.len() > x.dims()[along] {
        return Err(fail(format!("{} conditions for {}", kept.len(), x.dims()[along])));
    }
    let mut sources: Vec<Sources> = x.dims().iter().map(|d| all(*d)).collect();
    sources[along] = (0..kept.len()).filter(|n| kept[*n] != 0).map(Some).collect();
    chosen(&x, &sources, None)
}

/// The slices along an axis.
pub fn slices(x: &Value, along: usize) -> Result<Vec<Value>, EngineError> {
    (0..x.dims()[along]).map(|n| narrow(x, along, n, 1)).collect()
}

/// Slices put together again.
pub fn together(parts: &[Value], along: usize) -> Outcome {
    moves::cat(&parts.iter().collect::<Vec<_>>(), along)
}
