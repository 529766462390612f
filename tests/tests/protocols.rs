//! The same request by every protocol: the same bits come back, whatever they are wrapped in.

use berth_server::grpc::proto::inference::model_infer_request::InferInputTensor;
use berth_server::grpc::proto::inference::{InferTensorContents, ModelInferRequest, ModelInferResponse};
use berth_server::grpc::proto::tensorflow::serving::{ModelSpec, PredictRequest, PredictResponse};
use berth_server::grpc::proto::tensorflow::{TensorProto, TensorShapeProto, tensor_shape_proto::Dim};
use berth_tests::examples::npy_rows;
use berth_tests::grpc::call;
use berth_tests::http::Answer;
use berth_tests::repository;
use berth_tests::server::{Server, Setup};
use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

const ARCHIVE: &str = "iris.tar.gz";
const MODEL: &str = "iris";
const SHAPE: [usize; 2] = [3, 4];
/// Numbers whose digits do not end in binary.
const ROWS: [f32; 12] = [5.1, 3.5, 1.4, 0.2, 6.7, 3.1, 4.7, 1.5, 6.3, 2.9, 5.6, 1.8];
/// TensorFlow's number for `float32`.
const DT_FLOAT: i32 = 1;

type Bits = Vec<u32>;

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_answers_with_the_same_bits() {
    let server = Setup::directory(&repository("examples/models")).start().await;
    let input = input_name(&server).await;
    let mut answers: Vec<(&str, Bits)> = sagemaker(&server, &input).await;
    answers.extend(tensorflow(&server, &input).await);
    answers.extend(open_inference(&server, &input).await);
    let (_, wanted) = &answers[0];
    assert_eq!(wanted.len(), SHAPE[0] * 3, "a probability for each class of each row");
    for (protocol, bits) in &answers {
        assert_eq!(bits, wanted, "{protocol}");
    }
    assert!(answers.len() >= 14, "{} ways", answers.len());
}

async fn input_name(server: &Server) -> String {
    let metadata = get(server, &format!("/v2/models/{MODEL}")).await;
    metadata["inputs"][0]["name"].as_str().unwrap_or_else(|| panic!("an input in {metadata}")).to_owned()
}

/// The runtime API and the container contract.
async fn sagemaker(server: &Server, input: &str) -> Vec<(&'static str, Bits)> {
    let instances = json!({ "instances": rows() }).to_string();
    let csv: String = ROWS
        .chunks(4)
        .map(|row| row.iter().map(f32::to_string).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    let named = [("content-type", "application/json"), ("x-amzn-sagemaker-target-model", ARCHIVE)];
    let table = [("content-type", "text/csv"), ("accept", "application/json")];
    let array = [("content-type", "application/json"), ("accept", "application/x-npy")];
    let columns = json!({ "inputs": { input: rows() } }).to_string();
    vec![
        ("InvokeEndpoint, rows", in_json(&server.invoke(ARCHIVE, instances.clone()).await, "predictions")),
        ("InvokeEndpoint, columns", in_json(&server.invoke(ARCHIVE, columns).await, "outputs")),
        ("InvokeEndpoint, CSV", in_json(&server.invoke_as(ARCHIVE, &table, csv).await, "predictions")),
        ("InvokeEndpoint, npy", in_npy(&server.invoke_as(ARCHIVE, &array, instances.clone()).await)),
        (
            "container, invoke",
            in_json(
                &post(server, &format!("/models/{ARCHIVE}/invoke"), &named, instances.clone()).await,
                "predictions",
            ),
        ),
        (
            "container, invocations",
            in_json(&post(server, "/invocations", &named, instances).await, "predictions"),
        ),
    ]
}

async fn tensorflow(server: &Server, input: &str) -> Vec<(&'static str, Bits)> {
    let path = format!("/v1/models/{MODEL}:predict");
    let rows_sent = json!({ "instances": rows() }).to_string();
    let columns_sent = json!({ "inputs": rows() }).to_string();
    let content: Bytes = ROWS.iter().flat_map(|x| x.to_le_bytes()).collect();
    let packed = TensorProto { tensor_content: content, ..tensor_proto() };
    let listed = TensorProto { float_val: ROWS.to_vec(), ..tensor_proto() };
    vec![
        ("TensorFlow Serving REST, rows", in_json(&post(server, &path, &[], rows_sent).await, "predictions")),
        (
            "TensorFlow Serving REST, columns",
            in_json(&post(server, &path, &[], columns_sent).await, "outputs"),
        ),
        ("TensorFlow Serving gRPC, content", predict(server, input, packed).await),
        ("TensorFlow Serving gRPC, values", predict(server, input, listed).await),
    ]
}

fn tensor_proto() -> TensorProto {
    let dim = |n: &usize| Dim { size: i64::try_from(*n).expect("a small extent"), ..Dim::default() };
    let shape = TensorShapeProto { dim: SHAPE.iter().map(dim).collect(), ..TensorShapeProto::default() };
    TensorProto { dtype: DT_FLOAT, tensor_shape: Some(shape), ..TensorProto::default() }
}

async fn predict(server: &Server, input: &str, tensor: TensorProto) -> Bits {
    let spec = ModelSpec { name: MODEL.to_owned(), ..ModelSpec::default() };
    let request = PredictRequest {
        model_spec: Some(spec),
        inputs: [(input.to_owned(), tensor)].into_iter().collect(),
        ..PredictRequest::default()
    };
    let method = "tensorflow.serving.PredictionService/Predict";
    let answer: PredictResponse = call(server.address(), method, &request).await.expect("an answer");
    let output = answer.outputs.into_values().next().expect("an output");
    if output.tensor_content.is_empty() {
        return output.float_val.iter().map(|x| x.to_bits()).collect();
    }
    raw(&output.tensor_content)
}

async fn open_inference(server: &Server, input: &str) -> Vec<(&'static str, Bits)> {
    let path = format!("/v2/models/{MODEL}/infer");
    let tensor = json!({ "name": input, "shape": SHAPE, "datatype": "FP32", "data": ROWS });
    let body = json!({ "inputs": [tensor] }).to_string();
    let values: Bytes = ROWS.iter().flat_map(|x| x.to_le_bytes()).collect();
    let typed = InferTensorContents { fp32_contents: ROWS.to_vec(), ..InferTensorContents::default() };
    vec![
        ("Open Inference Protocol REST, JSON", in_outputs(&post(server, &path, &[], body).await)),
        ("Open Inference Protocol REST, binary", binary(server, &path, input, &values).await),
        ("Open Inference Protocol gRPC, raw", infer(server, input, None, vec![values]).await),
        ("Open Inference Protocol gRPC, values", infer(server, input, Some(typed), Vec::new()).await),
    ]
}

async fn binary(server: &Server, path: &str, input: &str, values: &[u8]) -> Bits {
    let size = json!({ "binary_data_size": values.len() });
    let tensor = json!({ "name": input, "shape": SHAPE, "datatype": "FP32", "parameters": size });
    let header = json!({ "inputs": [tensor], "parameters": { "binary_data_output": true } }).to_string();
    let length = header.len().to_string();
    let body = [header.as_bytes(), values].concat();
    let answer = post(server, path, &[("inference-header-content-length", &length)], body).await;
    assert_eq!(answer.status, 200, "{}", answer.show());
    let length: usize = answer.header("inference-header-content-length").parse().expect("a length");
    raw(&answer.body[length..])
}

async fn infer(
    server: &Server,
    input: &str,
    contents: Option<InferTensorContents>,
    raw_contents: Vec<Bytes>,
) -> Bits {
    let tensor = InferInputTensor {
        name: input.to_owned(),
        datatype: "FP32".to_owned(),
        shape: SHAPE.iter().map(|n| i64::try_from(*n).expect("a small extent")).collect(),
        contents,
        ..InferInputTensor::default()
    };
    let request = ModelInferRequest {
        model_name: MODEL.to_owned(),
        inputs: vec![tensor],
        raw_input_contents: raw_contents,
        ..ModelInferRequest::default()
    };
    let method = "inference.GRPCInferenceService/ModelInfer";
    let answer: ModelInferResponse = call(server.address(), method, &request).await.expect("an answer");
    // Typed contents are answered typed.
    match answer.raw_output_contents.first() {
        Some(contents) => raw(contents),
        None => {
            let contents = answer.outputs[0].contents.as_ref().expect("contents");
            contents.fp32_contents.iter().map(|x| x.to_bits()).collect()
        }
    }
}

fn rows() -> Vec<&'static [f32]> {
    ROWS.chunks(SHAPE[1]).collect()
}

async fn get(server: &Server, path: &str) -> Value {
    server.send(Method::GET, path, &[], Bytes::new()).await.expect("an answer").json()
}

async fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    server.send(Method::POST, path, headers, body).await.expect("an answer")
}

fn in_json(answer: &Answer, key: &str) -> Bits {
    assert_eq!(answer.status, 200, "{}", answer.show());
    numbers(&answer.json()[key])
}

fn in_outputs(answer: &Answer) -> Bits {
    assert_eq!(answer.status, 200, "{}", answer.show());
    numbers(&answer.json()["outputs"][0]["data"])
}

fn in_npy(answer: &Answer) -> Bits {
    assert_eq!(answer.status, 200, "{}", answer.show());
    npy_rows(&answer.body).concat().iter().map(|x| (*x as f32).to_bits()).collect()
}

/// Numbers at any depth, as `float32`: the shortest digits that mean one value are read back as it.
fn numbers(value: &Value) -> Bits {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![(number.as_f64().unwrap_or_else(|| panic!("a number: {number}")) as f32).to_bits()],
    }
}

fn raw(bytes: &[u8]) -> Bits {
    bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()
}
