//! `PredictionService`.

use super::super::proto::tensorflow::serving::inference_result::Result as Inferred;
use super::super::proto::tensorflow::serving::prediction_service_server::PredictionService;
use super::super::proto::tensorflow::serving::{
    ClassificationRequest, ClassificationResponse, GetModelMetadataRequest, GetModelMetadataResponse,
    InferenceResult, InferenceTask, Input, ModelSpec, MultiInferenceRequest, MultiInferenceResponse,
    PredictRequest, PredictResponse, RegressionRequest, RegressionResponse,
};
use super::refused;
use crate::error::InvokeError;
use crate::invoke::{App, Exchange};
use crate::tensorflow::examples::{Examples, Method};
use crate::tensorflow::predict::Predict;
use crate::tensorflow::{Target, metadata};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Signatures that one request may ask.
const MOST_TASKS: usize = 64;
/// How a message in an `Any` is named.
const SIGNATURES: &str = "type.googleapis.com/tensorflow.serving.SignatureDefMap";

pub struct Predictions {
    app: Arc<App>,
}

impl Predictions {
    pub fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone() }
    }

    /// Runs an exchange on the model that a request names; with it come the model's name and version.
    async fn run<E: Exchange<Answer = (String, A)>, A>(
        &self,
        target: &Target,
        exchange: E,
    ) -> Result<(ModelSpec, A), InvokeError> {
        let lease = target.acquire(&self.app).await?;
        let version = lease.number();
        let (signature, answer) = self.app.run(lease, exchange).await?;
        Ok((target.answered(version, signature), answer))
    }

    /// Answers a call, counted among the server's requests.
    async fn answer<T>(
        &self,
        method: &str,
        spec: Option<&ModelSpec>,
        work: impl AsyncFnOnce(&Target) -> Result<T, InvokeError>,
    ) -> Result<Response<T>, Status> {
        let target = Target::of(spec);
        let named = target.as_ref().ok();
        let done = self.app.admit(async {
            match &target {
                Ok(target) => work(target).await,
                Err(error) => Err(error.clone()),
            }
        });
        done.await.map(Response::new).map_err(|error| refused(method, named, &error))
    }

    async fn infer(
        &self,
        target: &Target,
        method: Method,
        signature: String,
        input: Option<Input>,
    ) -> Result<(ModelSpec, Inferred), InvokeError> {
        self.run(target, Examples::given(method, signature, input)).await
    }

    async fn infer_all(
        &self,
        target: &Target,
        request: MultiInferenceRequest,
    ) -> Result<MultiInferenceResponse, InvokeError> {
        let mut results = Vec::new();
        for (method, signature) in tasks(target, &request.tasks)? {
            let (spec, inferred) = self.infer(target, method, signature, request.input.clone()).await?;
            results.push(InferenceResult { model_spec: Some(spec), result: Some(inferred) });
        }
        Ok(MultiInferenceResponse { results })
    }

    async fn describe(
        &self,
        target: &Target,
        request: &GetModelMetadataRequest,
    ) -> Result<GetModelMetadataResponse, InvokeError> {
        metadata::check(&request.metadata_field)?;
        let lease = target.acquire(&self.app).await?;
        let signatures = lease.model().map(metadata::signatures).unwrap_or_default();
        let packed = prost_types::Any {
            type_url: SIGNATURES.to_owned(),
            value: prost::Message::encode_to_vec(&signatures),
        };
        let metadata = BTreeMap::from([(metadata::FIELD.to_owned(), packed)]);
        let model_spec = Some(target.answered(lease.number(), String::new()));
        Ok(GetModelMetadataResponse { model_spec, metadata })
    }
}

/// What is to be run; all of it on one version of one model.
fn tasks(target: &Target, tasks: &[InferenceTask]) -> Result<Vec<(Method, String)>, InvokeError> {
    if tasks.len() > MOST_TASKS {
        return Err(InvokeError::bad(format!("{} tasks; at most {MOST_TASKS} at a time", tasks.len())));
    }
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    for task in tasks {
        if Target::of(task.model_spec.as_ref())? != *target {
            return Err(InvokeError::bad(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
            ));
        }
        let signature = task.model_spec.as_ref().map(|spec| spec.signature_name.clone()).unwrap_or_default();
        if !seen.insert(signature.clone()) {
            return Err(InvokeError::bad(format!("Duplicate evaluation of signature: {signature}")));
        }
        wanted.push((Method::named(&task.method_name)?, signature));
    }
    Ok(wanted)
}

#[tonic::async_trait]
impl PredictionService for Predictions {
    async fn predict(&self, request: Request<PredictRequest>) -> Result<Response<PredictResponse>, Status> {
        let request = request.into_inner();
        let spec = request.model_spec.clone();
        let work = async |target: &Target| {
            let exchange = Predict::new(request, self.app.config.max_body);
            let (spec, outputs) = self.run(target, exchange).await?;
            Ok(PredictResponse { outputs, model_spec: Some(spec) })
        };
        self.answer("Predict", spec.as_ref(), work).await
    }

    async fn classify(
        &self,
        request: Request<ClassificationRequest>,
    ) -> Result<Response<ClassificationResponse>, Status> {
        let ClassificationRequest { model_spec, input } = request.into_inner();
        let signature = model_spec.as_ref().map(|spec| spec.signature_name.clone()).unwrap_or_default();
        let work = async |target: &Target| {
            let (spec, inferred) = self.infer(target, Method::Classify, signature, input).await?;
            let result = match inferred {
                Inferred::ClassificationResult(result) => Some(result),
                Inferred::RegressionResult(_) => None,
            };
            Ok(ClassificationResponse { result, model_spec: Some(spec) })
        };
        self.answer("Classify", model_spec.as_ref(), work).await
    }

    async fn regress(
        &self,
        request: Request<RegressionRequest>,
    ) -> Result<Response<RegressionResponse>, Status> {
        let RegressionRequest { model_spec, input } = request.into_inner();
        let signature = model_spec.as_ref().map(|spec| spec.signature_name.clone()).unwrap_or_default();
        let work = async |target: &Target| {
            let (spec, inferred) = self.infer(target, Method::Regress, signature, input).await?;
            let result = match inferred {
                Inferred::RegressionResult(result) => Some(result),
                Inferred::ClassificationResult(_) => None,
            };
            Ok(RegressionResponse { result, model_spec: Some(spec) })
        };
        self.answer("Regress", model_spec.as_ref(), work).await
    }

    async fn multi_inference(
        &self,
        request: Request<MultiInferenceRequest>,
    ) -> Result<Response<MultiInferenceResponse>, Status> {
        let request = request.into_inner();
        let Some(first) = request.tasks.first() else {
            return Err(Status::invalid_argument("Inference request must have at least one task"));
        };
        let spec = first.model_spec.clone();
        let work = async |target: &Target| self.infer_all(target, request).await;
        self.answer("MultiInference", spec.as_ref(), work).await
    }

    async fn get_model_metadata(
        &self,
        request: Request<GetModelMetadataRequest>,
    ) -> Result<Response<GetModelMetadataResponse>, Status> {
        let request = request.into_inner();
        let work = async |target: &Target| self.describe(target, &request).await;
        self.answer("GetModelMetadata", request.model_spec.as_ref(), work).await
    }
}
