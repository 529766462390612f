//! Tables of keys and values.

use crate::graph::Literal;
use std::collections::HashMap;

/// What a table knows its keys by.
#[derive(Debug, Clone, PartialEq)]
pub enum Keys {
    /// Byte strings.
    Text(HashMap<Vec<u8>, usize>),
    /// Integers.
    Integer(HashMap<i64, usize>),
    /// Floats, by the bits of [`float_key`].
    Float(HashMap<u64, usize>),
}

/// What a float is known by: all that are not numbers are one, and so are the two zeros.
pub fn float_key(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}

/// An immutable table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Where each key's value is.
    pub keys: Keys,
    /// One for each key.
    pub values: Literal,
}

impl Table {
    /// Keys and as many values. None: they are not keys, or not as many.
    pub fn new(keys: &Literal, values: Literal) -> Option<Self> {
        let count = match &values {
            Literal::F32(v, _) => v.len(),
            Literal::F64(v, _) => v.len(),
            Literal::I64(v, _) => v.len(),
            Literal::Bool(v, _) => v.len(),
            Literal::Text(v, _) => v.len(),
        };
        let (keys, given) = match keys {
            Literal::Text(k, _) => {
                (Keys::Text(k.iter().cloned().enumerate().map(|(n, k)| (k, n)).collect()), k.len())
            }
            Literal::I64(k, _) => {
                (Keys::Integer(k.iter().enumerate().map(|(n, k)| (*k, n)).collect()), k.len())
            }
            Literal::F32(k, _) => {
                let keys = k.iter().enumerate().map(|(n, k)| (float_key(f64::from(*k)), n));
                (Keys::Float(keys.collect()), k.len())
            }
            Literal::F64(k, _) => {
                (Keys::Float(k.iter().enumerate().map(|(n, k)| (float_key(*k), n)).collect()), k.len())
            }
            Literal::Bool(..) => return None,
        };
        (given == count).then_some(Self { keys, values })
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        match &self.keys {
            Keys::Text(k) => k.len(),
            Keys::Integer(k) => k.len(),
            Keys::Float(k) => k.len(),
        }
    }
}
