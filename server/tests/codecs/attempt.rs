//! What is done with a request's body that may be hostile: it is read for some models, and what was read is written as answers are.

use berth_engine::{DType, Model, Prepared, Tensor};
use berth_server::codec::{
    Accept, ContentType, Form, decode, encode, examples, serving, tensor_proto, tf_record, v2,
};
use berth_server::grpc::proto::inference::ModelInferRequest;
use berth_server::grpc::proto::tensorflow::TensorProto;
use berth_server::invoke::{Call, Exchange as _};
use bytes::Bytes;
use prost::Message as _;
use std::path::Path;
use std::sync::LazyLock;

/// The ways in which bodies are written.
pub const TARGETS: [&str; 13] = [
    "any",
    "csv",
    "examples",
    "json",
    "json-lines",
    "libsvm",
    "npy",
    "recordio",
    "serving",
    "tensor-proto",
    "tf-record",
    "v2",
    "v2-grpc",
];
const ACCEPTS: [Accept; 7] = [
    Accept::Any,
    Accept::Json,
    Accept::Csv,
    Accept::Npy,
    Accept::JsonLines,
    Accept::RecordIo,
    Accept::VerboseLines,
];
/// Bytes that the short forms of a request may grow by.
const ROOM: u64 = 1 << 20;
/// Bytes of tensors that no body of a fuzzer's size may become.
const MOST_BYTES: u64 = 64 << 20;
const DTYPES: [DType; 14] = [
    DType::BF16,
    DType::F16,
    DType::F32,
    DType::F64,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::Bool,
    DType::String,
];
/// One input of floats; several inputs and types; texts; tables; SageMaker's own.
const MODELS: [&str; 5] = [
    "tests/fixtures/several",
    "tests/fixtures/texts",
    "tests/boosters/xgb-linear-classes/model",
    "tests/mxnet/linear-classes/model",
    "tests/sklearn/ada/model",
];

static LOADED: LazyLock<Vec<Model>> = LazyLock::new(|| {
    // The fuzzer's package lies in the server's.
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let engine = places.map(|place| place.join("engine")).find(|engine| engine.is_dir()).unwrap();
    MODELS.iter().map(|dir| open(&engine.join(dir))).collect()
});

fn open(dir: &Path) -> Model {
    let chosen = berth_engine::Versions::find(dir).choose(None).unwrap().unwrap();
    Prepared::open(&chosen.dir).unwrap().load().unwrap()
}

/// What the server says of a body.
pub fn attempt(target: &str, body: &[u8]) -> String {
    let of =
        |content_type| LOADED.iter().map(|m| table(content_type, body, m)).collect::<Vec<_>>().join("; ");
    match target {
        "any" => of(ContentType::Unknown),
        "csv" => of(ContentType::Csv),
        "json" => of(ContentType::Json),
        "json-lines" => of(ContentType::JsonLines),
        "libsvm" => of(ContentType::LibSvm),
        "npy" => of(ContentType::Npy),
        "recordio" => of(ContentType::RecordIo),
        "examples" => match examples::Examples::read(body) {
            Ok(examples) => format!("{} examples", examples.serialized().len()),
            Err(error) => error.to_string(),
        },
        "serving" => by_all(|model| {
            let mut request = serving::Predict::new(Bytes::copy_from_slice(body));
            let call = request.decode(model).map_err(|e| e.to_string())?;
            answered(call, |outputs| request.encode(model, outputs).map(|a| a.len()))
        }),
        "tensor-proto" => tensor(body),
        "tf-record" => {
            let records = tf_record::Records::new(body, body.len() as u64);
            format!("{} records", records.take_while(Result::is_ok).count())
        }
        "v2" => by_all(|model| infer(body, model)),
        "v2-grpc" => by_all(|model| {
            let message = ModelInferRequest::decode(body).map_err(|e| e.to_string())?;
            let mut request = v2::message::Infer::new(message, 1);
            let call = request.decode(model).map_err(|e| e.to_string())?;
            answered(call, |outputs| request.encode(model, outputs).map(|a| a.encoded_len()))
        }),
        other => panic!("{other:?} is none of {TARGETS:?}"),
    }
}

fn by_all(mut one: impl FnMut(&Model) -> Result<String, String>) -> String {
    LOADED.iter().map(|model| one(model).unwrap_or_else(|e| e)).collect::<Vec<_>>().join("; ")
}

fn table(content_type: ContentType, body: &[u8], model: &Model) -> String {
    let read = match decode(content_type, body, model) {
        Ok(read) => read,
        Err(error) => return error.to_string(),
    };
    bounded(&read.inputs);
    // What was read is as good an answer as any.
    for accept in ACCEPTS {
        for form in [read.form, Form::Columns, Form::Bare, Form::Values, Form::Records("predictions")] {
            let _ = encode(accept, form, &read.inputs);
        }
    }
    format!("{} inputs", read.inputs.len())
}

fn bounded(inputs: &[(String, Tensor)]) {
    let call = Call { signature: String::new(), inputs: inputs.to_vec() };
    assert!(call.bytes() <= MOST_BYTES, "a body became {} bytes of tensors", call.bytes());
}

fn answered<E: ToString>(
    call: Call,
    encode: impl FnOnce(Vec<(String, Tensor)>) -> Result<usize, E>,
) -> Result<String, String> {
    bounded(&call.inputs);
    encode(call.inputs).map(|length| format!("an answer of {length} bytes")).map_err(|e| e.to_string())
}

/// The first two bytes say how long the JSON is; all ones: that is not said.
fn infer(body: &[u8], model: &Model) -> Result<String, String> {
    let (length, rest) = body.split_first_chunk::<2>().ok_or("no body")?;
    let length = u16::from_le_bytes(*length);
    let header = (length != u16::MAX).then_some(usize::from(length));
    let request = v2::rest::Infer::new("model", header, Bytes::copy_from_slice(rest));
    let mut request = request.map_err(|e| e.to_string())?;
    let call = request.decode(model).map_err(|e| e.to_string())?;
    answered(call, |outputs| request.encode(model, outputs).map(|a| a.body.len()))
}

/// A tensor by what it says of itself, and as it is written again.
fn tensor(body: &[u8]) -> String {
    let proto = match TensorProto::decode(body) {
        Ok(proto) => proto,
        Err(error) => return error.to_string(),
    };
    let dtype = DTYPES.iter().copied().find(|d| tensor_proto::number(*d) == proto.dtype());
    let Some(dtype) = dtype else { return "a type that no model takes".to_owned() };
    match tensor_proto::read(proto, dtype, &mut tensor_proto::Room(ROOM)) {
        Ok(tensor) => {
            bounded(&[(String::new(), tensor.clone())]);
            format!("{} bytes", tensor_proto::write(tensor, dtype).encoded_len())
        }
        Err(error) => error.to_string(),
    }
}
