//! Values whose elements stay what they are, in another shape or in another order.

use super::fact::{COUNTED, Fact, Found, ONE, Of, Reads, Why, axis};
use super::size::{Size, product};
use crate::graph::{Along, Op, Rare};

/// The elements as they lie, in a shape that a value tells.
pub fn reshape(reads: &Reads<'_>) -> Found {
    let (x, told) = (reads.at(0)?, reads.at(1)?);
    if !matches!(told.of, Of::Same | Of::Count) {
        return Err("its shape depends on values of the rows".to_owned());
    }
    let (Of::Rows(rows), Some(wanted)) = (x.of, told.told(reads.names)) else {
        return Err("it becomes of a shape that is not known".to_owned());
    };
    let own = x.dims()?;
    let mut shape = wanted.clone();
    if let Some(open) = wanted.iter().position(|n| n.is(-1)) {
        let others: Vec<Size> = [&wanted[..open], &wanted[open + 1..]].concat();
        let (all, others) = (product(own), product(&others));
        shape[open] = match all.over(&others) {
            Some(rest) => rest,
            // The rows are among the others.
            None if others.each().is_some() => reads.names.fresh(),
            None => return Err("rows may be cut at places between them".to_owned()),
        };
    }
    let axis =
        shape.iter().position(|n| !n.is_fixed()).ok_or("its shape is one of a fixed number of rows")?;
    // Each row's elements lie together, and in the same order.
    if product(&shape[..axis]) != product(&own[..rows]) {
        return Err("rows are laid out otherwise".to_owned());
    }
    reads.one(Fact::rows(shape, axis)?)
}

pub fn transpose(reads: &Reads<'_>) -> Found {
    let (own, order) = (reads.at(0)?.dims()?, reads.at(1)?.integers()?);
    let places = order.iter().map(|a| axis(*a, own.len())).collect::<Result<Vec<usize>, _>>()?;
    let rows = reads.axis(0)?;
    let to = places.iter().position(|p| *p == rows).ok_or("an order that lacks the rows")?;
    reads.one(Fact::rows(places.into_iter().map(|p| own[p].clone()).collect(), to)?)
}

/// Which axes there are after axes of one were added or taken away; new ones are none.
fn axes(op: &Op, reads: &Reads<'_>, rank: usize) -> Result<Vec<Option<usize>>, Why> {
    let without = |named: &[i64]| {
        if named.is_empty() {
            return Err("all axes of one go, and there may be one row".to_owned());
        }
        let gone = named.iter().map(|a| axis(*a, rank)).collect::<Result<Vec<_>, _>>()?;
        Ok((0..rank).filter(|n| !gone.contains(n)).map(Some).collect())
    };
    let with = |named: &[i64]| {
        let rank = rank + named.len();
        let new = named.iter().map(|a| axis(*a, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut own = 0..;
        Ok((0..rank).map(|n| if new.contains(&n) { None } else { own.next() }).collect())
    };
    match op {
        Op::ExpandDims => with(&[reads.at(1)?.integer()?]),
        Op::Squeeze(named) => without(named),
        Op::Rare(rare) => match &**rare {
            Rare::Along(Along::Squeeze) => without(&reads.at(1)?.integers()?),
            Rare::Along(Along::Unsqueeze) => with(&reads.at(1)?.integers()?),
            _ => Err("no change of axes".to_owned()),
        },
        _ => Err("no change of axes".to_owned()),
    }
}

/// The shape after axes of one were added or taken away.
pub fn axes_of(op: &Op, reads: &Reads<'_>) -> Result<Vec<Size>, Why> {
    let own = reads.at(0)?.dims()?;
    let kept = axes(op, reads, own.len())?.into_iter();
    let extent = |n: Option<usize>| n.map_or_else(|| Some(Size::number(1)), |n| own.get(n).cloned());
    kept.map(extent).collect::<Option<_>>().ok_or_else(|| "an axis is named twice".to_owned())
}

/// Axes of one are added or taken away.
pub fn change_axes(op: &Op, reads: &Reads<'_>) -> Found {
    let x = reads.at(0)?;
    let rows = match x.of {
        Of::Rows(axis) => axis,
        Of::Parts(_) | Of::Owners(_) | Of::Places(_) | Of::Picked(..) => 0,
        _ => return Err(COUNTED.to_owned()),
    };
    let kept = axes(op, reads, x.dims()?.len())?;
    let to = kept.iter().position(|n| *n == Some(rows)).ok_or("the rows' axis goes")?;
    let shape = axes_of(op, reads)?;
    reads.one(match x.of {
        Of::Rows(_) => Fact::rows(shape, to)?,
        // Pairs are no longer told from each other.
        Of::Places(_) => return Err("places are taken apart".to_owned()),
        of if to == 0 => Fact { of, shape: Some(shape), numbers: None },
        _ => return Err("parts of rows are moved to another axis".to_owned()),
    })
}

/// A value again and again along its axes.
pub fn tile(reads: &Reads<'_>) -> Found {
    let (x, repeats) = (reads.at(0)?, reads.at(1)?);
    let (own, Some(repeats)) = (x.dims()?, repeats.told(reads.names)) else {
        return Err("how often it is repeated is not known".to_owned());
    };
    if repeats.len() != own.len() {
        return Err("repeats for another number of axes".to_owned());
    }
    let shape: Vec<Size> = own.iter().zip(&repeats).map(|(d, n)| d.times(n)).collect();
    let axis = match x.of {
        Of::Rows(axis) if repeats[axis].is(1) => axis,
        Of::Same => {
            repeats.iter().position(|n| !n.is_fixed()).ok_or("it is repeated as often as there are rows")?
        }
        _ => return Err("rows are repeated".to_owned()),
    };
    reads.one(Fact::rows(shape, axis)?)
}

/// A value in a larger shape; the value comes first.
pub fn broadcast_to(x: &Fact, told: &Fact, reads: &Reads<'_>) -> Found {
    let Some(shape) = &told.numbers else {
        return Err("it becomes of a shape that is not known".to_owned());
    };
    // A value of that shape that says nothing, of which the result has the axes.
    let rows =
        shape.iter().position(|n| !n.is_fixed()).ok_or("its shape is one of a fixed number of rows")?;
    let like = Fact::rows(shape.clone(), rows)?;
    let both = super::elements::joined(&[x, &like], reads)?;
    if both.rank() == Some(shape.len()) { reads.one(like) } else { Err("it has more axes".to_owned()) }
}

/// What lies around a value.
pub fn pad(reads: &Reads<'_>) -> Found {
    let (own, pads) = (reads.at(0)?.dims()?, reads.at(1)?);
    reads.same_from(1)?;
    let rows = reads.axis(0)?;
    let Some(pads) = pads.told(reads.names).filter(|n| n.len() == own.len() * 2) else {
        return Err("what lies around it is not known".to_owned());
    };
    if !pads[rows * 2].is(0) || !pads[rows * 2 + 1].is(0) {
        return Err("something lies around the rows".to_owned());
    }
    let extent = |n: usize| own[n].plus(&pads[n * 2], reads.names).plus(&pads[n * 2 + 1], reads.names);
    let shape = (0..own.len()).map(|n| if n == rows { own[n].clone() } else { extent(n) });
    reads.one(Fact::rows(shape.collect(), rows)?)
}

/// The same, for axes that are named: befores, then afters.
pub fn pad_along(reads: &Reads<'_>) -> Found {
    let (own, pads, named) = (reads.at(0)?.dims()?, reads.at(1)?, reads.at(2)?.integers()?);
    reads.same_from(1)?;
    let rows = reads.axis(0)?;
    let mut shape = own.to_vec();
    for (n, at) in named.iter().enumerate() {
        let at = axis(*at, own.len())?;
        let pad = |n: usize| pads.numbers.as_ref().and_then(|p| p.get(n)).cloned();
        match (pad(n), pad(n + named.len())) {
            (Some(before), Some(after)) if before.is(0) && after.is(0) => {}
            _ if at == rows => return Err("something lies around the rows".to_owned()),
            (Some(before), Some(after)) => {
                shape[at] = shape[at].plus(&before, reads.names).plus(&after, reads.names);
            }
            _ => shape[at] = reads.names.fresh(),
        }
    }
    reads.one(Fact::rows(shape, rows)?)
}

/// The numbers of all rows, if they are counted.
pub fn range(reads: &Reads<'_>) -> Found {
    let [from, to, by] = [reads.at(0)?, reads.at(1)?, reads.at(2)?].map(|x| x.numbers.as_deref());
    match (from, to, by) {
        (Some([from]), Some([to]), Some([by])) if from.is(0) && *to == Size::rows() && by.is(1) => {
            reads.one(Fact { of: Of::Owners(ONE), shape: Some(vec![Size::rows()]), numbers: None })
        }
        _ => Err(COUNTED.to_owned()),
    }
}

/// A new axis at which indices say which element is on.
pub fn one_hot(reads: &Reads<'_>, at: i64) -> Found {
    let (x, depth) = (reads.at(0)?, reads.at(1)?);
    reads.same_from(1)?;
    let mut shape = x.dims()?.to_vec();
    let at = axis(at, shape.len() + 1)?;
    let depth = depth.numbers.as_ref().and_then(|n| n.first()).cloned();
    shape.insert(at, depth.unwrap_or_else(|| reads.names.fresh()));
    let rows = reads.axis(0)?;
    reads.one(Fact::rows(shape, rows + usize::from(at <= rows))?)
}
