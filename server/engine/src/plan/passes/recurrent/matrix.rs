//! Parts of constant matrices, put together in another order.

use crate::value::Value;

/// Some rows of a matrix.
pub fn rows(matrix: &Value, from: usize, count: usize) -> Option<Value> {
    let [all, columns] = *matrix.dims() else { return None };
    if from == 0 && count == all {
        return Some(matrix.clone());
    }
    let (start, end) = (from.checked_mul(columns)?, from.checked_add(count)?.checked_mul(columns)?);
    Value::of(matrix.slice::<f32>().ok()?.get(start..end)?.to_vec(), &[count, columns]).ok()
}

/// Blocks of columns of equal width in another order: those that the numbers name. A row of numbers has blocks too.
pub fn blocks(value: &Value, units: usize, order: &[usize]) -> Option<Value> {
    let (columns, before) = value.dims().split_last()?;
    if order.iter().enumerate().all(|(n, at)| n == *at) && order.len() * units == *columns {
        return Some(value.clone());
    }
    let fits = *columns > 0 && order.iter().all(|at| (at + 1) * units <= *columns);
    let lines = value.slice::<f32>().ok().filter(|_| fits)?.chunks_exact(*columns);
    let picked = lines.flat_map(|line| order.iter().flat_map(|at| &line[at * units..(at + 1) * units]));
    Value::of(picked.copied().collect::<Vec<f32>>(), &[before, &[order.len() * units]].concat()).ok()
}

/// Two matrices, or rows of numbers, side by side.
pub fn beside(a: &Value, b: &Value) -> Option<Value> {
    let ((wide, before), (other, same)) = (a.dims().split_last()?, b.dims().split_last()?);
    if before != same || *wide == 0 || *other == 0 {
        return None;
    }
    let (a, b) = (a.slice::<f32>().ok()?.chunks_exact(*wide), b.slice::<f32>().ok()?.chunks_exact(*other));
    let all: Vec<f32> = a.zip(b).flat_map(|(a, b)| a.iter().chain(b)).copied().collect();
    Value::of(all, &[before, &[wide + other]].concat()).ok()
}

/// A bias with a number added to each block; none is zeros.
pub fn shifted(bias: Option<Value>, units: usize, offsets: &[f32]) -> Option<Option<Value>> {
    if offsets.iter().all(|offset| *offset == 0.0) {
        return Some(bias);
    }
    let own = match &bias {
        Some(bias) => bias.slice::<f32>().ok().filter(|b| b.len() == units * offsets.len())?.to_vec(),
        None => vec![0.0; units * offsets.len()],
    };
    let made: Vec<f32> = own.iter().enumerate().map(|(n, b)| b + offsets[n / units]).collect();
    Value::of(made, &[units * offsets.len()]).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(count: usize, dims: &[usize]) -> Value {
        Value::of((0..count).map(|n| n as f32).collect::<Vec<_>>(), dims).unwrap()
    }

    fn is(value: Option<Value>, dims: &[usize], numbers: &[f32]) {
        let value = value.unwrap();
        assert_eq!((value.dims(), value.slice::<f32>().unwrap()), (dims, numbers));
    }

    #[test]
    fn parts_are_put_together() {
        let matrix = floats(8, &[2, 4]);
        is(rows(&matrix, 1, 1), &[1, 4], &[4.0, 5.0, 6.0, 7.0]);
        is(blocks(&matrix, 2, &[1, 0]), &[2, 4], &[2.0, 3.0, 0.0, 1.0, 6.0, 7.0, 4.0, 5.0]);
        is(blocks(&matrix, 1, &[3]), &[2, 1], &[3.0, 7.0]);
        is(blocks(&floats(4, &[4]), 2, &[1, 0]), &[4], &[2.0, 3.0, 0.0, 1.0]);
        is(beside(&floats(2, &[2, 1]), &floats(4, &[2, 2])), &[2, 3], &[0.0, 0.0, 1.0, 1.0, 2.0, 3.0]);
        is(shifted(Some(floats(4, &[4])), 2, &[0.0, 1.0]).unwrap(), &[4], &[0.0, 1.0, 3.0, 4.0]);
        is(shifted(None, 1, &[0.5, 1.0]).unwrap(), &[2], &[0.5, 1.0]);
    }

    #[test]
    fn parts_that_are_not_there_are_none() {
        let matrix = floats(8, &[2, 4]);
        assert!(rows(&matrix, 1, 2).is_none() && rows(&matrix, usize::MAX, 2).is_none());
        assert!(blocks(&matrix, 3, &[1]).is_none() && beside(&matrix, &floats(4, &[4])).is_none());
        assert!(shifted(Some(floats(3, &[3])), 2, &[0.0, 1.0]).is_none());
    }
}
