//! Layers over sequences: recurrent ones, and attention.

use super::elements::joined;
use super::fact::{Fact, Found, Reads, Why};
use super::size::Size;
use crate::graph::{Attention, Recurrent, Rnn, RnnCell};

/// A layer over a sequence whose second axis is that of the rows: gates, states…, (mask, filler)?, length, limits….
pub fn recurrent(op: Recurrent, units: usize, reads: &Reads<'_>) -> Found {
    if reads.axis(0)? != 1 {
        return Err("steps are along the axis of the rows".to_owned());
    }
    let batch = reads.extent(0)?;
    let units = Size::extent(units);
    let state = Fact::rows(vec![batch.clone(), units.clone()], 0)?;
    let states = op.cell.states();
    let masked = if op.mask.is_some() { 2 } else { 0 };
    for n in 1..=states {
        fits(reads.at(n)?, &state, reads)?;
    }
    if masked > 0 {
        fits(reads.at(states + 2)?, &state, reads)?;
        let mask = reads.at(states + 1)?;
        // A mask of one axis of items is one for each row or one for each unit, as it fits.
        let told = mask.axis() == Some(1) && mask.rank() == Some(3) && reads.extent(states + 1)? == batch;
        if !told && !mask.is_same() {
            return Err("a mask that is for rows or for units, as it fits".to_owned());
        }
        if mask.is_same() && mask.dims()?.iter().skip(1).any(|size| !size.is(1)) {
            return Err("a mask that is as long as there are rows".to_owned());
        }
    }
    reads.same_from(2 + states + masked)?;
    // Of several numbers the first counts.
    let told = reads.at(1 + states + masked)?;
    let length = match told.numbers.as_ref().and_then(|n| n.first()) {
        Some(length) if length.is_fixed() => length.clone(),
        None if told.is_same() => reads.names.fresh(),
        _ => return Err("how many steps it has depends on the rows".to_owned()),
    };
    let outputs = Fact::rows(vec![length, batch.clone(), units], 1)?;
    Ok([vec![outputs], vec![state; states]].concat())
}

/// What is broadcast to the shape of a state.
fn fits(x: &Fact, state: &Fact, reads: &Reads<'_>) -> Result<(), Why> {
    let both = joined(&[x, state], reads)?;
    if both.rank() == state.rank() { Ok(()) } else { Err("a state of other axes".to_owned()) }
}

/// A layer over a sequence: x, weights, weights of the state, bias?, lengths?, h?, c?, peepholes?, projections?.
pub fn rnn(op: &Rnn, reads: &Reads<'_>) -> Found {
    let at = if op.batch_first { 0 } else { 1 };
    if reads.axis(0)? != at || reads.at(0)?.rank() != Some(3) {
        return Err("steps are along the axis of the rows".to_owned());
    }
    let batch = reads.extent(0)?;
    let [bias, lengths, hidden, cell, peepholes, projections] = op.has;
    let given = [(true, None), (true, None), (bias, None), (lengths, Some(0)), (hidden, Some(at))];
    let given = given.into_iter().chain([(cell, Some(at)), (peepholes, None), (projections, None)]);
    let given = given.filter(|(there, _)| *there);
    for (n, (_, axis)) in given.enumerate() {
        let x = reads.at(n + 1)?;
        let fits = match axis {
            // A state may be that of every sequence.
            Some(axis) if x.is_same() => x.rank() == Some(3) && x.dims()?[axis].is(1),
            Some(axis) => x.axis() == Some(axis) && reads.extent(n + 1)? == batch,
            None => x.is_same(),
        };
        if !fits {
            return Err("its states or weights are not those of the rows".to_owned());
        }
    }
    let directions = Size::extent(usize::from(op.forward) + usize::from(op.backward));
    let steps = reads.at(0)?.dims()?[1 - at].clone();
    let units = reads.at(2)?.dims()?.last().cloned().ok_or("it lacks weights")?;
    let (outputs, state) = if op.batch_first {
        (
            vec![batch.clone(), steps, directions.clone(), units.clone()],
            vec![batch.clone(), directions, units],
        )
    } else {
        (
            vec![steps, directions.clone(), batch.clone(), units.clone()],
            vec![directions, batch.clone(), units],
        )
    };
    let outputs = Fact::rows(outputs, if op.batch_first { 0 } else { 2 })?;
    let mut made = vec![outputs, Fact::rows(state.clone(), at)?];
    if matches!(op.cell, RnnCell::Lstm { .. }) {
        let own = if projections { reads.names.fresh() } else { state[2].clone() };
        made.push(Fact::rows([&state[..2], &[own]].concat(), at)?);
    }
    Ok(made)
}

/// Queries, keys, values, mask?.
pub fn attention(op: &Attention, reads: &Reads<'_>) -> Found {
    let (q, k, v) = (reads.at(0)?, reads.at(1)?, reads.at(2)?);
    let own = q.dims()?;
    let rank = own.len();
    // What the scores of one query are computed along.
    let outer = if op.interleaved { 1 } else { rank.saturating_sub(2) };
    if reads.all.iter().take(3).any(|x| x.rank() != Some(rank) || x.axis().is_some_and(|axis| axis >= outer))
    {
        return Err("rows look at each other".to_owned());
    }
    let heads = |x: &Fact| -> Result<Fact, Why> {
        let dims = x.dims()?.iter().take(outer).cloned().collect();
        Ok(Fact { of: x.of, shape: Some(dims), numbers: None })
    };
    let batch = joined(&[&heads(q)?, &heads(k)?, &heads(v)?], reads)?;
    let rows = batch.axis().ok_or("rows are where none are expected")?;
    let mut shape = own.to_vec();
    shape.splice(..outer, batch.dims()?.iter().cloned());
    if let (Some(last), Some(width)) = (shape.last_mut(), v.dims()?.last()) {
        *last = width.clone();
    }
    if op.mask {
        // The scores' axes: batch, heads, queries, keys.
        let inner = reads.fresh(if op.interleaved { 3 } else { 2 });
        let scores = Fact::rows([batch.dims()?, &inner].concat(), rows)?;
        let masked = joined(&[&scores, reads.at(3)?], reads)?;
        if masked.axis() != Some(rows) {
            return Err("its mask has more axes than its scores".to_owned());
        }
    }
    reads.one(Fact::rows(shape, rows)?)
}
