//! `tf.train.SequenceExample`: features of the whole, and lists of features, one for each step.

use super::super::access::make;
use super::super::moves::blank;
use super::super::{Value, elements, fail};
use super::example::{Column, Feature, Named, keys, parse_named};
use super::{Values, at};
use crate::graph::Sequences;
use crate::value::Kind;
use crate::{DType, EngineError};
use prost::Message;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
struct SequenceExample {
    #[prost(message, optional, tag = "1")]
    context: Option<Named>,
    #[prost(message, optional, tag = "2")]
    lists: Option<Lists>,
}

#[derive(Clone, PartialEq, Message)]
struct Lists {
    #[prost(map = "string, message", tag = "1")]
    list: HashMap<String, Steps>,
}

#[derive(Clone, PartialEq, Message)]
struct Steps {
    #[prost(message, repeated, tag = "1")]
    feature: Vec<Feature>,
}

/// The lists of a batch.
struct Batch {
    examples: Vec<Lists>,
    /// There is one example, which has no batch.
    single: bool,
}

pub fn parse(features: &Sequences, inputs: &[&Value]) -> Values {
    let serialized = at(inputs, 0)?;
    let single = serialized.rank() == 0;
    let (mut contexts, mut examples) = (Vec::new(), Vec::new());
    for bytes in serialized.texts()? {
        let example = SequenceExample::decode(bytes.as_slice());
        let example =
            example.map_err(|e| fail(format!("a string that is no tf.train.SequenceExample: {e}")))?;
        contexts.push(example.context.unwrap_or_default());
        examples.push(example.lists.unwrap_or_default());
    }
    let batch = Batch { examples, single };
    let own = [inputs.get(1..4).unwrap_or(&[]), inputs.get(8..).unwrap_or(&[])].concat();
    let mut made = parse_named(&features.context, &contexts, single, &own)?;
    let steps = &features.steps;
    let each = |n: usize, count: usize| keys(at(inputs, n)?, count);
    let sparse = each(4, steps.sparse.len())?;
    let sparse = sparse.iter().zip(&steps.sparse).map(|(key, dtype)| batch.sparse(key, *dtype));
    made.extend(by_place(&sparse.collect::<Result<Vec<_>, _>>()?));
    let missing = at(inputs, 7)?;
    let mut dense = Vec::new();
    for (n, (key, (dtype, shape))) in each(5, steps.dense.len())?.iter().zip(&steps.dense).enumerate() {
        let may_be_missing = match missing.kind() {
            Kind::Text => missing.texts()?.iter().any(|name| name == key.as_bytes()),
            _ => missing.slice::<u8>()?.get(n) == Some(&1),
        };
        dense.push(batch.dense(key, *dtype, shape, may_be_missing)?);
    }
    made.extend(by_place(&dense));
    let ragged = each(6, steps.ragged.len())?;
    let ragged = ragged.iter().zip(&steps.ragged).map(|(key, dtype)| batch.ragged(key, *dtype));
    made.extend(by_place(&ragged.collect::<Result<Vec<_>, _>>()?));
    Ok(made)
}

/// The first of each, then the second of each.
fn by_place<const N: usize>(parts: &[[Value; N]]) -> Vec<Value> {
    (0..N).flat_map(|n| parts.iter().map(move |part| part[n].clone())).collect()
}

impl Batch {
    /// The steps of each example; none where the list is missing.
    fn steps(&self, key: &str) -> Vec<&[Feature]> {
        self.examples.iter().map(|e| e.list.get(key).map_or(&[][..], |s| &s.feature)).collect()
    }

    /// Indices, values, shape.
    fn sparse(&self, key: &str, dtype: DType) -> Result<[Value; 3], EngineError> {
        let (mut column, mut places, mut total) = (Column::new(dtype)?, Vec::new(), 0);
        let (mut longest, mut widest) = (0, 0);
        for (row, steps) in self.steps(key).into_iter().enumerate() {
            longest = longest.max(steps.len());
            for (step, feature) in steps.iter().enumerate() {
                let count = column.take_all(Some(feature), key)?.unwrap_or(0);
                widest = widest.max(count);
                total += count;
                for n in 0..count {
                    places.extend(self.tuple(row, step, n));
                }
            }
        }
        let shape: Vec<i64> = self.tuple(self.examples.len(), longest, widest).collect();
        let rank = shape.len();
        Ok([make(places, &[total, rank])?, column.value(&[total])?, make(shape, &[rank])?])
    }

    fn tuple(&self, row: usize, step: usize, n: usize) -> impl Iterator<Item = i64> {
        [row, step, n].into_iter().skip(usize::from(self.single)).map(|n| n as i64)
    }

    /// All steps of one shape, filled up to the longest; how many steps each example has.
    fn dense(
        &self,
        key: &str,
        dtype: DType,
        shape: &[Option<usize>],
        may_be_missing: bool,
    ) -> Result<[Value; 2], EngineError> {
        let inner: Option<Vec<usize>> = shape.iter().copied().collect();
        let inner = inner.ok_or_else(|| fail(format!("feature {key:?} has no shape")))?;
        if !may_be_missing && self.examples.iter().any(|e| !e.list.contains_key(key)) {
            return Err(fail(format!("feature list {key:?} is missing")));
        }
        let all = self.steps(key);
        let longest = all.iter().map(|s| s.len()).max().unwrap_or(0);
        let dims = [&[all.len(), longest], &inner[..]].concat();
        let size = elements(&inner)?;
        elements(&dims)?;
        let kind = match dtype {
            DType::F32 => Kind::F32,
            DType::String => Kind::Text,
            _ => Kind::I64,
        };
        let (nothing, mut column) = (blank(kind, &[1])?, Column::new(dtype)?);
        for steps in &all {
            for feature in *steps {
                let count = column.take_all(Some(feature), key)?.unwrap_or(0);
                if count != size {
                    return Err(fail(format!("a step of feature {key:?} has {count} of {size} values")));
                }
            }
            column.pad(&nothing, (longest - steps.len()) * size)?;
        }
        let lengths: Vec<i64> = all.iter().map(|s| s.len() as i64).collect();
        let count = lengths.len();
        let dims = if self.single { &dims[1..] } else { &dims };
        let lengths = if self.single { make(lengths, &[])? } else { make(lengths, &[count])? };
        Ok([column.value(dims)?, lengths])
    }

    /// Values, splits by example, splits by step.
    fn ragged(&self, key: &str, dtype: DType) -> Result<[Value; 3], EngineError> {
        let (mut column, mut total) = (Column::new(dtype)?, 0);
        let (mut outer, mut inner) = (vec![0i64], vec![0i64]);
        for steps in self.steps(key) {
            for feature in steps {
                total += column.take_all(Some(feature), key)?.unwrap_or(0);
                inner.push(total as i64);
            }
            outer.push(inner.len() as i64 - 1);
        }
        let (rows, steps) = (outer.len(), inner.len());
        Ok([column.value(&[total])?, make(outer, &[rows])?, make(inner, &[steps])?])
    }
}
