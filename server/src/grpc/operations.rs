//! What the services' calls are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const MESSAGE: &[Media] = &[Media::binary("application/grpc")];

const CALL: &[Parameter] = &[Parameter::path("call", "The call.", "Call")];
const ANSWERS: &[Answer] =
    &[Answer::new("200", "The message, or why there is none in grpc-status.", MESSAGE)];

const fn service(
    path: &'static str,
    route: &'static str,
    name: &'static str,
    calls: &'static str,
) -> Operation {
    Operation {
        about: calls,
        route,
        parameters: CALL,
        request: MESSAGE,
        answers: ANSWERS,
        ..Operation::new("post", path, name)
    }
}

/// The services.
pub const OPERATIONS: Protocol = Protocol {
    name: "gRPC",
    about: "On the same port, told apart by the paths: HTTP/2 with prior knowledge.",
    operations: &[
        service(
            "/inference.GRPCInferenceService/{call}",
            "/inference.GRPCInferenceService/{*rest}",
            "Open Inference Protocol: GRPCInferenceService",
            "ServerLive, ServerReady, ServerMetadata, ModelReady, ModelMetadata, ModelInfer, ModelStreamInfer, ModelConfig, \
             ModelStatistics, and the model repository where it is allowed.",
        ),
        service(
            "/tensorflow.serving.PredictionService/{call}",
            "/tensorflow.serving.PredictionService/{*rest}",
            "TensorFlow Serving: PredictionService",
            "Predict, Classify, Regress, MultiInference, GetModelMetadata.",
        ),
        service(
            "/tensorflow.serving.ModelService/{call}",
            "/tensorflow.serving.ModelService/{*rest}",
            "TensorFlow Serving: ModelService",
            "GetModelStatus. HandleReloadConfigRequest is refused: models come from the store.",
        ),
        service(
            "/grpc.health.v1.Health/{call}",
            "/grpc.health.v1.Health/{*rest}",
            "Health checking",
            "Check, Watch.",
        ),
        service(
            "/grpc.reflection.v1.ServerReflection/{call}",
            "/grpc.reflection.v1.ServerReflection/{*rest}",
            "Reflection",
            "ServerReflectionInfo, for grpcurl and the like.",
        ),
    ],
    also: &["/grpc.reflection.v1alpha.ServerReflection/{*rest}"],
};
