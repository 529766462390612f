//! What the page's routes are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const HTML: &[Media] = &[Media { name: "text/html", schema: "", example: "" }];
const MODEL: Parameter = Parameter {
    place: "query",
    name: "model",
    required: false,
    about: "A model: its page instead of the list.",
    example: "cifar.tar.gz",
};
const SIGNATURE: Parameter = Parameter {
    place: "query",
    name: "signature",
    required: false,
    about: "One of the model's signatures; without it the usual one.",
    example: "serving_default",
};

/// The page and the documents.
pub const OPERATIONS: Protocol = Protocol {
    name: "Pages",
    about: "For people, without the need for a script. The flag --page off takes them away.",
    operations: &[
        Operation {
            about: "A hundred models a page. Looking at a model's page loads nothing.",
            parameters: &[
                MODEL,
                SIGNATURE,
                Parameter {
                    place: "query",
                    name: "q",
                    required: false,
                    about: "Only models whose names contain this.",
                    example: "cifar",
                },
                Parameter {
                    place: "query",
                    name: "page",
                    required: false,
                    about: "Which page, from 1.",
                    example: "2",
                },
            ],
            answers: &[Answer { status: "200", about: "The page.", body: HTML }],
            ..Operation::new("get", "/", "Models, or one of them")
        },
        Operation {
            about: "What the forms of a model's page send. Posts of other sites' pages are refused.",
            parameters: &[Parameter { required: true, ..MODEL }, SIGNATURE],
            request: &[Media {
                name: "multipart/form-data",
                schema: r#"{"type": "object", "required": ["do"], "properties": {
                    "do": {"enum": ["json", "picture", "load"]},
                    "json": {"type": "string", "description": "A request, for `json`."},
                    "picture": {"type": "string", "format": "binary", "description": "A PNG or JPEG file, for `picture`."},
                    "scale": {"enum": ["1", "signed", "255"], "description": "Values of a pixel."}}}"#,
                example: "",
            }],
            answers: &[
                Answer { status: "200", about: "The model's page with its answer.", body: HTML },
                Answer { status: "303", about: "The model was loaded: its page.", body: &[] },
                Answer { status: "403", about: "The form was sent by a page of another site.", body: HTML },
                Answer { status: "default", about: "The model's page with the reason.", body: HTML },
            ],
            ..Operation::new("post", "/", "Ask or load a model by a form")
        },
        Operation {
            answers: &[Answer { status: "200", about: "The page.", body: HTML }],
            ..Operation::new("get", "/docs", "These documents")
        },
        Operation {
            answers: &[Answer {
                status: "200",
                about: "The document.",
                body: &[Media { name: "application/json", schema: r#"{"type": "object"}"#, example: "" }],
            }],
            ..Operation::new("get", "/openapi.json", "These documents for programs, OpenAPI 3.1")
        },
    ],
};
