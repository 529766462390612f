//! Looking into tables.

use super::super::access::output;
use super::super::{Outcome, Value};
use crate::graph::{Keys, Literal, Table, float_key};
use crate::value::Kind;

/// What a table has for each key, or the default.
pub fn lookup(table: &Table, keys: &Value, default: &Value) -> Outcome {
    let places: Vec<Option<usize>> = match &table.keys {
        Keys::Text(known) => keys.texts()?.iter().map(|k| known.get(k).copied()).collect(),
        Keys::Integer(known) => keys.slice::<i64>()?.iter().map(|k| known.get(k).copied()).collect(),
        Keys::Float(known) if keys.kind() == Kind::F64 => {
            keys.slice::<f64>()?.iter().map(|k| known.get(&float_key(*k)).copied()).collect()
        }
        Keys::Float(known) => {
            keys.slice::<f32>()?.iter().map(|k| known.get(&float_key(f64::from(*k))).copied()).collect()
        }
    };
    macro_rules! numbers {
        ($type:ty, $values:expr) => {{
            let other = default.slice::<$type>()?.first().copied().unwrap_or_default();
            let mut out = output::<$type>(keys.dims())?;
            for (to, place) in out.iter_mut().zip(&places) {
                *to = place.and_then(|p| $values.get(p).copied()).unwrap_or(other);
            }
            Value::of(out, keys.dims())
        }};
    }
    match &table.values {
        Literal::F32(v, _) => numbers!(f32, v),
        Literal::F64(v, _) => numbers!(f64, v),
        Literal::I64(v, _) => numbers!(i64, v),
        Literal::Bool(v, _) => numbers!(u8, v),
        Literal::Text(v, _) => {
            let other = default.texts()?.first().cloned().unwrap_or_default();
            let found =
                places.iter().map(|p| p.and_then(|p| v.get(p).cloned()).unwrap_or_else(|| other.clone()));
            Value::text(found.collect(), keys.dims())
        }
    }
}
