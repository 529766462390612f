//! What each protocol says of its routes, and the OpenAPI document that is made of it.
//!
//! A protocol lists its [`Operation`]s beside its routes; a test holds that no route is left out and that nothing is listed that
//! is not there.

use serde_json::{Map, Value, json};

/// A protocol's operations.
#[derive(Debug)]
pub struct Protocol {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What can be asked.
    pub operations: &'static [Operation],
    /// Paths of the router beside these: other spellings, and what is only there to be refused with a reason.
    pub also: &'static [&'static str],
}

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// In small letters, as OpenAPI has it.
    pub method: &'static str,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// The router's path, where that is another one; empty: the same.
    pub route: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The rest.
    pub about: &'static str,
    /// All parameters, those of the path included.
    pub parameters: &'static [Parameter],
    /// What the body may be.
    pub request: &'static [Media],
    /// What comes back.
    pub answers: &'static [Answer],
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// `path`, `query` or `header`.
    pub place: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there; those of a path must.
    pub required: bool,
    /// What it means.
    pub about: &'static str,
    /// One value.
    pub example: &'static str,
}

/// A body of one media type.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    /// The type.
    pub name: &'static str,
    /// Its JSON Schema, as JSON; empty: it is no JSON.
    pub schema: &'static str,
    /// One body; empty: it is binary.
    pub example: &'static str,
}

/// A status and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The status.
    pub status: &'static str,
    /// When.
    pub about: &'static str,
    /// The body; none: it is empty.
    pub body: &'static [Media],
}

impl Parameter {
    /// A part of the path.
    pub const fn path(name: &'static str, about: &'static str, example: &'static str) -> Self {
        Self { place: "path", name, required: true, about, example }
    }
}

impl Media {
    /// Bytes.
    pub const fn binary(name: &'static str) -> Self {
        Self { name, schema: "", example: "" }
    }

    /// Text.
    pub const fn text(name: &'static str, example: &'static str) -> Self {
        Self { name, schema: "", example }
    }

    /// JSON.
    pub const fn json(schema: &'static str, example: &'static str) -> Self {
        Self { name: "application/json", schema, example }
    }
}

impl Answer {
    /// An answer of these bodies; none: it is empty.
    pub const fn new(status: &'static str, about: &'static str, body: &'static [Media]) -> Self {
        Self { status, about, body }
    }
}

impl Operation {
    /// An operation without parameters and body, to be completed.
    pub const fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self { method, path, route: "", summary, about: "", parameters: &[], request: &[], answers: &[] }
    }

    /// The router's path.
    pub fn route(&self) -> &'static str {
        if self.route.is_empty() { self.path } else { self.route }
    }

    /// Names it in the document, and its place in the page.
    pub fn id(&self) -> String {
        let mut id = self.method.to_owned();
        for word in self.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
            id.push('-');
            id.push_str(word);
        }
        if self.path == "/" { id + "-page" } else { id }
    }

    /// The path with the parameters' examples in it.
    pub fn example_path(&self) -> String {
        let of_path = self.parameters.iter().filter(|p| p.place == "path");
        of_path.fold(self.path.to_owned(), |path, p| path.replace(&format!("{{{}}}", p.name), p.example))
    }
}

/// The document.
pub fn document(protocols: &[&Protocol]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for protocol in protocols {
        for operation in protocol.operations {
            let item = paths.entry(operation.path).or_insert_with(|| json!({}));
            item[operation.method] = described(protocol, operation);
        }
    }
    let tags: Vec<Value> =
        protocols.iter().map(|p| json!({ "name": p.name, "description": p.about })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Berth",
            "summary": "Many machine-learning models behind one endpoint",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
    })
}

fn described(protocol: &Protocol, operation: &Operation) -> Value {
    let answers: Map<String, Value> =
        operation.answers.iter().map(|a| (a.status.to_owned(), answer(a))).collect();
    let mut described = json!({
        "operationId": operation.id(),
        "tags": [protocol.name],
        "summary": operation.summary,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": answers,
    });
    if !operation.about.is_empty() {
        described["description"] = json!(operation.about);
    }
    if !operation.request.is_empty() {
        described["requestBody"] = json!({ "required": true, "content": content(operation.request) });
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "in": parameter.place,
        "name": parameter.name,
        "required": parameter.required,
        "description": parameter.about,
        "schema": { "type": "string" },
        "example": parameter.example,
    })
}

fn answer(answer: &Answer) -> Value {
    let mut described = json!({ "description": answer.about });
    if !answer.body.is_empty() {
        described["content"] = content(answer.body);
    }
    described
}

fn content(bodies: &[Media]) -> Value {
    let media = |body: &Media| {
        let mut described = json!({});
        if let Ok(schema) = serde_json::from_str::<Value>(body.schema) {
            described["schema"] = schema;
        }
        if !body.example.is_empty() {
            // An example of JSON is JSON, any other is text.
            described["example"] = serde_json::from_str(body.example).unwrap_or_else(|_| json!(body.example));
        }
        (body.name.to_owned(), described)
    };
    Value::Object(bodies.iter().map(media).collect())
}

#[cfg(test)]
mod tests;
