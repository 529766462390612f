//! What the protocol's paths are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const ROUTE: &str = "/v1/{*path}";
const MODEL: Parameter = Parameter::path(
    "model",
    "The model, its slashes as %2F; the ending of an archive's name may be left out.",
    "iris",
);
const VERSION: Parameter = Parameter::path("version", "A version's number.", "1");
const LABEL: Parameter = Parameter::path("label", "A version's label.", "stable");
const REQUEST: &[Media] = &[Media::json(
    r#"{"type": "object", "properties": {
        "signature_name": {"type": "string"},
        "instances": {"type": "array", "description": "A row each: a value of the only input, or values by the inputs' names."},
        "inputs": {"description": "The only input's values, or values by the inputs' names."}}}"#,
    r#"{"instances": [[5.0, 3.4, 1.5, 0.25]]}"#,
)];
const EXAMPLES: &[Media] = &[Media::json(
    r#"{"type": "object", "required": ["examples"], "properties": {
        "signature_name": {"type": "string"},
        "context": {"type": "object"},
        "examples": {"type": "array", "items": {"type": "object"}}}}"#,
    r#"{"examples": [{"x": 1.0}]}"#,
)];
const PREDICTED: &[Media] = &[Media::json(
    r#"{"type": "object", "properties": {
        "predictions": {"type": "array", "description": "A row for each instance."},
        "outputs": {"description": "Values of the only output, or values by the outputs' names."}}}"#,
    r#"{"predictions": [[0.98, 0.02, 0.0]]}"#,
)];
const RESULTS: &[Media] = &[Media::json(
    r#"{"type": "object", "required": ["results"], "properties": {"results": {"type": "array"}}}"#,
    r#"{"results": [[["setosa", 0.98], ["virginica", 0.02]]]}"#,
)];
const OBJECT: &[Media] = &[Media::json(r#"{"type": "object"}"#, "")];

const REASON: &[Media] = &[Media::json(
    r#"{"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}"#,
    r#"{"error": "Servable not found for request: Latest(iris)"}"#,
)];
const TOLD: &[Answer] = &[Answer::new("200", "As TensorFlow Serving writes it.", OBJECT), MISSING];
const MISSING: Answer = Answer::new("404", "There is no such model, or no such version.", REASON);
const WRONG: Answer = Answer::new("400", "The request is wrong, or the model failed on it.", REASON);
const LARGE: Answer = Answer::new("413", "The body is over --max-body.", REASON);
const BUSY: Answer = Answer::new("503", "Too much at once, still loading, or the store is away.", REASON);
const PREDICTS: &[Answer] = &[Answer::new("200", "Predictions.", PREDICTED), WRONG, MISSING, LARGE, BUSY];
const INFERS: &[Answer] =
    &[Answer::new("200", "Results, one for each example.", RESULTS), WRONG, MISSING, LARGE, BUSY];

const fn asks(
    path: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    request: &'static [Media],
    answers: &'static [Answer],
) -> Operation {
    Operation { route: ROUTE, parameters, request, answers, ..Operation::new("post", path, summary) }
}

const fn tells(
    path: &'static str,
    parameters: &'static [Parameter],
    summary: &'static str,
    about: &'static str,
) -> Operation {
    Operation { route: ROUTE, about, parameters, answers: TOLD, ..Operation::new("get", path, summary) }
}

/// The REST API.
pub const OPERATIONS: Protocol = Protocol {
    name: "TensorFlow Serving",
    about: "The REST API of TensorFlow Serving, for models of every format. Its gRPC services are below.",
    operations: &[
        asks("/v1/models/{model}:predict", &[MODEL], "Predict", REQUEST, PREDICTS),
        asks("/v1/models/{model}:classify", &[MODEL], "Classify", EXAMPLES, INFERS),
        asks("/v1/models/{model}:regress", &[MODEL], "Regress", EXAMPLES, INFERS),
        asks(
            "/v1/models/{model}/versions/{version}:predict",
            &[MODEL, VERSION],
            "Predict by a version",
            REQUEST,
            PREDICTS,
        ),
        asks(
            "/v1/models/{model}/labels/{label}:predict",
            &[MODEL, LABEL],
            "Predict by a label",
            REQUEST,
            PREDICTS,
        ),
        tells("/v1/models/{model}", &[MODEL], "States of a model's versions", "Asking loads nothing."),
        tells(
            "/v1/models/{model}/versions/{version}",
            &[MODEL, VERSION],
            "State of a version",
            "Asking loads nothing.",
        ),
        tells(
            "/v1/models/{model}/metadata",
            &[MODEL],
            "Signatures of a model",
            "The model is loaded if it is not in memory.",
        ),
    ],
    also: &["/V1/{*path}"],
};
