//! What Triton answered to a set of requests, and what this server answers to the same ones: the same status, the same shape of
//! errors, the same values. `recorded/triton.json` is made by `python/triton/record.py`; differences that are meant are listed
//! with their reasons in `recorded/triton_differences.txt`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_tests::archives::packed_models;
use berth_tests::http::{Answer, Client};
use berth_tests::repository;
use berth_tests::server::Setup;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    name: String,
    request: Request,
    answer: Recorded,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

#[derive(Deserialize)]
struct Recorded {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Where the JSON of a body with binary tensors ends.
const HEADER_LENGTH: &str = "inference-header-content-length";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_tritons() {
    let models = packed_models(&["tests/recorded/models"]);
    let server = Setup::directory(models.path()).start().await;
    let (client, differences) = (Client::new(), differences());
    let (mut wrong, mut listed) = (Vec::new(), 0);
    for case in cases() {
        let answer = send(&client, &server.url(), &case.request).await;
        let verdict = compare(&case.answer, &answer);
        match (verdict, differences.contains_key(&case.name)) {
            (Ok(()), false) => {}
            (Err(_), true) => listed += 1,
            (Ok(()), true) => wrong.push(format!("{}: is listed as a difference and is none", case.name)),
            (Err(why), false) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of the requests:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(listed, differences.len(), "a difference is listed for a request that does not exist");
}

fn cases() -> Vec<Case> {
    let text = std::fs::read(repository("tests/recorded/triton.json")).expect("the recorded answers");
    let cases: Vec<Case> = serde_json::from_slice(&text).expect("JSON as record.py writes it");
    assert!(cases.len() >= 100, "only {} requests were recorded", cases.len());
    cases
}

/// Names of requests, and why they are answered differently.
fn differences() -> BTreeMap<String, String> {
    let path = repository("tests/recorded/triton_differences.txt");
    let text = std::fs::read_to_string(path).expect("the list of differences");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parted = lines.map(|line| line.split_once(" | ").expect("name | reason"));
    parted.map(|(name, why)| (name.to_owned(), why.to_owned())).collect()
}

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}

async fn send(client: &Client, url: &str, request: &Request) -> Answer {
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = client.send(method, &format!("{url}{}", request.path), &headers, bytes(&request.body)).await;
    answer.unwrap_or_else(|e| panic!("{}: {e}", request.path))
}

fn compare(wanted: &Recorded, got: &Answer) -> Result<(), String> {
    if got.status.as_u16() != wanted.status {
        return Err(format!(
            "status {} for {}: {} for {}",
            got.status.as_u16(),
            wanted.status,
            got.show(),
            String::from_utf8_lossy(&bytes(&wanted.body))
        ));
    }
    let length = |text: Option<&str>| text.and_then(|t| t.parse::<usize>().ok());
    let wanted_body = bytes(&wanted.body);
    let (wanted_json, wanted_raw) =
        parted(&wanted_body, length(wanted.headers.get(HEADER_LENGTH).map(String::as_str)));
    let (json, raw) = parted(&got.body, length(got.headers.get(HEADER_LENGTH).and_then(|v| v.to_str().ok())));
    if wanted_raw != raw {
        return Err(format!("binary values {raw:?} for {wanted_raw:?}"));
    }
    if wanted.status >= 400 {
        let is_error = |v: &Value| {
            v.as_object().is_some_and(|o| o.len() == 1 && o.get("error").is_some_and(Value::is_string))
        };
        return if is_error(&json) { Ok(()) } else { Err(format!("{json} is no {{\"error\": …}}")) };
    }
    if same(&wanted_json, &json) { Ok(()) } else { Err(format!("{json} for {wanted_json}")) }
}

/// The JSON of a body, and what is binary behind it.
fn parted(body: &[u8], length: Option<usize>) -> (Value, Vec<u8>) {
    let (json, raw) = body.split_at(length.unwrap_or(body.len()));
    (serde_json::from_slice(json).unwrap_or(Value::Null), raw.to_vec())
}

/// Numbers are the same by value, however they are written; what a model is made of differs, and is not compared.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| {
                    key == "platform" || b.get(key).is_some_and(|other| same(value, other))
                })
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        _ => a == b,
    }
}
