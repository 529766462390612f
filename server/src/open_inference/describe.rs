//! What the server and its models are.

use super::Named;
use crate::cache::ModelState;
use crate::codec::v2::{self, datatype};
use crate::error::{Class, InvokeError};
use crate::grpc::proto::inference::model_instance_group::Kind;
use crate::grpc::proto::inference::model_metadata_response::TensorMetadata;
use crate::grpc::proto::inference::{
    DataType, ModelConfig, ModelInput, ModelInstanceGroup, ModelMetadataResponse, ModelOutput,
    ServerMetadataResponse,
};
use crate::invoke::App;
use berth_engine::{DType, Model, TensorSpec};
use serde::Serializer;

/// What of the protocol's extensions there is.
const EXTENSIONS: [&str; 6] = [
    "classification",
    "model_repository",
    "model_repository(unload_dependents)",
    "model_configuration",
    "binary_tensor_data",
    "statistics",
];

/// The server.
pub fn server() -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: "berth".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

impl Named<'_> {
    /// Whether the model can be invoked, now or on demand. Nothing is loaded for the answer.
    pub async fn is_ready(self, app: &App) -> Result<bool, InvokeError> {
        match self.is_sound(app).await {
            Err(error) if matches!(error.class(), Class::NotFound | Class::BadRequest) => Ok(false),
            sound => sound,
        }
    }

    /// Whether the model is there, and did not fail when it was last brought.
    async fn is_sound(self, app: &App) -> Result<bool, InvokeError> {
        let wanted = self.wanted()?;
        let mut name = app.named(self.model).await?;
        let versions = app.cache.numbering(&name).await?.unwrap_or_default();
        let number = wanted.among(&versions)?;
        if let Some(number) = number.filter(|number| *number != versions.served()) {
            name = name.of_version(number);
        }
        let standing = app.cache.standing(&name);
        Ok(standing.is_none_or(|(state, error)| state == ModelState::Resident || error.is_none()))
    }

    /// The model's inputs and outputs.
    pub async fn metadata(self, app: &App) -> Result<ModelMetadataResponse, InvokeError> {
        self.ask(app, |loaded| {
            let one = [loaded.number()];
            let numbers: &[u64] = if self.version.is_empty() { loaded.numbering().numbers() } else { &one };
            metadata(self.model, numbers, loaded.engine())
        })
        .await?
    }

    /// The model as one of Triton's configurations describes it.
    pub async fn config(self, app: &App) -> Result<ModelConfig, InvokeError> {
        let threads = app.config.compute_threads;
        self.ask(app, |loaded| config(self.model, loaded.engine(), threads)).await?
    }
}

fn metadata(name: &str, versions: &[u64], model: &Model) -> Result<ModelMetadataResponse, InvokeError> {
    let signature = model.signature(None)?;
    Ok(ModelMetadataResponse {
        name: name.to_owned(),
        versions: versions.iter().map(u64::to_string).collect(),
        platform: platform(model.format()).0.to_owned(),
        inputs: signature.inputs.iter().map(tensor).collect(),
        outputs: signature.outputs.iter().map(tensor).collect(),
    })
}

fn config(name: &str, model: &Model, threads: usize) -> Result<ModelConfig, InvokeError> {
    let signature = model.signature(None)?;
    let (platform, backend) = platform(model.format());
    let input = signature.inputs.iter().map(|spec| ModelInput {
        name: spec.name.clone(),
        data_type: data_type(spec.dtype).into(),
        dims: v2::open_shape(spec),
    });
    let output = signature.outputs.iter().map(|spec| ModelOutput {
        name: spec.name.clone(),
        data_type: data_type(spec.dtype).into(),
        dims: v2::open_shape(spec),
    });
    let instances = ModelInstanceGroup {
        name: name.to_owned(),
        count: i32::try_from(threads).unwrap_or(i32::MAX),
        kind: Kind::Cpu.into(),
    };
    Ok(ModelConfig {
        name: name.to_owned(),
        platform: platform.to_owned(),
        max_batch_size: 0,
        input: input.collect(),
        output: output.collect(),
        instance_group: vec![instances],
        backend: backend.to_owned(),
    })
}

fn tensor(spec: &TensorSpec) -> TensorMetadata {
    TensorMetadata {
        name: spec.name.clone(),
        datatype: datatype::name(spec.dtype).to_owned(),
        shape: v2::open_shape(spec),
    }
}

/// The names of a format's platform and backend: the protocol's own where it has any.
fn platform(format: &'static str) -> (&'static str, &'static str) {
    match format {
        "tensorflow-savedmodel" => ("tensorflow_savedmodel", "tensorflow"),
        "onnx" => ("onnxruntime_onnx", "onnxruntime"),
        "pytorch" => ("pytorch_libtorch", "pytorch"),
        other => (other, other),
    }
}

fn data_type(dtype: DType) -> DataType {
    match dtype {
        DType::BF16 => DataType::TypeBf16,
        DType::F16 => DataType::TypeFp16,
        DType::F32 => DataType::TypeFp32,
        DType::F64 => DataType::TypeFp64,
        DType::I8 => DataType::TypeInt8,
        DType::I16 => DataType::TypeInt16,
        DType::I32 => DataType::TypeInt32,
        DType::I64 => DataType::TypeInt64,
        DType::U8 => DataType::TypeUint8,
        DType::U16 => DataType::TypeUint16,
        DType::U32 => DataType::TypeUint32,
        DType::U64 => DataType::TypeUint64,
        DType::Bool => DataType::TypeBool,
        DType::String => DataType::TypeString,
    }
}

/// Writes a type's name where JSON has it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub fn data_type_name<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(DataType::try_from(*number).unwrap_or_default().as_str_name())
}

/// Writes where a model runs.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub fn instance_kind_name<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(Kind::try_from(*number).unwrap_or_default().as_str_name())
}
