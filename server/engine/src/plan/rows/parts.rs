//! Values put together, taken apart, and looked up.

use super::fact::{Fact, Found, ONE, Of, Reads, Why, axis};
use super::size::Size;
use super::sparse;
use crate::graph::Op;

/// What makes rows of values that all have them along one axis.
fn common(inputs: &[&Fact]) -> Result<(usize, Size), Why> {
    let mut found: Option<(usize, Size)> = None;
    for x in inputs {
        let at = x.axis().ok_or("rows are put together with what is none")?;
        let extent = x.dims()?.get(at).ok_or("rows are along no axis")?.clone();
        match &found {
            Some((axis, rows)) if *axis != at || *rows != extent => {
                return Err("rows are put together along other axes".to_owned());
            }
            _ => found = Some((at, extent)),
        }
    }
    found.ok_or_else(|| "nothing is put together".to_owned())
}

/// Parts of rows of the same sizes.
fn common_parts(inputs: &[&Fact]) -> Option<usize> {
    let by = |x: &&Fact| if let Of::Parts(by) = x.of { Some(by) } else { None };
    let first = inputs.first().and_then(by)?;
    inputs.iter().all(|x| by(x) == Some(first)).then_some(first)
}

pub fn concat(reads: &Reads<'_>) -> Found {
    let (along, parts) = reads.all.split_last().ok_or("nothing is put together")?;
    let dims = parts.iter().map(|x| x.dims()).collect::<Result<Vec<_>, _>>()?;
    let rank = dims.first().map_or(0, |d| d.len());
    let at = axis(along.integer()?, rank)?;
    if dims.iter().any(|d| d.len() != rank) {
        return Err("values of different ranks are put together".to_owned());
    }
    if let [first, second] = parts
        && let Of::Owners(by) = first.of
    {
        let is_pair = at == 1 && rank == 2 && (second.of == Of::Parts(by) || is_one(by, second));
        let is_column = dims.iter().all(|d| d.get(1).is_some_and(|n| n.is(1)));
        return if is_pair && is_column { reads.one(pairs(by)) } else { Err(NUMBERED.to_owned()) };
    }
    let by = common_parts(parts);
    let rows = if by.is_some() { None } else { Some(common(parts)?) };
    if rows.as_ref().is_some_and(|(axis, _)| *axis == at) || (by.is_some() && at == 0) {
        return Err("rows are put behind rows".to_owned());
    }
    let extent = |n: usize| {
        let all = dims.iter().map(|d| d[n].clone());
        match &rows {
            Some((axis, extent)) if *axis == n => Some(extent.clone()),
            None if n == 0 => Some(Size::Other),
            _ if n == at => all.reduce(|a, b| a.plus(&b, reads.names)),
            // All are the same.
            _ => all.reduce(|a, b| if a.known().is_some() { a } else { b }),
        }
    };
    let shape = (0..rank).map(extent).collect::<Option<Vec<Size>>>().ok_or("nothing is put together")?;
    reads.one(match (rows, by) {
        (Some((axis, _)), _) => Fact::rows(shape, axis)?,
        (None, Some(by)) => Fact { of: Of::Parts(by), shape: Some(shape), numbers: None },
        (None, None) => return Err("nothing is put together".to_owned()),
    })
}

/// Numbers of rows are only known beside what the rows have.
const NUMBERED: &str = "numbers of rows are put together with more";

/// Numbers of rows and something else that each has, side by side.
fn pairs(by: usize) -> Fact {
    let shape = vec![if by == ONE { Size::rows() } else { Size::Other }, Size::number(2)];
    Fact { of: Of::Places(by), shape: Some(shape), numbers: None }
}

/// Whether each row has one of parts that are of all rows.
fn is_one(by: usize, x: &Fact) -> bool {
    by == ONE && x.axis() == Some(0) && x.shape.as_ref().and_then(|s| s.first()) == Some(&Size::rows())
}

pub fn pack(reads: &Reads<'_>, at: i64) -> Found {
    if let [first, second] = reads.all
        && let Of::Owners(ONE) = first.of
    {
        let is_pair = first.rank() == Some(1) && second.rank() == Some(1) && is_one(ONE, second);
        return if is_pair && axis(at, 2)? == 1 { reads.one(pairs(ONE)) } else { Err(NUMBERED.to_owned()) };
    }
    let (rows, _) = common(reads.all)?;
    let mut shape = reads.at(0)?.dims()?.to_vec();
    let at = axis(at, shape.len() + 1)?;
    shape.insert(at, Size::extent(reads.all.len()));
    reads.one(Fact::rows(shape, rows + usize::from(at <= rows))?)
}

/// Pieces along an axis.
pub fn split(op: &Op, reads: &Reads<'_>) -> Found {
    let x = reads.at(0)?;
    let (along, gone) = match op {
        Op::Split(_) => (reads.at(1)?.integer()?, false),
        Op::SplitSizes(_) => (reads.at(2)?.integer()?, false),
        Op::Unpack(along, _) => (*along, true),
        _ => return Err("not a split".to_owned()),
    };
    reads.same_from(1)?;
    let dims = x.dims()?;
    let at = axis(along, dims.len())?;
    let rows = match x.of {
        Of::Rows(axis) => axis,
        Of::Parts(_) => 0,
        _ => return Err("it takes apart what rows have".to_owned()),
    };
    if rows == at {
        return Err("rows are taken apart".to_owned());
    }
    let shapes = reads.shapes(op);
    let part = |shape: &Option<Vec<Size>>| {
        let mut own = dims.to_vec();
        if gone {
            own.remove(at);
        } else {
            let extent = shape.as_ref().and_then(|s| s.get(at)).cloned();
            own[at] = extent.unwrap_or_else(|| reads.names.fresh());
        }
        match x.of {
            Of::Rows(_) => Fact::rows(own, rows - usize::from(gone && at < rows)),
            of => Ok(Fact { of, shape: Some(own), numbers: None }),
        }
    };
    shapes.iter().map(part).collect()
}

/// Slices that indices name.
pub fn gather(reads: &Reads<'_>, batch_dims: i64) -> Found {
    let (x, indices) = (reads.at(0)?, reads.at(1)?);
    let (own, places) = (x.dims()?, indices.dims()?);
    let at = axis(reads.at(2)?.integer()?, own.len())?;
    if batch_dims != 0 {
        return batched(reads, at, batch_dims);
    }
    let shape = || [&own[..at], places, &own[at + 1..]].concat();
    let rest = || [places.get(1..).unwrap_or(&[]), &own[at + 1..]].concat();
    reads.one(match (x.of, indices.of) {
        (Of::Same, Of::Rows(axis)) => Fact::rows(shape(), at + axis)?,
        (Of::Rows(axis), Of::Same) if axis < at => Fact::rows(shape(), axis)?,
        (Of::Rows(axis), Of::Same) if axis > at => Fact::rows(shape(), axis + places.len() - 1)?,
        (Of::Same, Of::Parts(by)) if at == 0 => Fact::parts(Of::Parts(by), rest()),
        (Of::Rows(0), Of::Owners(ONE)) if at == 0 && own[0] == Size::rows() => Fact::rows(shape(), 0)?,
        // What each row has, for each of its parts.
        (Of::Rows(0), Of::Owners(by)) if at == 0 && own[0] == Size::rows() && places.len() == 1 => {
            Fact::parts(Of::Parts(by), rest())
        }
        (of, Of::Picked(by, to)) if at == 0 && places.len() == 1 => {
            Fact::parts(sparse::picked(of, by, to)?, rest())
        }
        (Of::Parts(by), Of::Same) if at > 0 => {
            Fact { of: Of::Parts(by), shape: Some(shape()), numbers: None }
        }
        (Of::Places(by), Of::Same) if at == 1 => {
            let of = match indices.integers()?[..] {
                [0] => Of::Owners(by),
                [1] => Of::Parts(by),
                _ => return Err("it takes places apart".to_owned()),
            };
            Fact { of, shape: Some(shape()), numbers: None }
        }
        _ => return Err("it picks rows by their number".to_owned()),
    })
}

/// Each batch has indices of its own.
fn batched(reads: &Reads<'_>, at: usize, batch: i64) -> Found {
    let (x, indices) = (reads.at(0)?, reads.at(1)?);
    let (own, places) = (x.dims()?, indices.dims()?);
    let batch = if batch < 0 { batch.saturating_add(places.len() as i64) } else { batch };
    let batch = usize::try_from(batch).map_err(|_| "batch dimensions below none")?;
    let (rows, _) = common(&[x, indices])?;
    if rows >= batch || batch > at || batch > places.len() {
        return Err("it picks rows by their number".to_owned());
    }
    let shape = [&own[..at], &places[batch..], &own[at + 1..]].concat();
    reads.one(Fact::rows(shape, rows)?)
}

/// Elements, or slices, by tuples of indices of each batch.
pub fn gather_nd(reads: &Reads<'_>, batch: usize) -> Found {
    let (x, indices) = (reads.at(0)?, reads.at(1)?);
    let (own, places) = (x.dims()?, indices.dims()?);
    let (depth, outer) = places.split_last().ok_or("tuples of no indices")?;
    let depth = depth.known().and_then(|n| usize::try_from(n).ok()).ok_or("tuples of unknown lengths")?;
    let rest = own.get(batch.saturating_add(depth)..).ok_or("tuples of too many indices")?;
    let shape = [outer, rest].concat();
    let fact = match (x.of, indices.of) {
        (Of::Same, Of::Rows(axis)) if axis < outer.len() && batch == 0 => Fact::rows(shape, axis)?,
        (Of::Rows(0), Of::Places(ONE)) if batch == 0 && depth > 0 && own[0] == Size::rows() => {
            Fact::rows(shape, 0)?
        }
        (Of::Rows(_), Of::Rows(_)) => {
            let (rows, _) = common(&[x, indices])?;
            if rows >= batch {
                return Err("it picks rows by their number".to_owned());
            }
            Fact::rows(shape, rows)?
        }
        _ => return Err("it picks rows by their number".to_owned()),
    };
    reads.one(fact)
}

/// Elements whose place along one axis is named, read or written; the results are as long as `like`.
pub fn by_elements(reads: &Reads<'_>, at: i64, like: usize) -> Found {
    let (rows, _) = common(reads.all)?;
    let shape = reads.at(like)?.dims()?;
    if axis(at, shape.len())? == rows || reads.all.iter().any(|x| x.rank() != Some(shape.len())) {
        return Err("it picks rows by their number".to_owned());
    }
    reads.one(Fact::rows(shape.to_vec(), rows)?)
}
