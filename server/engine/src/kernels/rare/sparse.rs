//! Sparse arrays: tuples of indices, as many values, and a shape.

use super::super::access::{axis, int, make, sizes, zeros};
use super::super::moves::{cat, expand, index_select};
use super::super::{Outcome, Value, elements, fail};
use super::scatter::Combine;
use super::{Values, by_kind, gather};
use crate::EngineError;

/// Indices, values, shape.
pub type Sparse<'v> = [&'v Value; 3];

/// The tuples of indices, each within the shape.
pub fn tuples<'v>([indices, values, shape]: Sparse<'v>) -> Result<Vec<&'v [i64]>, EngineError> {
    let shape = shape.slice::<i64>()?;
    let unfit = || fail(format!("indices {:?} of {} values", indices.dims(), values.elem_count()));
    let [count, width] = indices.dims() else { return Err(unfit()) };
    if *width == 0 || *width != shape.len() || *count != values.elem_count() {
        return Err(unfit());
    }
    let all: Vec<&[i64]> = indices.slice::<i64>()?.chunks_exact(*width).collect();
    let inside = |t: &&[i64]| t.iter().zip(shape).all(|(n, extent)| (0..*extent).contains(n));
    match all.iter().find(|t| !inside(t)) {
        Some(wrong) => Err(fail(format!("indices {wrong:?} are not in {shape:?}"))),
        None => Ok(all),
    }
}

fn table(tuples: &[Vec<i64>], width: usize) -> Outcome {
    elements(&[tuples.len(), width])?;
    make(tuples.concat(), &[tuples.len(), width])
}

/// An array with a default where nothing is.
pub fn to_dense(indices: &Value, shape: &Value, values: &Value, default: &Value) -> Outcome {
    let shape = sizes(shape)?;
    let whole = elements(&shape)?;
    let (count, width) = match indices.dims() {
        [] => (1, 1),
        [n] => (*n, 1),
        [n, width] => (*n, *width),
        other => return Err(fail(format!("indices {other:?} of {shape:?}"))),
    };
    if width != shape.len() {
        return Err(fail(format!("tuples of {width} indices of {shape:?}")));
    }
    let values = expand(values, &[count])?;
    let places = gather::places(indices.slice()?, width, &shape, count)?;
    let mut from = vec![count as i64; whole];
    for (n, place) in places.iter().enumerate() {
        from[usize::try_from(*place).unwrap_or(0)] = n as i64;
    }
    let default = expand(default, &[1])?;
    index_select(&cat(&[&values, &default], 0)?, &from, 0)?.reshape(&shape)
}

/// A sparse matrix times a dense one.
pub fn product(a: Sparse<'_>, b: &Value, adjoint_a: bool, adjoint_b: bool) -> Outcome {
    let entries = tuples(a)?;
    let (Ok([rows, columns]), [height, width]) = (<[usize; 2]>::try_from(sizes(a[2])?), b.dims()) else {
        return Err(fail("a product of what is no matrix"));
    };
    let (rows, columns) = if adjoint_a { (columns, rows) } else { (rows, columns) };
    let (inner, outs) = if adjoint_b { (*width, *height) } else { (*height, *width) };
    if columns != inner || a[1].kind() != b.kind() {
        return Err(fail(format!("a product of [{rows}, {columns}] and [{inner}, {outs}]")));
    }
    let places: Vec<(usize, usize)> = entries
        .iter()
        .map(|t| {
            let at = |n: usize| usize::try_from(t[n]).unwrap_or(0);
            if adjoint_a { (at(1), at(0)) } else { (at(0), at(1)) }
        })
        .collect();
    let step = if adjoint_b { (1, *width) } else { (*width, 1) };
    by_kind!(b, multiply(&places, a[1], b, step, [rows, outs]))
}

fn multiply<T: Combine + std::ops::Mul<Output = T>>(
    places: &[(usize, usize)],
    values: &Value,
    b: &Value,
    (down, across): (usize, usize),
    shape: [usize; 2],
) -> Outcome {
    let mut out = zeros::<T>(&shape)?;
    let (values, b) = (values.slice::<T>()?, b.slice::<T>()?);
    for ((row, column), value) in places.iter().zip(values) {
        let to = &mut out[row * shape[1]..(row + 1) * shape[1]];
        for (n, to) in to.iter_mut().enumerate() {
            *to = to.plus(*value * b[column * down + n * across]);
        }
    }
    make(out, &shape)
}

/// In the order of their indices.
fn ordered(tuples: &[Vec<i64>], values: &Value, width: usize) -> Values {
    let mut order: Vec<usize> = (0..tuples.len()).collect();
    order.sort_by(|a, b| tuples[*a].cmp(&tuples[*b]));
    let sorted: Vec<Vec<i64>> = order.iter().map(|n| tuples[*n].clone()).collect();
    let places: Vec<i64> = order.iter().map(|n| *n as i64).collect();
    Ok(vec![table(&sorted, width)?, index_select(values, &places, 0)?])
}

pub fn reorder(indices: &Value, values: &Value) -> Values {
    let [count, width] = indices.dims() else { return Err(fail("indices that are no tuples")) };
    if values.dims() != [*count] || *width == 0 {
        return Err(fail("as many values as indices are needed"));
    }
    let tuples: Vec<Vec<i64>> = indices.slice::<i64>()?.chunks_exact(*width).map(<[i64]>::to_vec).collect();
    ordered(&tuples, values, *width)
}

/// The same elements by indices of another shape, of which one extent may be left to find out.
pub fn reshape(indices: &Value, shape: &Value, wanted: &Value) -> Values {
    let (shape, mut wanted) = (shape.slice::<i64>()?, wanted.slice::<i64>()?.to_vec());
    let total = |s: &[i64]| s.iter().try_fold(1i64, |n, d| if *d < 0 { None } else { n.checked_mul(*d) });
    let unfit = || fail(format!("a sparse array of shape {shape:?} as {wanted:?}"));
    let size = total(shape).ok_or_else(unfit)?;
    let open: Vec<usize> = (0..wanted.len()).filter(|n| wanted[*n] == -1).collect();
    if let [open] = open[..] {
        let rest = total(&[&wanted[..open], &wanted[open + 1..]].concat()).ok_or_else(unfit)?;
        let extent = size.checked_div(rest).unwrap_or(0);
        wanted[open] = extent;
    }
    if total(&wanted) != Some(size) {
        return Err(fail(format!("a sparse array of shape {shape:?} as {wanted:?}")));
    }
    let [count, width] = indices.dims() else { return Err(fail("indices that are no tuples")) };
    if *width != shape.len() || (*width == 0 && *count > 0) {
        return Err(fail("tuples of another length than the shape"));
    }
    let mut found = vec![0; elements(&[*count, wanted.len()])?];
    if !wanted.is_empty() {
        let from = indices.slice::<i64>()?.chunks_exact((*width).max(1));
        for (tuple, to) in from.zip(found.chunks_exact_mut(wanted.len())) {
            if !tuple.iter().zip(shape).all(|(n, extent)| (0..*extent).contains(n)) {
                return Err(fail(format!("indices {tuple:?} are not in {shape:?}")));
            }
            let mut place = tuple.iter().zip(shape).fold(0i64, |at, (n, extent)| at * extent + n);
            for (to, extent) in to.iter_mut().zip(&wanted).rev() {
                *to = place % extent;
                place /= extent;
            }
        }
    }
    let rank = wanted.len();
    Ok(vec![make(found, &[*count, rank])?, make(wanted, &[rank])?])
}

/// A default in the first place of each row that has none.
pub fn fill_empty_rows(x: Sparse<'_>, default: &Value) -> Values {
    let entries = tuples(x)?;
    let shape = sizes(x[2])?;
    let rows = elements(&[shape[0], shape.len()])? / shape.len();
    // By row, in each in the order in which they come.
    let row_of = |n: usize| usize::try_from(entries[n][0]).unwrap_or(0);
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|n| row_of(*n));
    let (mut indices, mut from, mut empty) = (Vec::new(), Vec::new(), vec![0u8; rows]);
    let mut went = vec![0i64; entries.len()];
    let mut rest = order.as_slice();
    for (row, empty) in empty.iter_mut().enumerate() {
        let (found, after) = rest.split_at(rest.iter().take_while(|n| row_of(**n) == row).count());
        rest = after;
        if found.is_empty() {
            *empty = 1;
            indices.push(row as i64);
            indices.extend((1..shape.len()).map(|_| 0));
            from.push(entries.len() as i64);
        }
        for n in found {
            went[*n] = from.len() as i64;
            indices.extend(entries[*n]);
            from.push(*n as i64);
        }
    }
    let pool = cat(&[x[1], &expand(default, &[1])?], 0)?;
    let (count, total) = (went.len(), from.len());
    Ok(vec![
        make(indices, &[total, shape.len()])?,
        index_select(&pool, &from, 0)?,
        make(empty, &[rows])?,
        make(went, &[count])?,
    ])
}

/// Arrays one behind the other along an axis.
pub fn concat(inputs: &[&Value], along: i64) -> Values {
    let count = inputs.len() / 3;
    let Some(first) = inputs.get(count * 2).filter(|_| count > 0 && inputs.len() == count * 3) else {
        return Err(fail("a concatenation of nothing"));
    };
    let mut shape = first.slice::<i64>()?.to_vec();
    let at = axis(along, shape.len())?;
    let (mut all, mut from) = (Vec::new(), 0i64);
    for n in 0..count {
        let part = [inputs[n], inputs[count + n], inputs[count * 2 + n]];
        let own = part[2].slice::<i64>()?;
        if own.len() != shape.len() || (0..own.len()).any(|a| a != at && own[a] != shape[a]) {
            return Err(fail(format!("a concatenation of {shape:?} and {own:?}")));
        }
        let next = from.checked_add(own[at]).ok_or_else(|| fail("a concatenation that is too long"))?;
        for tuple in tuples(part)? {
            let mut tuple = tuple.to_vec();
            tuple[at] += from;
            all.push(tuple);
        }
        from = next;
    }
    shape[at] = from;
    let values = cat(&inputs[count..count * 2], 0)?;
    let rank = shape.len();
    let mut made = ordered(&all, &values, rank)?;
    made.push(make(shape, &[rank])?);
    Ok(made)
}

/// What lies in a part of the array.
pub fn slice(x: Sparse<'_>, start: &Value, size: &Value) -> Values {
    let entries = tuples(x)?;
    let (shape, start, size) = (x[2].slice::<i64>()?, start.slice::<i64>()?, size.slice::<i64>()?);
    if start.len() != shape.len() || size.len() != shape.len() || start.iter().chain(size).any(|n| *n < 0) {
        return Err(fail(format!("a part at {start:?} of {shape:?}")));
    }
    let extents: Vec<i64> =
        (0..shape.len()).map(|a| size[a].min(shape[a].saturating_sub(start[a])).max(0)).collect();
    let inside = |t: &[i64]| (0..t.len()).all(|a| t[a] >= start[a] && t[a] - start[a] < extents[a]);
    let kept: Vec<usize> = (0..entries.len()).filter(|n| inside(entries[*n])).collect();
    let moved: Vec<Vec<i64>> =
        kept.iter().map(|n| entries[*n].iter().zip(start).map(|(n, s)| n - s).collect()).collect();
    let places: Vec<i64> = kept.iter().map(|n| *n as i64).collect();
    let rank = shape.len();
    Ok(vec![table(&moved, rank)?, index_select(x[1], &places, 0)?, make(extents, &[rank])?])
}

/// As many arrays behind each other along an axis; the first ones are longer by one if that does not go evenly.
pub fn split(along: &Value, x: Sparse<'_>, parts: usize) -> Values {
    let shape = x[2].slice::<i64>()?;
    let at = axis(int(along)?, shape.len())?;
    let count = i64::try_from(parts).ok().filter(|n| (1..=shape[at]).contains(n));
    let Some(count) = count else { return Err(fail(format!("{parts} parts of {shape:?}"))) };
    let (mut start, mut size) = (vec![0; shape.len()], shape.to_vec());
    let mut made: [Vec<Value>; 3] = Default::default();
    for n in 0..count {
        size[at] = shape[at] / count + i64::from(n < shape[at] % count);
        let [from, extents] = [&start, &size].map(|v| make(v.clone(), &[shape.len()]));
        let part = slice(x, &from?, &extents?)?;
        made.iter_mut().zip(part).for_each(|(all, value)| all.push(value));
        start[at] += size[at];
    }
    Ok(made.into_iter().flatten().collect())
}
