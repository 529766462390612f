//! Operations along axes that requests may name.

use super::super::access::{axis, int, ints, make};
use super::super::moves::{self, narrow};
use super::super::{Outcome, Value, elements, fail};
use super::scatter::{self, Combine};
use super::{Values, at, by_kind, copied, one};
use crate::EngineError;
use crate::graph::{Along, Border, Update};
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
            one(by_kind!(x, scatter_elements(*axis, *update, x, indices, updates)))
        }
        Along::GatherNd { batch } => one(gather_nd(*batch, x, second()?)),
        Along::Triangle { upper } => one(by_kind!(x, triangle(*upper, x, int(second()?)?))),
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
    let count = elements(&shape)?;
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
fn advance(place: &mut [usize], shape: &[usize]) {
    for (p, extent) in place.iter_mut().zip(shape).rev() {
        *p += 1;
        if *p < *extent {
            return;
        }
        *p = 0;
    }
}

/// Elements from one place to the next along each axis.
fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for n in (1..dims.len()).rev() {
        strides[n - 1] = strides[n] * dims[n];
    }
    strides
}

fn chosen_numbers<T: Element>(x: &Value, sources: &[Sources], fill: Option<&Value>) -> Outcome {
    let from = x.slice::<T>()?;
    let fill = fill.map(|f| f.slice::<T>()).transpose()?.and_then(|f| f.first().copied()).unwrap_or_default();
    elements(&sources.iter().map(Vec::len).collect::<Vec<_>>())?;
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
    let start = from_start(start).clamp(if step > 0 { 0 } else { -1 }, high);
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
        sources[along] = (0..length).map(|n| beyond(border, n - before, extent)).collect();
        let empty = sources[along].iter().any(Option::is_none) && border != Border::Constant;
        if empty {
            return Err(fail("a border that is made of nothing"));
        }
    }
    chosen(x, &sources, fill.filter(|_| border == Border::Constant))
}

/// The place that stands for one that may lie outside.
fn beyond(border: Border, at: i64, extent: usize) -> Option<usize> {
    let size = extent as i64;
    if size == 0 {
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
    usize::try_from(inside).ok().filter(|n| *n < extent)
}

/// An index along an axis, counted from the end if negative.
fn index(n: i64, extent: usize) -> Result<usize, EngineError> {
    let from_start = if n < 0 { n.saturating_add(extent as i64) } else { n };
    let found = usize::try_from(from_start).ok().filter(|n| *n < extent);
    found.ok_or_else(|| fail(format!("index {n} along an axis of {extent}")))
}

/// Where in x each element that the indices name is: they replace the place along one axis.
fn element_places(along: i64, x: &Value, indices: &Value) -> Result<Vec<usize>, EngineError> {
    let along = axis(along, x.rank())?;
    let fits = indices.rank() == x.rank()
        && indices.dims().iter().zip(x.dims()).enumerate().all(|(n, (i, d))| n == along || i <= d);
    if !fits {
        return Err(fail(format!("indices of shape {:?} for {:?}", indices.dims(), x.dims())));
    }
    let (strides, numbers) = (strides(x.dims()), indices.slice::<i64>()?);
    let mut place = vec![0; x.rank()];
    let mut found = Vec::with_capacity(numbers.len());
    for number in numbers {
        let at: usize = place.iter().zip(&strides).map(|(p, s)| p * s).sum();
        let own = place[along] * strides[along];
        found.push(at - own + index(*number, x.dims()[along])? * strides[along]);
        advance(&mut place, indices.dims());
    }
    Ok(found)
}

fn gather_elements(along: i64, x: &Value, indices: &Value) -> Outcome {
    let places = element_places(along, x, indices)?;
    if x.kind() == Kind::Text {
        let from = x.texts()?;
        return Value::text(places.iter().map(|p| from[*p].clone()).collect(), indices.dims());
    }
    by_kind!(x, taken(x, &places, indices.dims()))
}

fn taken<T: Element>(x: &Value, places: &[usize], shape: &[usize]) -> Outcome {
    let from = x.slice::<T>()?;
    make(places.iter().map(|p| from[*p]).collect::<Vec<T>>(), shape)
}

fn scatter_elements<T: Combine>(
    along: i64,
    update: Update,
    x: &Value,
    indices: &Value,
    updates: &Value,
) -> Outcome {
    let places = element_places(along, x, indices)?;
    if updates.dims() != indices.dims() {
        return Err(fail(format!("updates of shape {:?} for {:?}", updates.dims(), indices.dims())));
    }
    let mut out = copied::<T>(x)?;
    for (place, new) in places.iter().zip(updates.slice::<T>()?) {
        scatter::update(update, &mut out[*place], *new);
    }
    make(out, x.dims())
}

fn gather_nd(batch: usize, x: &Value, indices: &Value) -> Outcome {
    let wrong = || fail(format!("indices of shape {:?} into {:?}", indices.dims(), x.dims()));
    let (depth, outer) = indices.dims().split_last().ok_or_else(wrong)?;
    let common = x.dims().get(..batch).filter(|c| outer.get(..batch) == Some(*c)).ok_or_else(wrong)?;
    let rest = x.dims().get(batch + depth..).ok_or_else(wrong)?;
    let (groups, piece) = (elements(common)?, elements(rest)?);
    let within = &x.dims()[batch..batch + depth];
    let each = elements(&outer[batch..])?;
    let mut places = Vec::new();
    let numbers = indices.slice::<i64>()?;
    for group in 0..groups {
        for n in 0..each {
            let own = &numbers[(group * each + n) * depth..][..*depth];
            let mut at = group;
            for (number, extent) in own.iter().zip(within) {
                at = at * extent + index(*number, *extent)?;
            }
            places.extend((0..piece).map(|p| at * piece + p));
        }
    }
    let shape: Vec<usize> = outer.iter().chain(rest).copied().collect();
    elements(&shape)?;
    if x.kind() == Kind::Text {
        let from = x.texts()?;
        return Value::text(places.iter().map(|p| from[*p].clone()).collect(), &shape);
    }
    by_kind!(x, taken(x, &places, &shape))
}

/// Zeros below (above) a diagonal of the last two axes.
fn triangle<T: Element>(upper: bool, x: &Value, diagonal: i64) -> Outcome {
    let [.., rows, columns] = *x.dims() else {
        return Err(fail(format!("a triangle of shape {:?}", x.dims())));
    };
    let mut out = copied::<T>(x)?;
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
    make(out, x.dims())
}

/// A part of an axis replaced, from a place on that each batch has of its own.
fn overlay<T: Element>(along: i64, circular: bool, x: &Value, update: &Value, places: &Value) -> Outcome {
    let along = axis(along, x.rank())?;
    let fits = along > 0
        && update.rank() == x.rank()
        && (0..x.rank()).all(|n| n == along || update.dims()[n] == x.dims()[n]);
    if !fits {
        return Err(fail(format!("an update {:?} of {:?}", update.dims(), x.dims())));
    }
    let (own, new) = (x.dims()[along], update.dims()[along]);
    let inner: usize = x.dims()[along + 1..].iter().product();
    let outer: usize = x.dims()[1..along].iter().product();
    let (starts, mut out) = (places.slice::<i64>()?, copied::<T>(x)?);
    for (block, part) in update.slice::<T>()?.chunks_exact((new * inner).max(1)).enumerate() {
        let batch = block / outer.max(1);
        let start = *starts.get(batch).or(starts.first()).ok_or_else(|| fail("no places to write to"))?;
        for (n, row) in part.chunks_exact(inner.max(1)).enumerate() {
            let place = start.saturating_add(n as i64);
            let place = if circular { place.rem_euclid((own as i64).max(1)) } else { place };
            let to = (block * own + index(place, own)?) * inner;
            out[to..to + inner].copy_from_slice(row);
        }
    }
    make(out, x.dims())
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
