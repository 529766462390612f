//! Tensors of requests and answers, by name, as a signature says.

use crate::value::{Contents, Value};
use crate::{DType, Data, EngineError, Signature, Tensor, TensorSpec};
use half::{bf16, f16};

/// Tensors by the names of a signature.
pub type Named = Vec<(String, Tensor)>;

/// The outputs of a run, by name.
pub fn answer(signature: &Signature, outputs: &[Value]) -> Result<Named, EngineError> {
    let named = signature.outputs.iter().zip(outputs);
    named.map(|(spec, v)| Ok((spec.name.clone(), outgoing(spec, v)?))).collect()
}

/// The values of a signature's inputs in its order, each checked against what it takes.
pub fn arrange(signature: &Signature, inputs: Named) -> Result<Vec<Value>, EngineError> {
    let expected = || {
        let all: Vec<String> =
            signature.inputs.iter().map(|i| format!("{:?} {}", i.name, i.describe())).collect();
        format!("signature {:?} takes: {}", signature.name, all.join(", "))
    };
    let mut given: Vec<Option<Tensor>> = vec![None; signature.inputs.len()];
    for (name, tensor) in inputs {
        let at = signature.inputs.iter().position(|i| i.name == name);
        let at =
            at.ok_or_else(|| EngineError::input(format!("there is no input {name:?}; {}", expected())))?;
        if given[at].replace(tensor).is_some() {
            return Err(EngineError::input(format!("input {name:?} is there twice")));
        }
    }
    signature
        .inputs
        .iter()
        .zip(given)
        .map(|(spec, tensor)| match tensor {
            Some(tensor) => incoming(spec, tensor),
            None => Err(EngineError::input(format!("input {:?} is missing; {}", spec.name, expected()))),
        })
        .collect()
}

fn incoming(spec: &TensorSpec, tensor: Tensor) -> Result<Value, EngineError> {
    if !spec.accepts(tensor.shape()) {
        return Err(EngineError::input(format!(
            "input {:?} must be {}, got shape {:?}",
            spec.name,
            spec.describe(),
            tensor.shape()
        )));
    }
    let (shape, data) = tensor.into_parts();
    match (data, spec.dtype) {
        (Data::F32(v), DType::F32 | DType::F16 | DType::BF16) => Value::of(v, &shape),
        (Data::F64(v), DType::F64) => Value::of(v, &shape),
        (Data::Bool(v), DType::Bool) => Value::of(v.into_iter().map(u8::from).collect::<Vec<u8>>(), &shape),
        (Data::I64(v), d) if is_integer(d) => Value::of(v, &shape),
        (Data::String(v), DType::String) => Value::text(v, &shape),
        _ => Err(EngineError::input(format!("input {:?} must be {}", spec.name, spec.describe()))),
    }
}

fn is_integer(dtype: DType) -> bool {
    !matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16 | DType::Bool | DType::String)
}

fn outgoing(spec: &TensorSpec, value: &Value) -> Result<Tensor, EngineError> {
    let data = match value.contents() {
        // What was computed is finer than these types are.
        Contents::F32(m) => Data::F32(match spec.dtype {
            DType::F16 => m.iter().map(|x| f16::from_f32(*x).to_f32()).collect(),
            DType::BF16 => m.iter().map(|x| bf16::from_f32(*x).to_f32()).collect(),
            _ => m.to_vec(),
        }),
        Contents::F64(m) => Data::F64(m.to_vec()),
        Contents::I64(m) => Data::I64(m.to_vec()),
        Contents::Bool(m) => Data::Bool(m.iter().map(|b| *b != 0).collect()),
        Contents::Text(t) => Data::String(t.to_vec()),
        Contents::List(_) => {
            return Err(EngineError::Execution(format!("output {:?} is a list", spec.name)));
        }
    };
    Tensor::new(value.dims().to_vec(), data)
}
