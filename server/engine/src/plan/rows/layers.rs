//! Layers, and what is done along axes.

use super::elements::joined;
use super::fact::{Fact, Found, Of, Reads, Why, axis};
use super::parts::concat;
use super::size::Size;
use crate::graph::{Op, Prologue};
use crate::kernels::PackedProduct;

/// Each item of the first axis becomes one; the other inputs are parameters.
pub fn items(op: &Op, reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    if reads.axis(0)? != 0 {
        return Err("rows are along an inner axis".to_owned());
    }
    reads.shaped(op, reads.extent(0)?, 0)
}

/// The same, for results of as many axes as the input has, of which nothing else need be known.
pub fn images(reads: &Reads<'_>, x: usize) -> Found {
    if reads.axis(x)? != 0 {
        return Err("rows are along an inner axis".to_owned());
    }
    let rank = reads.at(x)?.dims()?.len();
    let one = || {
        let mut shape = reads.fresh(rank);
        shape[0] = reads.extent(x)?.clone();
        Fact::rows(shape, 0)
    };
    (0..reads.outputs).map(|_| one()).collect()
}

/// Every axis but some is one of slices that do not meet each other. `over`: those some.
fn apart(reads: &Reads<'_>, over: &[i64]) -> Result<(usize, Vec<usize>), Why> {
    let (rows, rank) = (reads.axis(0)?, reads.at(0)?.dims()?.len());
    let over = over.iter().map(|a| axis(*a, rank)).collect::<Result<Vec<_>, _>>()?;
    if over.contains(&rows) {
        return Err("it is computed along the axis of the rows".to_owned());
    }
    Ok((rows, over))
}

/// Along axes that stay as they are; the other inputs are parameters.
pub fn along(reads: &Reads<'_>, over: &[i64]) -> Found {
    reads.same_from(1)?;
    let (rows, _) = apart(reads, over)?;
    Ok(vec![Fact::rows(reads.at(0)?.dims()?.to_vec(), rows)?; reads.outputs])
}

/// Along axes that become one long, or go.
pub fn reduce(reads: &Reads<'_>, keep: bool) -> Found {
    let (rows, over) = apart(reads, &reads.at(1)?.integers()?)?;
    let own = reads.at(0)?.dims()?.iter().enumerate();
    let extent = |(n, size): (usize, &Size)| match over.contains(&n) {
        true => keep.then(|| Size::number(1)),
        false => Some(size.clone()),
    };
    let gone = over.iter().filter(|n| **n < rows).count();
    reads.one(Fact::rows(own.filter_map(extent).collect(), if keep { rows } else { rows - gone })?)
}

/// Along the last axis, of which so much is left as is known.
pub fn top(op: &Op, reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    let (rows, _) = apart(reads, &[-1])?;
    let mut shape = reads.at(0)?.dims()?.to_vec();
    let found = reads.shapes(op).into_iter().next().flatten();
    if let (Some(last), Some(found)) = (shape.last_mut(), found.and_then(|mut s| s.pop())) {
        *last = found;
    }
    Ok(vec![Fact::rows(shape, rows)?; reads.outputs])
}

/// Products of matrices; axes before the last two are broadcast.
pub fn matmul(reads: &Reads<'_>, transpose_a: bool, transpose_b: bool) -> Found {
    let (a, b) = (reads.at(0)?, reads.at(1)?);
    let (left, right) = (matrix(a, transpose_a)?, matrix(b, transpose_b)?);
    // Of a's columns and b's rows sums are made.
    if left.axis == Some(Inner::Columns) || right.axis == Some(Inner::Rows) {
        return Err("sums are made over the rows".to_owned());
    }
    let outer = match (left.axis, right.axis) {
        (Some(_), _) if !right.outer.is_same() || right.axis.is_some() => {
            return Err("rows are multiplied with rows".to_owned());
        }
        (_, Some(_)) if !left.outer.is_same() => return Err("rows are multiplied with rows".to_owned()),
        _ => joined(&[&left.outer, &right.outer], reads)?,
    };
    let shape = [outer.dims()?, &[left.rows, right.columns]].concat();
    let axis = match (left.axis, right.axis) {
        (Some(_), _) => shape.len() - 2,
        (_, Some(_)) => shape.len() - 1,
        _ => outer.axis().ok_or("rows are where none are expected")?,
    };
    reads.one(Fact::rows(shape, axis)?)
}

/// Which axis of a matrix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner {
    Rows,
    Columns,
}

struct Matrix {
    rows: Size,
    columns: Size,
    /// The batch of matrices.
    outer: Fact,
    /// Where requests' rows are, if not in the batch.
    axis: Option<Inner>,
}

fn matrix(x: &Fact, transposed: bool) -> Result<Matrix, Why> {
    let ([outer @ .., first, second], of) = (x.dims()?, x.of) else {
        return Err("a product of what is no matrix".to_owned());
    };
    let (rows, columns) = if transposed { (second, first) } else { (first, second) };
    let (outer_of, axis) = match of {
        Of::Same => (Of::Same, None),
        Of::Rows(axis) if axis < outer.len() => (of, None),
        Of::Rows(axis) => {
            (Of::Same, Some(if (axis == outer.len()) != transposed { Inner::Rows } else { Inner::Columns }))
        }
        _ => return Err("a product of parts of rows".to_owned()),
    };
    let outer = Fact { of: outer_of, shape: Some(outer.to_vec()), numbers: None };
    Ok(Matrix { rows: rows.clone(), columns: columns.clone(), outer, axis })
}

/// Over the last axis, by a matrix.
pub fn dense(reads: &Reads<'_>, columns: Size) -> Found {
    reads.same_from(1)?;
    let (rows, _) = apart(reads, &[-1])?;
    let mut shape = reads.at(0)?.dims()?.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = columns;
    }
    reads.one(Fact::rows(shape, rows)?)
}

/// A product by weights of its own, to which another value may be added.
pub fn product(product: &PackedProduct, reads: &Reads<'_>) -> Found {
    let (x, rest) = reads.all.split_first().ok_or("it lacks an input")?;
    let (other, rest) = rest.split_at(rest.len().min(usize::from(product.takes())));
    let x = &entered(product.prologue(), x, rest, reads)?;
    let own = x.dims()?;
    let made = if product.is_dense() {
        let reads = Reads { all: &[x], ..*reads };
        dense(&reads, Size::extent(product.outs()))?
    } else {
        if x.axis() != Some(0) || own.len() != 4 {
            return Err("rows are along an inner axis".to_owned());
        }
        let extents: Option<Vec<usize>> =
            own.iter().skip(1).map(|s| s.known().and_then(|n| usize::try_from(n).ok())).collect();
        // However many images there are, one is as another.
        let shape = extents.and_then(|rest| product.shape(&[&[1], &rest[..]].concat()).ok());
        let inner = match shape.as_deref() {
            Some([_, height, width, _]) => [height, width].map(|d| Size::extent(*d)),
            _ => [reads.names.fresh(), reads.names.fresh()],
        };
        let [height, width] = inner;
        let shape = vec![own[0].clone(), height, width, Size::extent(product.outs())];
        vec![Fact::rows(shape, 0)?]
    };
    match other {
        [other] => reads.one(joined(&[&made[0], other], reads)?),
        _ => Ok(made),
    }
}

/// What a product multiplies.
fn entered(prologue: Option<&Prologue>, x: &Fact, rest: &[&Fact], reads: &Reads<'_>) -> Result<Fact, Why> {
    let Some(prologue) = prologue else { return Ok(x.clone()) };
    let entry = prologue.entry(x, rest).ok_or("it lacks an input")?;
    let mut parts = entry.parts;
    let mut made = x.clone();
    if parts.len() > 1 {
        let last = Fact { numbers: Some(vec![Size::number(-1)]), ..Fact::same(Some(vec![])) };
        parts.push(&last);
        let found = concat(&Reads { all: &parts, outputs: 1, names: reads.names })?;
        made = found.into_iter().next().ok_or("nothing is put together")?;
    }
    for other in entry.scale.into_iter().chain(entry.shift) {
        made = joined(&[&made, other], reads)?;
    }
    Ok(made)
}

/// A transposed convolution: the shape of the result, the filter, x.
pub fn transposed(op: &Op, reads: &Reads<'_>) -> Found {
    let (told, x) = (reads.at(0)?, reads.at(2)?);
    let extent = reads.extent(2)?;
    if reads.axis(2)? != 0 || !reads.at(1)?.is_same() {
        return Err("rows are along an inner axis".to_owned());
    }
    let inner = Size::extent(x.dims()?.len().saturating_sub(2));
    let whole = match told.numbers.as_deref() {
        Some([first, rest @ ..]) => first == extent && rest.iter().all(Size::is_fixed),
        _ => false,
    };
    let fits = whole || (told.is_same() && told.dims()? == [inner]);
    if !fits {
        return Err("its shape depends on how many rows there are".to_owned());
    }
    match reads.shaped(op, extent, 0) {
        Ok(found) => Ok(found),
        Err(_) => images(reads, 2),
    }
}
