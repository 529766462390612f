//! What SageMaker's built-in algorithms have of their own: how their containers call the list of answers, what a sparse row leaves out,
//! and instances that are nested as `{"data": {"features": {"values": […]}}}`.

use super::convert::Builder;
use super::json_read::Cursor;
use crate::error::InvokeError;
use berth_engine::{DType, Data};

/// The signature that tells all that a model found.
pub const VERBOSE: &str = "verbose";
/// `data`, `features` and `values` within each other.
const DEEPEST: usize = 3;
/// Numbers of one row.
const MOST_VALUES: usize = 1 << 24;

/// What the list of answers is called; none: the model is no built-in.
pub fn list(format: &str) -> Option<&'static str> {
    match format {
        "sagemaker-knn" | "sagemaker-linear-learner" => Some("predictions"),
        "random-cut-forest" => Some("scores"),
        _ => None,
    }
}

/// What is where a sparse row names nothing: zero to the built-in algorithms, missing to others.
pub fn absent(format: &str) -> f64 {
    if list(format).is_some() { 0.0 } else { f64::NAN }
}

/// What follows the key `data` or `features`: the numbers themselves, or they and where they are.
pub fn values(cursor: &mut Cursor<'_>) -> Result<Vec<f64>, InvokeError> {
    nested(cursor, DEEPEST)
}

fn nested(cursor: &mut Cursor<'_>, deeper: usize) -> Result<Vec<f64>, InvokeError> {
    if cursor.peek() != Some(b'{') {
        return numbers(cursor);
    }
    let inside = deeper.checked_sub(1).ok_or_else(|| InvokeError::bad("features are nested too deeply"))?;
    let (mut values, mut keys, mut shape, mut inner) = (None, None, None, None);
    cursor.object(|cursor, key| {
        match key {
            "features" => inner = Some(nested(cursor, inside)?),
            "values" => values = Some(numbers(cursor)?),
            "keys" => keys = Some(numbers(cursor)?),
            "shape" => shape = Some(numbers(cursor)?),
            other => return Err(InvokeError::bad(format!("features have no {other:?}; send \"values\""))),
        }
        Ok(())
    })?;
    match (inner, values, keys.filter(|keys| !keys.is_empty())) {
        (Some(inner), None, None) => Ok(inner),
        (None, Some(values), None) => Ok(values),
        (None, Some(values), Some(keys)) => spread(&values, &keys, &shape.unwrap_or_default()),
        _ => Err(InvokeError::bad("an instance needs \"features\" with \"values\", once")),
    }
}

fn numbers(cursor: &mut Cursor<'_>) -> Result<Vec<f64>, InvokeError> {
    let mut builder = Builder::new(DType::F64);
    cursor.tensor(&mut builder)?;
    match builder.finish() {
        Data::F64(values) => Ok(values),
        _ => Err(InvokeError::bad("features are numbers")),
    }
}

/// Numbers at their places among zeros.
fn spread(values: &[f64], keys: &[f64], shape: &[f64]) -> Result<Vec<f64>, InvokeError> {
    let bad =
        || InvokeError::bad(format!("{} values by {} keys in the shape {shape:?}", values.len(), keys.len()));
    let width = match shape {
        [width] if *width >= 0.0 && *width <= MOST_VALUES as f64 && values.len() == keys.len() => {
            *width as usize
        }
        _ => return Err(bad()),
    };
    let mut row = vec![0.0; width];
    for (key, value) in keys.iter().zip(values) {
        let place = (*key >= 0.0 && key.fract() == 0.0).then_some(*key as usize);
        *place.and_then(|place| row.get_mut(place)).ok_or_else(bad)? = *value;
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::values;
    use crate::codec::json_read::Cursor;

    fn read(text: &str) -> Result<Vec<f64>, String> {
        values(&mut Cursor::new(text.as_bytes())).map_err(|e| e.to_string())
    }

    #[test]
    fn instances_are_nested_or_not_dense_or_not() {
        assert_eq!(read("[1, 2.5]").unwrap(), [1.0, 2.5]);
        assert_eq!(read(r#"{"values": [1, 2]}"#).unwrap(), [1.0, 2.0]);
        assert_eq!(read(r#"{"features": {"values": [1, 2]}}"#).unwrap(), [1.0, 2.0]);
        let sparse = r#"{"features": {"keys": [2, 0], "shape": [4], "values": [7, 9]}}"#;
        assert_eq!(read(sparse).unwrap(), [9.0, 0.0, 7.0, 0.0]);
    }

    #[test]
    fn what_is_no_instance_is_told() {
        for bad in [
            r#"{"values": ["x"]}"#,
            r#"{"other": [1]}"#,
            r#"{}"#,
            r#"{"keys": [4], "shape": [4], "values": [7]}"#,
            r#"{"keys": [0, 1], "shape": [4], "values": [7]}"#,
            r#"{"keys": [0.5], "shape": [4], "values": [7]}"#,
            r#"{"keys": [0], "shape": [1e18], "values": [7]}"#,
            r#"{"features": [1], "values": [1]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let deep = r#"{"features": "#.repeat(100_000);
        assert!(read(&deep).is_err());
    }
}
