//! Crosses: every combination of the features of a row, one feature of each column.

use super::super::access::{make, sizes};
use super::super::hash::{combine, fingerprint, keyed};
use super::super::{Value, elements, fail};
use super::sparse::tuples;
use super::{Values, at, ragged};
use crate::EngineError;
use crate::graph::{Cross, Crossed};
use crate::value::Kind;

/// Most bytes of the texts that a cross makes.
const MOST_BYTES: usize = 1 << 28;

/// The features of a column, row by row, each with its place among all values of the column.
struct Column<'v> {
    values: &'v Value,
    by_row: Vec<(usize, usize)>,
    rows: usize,
}

impl<'v> Column<'v> {
    /// In any order of rows.
    fn new(values: &'v Value, rows: usize, owners: impl Iterator<Item = usize>) -> Self {
        let mut by_row: Vec<(usize, usize)> = owners.enumerate().map(|(n, row)| (row, n)).collect();
        by_row.sort_by_key(|(row, _)| *row);
        Self { values, by_row, rows }
    }

    fn sparse(indices: &'v Value, values: &'v Value, shape: &'v Value) -> Result<Self, EngineError> {
        let owners = tuples([indices, values, shape])?;
        let rows = sizes(shape)?.first().copied().unwrap_or(0);
        Ok(Self::new(values, rows, owners.into_iter().map(|t| usize::try_from(t[0]).unwrap_or(0))))
    }

    fn dense(values: &'v Value) -> Result<Self, EngineError> {
        let &[rows, width] = values.dims() else { return Err(fail("a cross of what is no matrix")) };
        Ok(Self::new(values, rows, (0..values.elem_count()).map(|n| n / width.max(1))))
    }

    fn ragged(values: &'v Value, splits: &'v Value) -> Result<Self, EngineError> {
        let owners = ragged::owners(splits.slice()?, values.elem_count())?;
        Ok(Self::new(values, splits.elem_count().saturating_sub(1), owners.into_iter()))
    }

    fn row(&self, row: usize) -> &[(usize, usize)] {
        let from = self.by_row.partition_point(|(r, _)| *r < row);
        let to = self.by_row.partition_point(|(r, _)| *r <= row);
        &self.by_row[from..to]
    }
}

/// What combinations become.
enum Made {
    Numbers(Vec<i64>),
    Texts(Vec<Vec<u8>>, usize),
}

impl Made {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(all) => all.len(),
            Self::Texts(all, _) => all.len(),
        }
    }

    fn value(self) -> super::super::Outcome {
        let count = self.len();
        match self {
            Self::Numbers(all) => make(all, &[count]),
            Self::Texts(all, _) => Value::text(all, &[count]),
        }
    }
}

/// How features become one.
struct Mixer<'c> {
    how: &'c Crossed,
    buckets: u64,
    salt: [u64; 2],
    strong: bool,
    /// What is between texts.
    between: &'c [u8],
}

impl Mixer<'_> {
    fn add(&self, made: &mut Made, features: &[(&Value, usize)]) -> Result<(), EngineError> {
        match made {
            Made::Numbers(all) => {
                // By a key, or beginning with the first feature.
                let mut hash = match self.how {
                    Crossed::Keyed { key, .. } => Some(*key),
                    _ => None,
                };
                for (values, n) in features {
                    let number = self.number(values, *n)?;
                    hash = Some(hash.map_or(number, |hash| combine(hash, number)));
                }
                let hash = hash.unwrap_or(0);
                let bound = if self.buckets > 0 { self.buckets } else { i64::MAX.cast_unsigned() };
                all.push((hash % bound).cast_signed());
            }
            Made::Texts(all, bytes) => {
                let parts = features.iter().map(|(values, n)| text(values, *n));
                let joined = parts.collect::<Result<Vec<_>, _>>()?.join(self.between);
                *bytes = bytes.saturating_add(joined.len());
                if *bytes > MOST_BYTES {
                    return Err(fail(format!("a cross of more than {MOST_BYTES} bytes")));
                }
                all.push(joined);
            }
        }
        Ok(())
    }

    fn number(&self, values: &Value, n: usize) -> Result<u64, EngineError> {
        match values.kind() {
            Kind::Text if self.strong => Ok(keyed(self.salt, &values.texts()?[n])),
            Kind::Text => Ok(fingerprint(&values.texts()?[n])),
            _ => Ok(values.slice::<i64>()?[n].cast_unsigned()),
        }
    }
}

fn text(values: &Value, n: usize) -> Result<Vec<u8>, EngineError> {
    match values.kind() {
        Kind::Text => Ok(values.texts()?[n].clone()),
        _ => Ok(values.slice::<i64>()?[n].to_string().into_bytes()),
    }
}

/// Runs a cross: indices and values and shape, or values and splits.
pub fn run(cross: &Cross, inputs: &[&Value]) -> Values {
    let (ragged, sparse) = (cross.ragged, cross.sparse);
    let first = ragged * 2;
    let mut columns = Vec::new();
    for kind in &cross.order {
        let seen = columns.iter().filter(|(k, _)| k == kind).count();
        let column = match kind {
            b'R' => Column::ragged(at(inputs, seen)?, at(inputs, ragged + seen)?)?,
            b'S' => {
                let part = |n: usize| at(inputs, first + n * sparse + seen);
                Column::sparse(part(0)?, part(1)?, part(2)?)?
            }
            _ => Column::dense(at(inputs, first + sparse * 3 + seen)?)?,
        };
        columns.push((*kind, column));
    }
    let rest = inputs.get(first + sparse * 3 + cross.dense..).unwrap_or(&[]);
    let columns: Vec<Column<'_>> = columns.into_iter().map(|(_, column)| column).collect();
    let texts = |n: usize| at(rest, n)?.texts()?.first().map(Vec::as_slice).ok_or_else(|| fail("no text"));
    let mut mixer =
        Mixer { how: &cross.how, buckets: 0, salt: [0; 2], strong: false, between: b"_X_".as_slice() };
    let mut made = Made::Numbers(Vec::new());
    match &cross.how {
        Crossed::Keyed { buckets, .. } => mixer.buckets = *buckets,
        Crossed::Salted => {
            let number = |n: usize| super::super::access::ints(at(rest, n)?);
            let salt = <[i64; 2]>::try_from(number(2)?).map_err(|_| fail("a salt is two numbers"))?;
            mixer.salt = salt.map(i64::cast_unsigned);
            mixer.buckets = number(0)?.first().copied().unwrap_or(0).max(0).cast_unsigned();
            mixer.strong = at(rest, 1)?.slice::<u8>()?.first() == Some(&1);
        }
        Crossed::Joined => {
            made = Made::Texts(Vec::new(), 0);
            // Ragged rows have no separator of their own.
            if ragged == 0 && !rest.is_empty() {
                mixer.between = texts(0)?;
            }
        }
    }
    combined(&columns, &mixer, made, cross.by_splits)
}

fn combined(columns: &[Column<'_>], mixer: &Mixer<'_>, mut made: Made, by_splits: bool) -> Values {
    let rows = columns.first().map_or(0, |c| c.rows);
    if columns.iter().any(|c| c.rows != rows) {
        return Err(fail("a cross of different numbers of rows"));
    }
    elements(&[rows])?;
    let (mut indices, mut splits, mut longest) = (Vec::new(), vec![0i64], 0);
    for row in 0..rows {
        let features: Vec<&[(usize, usize)]> = columns.iter().map(|c| c.row(row)).collect();
        let sizes: Vec<usize> = features.iter().map(|f| f.len()).collect();
        // A row without a feature in one of the columns has no cross.
        let count = if sizes.contains(&0) { 0 } else { elements(&sizes)? };
        elements(&[made.len().saturating_add(count), 2])?;
        longest = longest.max(count);
        for n in 0..count {
            // The last column changes fastest.
            let mut rest = n;
            let mut picked = vec![0; sizes.len()];
            for (to, size) in picked.iter_mut().zip(&sizes).rev() {
                *to = rest % size;
                rest /= size;
            }
            let of = |n: usize| (columns[n].values, features[n][picked[n]].1);
            let picks: Vec<(&Value, usize)> = (0..columns.len()).map(of).collect();
            mixer.add(&mut made, &picks)?;
            if !by_splits {
                indices.extend([row as i64, n as i64]);
            }
        }
        if by_splits {
            splits.push(made.len() as i64);
        }
    }
    let count = made.len();
    if by_splits {
        return Ok(vec![made.value()?, make(splits, &[rows + 1])?]);
    }
    let shape = make(vec![rows as i64, longest as i64], &[2])?;
    Ok(vec![make(indices, &[count, 2])?, made.value()?, shape])
}
