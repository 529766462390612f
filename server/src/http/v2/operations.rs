//! What the protocol's routes are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const ROUTE: &str = "/v2/models/{*place}";
const MODEL: Parameter =
    Parameter::path("model", "The model; the ending of an archive's name may be left out.", "iris");
const LENGTH: Parameter = Parameter {
    place: "header",
    name: "Inference-Header-Content-Length",
    required: false,
    about: "Bytes of JSON before the tensors' bytes, with the binary tensor data extension.",
    example: "120",
};
const REQUEST: &str = r#"{"type": "object", "required": ["inputs"], "properties": {
    "id": {"type": "string"},
    "parameters": {"type": "object", "properties": {
        "signature_name": {"type": "string"}, "binary_data_output": {"type": "boolean"}}},
    "inputs": {"type": "array", "items": {"type": "object", "required": ["name", "shape", "datatype"], "properties": {
        "name": {"type": "string"}, "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"}, "data": {"type": "array"}, "parameters": {"type": "object"}}}},
    "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}}}}"#;
const ANSWER: &str = r#"{"type": "object", "required": ["model_name", "outputs"], "properties": {
    "model_name": {"type": "string"}, "id": {"type": "string"},
    "outputs": {"type": "array", "items": {"type": "object"}}}}"#;
const INDEX: &str = r#"{"type": "array", "items": {"type": "object", "required": ["name", "state"], "properties": {
    "name": {"type": "string"}, "version": {"type": "string"}, "reason": {"type": "string"},
    "state": {"enum": ["READY", "LOADING", "UNLOADING", "UNAVAILABLE"]}}}}"#;
const OBJECT: &[Media] = &[Media::json(r#"{"type": "object"}"#, "")];

const REASON: &[Media] = &[Media::json(
    r#"{"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}"#,
    r#"{"error": "Request for unknown model: 'iris' is not found"}"#,
)];
const TOLD: &[Answer] = &[
    Answer::new("200", "As the protocol has it.", OBJECT),
    refused("400", "It is not ready, or the request is wrong."),
    refused("404", "There is no such model."),
];
const ALWAYS: &[Answer] = &[Answer::new("200", "As the protocol has it.", OBJECT)];
const LOADED: &[Answer] = &[
    Answer::new("200", "It is in memory.", OBJECT),
    refused("400", "The request is wrong."),
    refused("404", "There is no such model."),
    refused("500", "The model is wrong."),
    refused("503", "Too much at once, still loading, or the store is away."),
];
const UNLOADED: &[Answer] = &[
    Answer::new("200", "It is out of memory.", OBJECT),
    refused("400", "Requests still use it."),
    refused("404", "There is no such model."),
];
const OF_MODEL: &[Parameter] = &[MODEL];

const fn refused(status: &'static str, about: &'static str) -> Answer {
    Answer::new(status, about, REASON)
}

const fn tells(path: &'static str, summary: &'static str, about: &'static str) -> Operation {
    Operation {
        about,
        route: ROUTE,
        parameters: OF_MODEL,
        answers: TOLD,
        ..Operation::new("get", path, summary)
    }
}

const fn server(path: &'static str, summary: &'static str) -> Operation {
    Operation { answers: ALWAYS, ..Operation::new("get", path, summary) }
}

/// REST, with the extensions for binary data and statistics.
pub const OPERATIONS: Protocol = Protocol {
    name: "Open Inference Protocol",
    about: "Version 2, as KServe's, Triton's and MLServer's clients speak it, with the binary tensor data extension in both \
            directions. The model repository extension is on the admin port, and here with --repository-api.",
    operations: &[
        Operation {
            about: "The model is loaded if it is not in memory. With a header of its length the JSON is followed by bytes.",
            route: ROUTE,
            parameters: &[MODEL, LENGTH],
            request: &[
                Media::json(
                    REQUEST,
                    r#"{"inputs": [{"name": "measurements", "shape": [1, 4], "datatype": "FP32", "data": [5.0, 3.4, 1.5, 0.25]}]}"#,
                ),
                Media::binary("application/octet-stream"),
            ],
            answers: &[
                Answer::new(
                    "200",
                    "The outputs.",
                    &[Media::json(ANSWER, ""), Media::binary("application/octet-stream")],
                ),
                refused("400", "The request is wrong."),
                refused("404", "There is no such model."),
                refused("413", "The body is over --max-body."),
                refused("500", "The model is wrong, or failed on these values."),
                refused("503", "Too much at once, still loading, or the store is away."),
            ],
            ..Operation::new("post", "/v2/models/{model}/infer", "Infer")
        },
        tells("/v2/models/{model}", "Inputs and outputs of a model", ""),
        tells("/v2/models/{model}/ready", "Is a model ready?", ""),
        tells("/v2/models/{model}/config", "Configuration of a model", "As Triton writes it."),
        tells("/v2/models/{model}/stats", "Statistics of a model", ""),
        server("/v2", "The server and its extensions"),
        server("/v2/health/live", "Is the server alive?"),
        server("/v2/health/ready", "Is the server ready?"),
        server("/v2/models/stats", "Statistics of all models"),
    ],
    also: &[
        "/v2/",
        "/v2/{*rest}",
        "/v2/systemsharedmemory/{*what}",
        "/v2/cudasharedmemory/{*what}",
        "/v2/logging",
        "/v2/trace/setting",
    ],
};

/// What it is to load or unload a model.
const fn change(
    path: &'static str,
    summary: &'static str,
    about: &'static str,
    answers: &'static [Answer],
) -> Operation {
    Operation {
        about,
        route: "/v2/repository/models/{*place}",
        parameters: OF_MODEL,
        answers,
        ..Operation::new("post", path, summary)
    }
}

/// The extension by which clients have models in memory or not.
pub const REPOSITORY: Protocol = Protocol {
    name: "Model repository",
    about: "The Open Inference Protocol's extension, always on the admin port, and here because of --repository-api.",
    operations: &[
        Operation {
            about: "Those that are known, and those of the store. The body may be left out.",
            request: &[Media::json(
                r#"{"type": "object", "properties": {"ready": {"type": "boolean"}}}"#,
                r#"{"ready": true}"#,
            )],
            answers: &[
                Answer::new("200", "The models.", &[Media::json(INDEX, "")]),
                refused("400", "The request is wrong."),
                refused("503", "The store is away."),
            ],
            ..Operation::new("post", "/v2/repository/index", "Models and their states")
        },
        change(
            "/v2/repository/models/{model}/load",
            "Load a model",
            "Nobody has to: a model is loaded by its first request. Other files or another configuration than the store's are refused.",
            LOADED,
        ),
        change(
            "/v2/repository/models/{model}/unload",
            "Unload a model",
            "With all its versions. Answered once its memory is given back; the next request loads it again.",
            UNLOADED,
        ),
    ],
    also: &[],
};
