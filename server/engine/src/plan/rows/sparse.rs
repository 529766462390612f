//! Rows of different lengths, told by the numbers of the rows that items are of.

use super::fact::{Fact, Found, Of, Reads};
use super::layers::along;
use super::rare::NO_RULE;
use super::size::Size;
use crate::DType;
use crate::graph::{Features, Partition, Rows};

/// What each row has of items: their places, the items, and the shape of an array of `columns` that they are in.
fn items_of(reads: &Reads<'_>, columns: Size) -> Found {
    reads.same_from(1)?;
    let x = reads.at(0)?;
    if x.axis() != Some(0) || x.rank() != Some(1) || reads.extent(0)? != &Size::rows() || reads.outputs != 3 {
        return Err("it takes rows apart".to_owned());
    }
    Ok(items_by(reads.group(), columns))
}

fn items_by(by: usize, columns: Size) -> Vec<Fact> {
    let shape = vec![Size::rows(), columns];
    vec![
        Fact::parts(Of::Places(by), vec![Size::number(2)]),
        Fact::parts(Of::Parts(by), Vec::new()),
        Fact { of: Of::Count, shape: Some(vec![Size::number(2)]), numbers: Some(shape) },
    ]
}

/// Documents → indices, counts, shape.
pub fn counted(reads: &Reads<'_>, columns: usize) -> Found {
    items_of(reads, Size::extent(columns))
}

/// Texts → indices, words, shape: as wide as the longest row.
pub fn tokens(reads: &Reads<'_>) -> Found {
    items_of(reads, Size::Other)
}

pub fn rows(rows: &Rows, reads: &Reads<'_>) -> Found {
    match rows {
        Rows::Bucketize(_) => along(reads, &[]),
        Rows::Bincount { .. } => {
            let weights = reads.at(2)?;
            if !weights.dims()?.iter().any(|size| size.is(0)) {
                return Err("weights of all numbers".to_owned());
            }
            table(reads, reads.at(1)?.numbers.as_ref().and_then(|n| n.first()).cloned())
        }
        Rows::GramCounts(grams) => table(reads, Some(Size::extent(grams.weights.len()))),
        Rows::Coupled { classes } => table(reads, Some(Size::extent(*classes))),
        Rows::Where => kept(reads),
        Rows::SparseConcat(1) => beside(reads),
        Rows::UnsortedSegments(..) => segments(reads),
        Rows::SparseToDense => dense(reads),
        Rows::SparseMatMul { adjoint_a: false, adjoint_b } => product(reads, *adjoint_b),
        Rows::RaggedToDense(Partition::Ids) => ragged(reads),
        Rows::ParseExample(features) => examples(features, reads),
        _ => Err(NO_RULE.to_owned()),
    }
}

/// The places of items that something is true of.
fn kept(reads: &Reads<'_>) -> Found {
    let x = reads.at(0)?;
    match x.of {
        Of::Parts(by) if x.rank() == Some(1) => {
            reads.one(Fact::parts(Of::Picked(by, reads.group()), vec![Size::number(1)]))
        }
        _ => Err("it asks where along the rows something is true".to_owned()),
    }
}

/// What items are of that were picked of others.
pub fn picked(of: Of, by: usize, to: usize) -> Result<Of, String> {
    match of {
        Of::Parts(own) if own == by => Ok(Of::Parts(to)),
        Of::Owners(own) if own == by => Ok(Of::Owners(to)),
        Of::Places(own) if own == by => Ok(Of::Places(to)),
        _ => Err("it picks rows by their number".to_owned()),
    }
}

/// Arrays of rows beside each other: indices…, values…, shapes… → indices, values, shape.
fn beside(reads: &Reads<'_>) -> Found {
    let count = reads.all.len() / 3;
    let mut columns = Size::number(0);
    for n in 0..count {
        group(reads.at(count + n)?, Of::Places, reads.at(n)?)?;
        match reads.at(2 * count + n)?.numbers.as_deref() {
            Some([rows, own]) if *rows == Size::rows() => columns = columns.plus(own, reads.names),
            _ => return Err("its shape depends on the rows".to_owned()),
        }
    }
    if count == 0 || !columns.is_fixed() {
        return Err("its shape depends on the rows".to_owned());
    }
    Ok(items_by(reads.group(), columns))
}

/// Rows of numbers become rows of so many.
fn table(reads: &Reads<'_>, columns: Option<Size>) -> Found {
    reads.same_from(1)?;
    let x = reads.at(0)?;
    if x.axis() != Some(0) || x.rank() != Some(2) {
        return Err("rows of numbers are taken".to_owned());
    }
    let columns = columns.unwrap_or_else(|| reads.names.fresh());
    reads.one(Fact::rows(vec![reads.extent(0)?.clone(), columns], 0)?)
}

/// Which rows have the parts, if values, and the numbers of their rows, or their places, belong together.
fn group(values: &Fact, of: impl Fn(usize) -> Of, owners: &Fact) -> Result<usize, String> {
    match values.of {
        Of::Parts(by) if owners.of == of(by) => Ok(by),
        _ => Err("parts of rows meet something else".to_owned()),
    }
}

/// One result of the parts of each row: x, ids, count.
fn segments(reads: &Reads<'_>) -> Found {
    let (x, count) = (reads.at(0)?, reads.at(2)?);
    group(x, Of::Owners, reads.at(1)?)?;
    if count.numbers.as_deref() != Some(&[Size::rows()]) {
        return Err("there are not as many results as rows".to_owned());
    }
    let rest = x.dims()?.get(1..).unwrap_or(&[]);
    reads.one(Fact::rows([&[Size::rows()], rest].concat(), 0)?)
}

/// An array of rows: indices, shape, values, default.
fn dense(reads: &Reads<'_>) -> Found {
    group(reads.at(2)?, Of::Places, reads.at(0)?)?;
    reads.same_from(3)?;
    match reads.at(1)?.numbers.as_deref() {
        Some([rows, columns]) if *rows == Size::rows() => {
            reads.one(Fact::rows(vec![rows.clone(), columns.clone()], 0)?)
        }
        _ => Err("its shape depends on the rows".to_owned()),
    }
}

/// An array of rows times a matrix: indices, values, shape, b.
fn product(reads: &Reads<'_>, turned: bool) -> Found {
    group(reads.at(1)?, Of::Places, reads.at(0)?)?;
    reads.same_from(3)?;
    let columns = match reads.at(3)?.dims()? {
        [columns, _] if turned => columns,
        [_, columns] => columns,
        _ => return Err("a product by what is no matrix".to_owned()),
    };
    match reads.at(2)?.numbers.as_deref() {
        Some([rows, inner]) if *rows == Size::rows() && inner.is_fixed() => {
            reads.one(Fact::rows(vec![rows.clone(), columns.clone()], 0)?)
        }
        _ => Err("its shape depends on the rows".to_owned()),
    }
}

/// What examples have: dense values are of the rows, of others each row has some.
fn examples(features: &Features, reads: &Reads<'_>) -> Found {
    reads.same_from(1)?;
    let x = reads.at(0)?;
    if x.axis() != Some(0) || x.rank() != Some(1) || reads.extent(0)? != &Size::rows() {
        return Err("examples are along an inner axis".to_owned());
    }
    let sparse: Vec<Vec<Fact>> =
        features.sparse.iter().map(|_| items_by(reads.group(), Size::Other)).collect();
    let part = |n: usize| sparse.iter().filter_map(move |parts| parts.get(n).cloned());
    let dense = |(_, shape): &(DType, Vec<Option<usize>>)| {
        let extents = shape.iter().map(|d| d.map_or(Size::Other, Size::extent));
        // Of an unknown extent, as long as the longest.
        Fact::rows(std::iter::once(Size::rows()).chain(extents).collect(), 0)
            .unwrap_or_else(|_| Fact::together())
    };
    let ragged = vec![Fact::together(); 2 * features.ragged.len()];
    let dense = features.dense.iter().map(dense);
    Ok(part(0).chain(part(1)).chain(part(2)).chain(dense).chain(ragged).collect())
}

/// Rows of one length, cut off or filled up: shape, values, default, number of rows, ids.
fn ragged(reads: &Reads<'_>) -> Found {
    let (told, values, count) = (reads.at(0)?, reads.at(1)?, reads.at(3)?);
    group(values, Of::Owners, reads.at(4)?)?;
    let length = match told.numbers.as_deref() {
        Some([rows, length]) if (rows.is(-1) || *rows == Size::rows()) && least_is_known(length) => length,
        _ => return Err("it is as wide as its longest row".to_owned()),
    };
    let fits = count.numbers.as_deref() == Some(&[Size::rows()]) && values.rank() == Some(1);
    if !fits || reads.all.len() != 5 || !reads.at(2)?.is_same() {
        return Err("there are not as many results as rows".to_owned());
    }
    reads.one(Fact::rows(vec![Size::rows(), length.clone()], 0)?)
}

fn least_is_known(length: &Size) -> bool {
    length.known().is_some_and(|n| n >= 0)
}
