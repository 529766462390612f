//! Slices picked by indices: each becomes the number of a row, and rows of any kind of element are picked by one function.

use super::super::access::{axis, int, make};
use super::super::moves::{blank, cat, index_select};
use super::super::{Outcome, Value, elements, fail};
use super::Values;
use crate::EngineError;

/// The value as so many rows, whatever each is.
fn rows(x: &Value, leading: usize) -> Outcome {
    let (outer, inner) = x.dims().split_at(leading);
    x.reshape(&[outer.iter().product(), inner.iter().product()])
}

/// The numbers of the rows that tuples of indices name, in an array whose leading extents are `dims`.
pub fn places(indices: &[i64], width: usize, dims: &[usize], count: usize) -> Result<Vec<i64>, EngineError> {
    if width == 0 {
        return Ok(vec![0; count]);
    }
    let place = |tuple: &[i64]| {
        tuple.iter().zip(dims).try_fold(0usize, |at, (n, extent)| {
            let n = usize::try_from(*n).ok().filter(|n| n < extent)?;
            at.checked_mul(*extent)?.checked_add(n)
        })
    };
    let all = indices.chunks_exact(width).map(|t| {
        let wrong = || fail(format!("indices {t:?} are not in {dims:?}"));
        place(t).and_then(|p| i64::try_from(p).ok()).ok_or_else(wrong)
    });
    all.collect()
}

/// Indices are tuples: of an element, or of a slice if they are short.
pub fn nd(x: &Value, indices: &Value) -> Outcome {
    let Some((width, outer)) = indices.dims().split_last().filter(|(w, _)| **w <= x.rank()) else {
        return Err(fail(format!("tuples {:?} of indices of {:?}", indices.dims(), x.dims())));
    };
    let shape = [outer, &x.dims()[*width..]].concat();
    elements(&shape)?;
    let places = places(indices.slice()?, *width, &x.dims()[..*width], elements(outer)?)?;
    index_select(&rows(x, *width)?, &places, 0)?.reshape(&shape)
}

/// Each batch has indices of its own.
pub fn batched(x: &Value, indices: &Value, along: i64, batch: i64) -> Outcome {
    let batch = if batch < 0 { batch.saturating_add(indices.rank() as i64) } else { batch };
    let batch = usize::try_from(batch).map_err(|_| fail("batch dimensions below none"))?;
    let at = axis(along, x.rank())?;
    if batch > at || batch > indices.rank() || x.dims()[..batch] != indices.dims()[..batch] {
        return Err(fail(format!("{batch} batch dimensions of {:?} and {:?}", x.dims(), indices.dims())));
    }
    let shape = [&x.dims()[..at], &indices.dims()[batch..], &x.dims()[at + 1..]].concat();
    elements(&shape)?;
    let (size, outer): (usize, usize) = (x.dims()[at], x.dims()[batch..at].iter().product());
    let own: usize = indices.dims()[batch..].iter().product();
    let indices = indices.slice::<i64>()?;
    if let Some(wrong) = indices.iter().find(|i| usize::try_from(**i).map_or(true, |i| i >= size)) {
        return Err(fail(format!("index {wrong} is not in [0, {size})")));
    }
    let mut places = Vec::with_capacity(elements(&shape[..at + shape.len() - x.rank() + 1])?);
    for (n, indices) in indices.chunks_exact(own.max(1)).enumerate() {
        for row in n * outer..(n + 1) * outer {
            places.extend(indices.iter().map(|i| (row * size) as i64 + i));
        }
    }
    index_select(&rows(x, at + 1)?, &places, 0)?.reshape(&shape)
}

/// Rows by the part that each belongs to.
pub fn partition(x: &Value, parts: &Value, count: usize) -> Values {
    let leading = parts.rank();
    if x.dims().get(..leading) != Some(parts.dims()) {
        return Err(fail(format!("partitions {:?} of {:?}", parts.dims(), x.dims())));
    }
    let (table, parts) = (rows(x, leading)?, parts.slice::<i64>()?);
    let mut places = vec![Vec::new(); count];
    for (row, part) in parts.iter().enumerate() {
        let part = usize::try_from(*part).ok().and_then(|p| places.get_mut(p));
        part.ok_or_else(|| fail("a partition that there is not"))?.push(row as i64);
    }
    let inner = &x.dims()[leading..];
    let part = |p: &Vec<i64>| index_select(&table, p, 0)?.reshape(&[&[p.len()], inner].concat());
    places.iter().map(part).collect()
}

/// Rows to their places; the later one wins, and a place that is not named is blank.
pub fn stitch(inputs: &[&Value]) -> Outcome {
    let (indices, data) = inputs.split_at(inputs.len() / 2);
    if indices.len() != data.len() || data.is_empty() {
        return Err(fail("a stitch needs values for its indices"));
    }
    let inner = data[0].dims().get(indices[0].rank()..).unwrap_or_default().to_vec();
    let mut tables = Vec::new();
    let mut owners: Vec<i64> = Vec::new();
    let mut total = 0i64;
    for (indices, data) in indices.iter().zip(data) {
        if data.dims() != [indices.dims(), &inner].concat() {
            return Err(fail(format!("indices {:?} of values {:?}", indices.dims(), data.dims())));
        }
        tables.push(rows(data, indices.rank())?);
        for place in indices.slice::<i64>()? {
            let place = usize::try_from(*place).map_err(|_| fail("a negative index"))?;
            elements(&[place.saturating_add(1)])?;
            if owners.len() <= place {
                owners.resize(place + 1, -1);
            }
            owners[place] = total;
            total += 1;
        }
    }
    tables.push(blank(data[0].kind(), &[1, inner.iter().product()])?);
    owners.iter_mut().filter(|o| **o < 0).for_each(|o| *o = total);
    let shape = [&[owners.len()], &inner[..]].concat();
    index_select(&cat(&tables.iter().collect::<Vec<_>>(), 0)?, &owners, 0)?.reshape(&shape)
}

/// Along an axis every place moves on, and what leaves at the end comes in at the start.
pub fn roll(x: &Value, shifts: &Value, axes: &Value) -> Outcome {
    let (shifts, axes) = (shifts.slice::<i64>()?, axes.slice::<i64>()?);
    if shifts.len() != axes.len() {
        return Err(fail("a roll needs a shift for each axis"));
    }
    let mut out = x.clone();
    for (shift, along) in shifts.iter().zip(axes) {
        let at = axis(*along, x.rank())?;
        let size = x.dims()[at] as i64;
        if size > 1 && shift.rem_euclid(size) != 0 {
            let places: Vec<i64> = (0..size).map(|n| (n - shift.rem_euclid(size)).rem_euclid(size)).collect();
            out = index_select(&out, &places, at)?;
        }
    }
    Ok(out)
}

/// Each row of a batch, its first so many places in reverse.
pub fn reverse_sequence(x: &Value, lengths: &Value, sequence: i64, batch: i64) -> Outcome {
    let (s, b) = (axis(sequence, x.rank())?, axis(batch, x.rank())?);
    let (lengths, size) = (lengths.slice::<i64>()?, x.dims()[s]);
    let fits = lengths.iter().all(|l| (0..=size as i64).contains(l));
    if s == b || lengths.len() != x.dims()[b] || !fits {
        return Err(fail(format!("{} lengths of sequences in {:?}", lengths.len(), x.dims())));
    }
    let leading = &x.dims()[..=s.max(b)];
    let step = |axis: usize| leading[axis + 1..].iter().product::<usize>().max(1);
    let (step_s, step_b) = (step(s), step(b));
    let count: usize = leading.iter().product();
    let places: Vec<i64> = (0..count)
        .map(|row| {
            let (n, owner) = (row / step_s % size, row / step_b % lengths.len());
            let length = usize::try_from(lengths[owner]).unwrap_or(0);
            let from = if n < length { length - 1 - n } else { n };
            (row - n * step_s + from * step_s) as i64
        })
        .collect();
    index_select(&rows(x, leading.len())?, &places, 0)?.reshape(x.dims())
}

/// The indices along each axis that a place in a row-major array has.
pub fn unravel(indices: &Value, dims: &Value) -> Outcome {
    let (places, dims) = (indices.slice::<i64>()?, super::super::access::sizes(dims)?);
    let total = elements(&dims)? as i64;
    if places.iter().any(|p| !(0..total).contains(p)) {
        return Err(fail(format!("an index that is not in {dims:?}")));
    }
    let mut out = Vec::with_capacity(elements(&[places.len(), dims.len()])?);
    for axis in 0..dims.len() {
        let step = dims[axis + 1..].iter().product::<usize>().max(1) as i64;
        out.extend(places.iter().map(|p| p / step % dims[axis] as i64));
    }
    make(out, &[&[dims.len()], indices.dims()].concat())
}

/// Where each place of a permutation came from.
pub fn invert(order: &Value) -> Outcome {
    let order = order.slice::<i64>()?;
    let mut out = vec![-1i64; order.len()];
    for (n, place) in order.iter().enumerate() {
        let to = usize::try_from(*place).ok().and_then(|p| out.get_mut(p)).filter(|p| **p < 0);
        *to.ok_or_else(|| fail("this is no permutation"))? = n as i64;
    }
    let count = out.len();
    make(out, &[count])
}

/// The shape of values together, given their shapes.
pub fn broadcast_args(shapes: &[&Value]) -> Outcome {
    let mut all: Vec<usize> = Vec::new();
    for shape in shapes {
        all = super::super::elementwise::broadcast_shape(&all, &super::super::access::sizes(shape)?)?;
    }
    let rank = all.len();
    make(all.into_iter().map(|d| d as i64).collect::<Vec<i64>>(), &[rank])
}

/// The axes along which either of two shapes is spread to the other; none, if they are the same.
pub fn broadcast_gradient(a: &Value, b: &Value) -> super::Values {
    use super::super::access::sizes;
    let shapes = [sizes(a)?, sizes(b)?];
    let whole = super::super::elementwise::broadcast_shape(&shapes[0], &shapes[1])?;
    let same = shapes[0] == shapes[1];
    let axes = |shape: &Vec<usize>| {
        let missing = whole.len() - shape.len();
        let spread = |n: &usize| !same && (*n < missing || shape[n - missing] == 1);
        let axes: Vec<i64> = (0..whole.len()).filter(spread).map(|n| n as i64).collect();
        let count = axes.len();
        make(axes, &[count])
    };
    shapes.iter().map(axes).collect()
}

/// Evenly spaced numbers.
pub fn line(start: &Value, stop: &Value, count: &Value) -> Outcome {
    let kind = start.kind();
    let (start, stop) = (super::float(start)?, super::float(stop)?);
    let count = usize::try_from(int(count)?).ok().filter(|n| *n > 0);
    let count = count.ok_or_else(|| fail("a line of less than one point"))?;
    elements(&[count])?;
    let step = if count > 1 { (stop - start) / (count - 1) as f64 } else { 0.0 };
    let mut points: Vec<f64> = (0..count).map(|n| start + step * n as f64).collect();
    if count > 1 {
        points[count - 1] = stop;
    }
    super::narrowed(kind, points, &[count])
}
