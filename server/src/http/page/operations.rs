//! What the page's routes are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const HTML: &[Media] = &[Media::binary("text/html")];
const MODEL: Parameter = query("model", "A model: its page instead of the list.", "cifar.tar.gz");
const SIGNATURE: Parameter =
    query("signature", "One of the model's signatures; without it the usual one.", "serving_default");
const FORM: &str = r#"{"type": "object", "required": ["do"], "properties": {
    "do": {"enum": ["json", "picture", "load"]},
    "json": {"type": "string", "description": "A request, for `json`."},
    "picture": {"type": "string", "format": "binary", "description": "A PNG or JPEG file, for `picture`."},
    "scale": {"enum": ["1", "signed", "255"], "description": "Values of a pixel."}}}"#;

const fn query(name: &'static str, about: &'static str, example: &'static str) -> Parameter {
    Parameter { place: "query", name, required: false, about, example }
}

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
                query("q", "Only models whose names contain this.", "cifar"),
                query("page", "Which page, from 1.", "2"),
            ],
            answers: &[Answer::new("200", "The page.", HTML)],
            ..Operation::new("get", "/", "Models, or one of them")
        },
        Operation {
            about: "What the forms of a model's page send. Posts of other sites' pages are refused.",
            parameters: &[Parameter { required: true, ..MODEL }, SIGNATURE],
            request: &[Media { name: "multipart/form-data", schema: FORM, example: "" }],
            answers: &[
                Answer::new("200", "The model's page with its answer.", HTML),
                Answer::new("303", "The model was loaded: its page.", &[]),
                Answer::new("403", "The form was sent by a page of another site.", HTML),
                Answer::new("default", "The model's page with the reason.", HTML),
            ],
            ..Operation::new("post", "/", "Ask or load a model by a form")
        },
        Operation {
            answers: &[Answer::new("200", "The page.", HTML)],
            ..Operation::new("get", "/docs", "These documents")
        },
        Operation {
            answers: &[Answer::new("200", "The document.", &[Media::json(r#"{"type": "object"}"#, "")])],
            ..Operation::new("get", "/openapi.json", "These documents for programs, OpenAPI 3.1")
        },
    ],
    also: &[],
};
