//! Rows of different lengths: values in one row, and where each row begins.

use super::super::access::{int, make};
use super::super::moves::{cat, expand, index_select};
use super::super::{Outcome, Value, elements, fail};
use super::{Values, wide};
use crate::EngineError;
use crate::graph::Partition;
use crate::value::Kind;

/// Which row each of so many values is of, by where rows begin.
pub fn owners(splits: &[i64], count: usize) -> Result<Vec<usize>, EngineError> {
    let whole =
        splits.first() == Some(&0) && splits.last().and_then(|n| usize::try_from(*n).ok()) == Some(count);
    if !whole || splits.windows(2).any(|w| w[0] > w[1]) {
        return Err(fail("ragged rows that do not fit their values"));
    }
    let repeat =
        |(row, w): (usize, &[i64])| std::iter::repeat_n(row, usize::try_from(w[1] - w[0]).unwrap_or(0));
    Ok(splits.windows(2).enumerate().flat_map(repeat).collect())
}

/// How many values or rows lie below each level of rows.
fn below(splits: &[&Value], count: usize) -> Vec<usize> {
    let rows = splits.iter().skip(1).map(|s| s.elem_count().saturating_sub(1));
    rows.chain([count]).collect()
}

/// A row of numbers for each start, limit and step.
pub fn range(starts: &Value, limits: &Value, deltas: &Value) -> Values {
    // Single numbers are for all rows, of which there may be none.
    let rows = [starts, limits, deltas].iter().find(|v| v.rank() > 0).map_or(1, |v| v.elem_count());
    let [starts, limits, deltas] =
        [starts, limits, deltas].map(|v| expand(&v.reshape(&[v.elem_count()])?, &[rows]));
    let (starts, limits, deltas) = (starts?, limits?, deltas?);
    let mut splits = vec![0i64];
    let mut total = 0usize;
    let mut longer = |count: usize, splits: &mut Vec<i64>| {
        total = total.saturating_add(count);
        elements(&[total])?;
        splits.push(total as i64);
        Ok::<(), EngineError>(())
    };
    if starts.kind() == Kind::I64 {
        let (starts, limits, deltas) =
            (starts.slice::<i64>()?, limits.slice::<i64>()?, deltas.slice::<i64>()?);
        let mut values = Vec::new();
        for ((start, limit), delta) in starts.iter().zip(limits).zip(deltas) {
            let (from, to, by) = (i128::from(*start), i128::from(*limit), i128::from(*delta));
            if by == 0 {
                return Err(fail("a range with steps of nothing"));
            }
            let count = usize::try_from((to - from + by - by.signum()) / by).unwrap_or(0);
            longer(count, &mut splits)?;
            values.extend((0..count).map(|n| start.wrapping_add(delta.wrapping_mul(n as i64))));
        }
        let count = values.len();
        return Ok(vec![make(splits, &[rows + 1])?, make(values, &[count])?]);
    }
    let kind = starts.kind();
    let mut values = Vec::new();
    for ((start, limit), delta) in wide(&starts)?.iter().zip(wide(&limits)?).zip(wide(&deltas)?) {
        if delta == 0.0 {
            return Err(fail("a range with steps of nothing"));
        }
        let count = ((limit - start) / delta).ceil().max(0.0) as usize;
        longer(count, &mut splits)?;
        values.extend((0..count).map(|n| start + delta * n as f64));
    }
    let count = values.len();
    Ok(vec![make(splits, &[rows + 1])?, super::narrowed(kind, values, &[count])?])
}

/// The rows that indices name, of an array with so many levels of rows.
pub fn gather(inputs: &[&Value], levels: usize) -> Values {
    let (Some(splits), Some([values, indices])) = (inputs.get(..levels), inputs.get(levels..)) else {
        return Err(fail("a ragged array without values"));
    };
    let mut made = Vec::new();
    // Levels that the indices have themselves are regular.
    for axis in 1..indices.rank() {
        let rows = elements(&indices.dims()[..axis])?;
        let width = indices.dims()[axis];
        elements(&[rows + 1, width.max(1)])?;
        made.push(make((0..=rows).map(|n| (n * width) as i64).collect::<Vec<i64>>(), &[rows + 1])?);
    }
    let mut spans = Vec::with_capacity(indices.elem_count());
    for index in indices.slice::<i64>()? {
        let rows = splits.first().map_or(0, |s| s.elem_count().saturating_sub(1));
        let row = usize::try_from(*index).ok().filter(|r| *r < rows);
        let row = row.ok_or_else(|| fail(format!("index {index} is not in [0, {rows})")))?;
        spans.push(row..row + 1);
    }
    let below = below(splits, values.dims().first().copied().unwrap_or(0));
    for (splits, below) in splits.iter().zip(below) {
        let splits = splits.slice::<i64>()?;
        owners(splits, below)?;
        let at = |n: usize| usize::try_from(splits[n]).unwrap_or(0);
        let (mut found, mut total) = (vec![0i64], 0usize);
        for span in &mut spans {
            for row in span.clone() {
                total = total.saturating_add(at(row + 1) - at(row));
                elements(&[total.max(found.len())])?;
                found.push(total as i64);
            }
            *span = at(span.start)..at(span.end);
        }
        let rows = found.len();
        made.push(make(found, &[rows])?);
    }
    let places: Vec<i64> = spans.into_iter().flatten().map(|n| n as i64).collect();
    made.push(index_select(values, &places, 0)?);
    Ok(made)
}

/// The value of each row's column.
pub fn to_sparse(splits: &[&Value], values: &Value) -> Values {
    let count = values.dims().first().copied().unwrap_or(0);
    let mut shape = vec![splits.first().map_or(0, |s| s.elem_count().saturating_sub(1)) as i64];
    let mut tuples: Vec<Vec<i64>> = (0..shape[0]).map(|n| vec![n]).collect();
    let below = below(splits, count);
    for (level, (splits, end)) in splits.iter().zip(below).enumerate() {
        let splits = splits.slice::<i64>()?;
        elements(&[end, level + 2])?;
        let rows = owners(splits, end)?;
        if rows.last().is_some_and(|r| *r >= tuples.len()) {
            return Err(fail("ragged rows that do not fit their values"));
        }
        let column = |(n, row): (usize, &usize)| n as i64 - splits[*row];
        let columns: Vec<i64> = rows.iter().enumerate().map(column).collect();
        shape.push(columns.iter().max().map_or(0, |c| c + 1));
        tuples = rows.iter().zip(&columns).map(|(row, c)| [&tuples[*row][..], &[*c]].concat()).collect();
    }
    if tuples.len() != count {
        return Err(fail("ragged rows that do not fit their values"));
    }
    // Regular axes of the values are axes of the array.
    let inner = values.dims().get(1..).unwrap_or(&[]);
    let size: usize = inner.iter().product();
    let rank = shape.len() + inner.len();
    let mut indices = Vec::with_capacity(elements(&[count, size, rank])?);
    for tuple in &tuples {
        for n in 0..size {
            indices.extend(tuple);
            let mut rest = n;
            let first = indices.len();
            indices.resize(first + inner.len(), 0);
            for (to, extent) in indices[first..].iter_mut().zip(inner).rev() {
                *to = (rest % extent) as i64;
                rest /= extent;
            }
        }
    }
    shape.extend(inner.iter().map(|d| *d as i64));
    let shape = make(shape, &[rank])?;
    Ok(vec![make(indices, &[count * size, rank])?, values.flatten_all(), shape])
}

/// Rows as one array, filled up with a default: shape, values, default, and what says where rows are, outermost first.
pub fn to_dense([shape, values, default]: [&Value; 3], partitions: &[&Value], how: Partition) -> Outcome {
    let count = values.dims().first().copied().unwrap_or(0);
    let wanted = shape.slice::<i64>()?;
    let known = |n: usize| wanted.get(n).and_then(|d| usize::try_from(*d).ok());
    let told = match (how, partitions.split_first()) {
        (_, None) => return Err(fail("rows without what says where they are")),
        (Partition::Ids, Some((rows, levels))) => (usize::try_from(int(rows)?).ok(), levels),
        (Partition::Splits, Some((first, _))) => (Some(first.elem_count().saturating_sub(1)), partitions),
    };
    let (Some(rows), levels) = told else { return Err(fail("a number of rows below none")) };
    let mut dims = vec![known(0).unwrap_or(rows)];
    elements(&[rows])?;
    // Where in the array each row of a level begins, counted in rows of that level; of the first level each is where its number says.
    let mut places: Option<Vec<Option<usize>>> = None;
    let below = below(levels, count);
    for (level, (partition, below)) in levels.iter().zip(below).enumerate() {
        let partition = partition.slice::<i64>()?;
        let ids = match how {
            Partition::Splits => owners(partition, below)?,
            Partition::Ids => partition.iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect(),
        };
        let mut columns: Vec<usize> = Vec::with_capacity(ids.len());
        for (n, id) in ids.iter().enumerate() {
            columns.push(if n > 0 && ids[n - 1] == *id { columns[n - 1] + 1 } else { 0 });
        }
        let width = known(level + 1).unwrap_or(columns.iter().max().map_or(0, |c| c + 1));
        dims.push(width);
        elements(&dims)?;
        let place = |(id, column): (&usize, &usize)| {
            let row = match &places {
                Some(places) => (*places.get(*id)?)?,
                None => Some(*id).filter(|id| *id < rows && *id < dims[0])?,
            };
            (*column < width).then_some(row * width + column)
        };
        let found = ids.iter().zip(&columns).map(place).collect();
        places = Some(found);
    }
    let places = places.unwrap_or_default();
    if places.len() != count {
        return Err(fail("ragged rows that do not fit their values"));
    }
    fill(&dims, &places, values, default)
}

fn fill(outer: &[usize], places: &[Option<usize>], values: &Value, default: &Value) -> Outcome {
    let inner = values.dims().get(1..).unwrap_or(&[]);
    let dims = [outer, inner].concat();
    let size: usize = inner.iter().product();
    let whole = elements(&dims)?;
    // Where each element is taken from; the default lies behind the values.
    let spare = values.elem_count();
    let mut from: Vec<i64> = (0..whole).map(|n| (spare + n % size.max(1)) as i64).collect();
    for (n, place) in places.iter().enumerate() {
        for k in place.iter().flat_map(|p| (0..size).map(move |k| (k, p * size + k))) {
            from[k.1] = (n * size + k.0) as i64;
        }
    }
    let default = expand(default, inner)?.flatten_all();
    index_select(&cat(&[&values.flatten_all(), &default], 0)?, &from, 0)?.reshape(&dims)
}
