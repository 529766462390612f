//! What the contract's routes are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const MODEL: Parameter = Parameter::path("name", "The model's name, its slashes as %2F.", "iris.tar.gz");
const BODY: &[Media] = &[
    Media::json(r#"{"type": ["object", "array"]}"#, r#"{"instances": [[5.0, 3.4, 1.5, 0.25]]}"#),
    Media::text("text/csv", "5.0,3.4,1.5,0.25"),
];
const ANSWER: &[Media] =
    &[Media::json(r#"{"type": ["object", "array"]}"#, r#"{"predictions": [[0.98, 0.02, 0.0]]}"#)];
const OBJECT: &[Media] = &[Media::json(r#"{"type": "object"}"#, "")];

const REASON: &[Media] = &[Media::json(
    r#"{"type": "object", "properties": {
        "code": {"type": "integer"}, "type": {"type": "string"}, "message": {"type": "string"}}}"#,
    "",
)];

const fn refused(status: &'static str, about: &'static str) -> Answer {
    Answer::new(status, about, REASON)
}

const INVOKED: &[Answer] = &[
    Answer::new("200", "The model's answer.", ANSWER),
    refused("404", "The model is not loaded, or there is none."),
    refused("507", "There is no memory for it."),
    refused("default", "Why there is no answer."),
];

/// Multi-model mode.
pub const OPERATIONS: Protocol = Protocol {
    name: "SageMaker container contract",
    about: "What SageMaker says to a container in multi-model mode, with the bodies of Multi Model Server. Without \
            --container-root models are loaded on demand, and loading and unloading by hand is refused.",
    operations: &[
        Operation {
            parameters: &[MODEL],
            request: BODY,
            answers: INVOKED,
            ..Operation::new("post", "/models/{name}/invoke", "Invoke a model by its path")
        },
        Operation {
            parameters: &[Parameter {
                place: "header",
                name: "X-Amzn-SageMaker-Target-Model",
                required: true,
                about: "The model.",
                example: "iris.tar.gz",
            }],
            request: BODY,
            answers: INVOKED,
            ..Operation::new("post", "/invocations", "Invoke a model by its header")
        },
        Operation {
            parameters: &[
                Parameter {
                    place: "query",
                    name: "limit",
                    required: false,
                    about: "Models of a page.",
                    example: "100",
                },
                Parameter {
                    place: "query",
                    name: "next_page_token",
                    required: false,
                    about: "The token of the page before.",
                    example: "100",
                },
            ],
            answers: &[Answer::new("200", "Models, and the next page's token.", OBJECT)],
            ..Operation::new("get", "/models", "List models")
        },
        Operation {
            about: "Only with --container-root.",
            request: &[Media::json(
                r#"{"type": "object", "required": ["model_name", "url"], "properties": {
                    "model_name": {"type": "string"}, "url": {"type": "string"}}}"#,
                r#"{"model_name": "iris", "url": "/opt/ml/models/iris/model"}"#,
            )],
            answers: &[
                Answer::new("200", "It is loaded.", OBJECT),
                refused("409", "It is loaded already."),
                refused("507", "There is no memory for it."),
                refused("default", "Why it is not."),
            ],
            ..Operation::new("post", "/models", "Load a model")
        },
        Operation {
            parameters: &[MODEL],
            answers: &[Answer::new("200", "The model.", OBJECT), refused("404", "It is not loaded.")],
            ..Operation::new("get", "/models/{name}", "Describe a model")
        },
        Operation {
            about: "Only with --container-root.",
            parameters: &[MODEL],
            answers: &[
                Answer::new("200", "It is out of memory.", OBJECT),
                refused("404", "It is not loaded."),
            ],
            ..Operation::new("delete", "/models/{name}", "Unload a model")
        },
        Operation {
            answers: &[
                Answer::new("200", "It answers.", &[]),
                Answer::new("503", "It is about to stop.", &[]),
            ],
            ..Operation::new("get", "/ping", "Is the server there?")
        },
    ],
    also: &["/predictions/{name}"],
};
