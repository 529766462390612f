//! The classification extension: of a tensor of scores the largest, each as `value:index`.

use super::outputs::Output;
use crate::error::InvokeError;
use berth_engine::{DType, Data};
use std::cmp::Ordering;

/// Sorting more would keep a thread from others for long; Triton's limit too.
const MOST_SCORES: usize = 1_000_000;

/// The `most` largest scores, of each row where the first dimension is that of the batch.
pub fn of(scores: Output, most: usize, batched: bool) -> Result<Output, InvokeError> {
    let values = scores.data.len();
    let rows = match scores.shape.as_slice() {
        [rows, _, ..] if batched => Some(*rows),
        _ => None,
    };
    if values > MOST_SCORES {
        let name = scores.name;
        return Err(InvokeError::bad(format!(
            "classification output tensor '{name}' too large: {values} values"
        )));
    }
    let width = values.checked_div(rows.unwrap_or(1)).unwrap_or(0);
    let kept = most.min(width);
    let texts = match &scores.data {
        Data::F32(v) => {
            each(v, width, kept, |a, b| compare(f64::from(*a), f64::from(*b)), |x| float(f64::from(*x)))
        }
        Data::F64(v) => each(v, width, kept, |a, b| compare(*a, *b), |x| float(*x)),
        Data::I64(v) => each(v, width, kept, |a, b| b.cmp(a), i64::to_string),
        Data::Bool(_) | Data::String(_) => {
            return Err(InvokeError::bad(format!(
                "class result not available for output '{}' due to unsupported type '{}'",
                scores.name,
                super::datatype::name(scores.dtype)
            )));
        }
    };
    let shape = rows.into_iter().chain([kept]).collect();
    Ok(Output { dtype: DType::String, shape, data: Data::String(texts), ..scores })
}

fn each<T>(
    values: &[T],
    width: usize,
    kept: usize,
    order: impl Fn(&T, &T) -> Ordering,
    text: impl Fn(&T) -> String,
) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for row in values.chunks(width.max(1)) {
        let mut places: Vec<usize> = (0..row.len()).collect();
        places.sort_by(|a, b| order(&row[*a], &row[*b]));
        texts.extend(places[..kept].iter().map(|n| format!("{}:{n}", text(&row[*n])).into_bytes()));
    }
    texts
}

/// The larger first, what is no number last.
fn compare(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then_with(|| b.partial_cmp(&a).unwrap_or(Ordering::Equal))
}

/// As C prints it.
fn float(x: f64) -> String {
    if x.is_nan() { "nan".to_owned() } else { format!("{x:.6}") }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::codec::v2::outputs::Output;
    use berth_engine::{DType, Data};

    fn classes(
        shape: &[usize],
        data: Data,
        most: usize,
        batched: bool,
    ) -> Result<(Vec<usize>, Vec<String>), String> {
        let scores =
            Output { name: "y".to_owned(), dtype: DType::F32, shape: shape.to_vec(), data, binary: None };
        let found = of(scores, most, batched).map_err(|e| e.to_string())?;
        let Data::String(texts) = found.data else { return Err("not texts".to_owned()) };
        Ok((found.shape, texts.into_iter().map(|t| String::from_utf8(t).unwrap()).collect()))
    }

    #[test]
    fn the_largest_of_each_row_come_first() {
        let scores = || Data::F32(vec![0.1, 0.7, 0.2, 5.0, f32::NAN, 5.0]);
        let rows = classes(&[2, 3], scores(), 2, true).unwrap();
        let texts = ["0.700000:1", "0.200000:2", "5.000000:0", "5.000000:2"].map(str::to_owned);
        assert_eq!(rows, (vec![2, 2], texts.to_vec()));
        let whole = classes(&[2, 3], scores(), 9, false).unwrap();
        assert_eq!((whole.0, whole.1[5].as_str()), (vec![6], "nan:4"));
        let integers = classes(&[3], Data::I64(vec![i64::MIN, 3, i64::MAX]), 1, true).unwrap();
        assert_eq!(integers, (vec![1], vec!["9223372036854775807:2".to_owned()]));
    }

    #[test]
    fn empty_huge_and_other_tensors_do_no_harm() {
        assert_eq!(classes(&[0, 3], Data::F32(vec![]), 2, true).unwrap(), (vec![0, 0], vec![]));
        assert_eq!(classes(&[2, 0], Data::F32(vec![]), usize::MAX, true).unwrap(), (vec![2, 0], vec![]));
        assert!(classes(&[1_000_001], Data::F64(vec![0.0; 1_000_001]), 1, false).is_err());
        assert!(classes(&[1], Data::String(vec![vec![]]), 1, false).is_err());
    }
}
