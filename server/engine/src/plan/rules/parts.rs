//! Values put together, and parts of them.

use super::moves::{as_rank, picked};
use super::{Extents, Found, Known, Numbers, axis, show};
use crate::EngineError;
use crate::graph::Masks;
use crate::kernels::fail;
use crate::kernels::slices::{Cut, count, cuts};

/// Stands in for an extent that is not known, so that no place lies beyond it.
const BOUNDLESS: usize = 1 << 40;

pub fn concat(inputs: &[&Known]) -> Found {
    let Some((along, parts)) = inputs.split_last() else { return Ok(Known::default()) };
    let shapes: Option<Vec<&Extents>> = parts.iter().map(|p| p.shape.as_ref()).collect();
    let (Some(shapes), Some(along)) = (shapes, along.number()) else { return Ok(Known::default()) };
    let Some(first) = shapes.first() else { return Ok(Known::default()) };
    let at = axis(along, first.len())?;
    let mut shape: Extents = first.to_vec();
    for other in &shapes[1..] {
        if other.len() != shape.len() {
            return Err(apart(&shape, other));
        }
        for (i, (known, new)) in shape.iter_mut().zip(other.iter()).enumerate() {
            match (&known, new) {
                _ if i == at => *known = known.zip(*new).and_then(|(a, b)| a.checked_add(b)),
                (Some(a), Some(b)) if a != b => return Err(apart(first, other)),
                (None, _) => *known = *new,
                _ => {}
            }
        }
    }
    let numbers: Option<Vec<&Numbers>> = parts.iter().map(|p| p.numbers.as_ref()).collect();
    let numbers = numbers.filter(|_| shape.len() == 1).map(|n| n.into_iter().flatten().copied().collect());
    Ok(match numbers {
        Some(numbers) => Known::integers(numbers, shape),
        None => Known::shaped(shape),
    })
}

fn apart(a: &[Option<usize>], b: &[Option<usize>]) -> EngineError {
    fail(format!("values of shapes {} and {} cannot be put together", show(a), show(b)))
}

pub fn pack(inputs: &[&Known], at: i64) -> Found {
    let mut shape: Option<Extents> = inputs.first().and_then(|p| p.shape.clone());
    for other in inputs.iter().skip(1) {
        let (Some(so_far), Some(other)) = (&shape, &other.shape) else {
            shape = None;
            break;
        };
        let clash = |(a, b): (&Option<usize>, &Option<usize>)| a.zip(*b).is_some_and(|(a, b)| a != b);
        if so_far.len() != other.len() || so_far.iter().zip(other).any(clash) {
            return Err(apart(so_far, other));
        }
        shape = Some(so_far.iter().zip(other).map(|(a, b)| a.or(*b)).collect());
    }
    let Some(mut shape) = shape else {
        // Scalars of which nothing is known are met often; their number still says how long the result is.
        return Ok(Known::default());
    };
    let scalars = shape.is_empty();
    shape.insert(axis(at, shape.len() + 1)?, Some(inputs.len()));
    let number = |p: &&Known| p.numbers.as_ref().and_then(|n| n.first().copied().flatten());
    let numbers: Numbers = inputs.iter().map(number).collect();
    // Where no number is known they may be none.
    let told = scalars && numbers.iter().any(Option::is_some);
    Ok(if told { Known::integers(numbers, shape) } else { Known::shaped(shape) })
}

/// Results of one shape.
fn alike(shape: Extents, outputs: usize) -> Vec<Known> {
    vec![Known::shaped(shape); outputs]
}

pub fn split(inputs: &[&Known], parts: usize, outputs: usize) -> Result<Vec<Known>, EngineError> {
    let unknown = Ok(vec![Known::default(); outputs]);
    let [x, at, ..] = inputs else { return unknown };
    let (Some(mut shape), Some(at)) = (x.shape.clone(), at.number()) else { return unknown };
    let at = axis(at, shape.len())?;
    if let Some(total) = shape[at] {
        if parts == 0 || total % parts != 0 {
            return Err(fail(format!("cannot split {total} into {parts} equal parts")));
        }
        shape[at] = Some(total / parts);
    }
    Ok(alike(shape, outputs))
}

pub fn split_sizes(inputs: &[&Known], outputs: usize) -> Result<Vec<Known>, EngineError> {
    let unknown = Ok(vec![Known::default(); outputs]);
    let [x, sizes, at, ..] = inputs else { return unknown };
    let (Some(shape), Some(sizes), Some(at)) = (x.shape.clone(), sizes.whole(), at.number()) else {
        return unknown;
    };
    let at = axis(at, shape.len())?;
    let sizes: Vec<Option<usize>> = match shape[at] {
        Some(total) => crate::kernels::split_sizes(total, &sizes)?.into_iter().map(Some).collect(),
        None => sizes.iter().map(|n| usize::try_from(*n).ok()).collect(),
    };
    if sizes.len() != outputs {
        return unknown;
    }
    let part = |size: Option<usize>| {
        let mut shape = shape.clone();
        shape[at] = size;
        Known::shaped(shape)
    };
    Ok(sizes.into_iter().map(part).collect())
}

pub fn unpack(inputs: &[&Known], at: i64, count: usize, outputs: usize) -> Result<Vec<Known>, EngineError> {
    let Some(mut shape) = inputs.first().and_then(|x| x.shape.clone()) else {
        return Ok(vec![Known::default(); outputs]);
    };
    let at = axis(at, shape.len())?;
    if let Some(total) = shape.remove(at)
        && total != count
    {
        return Err(fail(format!("an axis of {total} cannot be taken apart into {count}")));
    }
    Ok(alike(shape, outputs))
}

pub fn top_k(inputs: &[&Known], outputs: usize) -> Result<Vec<Known>, EngineError> {
    let unknown = Ok(vec![Known::default(); outputs]);
    let [x, k, ..] = inputs else { return unknown };
    let (Some(mut shape), Some(k)) = (x.shape.clone(), k.number()) else { return unknown };
    let (Some(last), Ok(k)) = (shape.last_mut(), usize::try_from(k)) else { return unknown };
    if let Some(total) = *last
        && k > total
    {
        return Err(fail(format!("the best {k} of {total}")));
    }
    *last = Some(k);
    Ok(alike(shape, outputs))
}

pub fn strided(x: &Known, begin: &Known, end: &Known, steps: &Known, masks: &Masks) -> Found {
    let Some(shape) = &x.shape else { return Ok(Known::default()) };
    let (Some(begin), Some(end), Some(steps)) = (begin.whole(), end.whole(), steps.whole()) else {
        let keeps = masks.new_axis == 0 && masks.shrink == 0;
        return Ok(if keeps { as_rank(x) } else { Known::default() });
    };
    let dims: Vec<usize> = shape.iter().map(|d| d.unwrap_or(BOUNDLESS)).collect();
    let mut result = Extents::new();
    let mut places: Vec<usize> = Vec::new();
    let mut at = 0;
    for cut in cuts(&dims, &begin, &end, &steps, masks)? {
        match cut {
            Cut::New => result.push(Some(1)),
            Cut::One(place) => {
                places = vec![axis(place, dims[at])?];
                at += 1;
            }
            Cut::Range { begin, end, step } => {
                let count = count(begin, end, step);
                result.push(shape[at].map(|_| count));
                if dims.len() == 1 && count <= super::MOST_NUMBERS {
                    let place = |n: usize| usize::try_from(begin + n as i64 * step).ok();
                    places = (0..count).filter_map(place).collect();
                }
                at += 1;
            }
        }
    }
    let numbers = x.numbers.as_ref().filter(|_| dims.len() == 1);
    let numbers = numbers.and_then(|numbers| picked(numbers, places.into_iter()));
    Ok(Known { shape: Some(result), numbers })
}

pub fn slice(x: &Known, begin: &Known, size: &Known) -> Found {
    let Some(shape) = &x.shape else { return Ok(Known::default()) };
    let (Some(begin), Some(size)) = (begin.whole(), &size.numbers) else {
        return Ok(Known::shaped(vec![None; shape.len()]));
    };
    if begin.len() != shape.len() || size.len() != shape.len() {
        return Err(fail("a slice needs a begin and a size for each axis"));
    }
    let mut result = Extents::new();
    for ((total, from), size) in shape.iter().zip(&begin).zip(size) {
        let from = usize::try_from(*from).map_err(|_| fail(format!("a slice from {from}")))?;
        let rest =
            total.map(|total| total.checked_sub(from).ok_or_else(|| beyond(from, total))).transpose()?;
        let wanted = match size {
            Some(-1) => rest,
            Some(n) => Some(usize::try_from(*n).map_err(|_| fail(format!("a slice {n} long")))?),
            None => None,
        };
        if let (Some(rest), Some(wanted), Some(total)) = (rest, wanted, total)
            && wanted > rest
        {
            return Err(beyond(from + wanted, *total));
        }
        result.push(wanted);
    }
    let numbers = x.numbers.as_ref().filter(|_| shape.len() == 1).and_then(|numbers| {
        let from = usize::try_from(*begin.first()?).ok()?;
        picked(numbers, from..from.checked_add((*result.first()?)?)?)
    });
    Ok(Known { shape: Some(result), numbers })
}

fn beyond(to: usize, total: usize) -> EngineError {
    fail(format!("a slice up to {to} of an axis of {total}"))
}

pub fn gather(x: &Known, indices: &Known, along: &Known) -> Found {
    let (Some(shape), Some(places), Some(along)) = (&x.shape, &indices.shape, along.number()) else {
        return Ok(Known::default());
    };
    let at = axis(along, shape.len())?;
    let result = [&shape[..at], places, &shape[at + 1..]].concat();
    let numbers = x.numbers.as_ref().filter(|_| shape.len() == 1).zip(indices.whole());
    let numbers = numbers.and_then(|(numbers, places)| {
        picked(numbers, places.into_iter().map(|p| usize::try_from(p).unwrap_or(usize::MAX)))
    });
    Ok(Known { shape: Some(result), numbers })
}
