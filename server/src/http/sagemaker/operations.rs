//! What the protocol's routes are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const VALUES: &str = r#"{"oneOf": [
    {"type": "object", "required": ["instances"], "properties": {
        "signature_name": {"type": "string"},
        "instances": {"type": "array", "description": "A row each: a value of the only input, or values by the inputs' names."}}},
    {"type": "object", "required": ["inputs"], "properties": {
        "signature_name": {"type": "string"},
        "inputs": {"description": "The only input's values, or values by the inputs' names."}}},
    {"type": "array", "description": "Rows."}]}"#;
const ANSWERED: &str = r#"{"type": "object", "properties": {
    "predictions": {"type": "array", "description": "A row for each instance."},
    "outputs": {"description": "Values of the only output, or values by the outputs' names."}}}"#;
const REFUSED: &str = r#"{"type": "object", "required": ["Message", "Reason"], "properties": {
    "Message": {"type": "string"},
    "Reason": {"type": "string", "description": "What it was, exactly."},
    "OriginalStatusCode": {"type": "integer"},
    "OriginalMessage": {"type": "string"}}}"#;

const REASON: &[Media] = &[Media::json(
    REFUSED,
    r#"{"Message": "no model of this name under the endpoint's prefix", "Reason": "ModelNotFound"}"#,
)];

const fn refused(status: &'static str, about: &'static str) -> Answer {
    Answer::new(status, about, REASON)
}

const ENDPOINT: Parameter =
    Parameter::path("endpoint", "The endpoint's name; any, where the server was given none.", "berth");
const MODEL: Parameter = Parameter {
    place: "header",
    name: "X-Amzn-SageMaker-Target-Model",
    required: true,
    about: "The model: an archive's key under the endpoint's prefix.",
    example: "iris.tar.gz",
};
const ACCEPT: Parameter = Parameter {
    place: "header",
    name: "Accept",
    required: false,
    about: "How the answer is wanted: application/json, application/jsonlines, text/csv, application/x-recordio-protobuf or \
            application/x-npy.",
    example: "application/json",
};
const BODIES: &[Media] = &[
    Media::json(VALUES, r#"{"instances": [[5.0, 3.4, 1.5, 0.25]]}"#),
    Media::text("application/jsonlines", "[5.0, 3.4, 1.5, 0.25]"),
    Media::text("text/csv", "5.0,3.4,1.5,0.25"),
    Media::text("text/libsvm", "0:5.0 1:3.4 2:1.5 3:0.25"),
    Media::binary("application/x-recordio-protobuf"),
    Media::binary("application/x-npy"),
];
const ANSWERS: &[Media] = &[
    Media::json(ANSWERED, r#"{"predictions": [[0.98, 0.02, 0.0]]}"#),
    Media::text("application/jsonlines", "[0.98, 0.02, 0.0]"),
    Media::text("text/csv", "0.98,0.02,0.0"),
    Media::binary("application/x-recordio-protobuf"),
    Media::binary("application/x-npy"),
];

const EVENTS: &[Media] = &[Media::binary("application/vnd.amazon.eventstream")];

/// The runtime API.
pub const OPERATIONS: Protocol = Protocol {
    name: "SageMaker runtime",
    about: "InvokeEndpoint as boto3, the AWS CLI and every AWS SDK send it, with TargetModel. Signatures of AWS are not checked. An \
            error's class is in the header x-amzn-errortype, every answer's number in x-amzn-requestid.",
    operations: &[
        Operation {
            about: "The model is loaded if it is not in memory: the request waits for it.",
            parameters: &[ENDPOINT, MODEL, ACCEPT],
            request: BODIES,
            answers: &[
                Answer::new("200", "The model's answer, as its framework's container writes it.", ANSWERS),
                refused("400", "ValidationError: the request is wrong, or there is no such model."),
                refused("413", "ValidationError: the body is over --max-body."),
                refused(
                    "424",
                    "ModelError: the artifact is wrong, can never fit, or failed on these values.",
                ),
                refused("429", "ModelNotReadyException: the model is still loading; the load goes on."),
                refused("500", "InternalFailure: a bug or a broken machine."),
                refused(
                    "503",
                    "ServiceUnavailable: too much at once, or about to stop; Retry-After says when to come back.",
                ),
                refused("530", "InternalDependencyException: the store cannot be reached."),
            ],
            ..Operation::new("post", "/endpoints/{endpoint}/invocations", "Invoke a model")
        },
        Operation {
            about: "The answer as events in AWS's framing, each with a part of it as its payload. Its own type is wanted and told \
                    by the headers X-Amzn-SageMaker-Accept and X-Amzn-SageMaker-Content-Type.",
            parameters: &[ENDPOINT, MODEL],
            request: BODIES,
            answers: &[
                Answer::new("200", "The events.", EVENTS),
                refused("400", "ValidationError: the request is wrong, or there is no such model."),
                refused(
                    "424",
                    "ModelError: the artifact is wrong, can never fit, or failed on these values.",
                ),
                refused("default", "As without a stream."),
            ],
            ..Operation::new(
                "post",
                "/endpoints/{endpoint}/invocations-response-stream",
                "Invoke a model, with an answer in parts",
            )
        },
    ],
    also: &[],
};
