//! Numbers in a shape, as fixtures write them: what is missing is null.

use berth_engine::{DType, Data, Tensor};
use serde_json::Value;

#[derive(Clone)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    pub fn of(json: &Value) -> Self {
        let shape = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let values = json["values"].as_array().unwrap();
        Self { shape, values: values.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect() }
    }

    pub fn row(&self, n: usize) -> Self {
        let width: usize = self.shape[1..].iter().product();
        let shape = [&[1], &self.shape[1..]].concat();
        Self { shape, values: self.values[n * width..(n + 1) * width].to_vec() }
    }

    pub fn tensor(&self, dtype: DType) -> Tensor {
        let data = match dtype {
            DType::F64 => Data::F64(self.values.clone()),
            _ => Data::F32(self.values.iter().map(|v| *v as f32).collect()),
        };
        Tensor::new(self.shape.clone(), data).unwrap()
    }
}
