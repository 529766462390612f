//! Thousands of objects: how long until all are Ready, what the operator takes and writes for them, and that it then writes nothing.
//! By default it is a fifth of the promised size; `BERTH_SCALE=full` is all of it, with five quiet minutes.

use axum::routing::{get, post};
use axum::{Json, Router};
use berth_crds::{ModelArtifact, MultiModelEndpoint, custom_resource_definitions};
use berth_tests::cluster::{ControlPlane, OPERATOR, Options, unless_missing};
use berth_tests::operator::{start, writes};
use berth_tests::{server::resident_set, until};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The pods' admin port.
const ADMIN_PORT: u16 = 9090;
/// How long it may take until all are Ready.
const PATIENCE: Duration = Duration::from_secs(600);
/// Writes that any object may cost until it is Ready.
const WRITES_MOST: usize = 3;

/// How many objects, and how long nothing is written afterwards.
struct Size {
    endpoints: usize,
    artifacts: usize,
    quiet: Duration,
}

impl Size {
    fn wanted() -> Self {
        if std::env::var("BERTH_SCALE").is_ok_and(|scale| scale == "full") {
            Self { endpoints: 50, artifacts: 2000, quiet: Duration::from_secs(300) }
        } else {
            Self { endpoints: 10, artifacts: 400, quiet: Duration::from_secs(20) }
        }
    }
}

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

async fn create<K>(api: &Api<K>, value: Value)
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    api.create(&PostParams::default(), &object(value)).await.expect("it is created");
}

/// The admin port of all pods, at one address of the loopback that nobody else has: every model that is asked for is loaded.
async fn pods() -> Ipv4Addr {
    let report = async |Json(asked): Json<Value>| {
        let loaded = |model: &Value| json!({"model": model, "state": "Resident", "sizeBytes": 42, "format": "TensorFlowSavedModel"});
        Json(asked["models"].as_array().map(|all| all.iter().map(loaded).collect::<Vec<_>>()))
    };
    let numbers = json!({"known": 40, "resident": 40, "failed": 0, "memory": {"budget": 9, "resident": 3},
        "disk": {"budget": 9, "used": 3}});
    let routes = Router::new()
        .route("/summary", get(async move || Json(numbers.clone())))
        .route("/models/report", post(report));
    loop {
        let address = Ipv4Addr::new(127, fastrand::u8(1..255), fastrand::u8(..), fastrand::u8(1..255));
        if let Ok(listener) = tokio::net::TcpListener::bind((address, ADMIN_PORT)).await {
            tokio::spawn(async move { axum::serve(listener, routes).await });
            return address;
        }
    }
}

async fn define(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in custom_resource_definitions() {
        definitions.create(&PostParams::default(), &definition).await.expect("a definition");
    }
    let served = until(Duration::from_secs(60), async || {
        let artifacts: Api<ModelArtifact> = Api::default_namespaced(client.clone());
        let endpoints: Api<MultiModelEndpoint> = Api::default_namespaced(client.clone());
        let all = ListParams::default();
        artifacts.list(&all).await.is_ok() && endpoints.list(&all).await.is_ok()
    });
    assert!(served.await, "the kinds are not served");
}

/// Pods are in the network of their nodes, whose address is the one that answers; so each has a node of its own. The nodes
/// come after the endpoints, one by one: what the scheduler says of pods without one changes with each.
async fn fill(client: &Client, size: &Size) {
    let nodes: Api<Node> = Api::all(client.clone());
    let endpoints: Api<MultiModelEndpoint> = Api::default_namespaced(client.clone());
    let artifacts: Api<ModelArtifact> = Api::default_namespaced(client.clone());
    for n in 0..size.endpoints {
        let spec = json!({"models": {"uri": "s3://models/"}, "server": {"podTemplate": {"spec": {"hostNetwork": true}}}});
        create(&endpoints, named("MultiModelEndpoint", &format!("e{n}"), &spec)).await;
    }
    for n in 0..size.endpoints {
        create(&nodes, json!({"metadata": {"name": format!("node-{n}")}})).await;
    }
    for n in 0..size.artifacts {
        let spec = json!({"endpoint": format!("e{}", n % size.endpoints), "preload": true});
        create(&artifacts, named("ModelArtifact", &format!("a{n}"), &spec)).await;
    }
}

fn named(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "berth.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// How many of a kind are Ready.
async fn ready<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize>(
    api: &Api<K>,
) -> usize {
    let all = api.list(&ListParams::default()).await.expect("a list").items;
    let ready = all.iter().filter(|object| {
        let value = serde_json::to_value(object).expect("JSON");
        let conditions = value["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
    });
    ready.count()
}

/// How many writes of each kind there were.
fn counted(writes: &[String]) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for write in writes {
        let kind = write.rsplit_once('/').map_or(write.as_str(), |(kind, _)| kind);
        *all.entry(kind.to_owned()).or_default() += 1;
    }
    all
}

/// The most writes that one object cost, and which. A status is a part of its object.
fn dearest(writes: &[String]) -> (usize, String) {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for write in writes {
        let object = write.split_once(' ').map_or(write.as_str(), |(_, object)| object);
        *all.entry(object.replace("/status/", "/")).or_default() += 1;
    }
    all.into_iter().map(|(object, count)| (count, object)).max().unwrap_or_default()
}

/// What the operator says of the statuses that it wrote of an object.
fn statuses(log: &str, object: &str) -> String {
    let name = object.rsplit('/').next().unwrap_or_default();
    let of = format!("default/{name}");
    let lines = log.lines().filter(|line| line.contains("Writing a status"));
    lines.filter(|line| line.contains(&of)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn all_get_ready_with_few_writes_and_then_nothing_is_written() {
    let size = Size::wanted();
    let address = pods().await;
    let options = Options { controllers: true, kwok: Some(address) };
    let started = tokio::task::spawn_blocking(move || ControlPlane::start(&options)).await.expect("a start");
    let Some(plane) = unless_missing(started) else { return };
    let client = plane.client().await;
    define(&client).await;
    let begun = Instant::now();
    let operator = start(&plane, OPERATOR, "operator", &[]);
    fill(&client, &size).await;
    let filled = begun.elapsed();
    let endpoints: Api<MultiModelEndpoint> = Api::default_namespaced(client.clone());
    let artifacts: Api<ModelArtifact> = Api::default_namespaced(client.clone());
    let mut most = 0;
    let mut state = (0, 0);
    while state != (size.endpoints, size.artifacts) {
        assert!(begun.elapsed() < PATIENCE, "Ready are {state:?}:\n{}", operator.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
        most = most.max(resident_set(operator.id()));
        state = (ready(&endpoints).await, ready(&artifacts).await);
    }
    let took = begun.elapsed();
    // Numbers are written once more, in their own time.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = writes(&plane, OPERATOR);
    tokio::time::sleep(size.quiet).await;
    let after = writes(&plane, OPERATOR);
    let (objects, events): (Vec<String>, Vec<String>) =
        before.iter().cloned().partition(|w| !w.contains(" events/"));
    // An endpoint, its eight children, and the artifacts.
    let made = size.endpoints * 9 + size.artifacts;
    let each = objects.len() as f64 / made as f64;
    let (most_writes, of) = dearest(&objects);
    eprintln!(
        "{} endpoints and {} artifacts: created in {:.1} s, all Ready after {:.1} s; the operator's memory {} MiB at most, {} MiB at the end; \
         {} writes and {} events for {made} objects, {each:.2} for each, {most_writes} for {of} at most; in the {} s after that {}\n{:#?}",
        size.endpoints,
        size.artifacts,
        filled.as_secs_f64(),
        took.as_secs_f64(),
        most >> 20,
        resident_set(operator.id()) >> 20,
        objects.len(),
        events.len(),
        size.quiet.as_secs(),
        after.len() - before.len(),
        counted(&before),
    );
    assert!(
        most_writes <= WRITES_MOST,
        "{most_writes} writes of {of}:\n{}",
        statuses(&operator.whole_log(), &of)
    );
    assert_eq!(counted(&after), counted(&before), "something is written although nothing changes");
}
