//! What the graphs of one model share: weights, forests, vocabularies.

use crate::graph::{Forests, Literal, Vectoriser, Weight};
use crate::kernels::into_value;
use crate::value::Value;
use crate::{DType, EngineError};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What the graphs of one model share.
#[derive(Default)]
pub struct Pool {
    pub weights: Vec<Weight>,
    pub values: Vec<Value>,
    alike: HashMap<u64, Vec<usize>>,
    /// Forests and vocabularies, by the node they were made of and what of it they are.
    pub forests: HashMap<(u32, usize), Arc<Forests>>,
    pub vectorisers: HashMap<u32, Arc<Vectoriser>>,
}

impl Pool {
    /// The number of a weight, each once however many signatures use it.
    pub fn number(&mut self, data: Vec<f64>, shape: &[usize]) -> Result<usize, EngineError> {
        let mut hasher = DefaultHasher::new();
        shape.hash(&mut hasher);
        data.iter().for_each(|x| x.to_bits().hash(&mut hasher));
        let digest = hasher.finish();
        let same = |n: &&usize| {
            let bits = |x: &f64| x.to_bits();
            let known = self.values[**n].slice::<f64>().unwrap_or(&[]);
            self.values[**n].dims() == shape && known.iter().map(bits).eq(data.iter().map(bits))
        };
        if let Some(number) = self.alike.get(&digest).and_then(|all| all.iter().find(same)) {
            return Ok(*number);
        }
        let number = self.values.len();
        self.weights.push(Weight {
            key: number.to_string(),
            part: None,
            dtype: DType::F64,
            shape: shape.to_vec(),
            elements: data.len(),
            stored: data.len() as u64 * 8,
        });
        self.values.push(into_value(Literal::F64(data, shape.to_vec()))?);
        self.alike.entry(digest).or_default().push(number);
        Ok(number)
    }
}
