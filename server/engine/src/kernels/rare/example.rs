//! `tf.train.Example`: named lists of values, serialized as a protobuf message.

use super::super::access::make;
use super::super::{Outcome, Value, elements, fail};
use super::{Values, at};
use crate::graph::Features;
use crate::{DType, EngineError};
use prost::{Message, Oneof};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
struct Example {
    #[prost(message, optional, tag = "1")]
    features: Option<Named>,
}

/// Features by name.
#[derive(Clone, PartialEq, Message)]
pub struct Named {
    #[prost(map = "string, message", tag = "1")]
    feature: HashMap<String, Feature>,
}

/// Values of one type.
#[derive(Clone, PartialEq, Message)]
pub struct Feature {
    #[prost(oneof = "List", tags = "1, 2, 3")]
    list: Option<List>,
}

#[derive(Clone, PartialEq, Oneof)]
enum List {
    #[prost(message, tag = "1")]
    Bytes(BytesList),
    #[prost(message, tag = "2")]
    Floats(FloatList),
    #[prost(message, tag = "3")]
    Integers(IntegerList),
}

#[derive(Clone, PartialEq, Message)]
struct BytesList {
    #[prost(bytes = "vec", repeated, tag = "1")]
    value: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct FloatList {
    #[prost(float, repeated, tag = "1")]
    value: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct IntegerList {
    #[prost(int64, repeated, tag = "1")]
    value: Vec<i64>,
}

/// The values of one feature, example after example.
pub enum Column {
    Float(Vec<f32>),
    Integer(Vec<i64>),
    Text(Vec<Vec<u8>>),
}

impl Column {
    pub fn new(dtype: DType) -> Result<Self, EngineError> {
        match dtype {
            DType::F32 => Ok(Self::Float(Vec::new())),
            DType::I64 => Ok(Self::Integer(Vec::new())),
            DType::String => Ok(Self::Text(Vec::new())),
            other => Err(fail(format!("features of {other}"))),
        }
    }

    /// Takes an example's values; how many, if the feature is there.
    fn take(&mut self, example: &Named, key: &str) -> Result<Option<usize>, EngineError> {
        self.take_all(example.feature.get(key), key)
    }

    /// Takes a feature's values; how many, if it has some.
    pub fn take_all(&mut self, feature: Option<&Feature>, key: &str) -> Result<Option<usize>, EngineError> {
        let Some(list) = feature.and_then(|f| f.list.as_ref()) else { return Ok(None) };
        Ok(Some(match (self, list) {
            (Self::Float(to), List::Floats(from)) => {
                to.extend(&from.value);
                from.value.len()
            }
            (Self::Integer(to), List::Integers(from)) => {
                to.extend(&from.value);
                from.value.len()
            }
            (Self::Text(to), List::Bytes(from)) => {
                to.extend(from.value.iter().cloned());
                from.value.len()
            }
            _ => return Err(fail(format!("feature {key:?} has values of another type"))),
        }))
    }

    /// Takes so many elements of a default, the last one again and again; of an empty one nothings.
    pub fn pad(&mut self, default: &Value, count: usize) -> Result<(), EngineError> {
        fn filled<T: Clone + Default>(from: &[T], count: usize) -> impl Iterator<Item = T> {
            let last = from.last().cloned().unwrap_or_default();
            let head: Vec<T> = from.iter().take(count).cloned().collect();
            let rest = count - head.len();
            head.into_iter().chain(std::iter::repeat_n(last, rest))
        }
        match self {
            Self::Float(to) => to.extend(filled(default.slice::<f32>()?, count)),
            Self::Integer(to) => to.extend(filled(default.slice::<i64>()?, count)),
            Self::Text(to) => to.extend(filled(default.texts()?, count)),
        }
        Ok(())
    }

    pub fn value(self, dims: &[usize]) -> Outcome {
        match self {
            Self::Float(values) => make(values, dims),
            Self::Integer(values) => make(values, dims),
            Self::Text(values) => Value::text(values, dims),
        }
    }
}

/// Serialized examples, sparse keys, dense keys, ragged keys, a default of each dense feature.
pub fn parse(features: &Features, inputs: &[&Value]) -> Values {
    let serialized = at(inputs, 0)?;
    // One example has no batch.
    let single = serialized.rank() == 0;
    let serialized = serialized.texts()?;
    let mut examples = Vec::with_capacity(serialized.len());
    for bytes in serialized {
        let example = Example::decode(bytes.as_slice());
        let example = example.map_err(|e| fail(format!("a string that is no tf.train.Example: {e}")))?;
        examples.push(example.features.unwrap_or_default());
    }
    parse_named(features, &examples, single, &inputs[1..])
}

/// Keys, as many as there are features.
pub fn keys(value: &Value, count: usize) -> Result<Vec<String>, EngineError> {
    let keys: Vec<String> = value.texts()?.iter().map(|k| String::from_utf8_lossy(k).into_owned()).collect();
    if keys.len() == count { Ok(keys) } else { Err(fail("as many keys as features are needed")) }
}

/// Sparse keys, dense keys, ragged keys, a default of each dense feature. One example, if it is `single`, has no batch.
pub fn parse_named(features: &Features, examples: &[Named], single: bool, inputs: &[&Value]) -> Values {
    let (mut indices, mut values, mut shapes) = (Vec::new(), Vec::new(), Vec::new());
    for (key, dtype) in keys(at(inputs, 0)?, features.sparse.len())?.iter().zip(&features.sparse) {
        let [at, of, shape] = sparse(examples, key, *dtype, single)?;
        indices.push(at);
        values.push(of);
        shapes.push(shape);
    }
    let mut dense = Vec::new();
    for (n, (key, feature)) in
        keys(at(inputs, 1)?, features.dense.len())?.iter().zip(&features.dense).enumerate()
    {
        dense.push(array(examples, key, feature, at(inputs, 3 + n)?, single)?);
    }
    let (mut rows, mut splits) = (Vec::new(), Vec::new());
    for (key, dtype) in keys(at(inputs, 2)?, features.ragged.len())?.iter().zip(&features.ragged) {
        let (column, counts) = column(examples, key, *dtype)?;
        let mut total = 0;
        let ends = counts.iter().map(|count| {
            total += count;
            total as i64
        });
        let ends: Vec<i64> = std::iter::once(0).chain(ends).collect();
        rows.push(column.value(&[total])?);
        let count = ends.len();
        splits.push(make(ends, &[count])?);
    }
    Ok([indices, values, shapes, dense, rows, splits].concat())
}

/// All values of a feature, and how many each example has.
fn column(examples: &[Named], key: &str, dtype: DType) -> Result<(Column, Vec<usize>), EngineError> {
    let mut column = Column::new(dtype)?;
    let mut counts = Vec::with_capacity(examples.len());
    for example in examples {
        counts.push(column.take(example, key)?.unwrap_or(0));
    }
    Ok((column, counts))
}

/// Indices, values, shape.
fn sparse(examples: &[Named], key: &str, dtype: DType, single: bool) -> Result<[Value; 3], EngineError> {
    let (column, counts) = column(examples, key, dtype)?;
    let longest = counts.iter().max().copied().unwrap_or(0) as i64;
    let total: usize = counts.iter().sum();
    let places = counts.iter().enumerate().flat_map(|(row, count)| (0..*count).map(move |n| (row, n)));
    let (places, width, shape): (Vec<i64>, _, _) = if single {
        (places.map(|(_, n)| n as i64).collect(), 1, vec![longest])
    } else {
        let pairs = places.flat_map(|(row, n)| [row as i64, n as i64]);
        (pairs.collect(), 2, vec![examples.len() as i64, longest])
    };
    Ok([make(places, &[total, width])?, column.value(&[total])?, make(shape, &[width])?])
}

/// The values of a feature as one array: of a fixed shape, or filled up to the longest.
fn array(
    examples: &[Named],
    key: &str,
    (dtype, shape): &(DType, Vec<Option<usize>>),
    default: &Value,
    single: bool,
) -> Outcome {
    let varies = shape.first() == Some(&None);
    let inner: Option<Vec<usize>> = shape.iter().skip(usize::from(varies)).copied().collect();
    let inner = inner.ok_or_else(|| fail(format!("feature {key:?} has no shape")))?;
    let size = elements(&inner)?;
    let longest = if varies {
        let (_, counts) = column(examples, key, *dtype)?;
        if size == 0 || counts.iter().any(|c| c % size != 0) {
            return Err(fail(format!("feature {key:?} does not fill rows of the shape {inner:?}")));
        }
        counts.iter().max().map(|c| c / size.max(1))
    } else {
        None
    };
    let dims: Vec<usize> = if varies { [&[longest.unwrap_or(0)], &inner[..]].concat() } else { inner };
    let whole = elements(&dims)?;
    elements(&[examples.len(), whole])?;
    let mut made = Column::new(*dtype)?;
    for example in examples {
        match made.take(example, key)? {
            Some(count) if varies => made.pad(default, whole - count)?,
            None if varies => made.pad(default, whole)?,
            Some(count) if count == whole => {}
            Some(count) => return Err(fail(format!("feature {key:?} has {count} of {whole} values"))),
            None if default.elem_count() == whole => made.pad(default, whole)?,
            None => return Err(fail(format!("feature {key:?} is missing"))),
        }
    }
    if single { made.value(&dims) } else { made.value(&[&[examples.len()], &dims[..]].concat()) }
}
