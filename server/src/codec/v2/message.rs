//! The protocol's requests and answers over gRPC. Values come raw or in typed fields, and go as they came.

use super::outputs::Output;
use super::{Input, Request, Values, Wanted, datatype, inputs, no_shared_memory, outputs, raw};
use crate::error::InvokeError;
use crate::grpc::proto::inference::infer_parameter::ParameterChoice;
use crate::grpc::proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use crate::grpc::proto::inference::model_infer_response::InferOutputTensor;
use crate::grpc::proto::inference::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
};
use crate::invoke::{Call, Exchange};
use berth_engine::{DType, Data, Model, Tensor};
use bytes::Bytes;
use prost::Message as _;
use std::collections::HashMap;

/// A request's message, to be answered with one.
#[derive(Debug)]
pub struct Infer {
    message: ModelInferRequest,
    request: Request,
    /// Values are in typed fields.
    typed: bool,
    /// What was run, once it is known.
    signature: String,
}

impl Infer {
    /// Of a request, to be answered by the version of this number.
    pub fn new(message: ModelInferRequest, version: u64) -> Self {
        let typed =
            message.raw_input_contents.is_empty() && message.inputs.iter().any(|i| i.contents.is_some());
        Self { message, request: Request { version, ..Request::default() }, typed, signature: String::new() }
    }
}

impl Exchange for Infer {
    type Answer = ModelInferResponse;

    fn bytes(&self) -> usize {
        self.message.encoded_len()
    }

    fn decode(&mut self, model: &Model) -> Result<Call, InvokeError> {
        self.request =
            Request { version: self.request.version, ..request(std::mem::take(&mut self.message))? };
        let call = inputs::call(&mut self.request, model)?;
        self.signature.clone_from(&call.signature);
        Ok(call)
    }

    fn encode(
        self,
        model: &Model,
        outputs: Vec<(String, Tensor)>,
    ) -> Result<ModelInferResponse, InvokeError> {
        let outputs = outputs::select(&self.request.wanted, &self.signature, model, outputs)?;
        // Halves have no typed field, and an answer has all its values in one way.
        let typed = self.typed && !outputs.iter().any(|o| matches!(o.dtype, DType::F16 | DType::BF16));
        let mut answer = ModelInferResponse {
            model_name: self.request.model,
            model_version: self.request.version.to_string(),
            id: self.request.id,
            outputs: Vec::with_capacity(outputs.len()),
            ..ModelInferResponse::default()
        };
        for output in outputs {
            let Output { name, dtype, shape, data, .. } = output;
            let contents = if typed {
                Some(contents(dtype, data))
            } else {
                let mut bytes = Vec::with_capacity(raw::size(dtype, &data));
                raw::write(dtype, &data, &mut bytes);
                answer.raw_output_contents.push(bytes.into());
                None
            };
            answer.outputs.push(InferOutputTensor {
                name,
                datatype: datatype::name(dtype).to_owned(),
                shape: shape.iter().map(|n| i64::try_from(*n).unwrap_or(i64::MAX)).collect(),
                parameters: HashMap::new(),
                contents,
            });
        }
        Ok(answer)
    }
}

/// The message in the internal form.
fn request(message: ModelInferRequest) -> Result<Request, InvokeError> {
    let ModelInferRequest { model_name: model, id, inputs, outputs, raw_input_contents, .. } = message;
    let signature = match message.parameters.get("signature_name") {
        None => None,
        Some(InferParameter { parameter_choice: Some(ParameterChoice::StringParam(name)) }) => {
            Some(name.clone())
        }
        Some(_) => {
            return Err(InvokeError::bad(
                "invalid value type for 'signature_name' parameter, expected string_param",
            ));
        }
    };
    if raw_input_contents.len() > inputs.len() {
        return Err(InvokeError::bad(format!(
            "unexpected additional input data for model '{model}': {} raw_input_contents for {} inputs",
            raw_input_contents.len(),
            inputs.len()
        )));
    }
    let has_raw = !raw_input_contents.is_empty();
    let mut raw = raw_input_contents.into_iter();
    let mut all = Vec::with_capacity(inputs.len());
    for tensor in inputs {
        let raw = raw.next();
        all.push(input(tensor, raw, has_raw, &model)?);
    }
    let wanted = outputs.into_iter().map(wanted).collect::<Result<_, _>>()?;
    Ok(Request { model, version: 0, id, signature, inputs: all, wanted })
}

fn input(
    tensor: InferInputTensor,
    raw: Option<Bytes>,
    has_raw: bool,
    model: &str,
) -> Result<Input, InvokeError> {
    let InferInputTensor { name, datatype, shape, parameters, contents } = tensor;
    if parameters.contains_key("shared_memory_region") {
        return Err(no_shared_memory(&name));
    }
    let dtype = datatype::parse(&datatype, &name)?;
    let values = match (raw, contents) {
        (_, Some(_)) if has_raw => {
            return Err(InvokeError::bad(format!(
                "contents field must not be specified when using raw_input_contents for '{name}' for model '{model}'"
            )));
        }
        (Some(bytes), _) => Values::Raw(bytes),
        (None, Some(contents)) => Values::Typed(typed(dtype, contents, &name, model)?),
        (None, None) => {
            return Err(InvokeError::bad(format!(
                "unable to find data for input tensor '{name}' for model '{model}' in request."
            )));
        }
    };
    Ok(Input { name, dtype, shape, values })
}

fn wanted(output: InferRequestedOutputTensor) -> Result<Wanted, InvokeError> {
    let InferRequestedOutputTensor { name, parameters } = output;
    if parameters.contains_key("shared_memory_region") {
        return Err(no_shared_memory(&name));
    }
    let classes = match parameters.get("classification").map(|p| &p.parameter_choice) {
        None => 0,
        Some(Some(ParameterChoice::Int64Param(n))) if *n >= 0 => usize::try_from(*n).unwrap_or(usize::MAX),
        Some(_) => {
            return Err(InvokeError::bad(
                "invalid value type for 'classification' parameter, expected int64_param from 0 on",
            ));
        }
    };
    Ok(Wanted { name, classes, binary: None })
}

/// The values of the field for a type; the other fields must be empty.
fn typed(dtype: DType, contents: InferTensorContents, input: &str, model: &str) -> Result<Data, InvokeError> {
    let InferTensorContents {
        bool_contents: bools,
        int_contents: ints,
        int64_contents: longs,
        uint_contents: uints,
        uint64_contents: ulongs,
        fp32_contents: floats,
        fp64_contents: doubles,
        bytes_contents: strings,
    } = contents;
    let filled = [
        (bools.len(), "BOOL"),
        (ints.len(), "INT32"),
        (longs.len(), "INT64"),
        (uints.len(), "UINT32"),
        (ulongs.len(), "UINT64"),
        (floats.len(), "FP32"),
        (doubles.len(), "FP64"),
        (strings.len(), "BYTES"),
    ];
    let wanted = match dtype {
        DType::I8 | DType::I16 => "INT32",
        DType::U8 | DType::U16 => "UINT32",
        DType::F16 | DType::BF16 => "raw_input_contents",
        other => datatype::name(other),
    };
    if let Some((_, field)) = filled.iter().find(|(n, field)| *n > 0 && *field != wanted) {
        return Err(InvokeError::bad(format!(
            "unexpected explicit tensor data for input tensor '{input}' for model '{model}' of type '{field}', expected \
             datatype '{}' (in the field of {wanted})",
            datatype::name(dtype)
        )));
    }
    Ok(match dtype {
        DType::Bool => Data::Bool(bools),
        DType::I8 | DType::I16 | DType::I32 => Data::I64(in_range(ints, dtype, input)?),
        DType::U8 | DType::U16 | DType::U32 => Data::I64(in_range(uints, dtype, input)?),
        DType::I64 => Data::I64(longs),
        DType::U64 => {
            let fit = ulongs.into_iter().map(|n| i64::try_from(n).map_err(|_| raw::too_large(n, input)));
            Data::I64(fit.collect::<Result<_, _>>()?)
        }
        DType::F32 | DType::F16 | DType::BF16 => Data::F32(floats),
        DType::F64 => Data::F64(doubles),
        DType::String => Data::String(strings.iter().map(|s| s.to_vec()).collect()),
    })
}

/// Integers in a field that is wider than their type.
fn in_range<T: Into<i64>>(values: Vec<T>, dtype: DType, input: &str) -> Result<Vec<i64>, InvokeError> {
    let (least, most) = match dtype {
        DType::I8 => (-128, 127),
        DType::I16 => (-32_768, 32_767),
        DType::U8 => (0, 255),
        DType::U16 => (0, 65_535),
        _ => (i64::MIN, i64::MAX),
    };
    let checked = values.into_iter().map(Into::into).map(|n| {
        if (least..=most).contains(&n) {
            return Ok(n);
        }
        Err(InvokeError::bad(format!("{n} in input '{input}' is no value of {}", datatype::name(dtype))))
    });
    checked.collect()
}

/// A tensor's values in the field for its type.
fn contents(dtype: DType, data: Data) -> InferTensorContents {
    let none = InferTensorContents::default();
    match (data, dtype) {
        (Data::F32(v), _) => InferTensorContents { fp32_contents: v, ..none },
        (Data::F64(v), _) => InferTensorContents { fp64_contents: v, ..none },
        (Data::Bool(v), _) => InferTensorContents { bool_contents: v, ..none },
        (Data::String(v), _) => {
            InferTensorContents { bytes_contents: v.into_iter().map(Bytes::from).collect(), ..none }
        }
        // The lowest bytes of an integer are that of the narrower type.
        (Data::I64(v), DType::I8 | DType::I16 | DType::I32) => {
            InferTensorContents { int_contents: v.iter().map(|n| *n as i32).collect(), ..none }
        }
        (Data::I64(v), DType::U8 | DType::U16 | DType::U32) => {
            InferTensorContents { uint_contents: v.iter().map(|n| *n as u32).collect(), ..none }
        }
        (Data::I64(v), DType::U64) => {
            InferTensorContents { uint64_contents: v.iter().map(|n| n.cast_unsigned()).collect(), ..none }
        }
        (Data::I64(v), _) => InferTensorContents { int64_contents: v, ..none },
    }
}

#[cfg(test)]
mod tests;
