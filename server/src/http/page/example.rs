//! A request that fits a signature, all zeros, and commands that send it.

use super::layout::SEGMENT;
use crate::codec::v2::datatype;
use berth_engine::{DType, Signature, TensorSpec};
use percent_encoding::utf8_percent_encode;
use std::fmt::Write as _;

/// Values that are written out in the form.
const MOST_IN_FORM: usize = 4096;
/// Values that are written out in a command; for more, the command makes them.
const MOST_IN_COMMAND: usize = 48;
/// Axes; more are no tensor that people write.
const MOST_AXES: usize = 8;

/// Where a model is asked.
pub struct Place<'a> {
    /// Scheme and host.
    pub origin: &'a str,
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The model.
    pub model: &'a str,
}

/// A command for people to copy.
pub struct Command {
    /// What it is.
    pub title: &'static str,
    /// The text.
    pub text: String,
}

/// How values are written.
#[derive(Clone, Copy)]
enum Language {
    Json,
    /// A Python expression: short, however many values.
    Python,
}

/// A request in JSON; None: it would be too long, or its shape is not known.
pub fn request(signature: &Signature) -> Option<String> {
    (values(signature)? <= MOST_IN_FORM).then(|| written(signature, Language::Json))
}

/// Values of a request.
pub fn values(signature: &Signature) -> Option<usize> {
    let count = |spec: &TensorSpec| {
        let dims = dims(spec);
        let product = dims.iter().try_fold(1usize, |n, d| n.checked_mul((*d).max(1)));
        product.filter(|_| dims.len() <= MOST_AXES)
    };
    signature.inputs.iter().try_fold(0usize, |sum, spec| sum.checked_add(count(spec)?))
}

/// Commands that send such a request to the model.
pub fn commands(place: &Place<'_>, signature: &Signature) -> Vec<Command> {
    let Some(values) = values(signature) else { return Vec::new() };
    let Place { origin, endpoint, model } = place;
    let target = quoted(&format!("X-Amzn-SageMaker-Target-Model: {model}"));
    let name = utf8_percent_encode(model, SEGMENT);
    let serving = |language| written(signature, language);
    let curl = |path: String, headers: &str, body: &dyn Fn(Language) -> String| {
        let url = quoted(&format!("{origin}{path}"));
        sent(&format!("curl -sS {url}{headers} \\\n  -H 'Content-Type: application/json'"), values, body)
    };
    let sagemaker = format!(" \\\n  -H {target}");
    let boto3 = format!(
        "import boto3, json\n\nruntime = boto3.client(\n    \"sagemaker-runtime\", endpoint_url={}, region_name=\"us-east-1\")\n\
         answer = runtime.invoke_endpoint(\n    EndpointName={}, TargetModel={},\n    ContentType=\"application/json\",\n    \
         Body=json.dumps({}))\nprint(json.load(answer[\"Body\"]))",
        text(origin),
        text(endpoint),
        text(model),
        written(signature, Language::Python),
    );
    let commands = [
        ("curl", curl(format!("/endpoints/{endpoint}/invocations"), &sagemaker, &serving)),
        ("Python, boto3", boto3),
        ("curl, as to TensorFlow Serving", curl(format!("/v1/models/{name}:predict"), "", &serving)),
        (
            "curl, Open Inference Protocol",
            curl(format!("/v2/models/{name}/infer"), "", &|language| inference(signature, language)),
        ),
    ];
    commands.map(|(title, text)| Command { title, text }).into()
}

/// A curl that sends a body of so many values.
fn sent(curl: &str, values: usize, body: &dyn Fn(Language) -> String) -> String {
    if values <= MOST_IN_COMMAND {
        return format!("{curl} \\\n  --data-binary {}", quoted(&body(Language::Json)));
    }
    let make = format!("import json; print(json.dumps({}))", body(Language::Python));
    format!("python3 -c {} |\n  {} --data-binary @-", quoted(&make), curl.replace('\n', "\n  "))
}

/// A request of the Open Inference Protocol: values without nesting.
fn inference(signature: &Signature, language: Language) -> String {
    let mut out = "{".to_owned();
    if signature.name != "serving_default" {
        let _ = write!(out, "\"parameters\": {{\"signature_name\": {}}}, ", text(&signature.name));
    }
    out.push_str("\"inputs\": [");
    for (n, input) in signature.inputs.iter().enumerate() {
        let (dims, comma) = (dims(input), if n == 0 { "" } else { ", " });
        let (name, datatype) = (text(&input.name), datatype::name(input.dtype));
        let _ = write!(
            out,
            "{comma}{{\"name\": {name}, \"datatype\": \"{datatype}\", \"shape\": {dims:?}, \"data\": "
        );
        value(&mut out, input.dtype, &[dims.iter().product()], language);
        out.push('}');
    }
    out.push_str("]}");
    out
}

/// A text for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text for JSON and Python, which agree on it.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Extents, one where there may be any.
fn dims(spec: &TensorSpec) -> Vec<usize> {
    spec.shape.iter().flatten().map(|d| d.unwrap_or(1)).collect()
}

fn written(signature: &Signature, language: Language) -> String {
    let mut out = "{".to_owned();
    if signature.name != "serving_default" {
        let _ = write!(out, "\"signature_name\": {}, ", text(&signature.name));
    }
    // Rows only where every input has as many as there are.
    let by_rows = signature.inputs.iter().all(|s| matches!(s.shape.as_deref(), Some([None, ..])));
    out.push_str(if by_rows { "\"instances\": [" } else { "\"inputs\": " });
    let axes = usize::from(by_rows);
    match signature.inputs.as_slice() {
        [input] => value(&mut out, input.dtype, &dims(input)[axes..], language),
        inputs => {
            for (n, input) in inputs.iter().enumerate() {
                let _ = write!(out, "{}{}: ", if n == 0 { "{" } else { ", " }, text(&input.name));
                value(&mut out, input.dtype, &dims(input)[axes..], language);
            }
            out.push_str(if inputs.is_empty() { "{}" } else { "}" });
        }
    }
    out.push_str(if by_rows { "]}" } else { "}" });
    out
}

fn value(out: &mut String, dtype: DType, dims: &[usize], language: Language) {
    let Some((extent, inner)) = dims.split_first() else {
        out.push_str(match (dtype, language) {
            (DType::String, _) => "\"text\"",
            (DType::Bool, Language::Json) => "false",
            (DType::Bool, Language::Python) => "False",
            (DType::F16 | DType::BF16 | DType::F32 | DType::F64, _) => "0.0",
            _ => "0",
        });
        return;
    };
    out.push('[');
    match language {
        Language::Json => {
            for n in 0..*extent {
                out.push_str(if n == 0 { "" } else { ", " });
                value(out, dtype, inner, language);
            }
            out.push(']');
        }
        Language::Python => {
            value(out, dtype, inner, language);
            out.push(']');
            if *extent != 1 {
                let _ = write!(out, " * {extent}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(name: &str, inputs: &[(&str, DType, &[Option<usize>])]) -> Signature {
        let spec = |(name, dtype, shape): &(&str, DType, &[Option<usize>])| TensorSpec {
            name: (*name).to_owned(),
            dtype: *dtype,
            shape: Some(shape.to_vec()),
        };
        Signature { name: name.to_owned(), inputs: inputs.iter().map(spec).collect(), outputs: Vec::new() }
    }

    #[test]
    fn requests_have_the_shape_that_the_signature_takes() {
        let (n, s) = (None, Some);
        let rows = signature("serving_default", &[("x", DType::F32, &[n, s(2), s(2)])]);
        assert_eq!(request(&rows).unwrap(), r#"{"instances": [[[0.0, 0.0], [0.0, 0.0]]]}"#);
        let named = signature("other", &[("a", DType::I64, &[n]), ("b", DType::Bool, &[n, n])]);
        assert_eq!(
            request(&named).unwrap(),
            r#"{"signature_name": "other", "instances": [{"a": 0, "b": [false]}]}"#
        );
        let fixed = signature("serving_default", &[("x", DType::String, &[s(2)])]);
        assert_eq!(request(&fixed).unwrap(), r#"{"inputs": ["text", "text"]}"#);
        let large = signature("serving_default", &[("x", DType::F32, &[n, s(224), s(224), s(3)])]);
        assert_eq!(request(&large), None);
        assert_eq!(written(&large, Language::Python), r#"{"instances": [[[[0.0] * 3] * 224] * 224]}"#);
        let endless = signature("serving_default", &[("x", DType::F32, &[s(usize::MAX), s(2)])]);
        assert_eq!((request(&endless), values(&endless)), (None, None));
    }

    #[test]
    fn the_open_inference_protocol_has_values_in_one_row() {
        let two = [("a", DType::F32, &[None, Some(3)][..]), ("b", DType::String, &[])];
        assert_eq!(
            inference(&signature("other", &two), Language::Json),
            r#"{"parameters": {"signature_name": "other"}, "inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 3], "#
                .to_owned()
                + r#""data": [0.0, 0.0, 0.0]}, {"name": "b", "datatype": "BYTES", "shape": [], "data": ["text"]}]}"#
        );
    }

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let model = "a'; rm -rf \"$HOME\" #.tar.gz";
        let place = Place { origin: "http://localhost", endpoint: "berth", model };
        let commands =
            commands(&place, &signature("serving_default", &[("x", DType::F32, &[None, Some(1)])]));
        assert!(
            commands[0].text.contains(r#"Target-Model: a'\''; rm -rf "$HOME" #.tar.gz'"#),
            "{}",
            commands[0].text
        );
        assert!(
            commands[1].text.contains(r#"TargetModel="a'; rm -rf \"$HOME\" #.tar.gz","#),
            "{}",
            commands[1].text
        );
    }
}
