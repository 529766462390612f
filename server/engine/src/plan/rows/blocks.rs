//! Images cut into blocks, which are images of their own, and put together again: so dilated convolutions are written.

use super::fact::{Fact, Found, Of, Reads, Why};
use super::size::Size;
use crate::graph::{Imaging, Op, Rare};

/// The extents of blocks, and what is added to or cut off each axis.
fn blocks(reads: &Reads<'_>) -> Result<(Vec<i64>, usize, Vec<Size>), Why> {
    reads.same_from(1)?;
    let block = reads.at(1)?.integers()?;
    let count = block.iter().try_fold(1i64, |n, b| n.checked_mul(*b)).and_then(|n| usize::try_from(n).ok());
    let count = count.filter(|n| *n > 0).ok_or("blocks of no size")?;
    let around = reads.at(2)?.told(reads.names).filter(|n| n.len() == 2 * block.len());
    let rank = reads.at(0)?.dims()?.len();
    match around {
        Some(around) if block.len() < rank => Ok((block, count, around)),
        _ => Err("blocks of more axes than an image has".to_owned()),
    }
}

/// x, block, paddings.
pub fn cut(reads: &Reads<'_>) -> Found {
    let (block, count, around) = blocks(reads)?;
    if reads.axis(0)? != 0 {
        return Err("rows are along an inner axis".to_owned());
    }
    let mut shape = reads.at(0)?.dims()?.to_vec();
    shape[0] = shape[0].times(&Size::extent(count));
    for (n, b) in block.iter().enumerate() {
        let padded = shape[n + 1].plus(&around[2 * n], reads.names).plus(&around[2 * n + 1], reads.names);
        shape[n + 1] = padded.over(&Size::number(*b)).unwrap_or_else(|| reads.names.fresh());
    }
    reads.one(Fact { of: Of::Blocks(count), shape: Some(shape), numbers: None })
}

/// x, block, crops.
pub fn join(reads: &Reads<'_>) -> Found {
    let (block, count, around) = blocks(reads)?;
    if reads.at(0)?.of != Of::Blocks(count) {
        return Err("rows are put together from blocks of other rows".to_owned());
    }
    let mut shape = reads.at(0)?.dims()?.to_vec();
    shape[0] = shape[0].over(&Size::extent(count)).ok_or("blocks that are not whole")?;
    for (n, b) in block.iter().enumerate() {
        let whole = shape[n + 1].times(&Size::number(*b));
        shape[n + 1] = whole.minus(&around[2 * n], reads.names).minus(&around[2 * n + 1], reads.names);
    }
    reads.one(Fact::rows(shape, 0)?)
}

/// An operation on blocks, by its rule for rows: where it treats all items of the first axis alike, in whatever order they are.
/// None: it is not on blocks.
pub fn alike(op: Option<&Op>, reads: &Reads<'_>, rule: impl Fn(&Reads<'_>) -> Found) -> Option<Found> {
    let count = reads.all.iter().find_map(|x| if let Of::Blocks(n) = x.of { Some(n) } else { None })?;
    let is_alike = op.is_none_or(|op| match op {
        Op::Conv(_)
        | Op::Depthwise(_)
        | Op::Pool(_)
        | Op::Unary(_)
        | Op::Activate(_)
        | Op::Binary(_)
        | Op::Chain(_)
        | Op::ExpandDims
        | Op::Squeeze(_) => true,
        Op::Rare(rare) => matches!(**rare, Rare::Image(Imaging::Conv3d(_) | Imaging::Pool3d { .. })),
        _ => false,
    });
    if !is_alike || reads.all.iter().any(|x| !x.is_same() && x.of != Of::Blocks(count)) {
        return Some(Err("blocks of rows meet something else".to_owned()));
    }
    let as_rows = |x: &&Fact| if x.is_same() { (*x).clone() } else { (*x).clone().into(Of::Rows(0)) };
    let facts: Vec<Fact> = reads.all.iter().map(as_rows).collect();
    let all: Vec<&Fact> = facts.iter().collect();
    let found = rule(&Reads { all: &all, ..*reads });
    let back = |fact: Fact| match fact.of {
        Of::Rows(0) => Ok(fact.into(Of::Blocks(count))),
        _ => Err("blocks of rows meet something else".to_owned()),
    };
    Some(found.and_then(|made| made.into_iter().map(back).collect()))
}
