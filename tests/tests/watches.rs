//! What a pod learns from a real Kubernetes API server, with the rights that a pod has, and what it does without one.

use berth_crds::{ModelArtifact, custom_resource_definitions};
use berth_tests::cluster::{self, ControlPlane};
use berth_tests::examples::{self, Example};
use berth_tests::s3::S3;
use berth_tests::server::{Server, Setup};
use berth_tests::{archives, eventually};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::path::PathBuf;

/// A row under the name that the first version of the model gives its input.
const FIRST: &str = "{\"instances\":[{\"measurements\":[5.0,3.4,1.5,0.25]}]}";
/// The same for the second version.
const SECOND: &str = "{\"instances\":[{\"measurementz\":[5.0,3.4,1.5,0.25]}]}";
/// The service account of the pods.
const ACCOUNT: &str = "berth";

/// A namespace with a pod's service account, an S3 server, and an endpoint's manifest.
struct World<'c> {
    cluster: &'c ControlPlane,
    client: Client,
    namespace: String,
    kubeconfig: PathBuf,
    s3: S3,
    iris: Example,
    dir: tempfile::TempDir,
}

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

async fn define(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in custom_resource_definitions() {
        let (name, params) = (definition.name_any(), PatchParams::apply("tests").force());
        definitions.patch(&name, &params, &Patch::Apply(&definition)).await.expect("the definition is taken");
        eventually("the definition is established", || async {
            let conditions = definitions.get(&name).await.ok().and_then(|d| d.status?.conditions);
            conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Established" && c.status == "True"))
        })
        .await;
    }
}

impl<'c> World<'c> {
    async fn new(cluster: &'c ControlPlane, namespace: &str) -> Self {
        let client = cluster.client().await;
        define(&client).await;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (s3, iris) = (S3::start().await, examples::iris());
        s3.put("models/iris.tar.gz", iris.archive.clone()).await;
        s3.put("other/second.tar.gz", archives::with_input_named(&iris.archive, "measurementz")).await;
        let manifest = json!({
            "apiVersion": "berth.dev/v1alpha1", "kind": "MultiModelEndpoint", "metadata": {"name": "berth"},
            "spec": {"models": {"uri": "s3://models/", "s3": {"endpoint": s3.url(), "region": "us-east-1"}},
                     "cache": {"memory": "512Mi"}, "server": {"drainSeconds": 0}},
        });
        std::fs::write(dir.path().join("endpoint.yaml"), manifest.to_string()).expect("a file");
        let kubeconfig = dir.path().join("kubeconfig");
        let world = Self { cluster, client, namespace: namespace.to_owned(), kubeconfig, s3, iris, dir };
        world.admit().await;
        world
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn create<K>(&self, value: Value)
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K: Clone + Debug + serde::Serialize + DeserializeOwned,
        K::DynamicType: Default,
    {
        self.api::<K>().create(&PostParams::default(), &object(value)).await.expect("it is created");
    }

    /// Makes the namespace and an account with the rights of a pod: to read two kinds.
    async fn admit(&self) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = object(json!({"metadata": {"name": self.namespace}}));
        namespaces.create(&PostParams::default(), &namespace).await.expect("a namespace");
        let named = json!({"name": ACCOUNT});
        self.create::<ServiceAccount>(json!({"metadata": named})).await;
        self.create::<Role>(json!({"metadata": named, "rules": [
            {"apiGroups": ["berth.dev"], "resources": ["modelartifacts"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ]}))
        .await;
        let subject = json!({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace});
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT});
        self.create::<RoleBinding>(json!({"metadata": named, "subjects": [subject], "roleRef": role})).await;
        let request: TokenRequest = object(json!({"metadata": {}, "spec": {"audiences": []}}));
        let accounts = self.api::<ServiceAccount>();
        let answer = accounts.create_token_request(ACCOUNT, &PostParams::default(), &request).await;
        let token = answer.expect("a token").status.expect("a token's status").token;
        let text = std::fs::read_to_string(self.cluster.kubeconfig()).expect("the cluster's kubeconfig");
        let mut config: Value = serde_json::from_str(&text).expect("a kubeconfig in JSON");
        config["users"][0]["user"] = json!({"token": token});
        std::fs::write(&self.kubeconfig, config.to_string()).expect("a file");
    }

    fn setup(&self, pod: &str) -> Setup {
        Setup::manifest(&self.dir.path().join("endpoint.yaml"), Some(&self.s3))
            .environment("KUBECONFIG", self.kubeconfig.display())
            .environment("BERTH_KUBERNETES", "true")
            .environment("POD_NAME", pod)
            .environment("POD_NAMESPACE", &self.namespace)
    }

    async fn start(&self, pod: &str) -> Server {
        let server = self.setup(pod).start().await;
        eventually("it is ready", async || server.get("/readyz").await.status == 200).await;
        server
    }

    async fn list(&self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["endpoint"] = spec.get("endpoint").cloned().unwrap_or(json!("berth"));
        let artifact = json!({"apiVersion": "berth.dev/v1alpha1", "kind": "ModelArtifact",
                              "metadata": {"name": name}, "spec": spec});
        let params = PatchParams::apply("tests").force();
        let artifacts = self.api::<ModelArtifact>();
        artifacts.patch(name, &params, &Patch::Apply(&artifact)).await.expect("the artifact is taken");
    }

    async fn unlist(&self, name: &str) {
        self.api::<ModelArtifact>().delete(name, &DeleteParams::default()).await.expect("it is deleted");
    }

    /// Says which pods are ready, as the controller of EndpointSlices does.
    async fn peers(&self, ready: &[&str]) {
        let endpoint = |name: &&str| {
            json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true},
                   "targetRef": {"kind": "Pod", "name": name, "namespace": self.namespace}})
        };
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "berth-peers-x", "labels": {"kubernetes.io/service-name": "berth-peers"}},
            "endpoints": ready.iter().map(endpoint).collect::<Vec<_>>(),
        });
        let params = PatchParams::apply("tests").force();
        let slices = self.api::<EndpointSlice>();
        slices.patch("berth-peers-x", &params, &Patch::Apply(&slice)).await.expect("the slice is taken");
    }

    /// Fails if a pod wrote anything or asked for what it may not have.
    fn check_rights(&self) {
        let account = format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace);
        let all = self.cluster.requests();
        let own: Vec<_> = all.iter().filter(|event| event.user.username == account).collect();
        assert!(own.iter().any(|event| event.verb == "watch"), "the pods watch");
        let wrong: Vec<_> = own.iter().filter(|event| event.writes() || event.denied()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

async fn resident(server: &Server) -> Vec<String> {
    let all = server.models().await;
    let all = all["models"].as_array().expect("a list");
    let of = |m: &&Value| m["state"] == "Resident";
    all.iter().filter(of).map(|m| m["name"].as_str().expect("a name").to_owned()).collect()
}

/// A control plane of the test's own: it is paused.
async fn own_cluster() -> Option<ControlPlane> {
    let start = || cluster::unless_missing(ControlPlane::start(&cluster::Options::default()));
    tokio::task::spawn_blocking(start).await.expect("the start does not panic")
}

async fn shared_cluster() -> Option<&'static ControlPlane> {
    tokio::task::spawn_blocking(cluster::shared).await.expect("the start does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_come_change_and_go_while_the_pod_serves() {
    let Some(cluster) = shared_cluster().await else { return };
    let world = World::new(cluster, "come-and-go").await;
    world.list("alias", json!({"source": {"uri": "s3://models/iris.tar.gz"}, "preload": true})).await;
    world.list("foreign", json!({"endpoint": "another", "source": {"uri": "s3://models/iris.tar.gz"}})).await;
    let server = world.start("berth-0").await;
    assert_eq!(resident(&server).await, ["alias"], "loaded before it was ready");
    world.iris.check(&server.invoke("alias", world.iris.request.clone()).await);
    assert_eq!(server.invoke("foreign", FIRST).await.reason(), "ModelNotFound");
    world.list("alias", json!({"source": {"uri": "s3://other/second.tar.gz"}})).await;
    eventually("the new source answers", async || server.invoke("alias", SECOND).await.status == 200).await;
    world.list("later", json!({"targetModel": "a/b", "source": {"uri": "s3://models/iris.tar.gz"}})).await;
    eventually("another is served", async || server.invoke("a/b", FIRST).await.status == 200).await;
    world.unlist("alias").await;
    eventually("it is gone", async || server.invoke("alias", SECOND).await.reason() == "ModelNotFound").await;
    drop(server);
    world.check_rights();
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_share_what_is_preloaded_and_take_over_from_one_that_goes() {
    let Some(cluster) = shared_cluster().await else { return };
    let world = World::new(cluster, "shares").await;
    let names: Vec<String> = (0..12).map(|n| format!("m{n:02}")).collect();
    for name in &names {
        world.list(name, json!({"source": {"uri": "s3://models/iris.tar.gz"}, "preload": true})).await;
    }
    world
        .list("both", json!({"source": {"uri": "s3://models/iris.tar.gz"}, "preload": true, "minCopies": 2}))
        .await;
    world.peers(&["berth-0", "berth-1"]).await;
    let servers = [world.start("berth-0").await, world.start("berth-1").await];
    let (first, second) = (resident(&servers[0]).await, resident(&servers[1]).await);
    assert!(first.contains(&"both".to_owned()) && second.contains(&"both".to_owned()));
    let mut together: Vec<_> = first.iter().chain(&second).filter(|name| *name != "both").cloned().collect();
    together.sort();
    assert_eq!(together, names, "each on one pod");
    assert!(first.len() > 1 && second.len() > 1, "and neither has all: {first:?} {second:?}");
    world.peers(&["berth-0"]).await;
    eventually("the one that is left has all", async || resident(&servers[0]).await.len() == 13).await;
    drop(servers);
    world.check_rights();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_api_server_away_pods_start_and_serve_cold_models_and_catch_up_later() {
    let Some(cluster) = own_cluster().await else { return };
    let world = World::new(&cluster, "away").await;
    world.list("alias", json!({"source": {"uri": "s3://models/iris.tar.gz"}})).await;
    let before = world.start("berth-0").await;
    cluster.pause();
    // One that runs goes on with what it knew, cold models included.
    assert_eq!(before.invoke("alias", FIRST).await.status, 200);
    world.iris.check(&before.invoke("iris.tar.gz", world.iris.request.clone()).await);
    // One that starts serves what its manifest says.
    let after = world.start("berth-1").await;
    world.iris.check(&after.invoke("iris.tar.gz", world.iris.request.clone()).await);
    cluster.resume();
    eventually("it catches up", async || after.invoke("alias", FIRST).await.status == 200).await;
    drop((before, after));
    world.check_rights();
}
