//! The API's documents, made of the same operations as `openapi.json`.

use super::layout::{self, Here};
use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};
use maud::{Markup, html};

/// The page.
pub fn page(endpoint: &str, origin: &str, protocols: &[&Protocol]) -> Markup {
    let content = html! {
        h1 { "API" }
        p.lead {
            "Every protocol is answered on this one port, and each of them reaches every model. The same, for programs: "
            a href="/openapi.json" { "openapi.json" } " (OpenAPI 3.1)."
        }
        div.docs {
            nav.contents aria-label="Operations" {
                @for protocol in protocols {
                    h2 { (protocol.name) }
                    ul {
                        @for operation in protocol.operations {
                            li { a href=(format_args!("#{}", operation.id())) { (operation.summary) } }
                        }
                    }
                }
            }
            div {
                @for protocol in protocols {
                    section.protocol {
                        h2 { (protocol.name) }
                        p { (protocol.about) }
                        @for operation in protocol.operations { (described(origin, operation)) }
                    }
                }
            }
        }
    };
    layout::frame("API", endpoint, Here::Docs, &content)
}

fn described(origin: &str, operation: &Operation) -> Markup {
    html! {
        article.operation #(operation.id()) {
            h3 { (operation.summary) }
            p.route { span.method { (operation.method.to_uppercase()) } " " code { (operation.path) } }
            @if !operation.about.is_empty() { p { (operation.about) } }
            @if !operation.parameters.is_empty() { (parameters(operation.parameters)) }
            @if !operation.request.is_empty() { h4 { "Body" } (bodies(operation.request)) }
            h4 { "Answers" }
            dl.answers { @for answer in operation.answers { (answered(answer)) } }
            h4 { "Example" }
            pre data-copy { code { (curl(origin, operation)) } }
        }
    }
}

fn parameters(parameters: &[Parameter]) -> Markup {
    html! {
        table.parameters {
            caption { "Parameters" }
            thead.hidden { tr { th scope="col" { "Name" } th scope="col" { "Where" } th scope="col" { "Meaning" } } }
            tbody {
                @for parameter in parameters {
                    tr {
                        th scope="row" { code { (parameter.name) } }
                        td { (parameter.place) @if !parameter.required { ", optional" } }
                        td { (parameter.about) }
                    }
                }
            }
        }
    }
}

fn bodies(bodies: &[Media]) -> Markup {
    html! {
        @for body in bodies {
            p.media {
                code { (body.name) }
                @if !body.example.is_empty() { " " code.example { (body.example) } }
            }
        }
    }
}

fn answered(answer: &Answer) -> Markup {
    html! {
        div {
            dt { (answer.status) }
            dd { (answer.about) (bodies(answer.body)) }
        }
    }
}

/// A command that asks for the operation.
fn curl(origin: &str, operation: &Operation) -> String {
    let query: Vec<String> =
        of(operation, "query").map(|p| format!("{}={}", p.name, layout::encoded(p.example))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let mut command = match operation.method {
        "get" => "curl -sS".to_owned(),
        method => format!("curl -sS -X {}", method.to_uppercase()),
    };
    command += &format!(" '{origin}{}{query}'", operation.example_path());
    for header in of(operation, "header") {
        command += &format!(" \\\n  -H '{}: {}'", header.name, header.example);
    }
    if let Some(body) = operation.request.first() {
        let data = if body.example.is_empty() { "@body" } else { body.example };
        command += &format!(" \\\n  -H 'Content-Type: {}' \\\n  --data-binary '{data}'", body.name);
    }
    command
}

fn of<'o>(operation: &'o Operation, place: &'static str) -> impl Iterator<Item = &'o Parameter> {
    operation.parameters.iter().filter(move |p| p.place == place && p.required)
}
