//! Matrices and other arrays that each row has of its own.

use super::fact::{Fact, Found, Reads};
use super::layers::reduce;
use super::rare::NO_RULE;
use super::size::Size;
use crate::graph::{Imaging, Matrix, Rare, Text};

pub fn rare(rare: &Rare, reads: &Reads<'_>) -> Found {
    match rare {
        Rare::Matrix(
            Matrix::Solve { .. }
            | Matrix::TriangularSolve { .. }
            | Matrix::TridiagonalSolve { .. }
            | Matrix::BandedSolve { .. },
        ) => {
            both(reads, 2)?;
            reads.one(Fact::rows(reads.at(1)?.dims()?.to_vec(), reads.axis(1)?)?)
        }
        Rare::Qr { .. } => factors(reads, &[2, 2]),
        Rare::Lu => factors(reads, &[2, 1]),
        Rare::Eigen { vectors: true } => factors(reads, &[1, 2]),
        Rare::Svd { vectors: true } => factors(reads, &[1, 2, 2]),
        Rare::MatrixDiag(_) => {
            let band = band(reads, 1)?;
            reads.same_from(1)?;
            inner(reads, band, 2)
        }
        Rare::MatrixDiagPart(_) => {
            let band = band(reads, 1)?;
            reads.same_from(1)?;
            inner(reads, 2, band)
        }
        Rare::MatrixSetDiag(_) => {
            let band = band(reads, 2)?;
            let (x, diagonal) = (reads.at(0)?.dims()?, reads.at(1)?.dims()?);
            let outer =
                x.len().checked_sub(2).filter(|n| reads.axis(0).is_ok_and(|rows| rows < *n)).ok_or(ALONG)?;
            let fits = diagonal.len().checked_sub(band) == Some(outer) && reads.axis(1)? == reads.axis(0)?;
            if !fits || reads.extent(0)? != reads.extent(1)? {
                return Err(OTHER.to_owned());
            }
            reads.one(Fact::rows(x.to_vec(), reads.axis(0)?)?)
        }
        Rare::Cross => {
            both(reads, 1)?;
            reads.one(Fact::rows(reads.at(0)?.dims()?.to_vec(), reads.axis(0)?)?)
        }
        Rare::SearchSorted { .. } => {
            both(reads, 1)?;
            reads.one(Fact::rows(reads.at(1)?.dims()?.to_vec(), reads.axis(1)?)?)
        }
        Rare::InTopK => {
            let (scores, targets) = (reads.at(0)?, reads.at(1)?);
            let ranks = scores.rank() == Some(2) && targets.rank() == Some(1) && reads.at(2)?.is_same();
            if !ranks || reads.axis(0)? != 0 || reads.axis(1)? != 0 || reads.extent(0)? != reads.extent(1)? {
                return Err(OTHER.to_owned());
            }
            reads.one(Fact::rows(vec![reads.extent(0)?.clone()], 0)?)
        }
        Rare::LstmBlock(_) => block(reads),
        Rare::Image(Imaging::SuppressClasses { .. }) => detections(reads),
        _ => Err(NO_RULE.to_owned()),
    }
}

const ALONG: &str = "it is computed along the axis of the rows";
const OTHER: &str = "its inputs are of other rows";

/// Two inputs of as many axes, of which none of the last so many is that of the rows; more are parameters.
fn both(reads: &Reads<'_>, last: usize) -> Result<(), String> {
    reads.same_from(2)?;
    let (rows, rank) = (reads.axis(0)?, reads.at(0)?.dims()?.len());
    if rows + last >= rank + usize::from(last == 0) {
        return Err(ALONG.to_owned());
    }
    if reads.at(1)?.dims()?.len() != rank || reads.axis(1)? != rows || reads.extent(0)? != reads.extent(1)? {
        return Err(OTHER.to_owned());
    }
    Ok(())
}

/// Parts of each matrix, with so many axes of their own.
fn factors(reads: &Reads<'_>, axes: &[usize]) -> Found {
    let (rows, own) = (reads.axis(0)?, reads.at(0)?.dims()?);
    let outer = own.len().checked_sub(2).filter(|outer| rows < *outer).ok_or(ALONG)?;
    if axes.len() != reads.outputs {
        return Err("it has other results".to_owned());
    }
    let part = |axes: &usize| Fact::rows([&own[..outer], &reads.fresh(*axes)].concat(), rows);
    axes.iter().map(part).collect()
}

/// So many of the last axes become so many others.
fn inner(reads: &Reads<'_>, before: usize, after: usize) -> Found {
    let (rows, own) = (reads.axis(0)?, reads.at(0)?.dims()?);
    let outer = own.len().checked_sub(before).filter(|outer| rows < *outer).ok_or(ALONG)?;
    reads.one(Fact::rows([&own[..outer], &reads.fresh(after)].concat(), rows)?)
}

/// How many axes diagonals have: several lie below each other.
fn band(reads: &Reads<'_>, input: usize) -> Result<usize, String> {
    match reads.at(input)?.integers()?[..] {
        [_] => Ok(1),
        [first, last] => Ok(if first == last { 1 } else { 2 }),
        _ => Err("which diagonals it is about is not known".to_owned()),
    }
}

/// Steps, x `[steps, rows, in]`, c, h, parameters….
fn block(reads: &Reads<'_>) -> Found {
    reads.same_from(4)?;
    let [_, x, c, h] = [reads.at(0)?, reads.at(1)?, reads.at(2)?, reads.at(3)?];
    let states = [c, h].iter().all(|s| s.axis() == Some(0) && s.rank() == Some(2));
    let rows = reads.extent(1)?;
    if !reads.at(0)?.is_same() || x.axis() != Some(1) || x.rank() != Some(3) || !states {
        return Err(OTHER.to_owned());
    }
    if reads.extent(2)? != rows || reads.extent(3)? != rows {
        return Err(OTHER.to_owned());
    }
    let shape = vec![x.dims()?[0].clone(), rows.clone(), h.dims()?[1].clone()];
    Ok(vec![Fact::rows(shape, 1)?; reads.outputs])
}

/// Boxes and scores of each row, parameters… → boxes, scores, classes, how many.
fn detections(reads: &Reads<'_>) -> Found {
    reads.same_from(2)?;
    if reads.axis(0)? != 0 || reads.axis(1)? != 0 || reads.extent(0)? != reads.extent(1)? {
        return Err(OTHER.to_owned());
    }
    let (rows, count) = (reads.extent(0)?.clone(), reads.names.fresh());
    let made = |shape: Vec<Size>| Fact::rows(shape, 0);
    let (each, alone) = (vec![rows.clone(), count.clone()], vec![rows.clone()]);
    Ok(vec![made(vec![rows, count, Size::number(4)])?, made(each.clone())?, made(each)?, made(alone)?])
}

/// Texts that are put together along axes, of which there is one at least.
pub fn text(text: &Text, reads: &Reads<'_>) -> Found {
    match text {
        Text::ReduceJoin { keep, .. } if !reads.at(1)?.integers()?.is_empty() => reduce(reads, *keep),
        _ => Err(NO_RULE.to_owned()),
    }
}
