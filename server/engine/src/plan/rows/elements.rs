//! Values element by element.

use super::fact::{COUNTED, Fact, Found, Of, Reads, Why};
use super::size::Size;
use crate::DType;
use crate::graph::Op;

/// Each element becomes one; the other inputs are parameters.
pub fn each(reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    let x = reads.at(0)?;
    match x.of {
        Of::Same | Of::Rows(_) | Of::Parts(_) => {
            Ok(vec![Fact { of: x.of, shape: x.shape.clone(), numbers: None }; reads.outputs])
        }
        _ => Err(COUNTED.to_owned()),
    }
}

/// Numbers of rows stay what they are as integers.
pub fn cast(op: &Op, reads: &Reads<'_>) -> Found {
    let x = reads.at(0)?;
    match (op, x.of) {
        (Op::Cast(DType::I64 | DType::I32), Of::Owners(_) | Of::Places(_)) => reads.one(x.clone()),
        _ => each(reads),
    }
}

/// Of values that are broadcast to each other.
pub fn broadcast(reads: &Reads<'_>) -> Found {
    reads.one(joined(reads.all, reads)?)
}

/// What values that are broadcast to each other give.
pub fn joined(inputs: &[&Fact], reads: &Reads<'_>) -> Result<Fact, Why> {
    if let Some(by) = inputs.iter().find_map(|x| if let Of::Parts(by) = x.of { Some(by) } else { None }) {
        return parts(inputs, by, reads);
    }
    if inputs.iter().any(|x| !matches!(x.of, Of::Same | Of::Rows(_))) {
        return Err(COUNTED.to_owned());
    }
    let Some(place) = place(inputs)? else {
        let Some(shapes) = inputs.iter().map(|x| x.shape.as_deref()).collect::<Option<Vec<_>>>() else {
            return Ok(Fact::same(None));
        };
        return Ok(Fact::same(Some(spread(&shapes, None, reads))));
    };
    let shapes = inputs.iter().map(|x| x.dims()).collect::<Result<Vec<_>, _>>()?;
    let shape = spread(&shapes, Some(&place), reads);
    let axis = shape.len().checked_sub(place.from_end).ok_or("rows are along no axis")?;
    Fact::rows(shape, axis)
}

/// Where rows are, counted from the last axis, and how many.
struct Place {
    from_end: usize,
    extent: Size,
}

/// Where the rows of all inputs are; an error where they meet each other or anything else along another axis.
fn place(inputs: &[&Fact]) -> Result<Option<Place>, Why> {
    let mut found: Option<Place> = None;
    for x in inputs {
        let Some(axis) = x.axis() else { continue };
        let dims = x.dims()?;
        let extent = dims.get(axis).ok_or("rows are along no axis")?.clone();
        let new = Place { from_end: dims.len() - axis, extent };
        match &found {
            Some(place) if place.from_end != new.from_end || place.extent != new.extent => {
                return Err("rows meet rows along other axes".to_owned());
            }
            _ => found = Some(new),
        }
    }
    let Some(place) = found else { return Ok(None) };
    for x in inputs.iter().filter(|x| x.is_same()) {
        let at = x.dims()?.iter().rev().nth(place.from_end - 1);
        if at.is_some_and(|size| !size.is(1)) {
            return Err("rows meet something that is as long as there are rows".to_owned());
        }
    }
    Ok(Some(place))
}

/// The shape that shapes broadcast to.
fn spread(shapes: &[&[Size]], place: Option<&Place>, reads: &Reads<'_>) -> Vec<Size> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let extent = |from_end: usize| match place {
        Some(place) if place.from_end == from_end => place.extent.clone(),
        _ => {
            let all = shapes.iter().filter_map(|s| s.iter().rev().nth(from_end - 1));
            all.fold(Size::number(1), |so_far, size| so_far.broadcast(size, reads.names))
        }
    };
    (1..=rank).rev().map(extent).collect()
}

/// Parts of rows with parts of the same sizes, or with what lies along none of their axes.
fn parts(inputs: &[&Fact], by: usize, reads: &Reads<'_>) -> Result<Fact, Why> {
    let rank = inputs.iter().filter_map(|x| x.rank()).max().unwrap_or(0);
    for x in inputs {
        let fits = match x.of {
            Of::Parts(other) => other == by && x.rank() == Some(rank),
            Of::Same => match x.dims()? {
                shape if shape.len() < rank => true,
                [first, ..] => first.is(1),
                [] => true,
            },
            _ => false,
        };
        if !fits {
            return Err("parts of rows meet something else".to_owned());
        }
    }
    let shapes = inputs.iter().map(|x| x.dims()).collect::<Result<Vec<_>, _>>()?;
    let place = Place { from_end: rank, extent: Size::Other };
    let shape = spread(&shapes, Some(&place), reads);
    Ok(Fact { of: Of::Parts(by), shape: Some(shape), numbers: None })
}

/// A choice whose condition, if it has one axis, is one for each row, or lies along the last axis where it is as long.
pub fn select(reads: &Reads<'_>) -> Found {
    let (condition, yes, no) = (reads.at(0)?, reads.at(1)?, reads.at(2)?);
    let both = joined(&[yes, no], reads)?;
    if let ([length], [.., last]) = (condition.dims()?, both.dims()?)
        && both.rank() > Some(1)
        && !length.is(1)
        && length != last
    {
        // Which one of both it is depends on extents.
        let rows = condition.axis() == Some(0) && both.axis() == Some(0);
        if !rows || !last.is(1) || both.dims()?.first() != Some(length) {
            return Err("a condition that is for rows or for columns, as it fits".to_owned());
        }
        return reads.one(both);
    }
    reads.one(joined(&[condition, &both], reads)?)
}

/// A choice whose condition, if it has one axis, is one for each row.
pub fn select_rows(reads: &Reads<'_>) -> Found {
    let (condition, yes, no) = (reads.at(0)?, reads.at(1)?, reads.at(2)?);
    let both = joined(&[yes, no], reads)?;
    if condition.rank() != Some(1) || both.rank() <= Some(1) {
        return reads.one(joined(&[condition, &both], reads)?);
    }
    let rank = both.dims()?.len();
    let mut shape = condition.dims()?.to_vec();
    shape.resize(rank, Size::number(1));
    let stretched = Fact { of: condition.of, shape: Some(shape), numbers: None };
    reads.one(joined(&[&stretched, &both], reads)?)
}
