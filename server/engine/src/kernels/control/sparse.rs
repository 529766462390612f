//! Sparse arrays as items of lists: one is a list of indices, values and shape; many are a list of such lists.

use super::super::access::{make, sizes};
use super::super::moves::{blank, cat, index_select};
use super::super::{Value, fail};
use super::{Inputs, MOST_ITEMS, Values};
use crate::EngineError;
use crate::value::{Kind, List};

fn single(parts: [Value; 3]) -> Value {
    Value::list(List { items: parts.into_iter().map(Some).collect(), shape: None })
}

/// Indices, values, shape → one item, or one for each row.
pub fn wrap(inputs: &mut Inputs, batched: bool) -> Result<Value, EngineError> {
    let (indices, values, shape) = (inputs.next()?, inputs.next()?, inputs.next()?);
    if !batched {
        return Ok(single([indices, values, shape]));
    }
    let (extents, &[count, width]) = (sizes(&shape)?, indices.dims()) else {
        return Err(fail("a sparse array without indices"));
    };
    let rows = extents.first().copied().filter(|rows| *rows <= MOST_ITEMS);
    let Some(rows) = rows.filter(|_| width == extents.len() && values.dims() == [count]) else {
        return Err(fail(format!(
            "a list of at most {MOST_ITEMS} rows is made of a sparse array, not of {extents:?}"
        )));
    };
    let tuples: Vec<&[i64]> = indices.slice::<i64>()?.chunks_exact(width.max(1)).collect();
    let mut own: Vec<Vec<i64>> = vec![Vec::new(); rows];
    for (n, tuple) in tuples.iter().enumerate() {
        let row = usize::try_from(tuple[0]).ok().and_then(|row| own.get_mut(row));
        row.ok_or_else(|| fail(format!("indices {tuple:?} are not in {extents:?}")))?.push(n as i64);
    }
    let inner: Vec<i64> = extents[1..].iter().map(|n| *n as i64).collect();
    let item = |own: Vec<i64>| -> Result<Option<Value>, EngineError> {
        let at = |n: &i64| usize::try_from(*n).unwrap_or(0);
        let places: Vec<i64> = own.iter().flat_map(|n| tuples[at(n)][1..].to_vec()).collect();
        let picked = index_select(&values, &own, 0)?;
        let parts = [make(places, &[own.len(), width - 1])?, picked, make(inner.clone(), &[width - 1])?];
        Ok(Some(single(parts)))
    };
    let items = own.into_iter().map(item).collect::<Result<_, _>>()?;
    Ok(Value::list(List { items, shape: None }))
}

fn parts(list: &List) -> Result<[&Value; 3], EngineError> {
    let parts: Vec<&Value> = list.items.iter().flatten().collect();
    parts.try_into().map_err(|_| fail("an item that is no sparse array"))
}

/// One item, or many of them as rows of one array.
pub fn unwrap(list: &List, kind: Kind) -> Values {
    if let Ok(one) = parts(list)
        && one[0].kind() != Kind::List
    {
        return Ok(one.into_iter().cloned().collect());
    }
    let (mut indices, mut values, mut shape) = (Vec::new(), Vec::new(), Vec::new());
    for (row, item) in list.items.iter().enumerate() {
        let item = item.as_ref().ok_or_else(|| fail("a sparse array that nothing was written to"))?;
        let [own, numbers, extents] = parts(item.items()?)?;
        let extents = extents.slice::<i64>()?;
        if row == 0 {
            shape = extents.to_vec();
        }
        if own.dims() != [numbers.elem_count(), extents.len()] || shape.len() != extents.len() {
            return Err(fail("sparse arrays of different axes as the rows of one"));
        }
        shape.iter_mut().zip(extents).for_each(|(most, n)| *most = (*most).max(*n));
        let places = own.slice::<i64>()?;
        for n in 0..numbers.elem_count() {
            indices.push(row as i64);
            indices.extend(&places[n * extents.len()..(n + 1) * extents.len()]);
        }
        values.push(numbers);
    }
    let values = if values.is_empty() { blank(kind, &[0])? } else { cat(&values, 0)? };
    shape.insert(0, list.items.len() as i64);
    let (count, rank) = (values.elem_count(), shape.len());
    Ok(vec![make(indices, &[count, rank])?, values, make(shape, &[rank])?])
}
