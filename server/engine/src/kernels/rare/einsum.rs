//! Einstein's summation, as one matrix product: the letters of both inputs that the result has too are its batch, those that it
//! lacks are summed, the others are rows and columns.

use super::super::moves::{Strided, expand, permute, view};
use super::super::{Outcome, Value, elements, fail};
use crate::EngineError;
use crate::graph::{Op, Reduce};
use crate::value::Dims;

/// Letters of axes; those an ellipsis stands for are numbered from its end, beyond all letters.
pub type Labels = Vec<u32>;
const ELLIPSIS: u32 = 1 << 24;

pub fn einsum(equation: &str, inputs: &[&Value]) -> Outcome {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let wrong = || fail(format!("the equation {equation:?} does not fit its inputs"));
    let (terms, result) = text.split_once("->").ok_or_else(wrong)?;
    let terms: Vec<&str> = terms.split(',').collect();
    if terms.len() != inputs.len() || inputs.is_empty() || inputs.len() > 2 {
        return Err(wrong());
    }
    let mut operands = Vec::new();
    for (term, input) in terms.iter().zip(inputs) {
        let labels = labels(term, input.rank()).ok_or_else(wrong)?;
        operands.push(diagonal(input, labels)?);
    }
    let hidden = |o: &(Value, Labels)| o.1.iter().filter(|l| **l >= ELLIPSIS).count();
    let ellipsis = operands.iter().map(hidden).max().unwrap_or(0);
    let letters = result.replace("...", "").chars().count();
    let shown = if result.contains("...") { ellipsis } else { 0 };
    let out = labels(result, letters + shown).ok_or_else(wrong)?;
    let known = |l: &u32| operands.iter().any(|o| o.1.contains(l));
    if !out.iter().all(known) || (1..out.len()).any(|i| out[..i].contains(&out[i])) {
        return Err(wrong());
    }
    let first = operands.remove(0);
    let (value, labels) = match operands.pop() {
        None => summed(first, |l| out.contains(&l))?,
        Some(second) => {
            let (own, other) = (first.1.clone(), second.1.clone());
            let first = summed(first, |l| out.contains(&l) || other.contains(&l))?;
            let second = summed(second, |l| out.contains(&l) || own.contains(&l))?;
            product(&first, &second, &out)?
        }
    };
    ordered(&value, &labels, &out)
}

/// The labels of a term for a value of so many axes; None: they do not fit.
pub fn labels(term: &str, rank: usize) -> Option<Labels> {
    let (before, after) = match term.split_once("...") {
        Some((before, after)) => (before, Some(after)),
        None => (term, None),
    };
    let letters = before.chars().count() + after.map_or(0, |a| a.chars().count());
    let hidden = rank.checked_sub(letters).filter(|h| *h == 0 || after.is_some())?;
    let all = term.replace("...", "");
    if !all.chars().all(char::is_alphabetic) {
        return None;
    }
    let mut labels: Labels = before.chars().map(u32::from).collect();
    labels.extend((0..hidden as u32).rev().map(|n| ELLIPSIS + n));
    labels.extend(after.unwrap_or_default().chars().map(u32::from));
    Some(labels)
}

/// A letter that comes twice names the diagonal of its axes.
fn diagonal(x: &Value, labels: Labels) -> Result<(Value, Labels), EngineError> {
    let whole = Strided::whole(x.dims());
    let mut kept = Strided { start: 0, dims: Dims::new(), steps: smallvec::SmallVec::new() };
    let mut unique: Labels = Vec::new();
    for (axis, label) in labels.iter().enumerate() {
        match unique.iter().position(|l| l == label) {
            Some(first) if kept.dims[first] == whole.dims[axis] => kept.steps[first] += whole.steps[axis],
            Some(_) => return Err(fail("a diagonal of axes of different extents")),
            None => {
                unique.push(*label);
                kept.dims.push(whole.dims[axis]);
                kept.steps.push(whole.steps[axis]);
            }
        }
    }
    if unique.len() == labels.len() {
        return Ok((x.clone(), labels));
    }
    Ok((view(x, &kept)?, unique))
}

/// Sums over the axes that nothing else needs.
fn summed(
    (x, labels): (Value, Labels),
    needed: impl Fn(u32) -> bool,
) -> Result<(Value, Labels), EngineError> {
    let gone: Vec<i64> = (0..labels.len()).filter(|i| !needed(labels[*i])).map(|i| i as i64).collect();
    if gone.is_empty() {
        return Ok((x, labels));
    }
    let axes = super::super::access::make(gone.clone(), &[gone.len()])?;
    let mut made = super::super::run(&Op::Reduce { kind: Reduce::Sum, keep: false }, &[&x, &axes])?;
    Ok((made.remove(0), labels.into_iter().filter(|l| needed(*l)).collect()))
}

/// The value with its axes in another order.
fn ordered(x: &Value, labels: &[u32], wanted: &[u32]) -> Outcome {
    let order: Option<Vec<usize>> = wanted.iter().map(|w| labels.iter().position(|l| l == w)).collect();
    permute(x, &order.ok_or_else(|| fail("an axis of a sum is missing"))?)
}

fn product(a: &(Value, Labels), b: &(Value, Labels), out: &[u32]) -> Result<(Value, Labels), EngineError> {
    let (a, b) = (stretched(a, b)?, stretched(b, a)?);
    let both = |kept: bool| -> Labels {
        let shared = a.1.iter().filter(|l| b.1.contains(l));
        shared.copied().filter(|l| out.contains(l) == kept).collect()
    };
    let (batch, inner) = (both(true), both(false));
    let only = |x: &Labels, y: &Labels| -> Labels { x.iter().copied().filter(|l| !y.contains(l)).collect() };
    let (rows, columns) = (only(&a.1, &b.1), only(&b.1, &a.1));
    let (x, transpose_a, dims_a) = laid(&a, [&batch, &rows, &inner])?;
    let (y, transpose_b, dims_b) = laid(&b, [&batch, &inner, &columns])?;
    let mut made = super::super::run(&Op::MatMul { transpose_a, transpose_b }, &[&x, &y])?;
    let labels = [batch, rows, columns].concat();
    let sizes = [&dims_a[0][..], &dims_a[1], &dims_b[2]].concat();
    Ok((made.remove(0).reshape(&sizes)?, labels))
}

/// Axes of extent 1 that an ellipsis stands for, repeated as the other input has them.
fn stretched(own: &(Value, Labels), other: &(Value, Labels)) -> Result<(Value, Labels), EngineError> {
    let mut shape = own.0.dims().to_vec();
    for (extent, label) in shape.iter_mut().zip(&own.1) {
        let there = other.1.iter().position(|l| l == label).map(|i| other.0.dims()[i]);
        match there {
            Some(size) if *label >= ELLIPSIS && *extent == 1 => *extent = size,
            Some(size) if size != *extent && !(*label >= ELLIPSIS && size == 1) => {
                return Err(fail("a letter of an equation has two extents"));
            }
            _ => {}
        }
    }
    Ok((expand(&own.0, &shape)?, own.1.clone()))
}

/// A value as a batch of matrices, moved as little as may be: as it lies, if it lies so or transposed.
#[allow(clippy::type_complexity, reason = "only product() reads it")]
fn laid(x: &(Value, Labels), groups: [&Labels; 3]) -> Result<(Value, bool, [Vec<usize>; 3]), EngineError> {
    let dims = groups.map(|g| {
        let extent = |l: &u32| x.1.iter().position(|o| o == l).map_or(1, |i| x.0.dims()[i]);
        g.iter().map(extent).collect::<Vec<usize>>()
    });
    let straight = [&groups[0][..], groups[1], groups[2]].concat();
    let turned = [&groups[0][..], groups[2], groups[1]].concat();
    let transpose = straight != x.1 && turned == x.1;
    let moved = ordered(&x.0, &x.1, if transpose { &turned } else { &straight })?;
    let [batch, first, second] = [elements(&dims[0])?, elements(&dims[1])?, elements(&dims[2])?];
    let mut shape = if groups[0].is_empty() { Vec::new() } else { vec![batch] };
    shape.extend(if transpose { [second, first] } else { [first, second] });
    Ok((moved.reshape(&shape)?, transpose, dims))
}
