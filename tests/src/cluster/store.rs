//! An S3 server of this process for pods, under the name by which the examples ask for it.

use super::Missing;
use super::control_plane::failed;
use crate::s3::S3;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource};
use serde_json::{Value, json};

/// What the examples call the store.
pub const NAME: &str = "minio";
/// The port at which they ask for it.
pub const PORT: u16 = 9000;

/// Makes a Service of a namespace lead to a server, which listens where pods reach it.
pub async fn publish(client: &Client, namespace: &str, s3: &S3) -> Result<(), Missing> {
    let port = |name: &str, number: u16| json!([{"name": "s3", "protocol": "TCP", name: number}]);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
        "spec": {"ports": port("port", PORT)}});
    apply(Api::<Service>::namespaced(client.clone(), namespace), &service).await?;
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4", "ports": port("port", s3.address().port()),
        "endpoints": [{"addresses": [s3.address().ip()], "conditions": {"ready": true}}]});
    apply(Api::<EndpointSlice>::namespaced(client.clone(), namespace), &slice).await
}

async fn apply<K>(api: Api<K>, object: &Value) -> Result<(), Missing>
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let params = PatchParams::apply("berth-tests").force();
    api.patch(NAME, &params, &Patch::Apply(object)).await.map(drop).map_err(failed("the store's Service"))
}
