//! One endpoint with a model of every format, in the memory of half of them: each answer is the one that its library gave.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use berth_tests::archives::pack_directory;
use berth_tests::server::{Server, Setup};
use berth_tests::{examples, repository};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const REQUESTS: usize = 5_000;
const CLIENTS: usize = 8;

/// The engine's fixtures by format, each with the signature whose answers are compared and the place of its model.
const FIXTURES: [(&str, &str); 18] = [
    ("boosters/xgb-logistic", "model"),
    ("boosters/old-softprob", "model"),
    ("boosters/lgb-regression", "model"),
    ("builtins/cat-binary", "model"),
    ("builtins/knn-classifier", "model"),
    ("builtins/knn-regressor", "model"),
    ("builtins/rcf-plain", "model"),
    ("mxnet/linear-binary", "model"),
    ("mxnet/net-mobilenet-v1", "model"),
    ("mxnet/net-mlp", "model"),
    ("sklearn/forest-regression", "model"),
    ("sklearn/linear", "model"),
    ("sklearn/knn-regression", "model"),
    ("sklearn/v022-forest-regression", "model"),
    ("sklearn/svr-rbf", "model"),
    ("torch/network", "core"),
    ("torch/network", "script"),
    ("torch/recurrent", "dynamic"),
];

/// A model and a request, with the numbers that answer it.
struct Model {
    name: String,
    archive: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<f64>,
}

/// Numbers in a shape, as JSON that has NaN where they are missing.
fn nested(values: &[String], shape: &[usize]) -> String {
    match shape {
        [] => values.first().cloned().unwrap_or_default(),
        [_] => format!("[{}]", values.join(",")),
        [count, rest @ ..] => {
            let each = values.len() / (*count).max(1);
            let parts: Vec<String> = values.chunks(each.max(1)).map(|part| nested(part, rest)).collect();
            format!("[{}]", parts.join(","))
        }
    }
}

/// A tensor's JSON; its numbers may lie in a file beside it.
fn tensor(json: &Value, dir: &Path) -> String {
    let shape: Vec<usize> =
        json["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let truth = json["dtype"] == "bool";
    let write = |v: &Value| match v {
        Value::Null => "NaN".to_owned(),
        Value::Number(n) if truth => (n.as_f64() != Some(0.0)).to_string(),
        other => other.to_string(),
    };
    let values: Vec<String> = match json["file"].as_str() {
        Some(file) => {
            let bytes = std::fs::read(dir.join(file)).unwrap();
            bytes.as_chunks::<4>().0.iter().map(|c| f32::from_le_bytes(*c).to_string()).collect()
        }
        None => json["values"].as_array().unwrap().iter().map(write).collect(),
    };
    nested(&values, &shape)
}

/// Every number in a value, in its order.
fn numbers(json: &Value, into: &mut Vec<f64>) {
    match json {
        Value::Number(n) => into.extend(n.as_f64()),
        Value::Array(items) => items.iter().for_each(|item| numbers(item, into)),
        Value::Object(items) => items.values().for_each(|item| numbers(item, into)),
        _ => {}
    }
}

impl Model {
    fn fixture(name: &str, place: &str) -> Self {
        let dir = repository("server/engine/tests").join(name);
        let cases: Value = serde_json::from_slice(&std::fs::read(dir.join("cases.json")).unwrap()).unwrap();
        let case = cases.get(0).unwrap_or(&cases);
        let inputs = match case.get("rows") {
            Some(rows) => format!("{{\"features\":{}}}", tensor(rows, &dir)),
            None => {
                let inputs = case["inputs"].as_object().unwrap();
                let all: Vec<String> =
                    inputs.iter().map(|(name, value)| format!("{name:?}:{}", tensor(value, &dir))).collect();
                format!("{{{}}}", all.join(","))
            }
        };
        Self {
            name: format!("{}-{place}.tar.gz", name.replace('/', "-")),
            archive: pack_directory(&dir.join(place)),
            request: format!("{{\"inputs\":{inputs}}}").into_bytes(),
            answer: wanted(case),
        }
    }

    async fn ask(&self, server: &Server) -> Vec<f64> {
        let answer = server.invoke(&self.name, self.request.clone()).await;
        assert_eq!(answer.status, 200, "{}: {}", self.name, answer.show());
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        let mut found = Vec::new();
        numbers(&json["outputs"], &mut found);
        found
    }

    fn check(&self, found: &[f64]) {
        assert_eq!(found.len(), self.answer.len(), "{}", self.name);
        for (got, wanted) in found.iter().zip(&self.answer) {
            assert!((got - wanted).abs() <= 1e-4 + 1e-4 * wanted.abs(), "{}: {got}, not {wanted}", self.name);
        }
    }
}

/// The answers of the usual signature, outputs in the order of their names, as the server's JSON has them.
fn wanted(case: &Value) -> Vec<f64> {
    let outputs = match (case.get("signatures"), case.get("outputs")) {
        (Some(all), _) => all["serving_default"].clone(),
        (None, Some(outputs)) => {
            let usual = ["serving_default", "predict"].iter().find_map(|name| outputs.get(name));
            usual.unwrap_or(outputs).clone()
        }
        (None, None) => panic!("a case without answers"),
    };
    let mut found = Vec::new();
    collect(&outputs, &mut found);
    found
}

/// The values of tensors, whatever they are in.
fn collect(json: &Value, into: &mut Vec<f64>) {
    match json {
        Value::Object(tensor) if tensor.contains_key("values") => numbers(&tensor["values"], into),
        Value::Object(items) => items.values().for_each(|item| collect(item, into)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

fn models() -> Vec<Model> {
    let mut all: Vec<Model> = FIXTURES.iter().map(|(name, place)| Model::fixture(name, place)).collect();
    let iris = examples::iris();
    let (mut answer, mut json) = (Vec::new(), json!(iris.answer));
    numbers(&json.take(), &mut answer);
    let request: Value = serde_json::from_slice(&iris.request).unwrap();
    let request = json!({ "inputs": request["instances"] }).to_string().into_bytes();
    all.push(Model { name: "tensorflow.tar.gz".to_owned(), archive: iris.archive.clone(), request, answer });
    all
}

async fn serving(models: &[Model], budget: Option<u64>) -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    for model in models {
        std::fs::write(dir.path().join(&model.name), &model.archive).unwrap();
    }
    let setup = Setup::directory(dir.path());
    let setup = match budget {
        Some(budget) => setup.flag("--memory-budget", budget),
        None => setup,
    };
    (dir, setup.start().await)
}

async fn client(server: Arc<Server>, models: Arc<Vec<Model>>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..REQUESTS / CLIENTS {
        let model = &models[random.usize(..models.len())];
        model.check(&model.ask(&server).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_format_is_served_from_the_memory_of_half() {
    let models = models();
    let (_dir, server) = serving(&models, None).await;
    let mut wrong = Vec::new();
    for model in &models {
        let found = model.ask(&server).await;
        if found.len() != model.answer.len() {
            wrong.push(format!("{}: {} numbers, not {}", model.name, found.len(), model.answer.len()));
            continue;
        }
        model.check(&found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all = server.models().await["memory"]["resident"].as_u64().unwrap();
    drop(server);

    let (_dir, server) = serving(&models, Some(all / 2)).await;
    let (server, models) = (Arc::new(server), Arc::new(models));
    let clients = (0..CLIENTS as u64).map(|seed| tokio::spawn(client(server.clone(), models.clone(), seed)));
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let evictions = server.metric("berth_model_evictions_total").await;
    println!("{} models, {all} bytes together, {evictions} evictions in {REQUESTS} requests", models.len());
    assert!(evictions > 100.0, "{evictions} evictions: the memory was not scarce");
}
