use super::{contents, request, typed};
use crate::grpc::proto::inference::infer_parameter::ParameterChoice;
use crate::grpc::proto::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use crate::grpc::proto::inference::{InferParameter, InferTensorContents, ModelInferRequest};
use berth_engine::{DType, Data};

fn tensor(datatype: &str, contents: Option<InferTensorContents>) -> InferInputTensor {
    InferInputTensor {
        name: "x".to_owned(),
        datatype: datatype.to_owned(),
        shape: vec![1],
        contents,
        ..InferInputTensor::default()
    }
}

fn message(inputs: Vec<InferInputTensor>, raw: usize) -> ModelInferRequest {
    ModelInferRequest {
        model_name: "m".to_owned(),
        inputs,
        raw_input_contents: vec![vec![0; 4].into(); raw],
        ..ModelInferRequest::default()
    }
}

fn parameter(name: &str, value: ParameterChoice) -> std::collections::HashMap<String, InferParameter> {
    [(name.to_owned(), InferParameter { parameter_choice: Some(value) })].into()
}

#[test]
fn contents_that_do_not_fit_are_refused() {
    let floats = || InferTensorContents { fp32_contents: vec![1.0], ..InferTensorContents::default() };
    let shared = InferInputTensor {
        parameters: parameter("shared_memory_region", ParameterChoice::StringParam("r".to_owned())),
        ..tensor("FP32", None)
    };
    let named = ModelInferRequest {
        parameters: parameter("signature_name", ParameterChoice::Int64Param(1)),
        ..message(vec![], 0)
    };
    let classes = |value| {
        let y = InferRequestedOutputTensor {
            name: "y".to_owned(),
            parameters: parameter("classification", value),
        };
        ModelInferRequest { outputs: vec![y], ..message(vec![], 0) }
    };
    let cases = [
        (message(vec![tensor("FP32", None)], 2), "2 raw_input_contents for 1 inputs"),
        (message(vec![], 1), "unexpected additional input data for model 'm'"),
        (message(vec![tensor("FP32", None)], 0), "unable to find data for input tensor 'x' for model 'm'"),
        (
            message(vec![tensor("FP32", None), tensor("FP32", None)], 1),
            "unable to find data for input tensor 'x'",
        ),
        (message(vec![tensor("FP32", Some(floats()))], 1), "contents field must not be specified"),
        (message(vec![tensor("INT32", Some(floats()))], 0), "of type 'FP32', expected datatype 'INT32'"),
        (
            message(vec![tensor("FP16", Some(floats()))], 0),
            "expected datatype 'FP16' (in the field of raw_input",
        ),
        (message(vec![tensor("float", None)], 1), "invalid datatype 'float'"),
        (message(vec![shared], 0), "shared memory"),
        (named, "expected string_param"),
        (classes(ParameterChoice::Int64Param(-1)), "expected int64_param from 0 on"),
        (classes(ParameterChoice::BoolParam(true)), "expected int64_param from 0 on"),
    ];
    for (message, wanted) in cases {
        let shown = format!("{message:?}");
        let told = request(message).err().unwrap_or_else(|| panic!("taken: {shown}")).to_string();
        assert!(told.contains(wanted), "{shown}\nis refused with: {told}\nnot with: {wanted}");
    }
}

#[test]
fn typed_values_come_back_as_they_went() {
    let cases = [
        (DType::Bool, Data::Bool(vec![true])),
        (DType::I8, Data::I64(vec![-128, 127])),
        (DType::I16, Data::I64(vec![-32_768, 32_767])),
        (DType::I32, Data::I64(vec![i64::from(i32::MIN), i64::from(i32::MAX)])),
        (DType::I64, Data::I64(vec![i64::MIN, i64::MAX])),
        (DType::U8, Data::I64(vec![255])),
        (DType::U16, Data::I64(vec![65_535])),
        (DType::U32, Data::I64(vec![i64::from(u32::MAX)])),
        (DType::U64, Data::I64(vec![i64::MAX])),
        (DType::F32, Data::F32(vec![0.1])),
        (DType::F64, Data::F64(vec![0.1])),
        (DType::String, Data::String(vec![b"\xff".to_vec(), vec![]])),
    ];
    for (dtype, data) in cases {
        assert_eq!(typed(dtype, contents(dtype, data.clone()), "x", "m").unwrap(), data, "{dtype}");
    }
    let out_of_range = [
        (DType::I8, InferTensorContents { int_contents: vec![128], ..InferTensorContents::default() }),
        (DType::U16, InferTensorContents { uint_contents: vec![65_536], ..InferTensorContents::default() }),
        (
            DType::U64,
            InferTensorContents { uint64_contents: vec![u64::MAX], ..InferTensorContents::default() },
        ),
    ];
    for (dtype, contents) in out_of_range {
        assert!(typed(dtype, contents, "x", "m").is_err(), "{dtype}");
    }
}
